"""Backups are taken: what is asked for is checked, recorded and started."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.encryption import encrypt
from cloudweb.identifiers import as_uuid
from cloudweb.policy import policy
from cloudweb.stores.configured import default_store, store
from volume import conf, quota
from volume.backup_transfers import fresh_ticket
from volume.backups.manifest import block_size_for
from volume.backups.sealing import fresh_key
from volume.exceptions import InvalidBackup, InvalidSnapshot, InvalidVolume, SnapshotNotFound
from volume.items import check_items
from volume.manager.backup_lookup import BackupLookups
from volume.manager.lookup import check_status
from volume.models import Backup, BackupLineage, BackupSchedule, Pool, Snapshot, Volume
from volume.operations import TakeBackup
from volume.resolution import GIB
from volume.states import BackupStatus, SnapshotStatus, VolumeStatus

#: The capability of a pool's driver.
CAPABILITY = "backups"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupWish:
    """What is to be backed up, and how; ``store`` names one, else the configured one takes it.

    ``force`` takes a volume that is in use, as it is at that moment.
    """

    volume_id: str
    snapshot_id: str | None = None
    name: str | None = None
    description: str | None = None
    incremental: bool = False
    force: bool = False
    encrypted: bool = False
    store: str | None = None
    zone: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    schedule: BackupSchedule | None = None


class BackupTaking(BackupLookups):
    """Makes backups in the caller's project."""

    @policy("volume:backups:create")
    def create(self, wanted: BackupWish) -> Backup:
        """Record a new backup and start taking it.

        Raises VolumeNotFound, SnapshotNotFound, InvalidVolume, InvalidSnapshot, InvalidBackup,
        QuotaExceeded, UnknownStore.
        """
        project = self.context.scoped_project_id
        check_items(wanted.metadata)
        with transaction.atomic():
            volume = self._locked(wanted.volume_id)
            _check_able(volume)
            snapshot = self._source(volume, wanted)
            size = volume.size if snapshot is None else snapshot.size
            parent = self._parent(volume, project) if wanted.incremental else None
            quota.reserve(project, backups=1, backup_gigabytes=size)
            backup = Backup.objects.create(
                project_id=project,
                user_id=self.context.user_id or "",
                name=wanted.name,
                description=wanted.description,
                volume_id=volume.id,
                snapshot_id=None if snapshot is None else snapshot.id,
                lineage=_lineage(
                    wanted, parent, size=size, encrypted=wanted.encrypted or volume.encrypted
                ),
                parent_id=None if parent is None else parent.id,
                schedule=wanted.schedule,
                size=size,
                zone=wanted.zone or volume.zone,
                metadata=dict(wanted.metadata),
                volume_facts=_facts(volume),
                volume_type_id=volume.volume_type_id if volume.encrypted else None,
                ticket=fresh_ticket(),
                data_at=now() if snapshot is None else snapshot.created_at,
            )
            TakeBackup.start(self.context, resource_id=str(backup.id))
        return backup

    def _source(self, volume: Volume, wanted: BackupWish) -> Snapshot | None:
        """Show that the volume, or the snapshot, is being backed up; raise where it cannot be now."""
        if wanted.snapshot_id is None:
            check_status(volume, "back_up")
            if volume.status == VolumeStatus.IN_USE and not wanted.force:
                raise InvalidVolume("Backing up an in-use volume must use the force flag.")
            Volume.objects.filter(id=volume.id).update(
                status=VolumeStatus.BACKING_UP, previous_status=volume.status, updated_at=now()
            )
            return None
        key = as_uuid(wanted.snapshot_id)
        rows = Snapshot.objects.visible_to(self.context).filter(volume=volume)
        found = locked(rows.filter(id=key)).first() if key else None
        if found is None:
            raise SnapshotNotFound(wanted.snapshot_id)
        if found.status != SnapshotStatus.AVAILABLE:
            raise InvalidSnapshot(
                f"Snapshot to be backed up must be available, but the current status is {found.status}."
            )
        Snapshot.objects.filter(id=found.id).update(
            status=SnapshotStatus.BACKING_UP, updated_at=now()
        )
        return found

    def _parent(self, volume: Volume, project: str) -> Backup:
        """Return the newest backup of the volume; whoever deletes it waits for this transaction."""
        rows = Backup.objects.filter(
            volume_id=volume.id, project_id=project, status=BackupStatus.AVAILABLE
        )
        found: Backup | None = locked(rows.order_by("-data_at", "-id")).first()
        if found is None:
            raise InvalidBackup("No backups available to do an incremental backup.")
        return found


def _check_able(volume: Volume) -> None:
    pool = None if volume.pool_id is None else Pool.objects.filter(id=volume.pool_id).first()
    if pool is None or CAPABILITY not in pool.capabilities:
        raise InvalidVolume(f"Volume {volume.id} cannot be backed up where it is.")


def _lineage(
    wanted: BackupWish, parent: Backup | None, *, size: int, encrypted: bool
) -> BackupLineage:
    """Return the one that a backup goes on with, or begins; what a host reads is always plain."""
    if parent is not None:
        lineage = parent.lineage
        if encrypted and not lineage.encrypted_key:
            raise InvalidBackup(
                "An incremental backup is encrypted as the one before it is: take a full one."
            )
        if wanted.store not in (None, lineage.store):
            raise InvalidBackup(f"An incremental backup is in its parent's store, {lineage.store}.")
        return lineage
    name = wanted.store or conf.BACKUP_STORE or default_store()
    store(name)  # or it is none
    key = base64.b64encode(fresh_key()).decode() if encrypted else ""
    return BackupLineage.objects.create(
        store=name,
        block_size=block_size_for(size * GIB),
        encrypted_key=encrypt(key) if key else "",
    )


def _facts(volume: Volume) -> dict[str, object]:
    """Return what a volume that is restored has of the one that was backed up."""
    return {"bootable": volume.bootable, "image_metadata": volume.image_metadata}
