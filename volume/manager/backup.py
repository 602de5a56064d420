"""Backups: their rules, rows and operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction

from cloudweb import policy as policies
from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest
from cloudweb.policy import policy
from operations.holding import is_held
from volume import states
from volume.backup_transfers import fresh_ticket
from volume.exceptions import InvalidBackup, InvalidVolume
from volume.items import check_items
from volume.manager.backup_lookup import check_available
from volume.manager.backup_proofs import BackupProofs
from volume.manager.backup_records import BackupRecords
from volume.manager.backup_taking import BackupTaking
from volume.manager.building import VolumeRequest
from volume.manager.lookup import check_status
from volume.manager.volume import VolumeManager
from volume.models import Backup, Volume, VolumeType
from volume.operations import DeleteBackup, RestoreBackup
from volume.states import BackupStatus, VolumeStatus

CHANGEABLE = ("name", "description", "metadata")


class BackupManager(BackupTaking, BackupRecords, BackupProofs):
    """The backups of the caller's project (of all, for an admin who says so)."""

    @policy("volume:backups:update")
    def update(self, backup_id: str, changes: Mapping[str, Any]) -> Backup:
        """Rename a backup, describe it, replace its metadata."""
        assert set(changes) <= set(CHANGEABLE)
        if "metadata" in changes:
            check_items(changes["metadata"])
        with transaction.atomic():
            backup = self._locked_backup(backup_id)
            Backup.objects.filter(id=backup.id).update(updated_at=now(), **changes)
        return self.find(backup_id)

    @policy("volume:backups:delete")
    def delete(self, backup_id: str, *, force: bool = False) -> None:
        """Start deleting a backup; ``force`` goes over whatever is done to it, for operators.

        Others that share chunks with it keep them: none depends on another.
        """
        if force:
            policies.check(self.context, "volume:backups:force_delete")
        with transaction.atomic():
            backup = self._locked_backup(backup_id)
            if not force and backup.status not in states.BACKUP_ENDS_FROM:
                raise InvalidBackup(
                    f"Backup status must be available or error, but it is {backup.status}."
                )
            if Backup.objects.filter(parent_id=backup.id, status=BackupStatus.CREATING).exists():
                raise InvalidBackup("An incremental backup of it is being taken.")
            Backup.objects.filter(id=backup.id).update(
                status=BackupStatus.DELETING, updated_at=now()
            )
            # What may be at work on one that is available is a proof, which nobody needs then.
            DeleteBackup.start(self.context, resource_id=str(backup.id), preempt=True)

    @policy("volume:backups:restore")
    def restore(
        self, backup_id: str, *, volume_id: str | None = None, wanted: VolumeRequest | None = None
    ) -> Volume:
        """Start restoring a backup over a volume, or into a new one; return the volume.

        Raises InvalidBackup, VolumeNotFound, InvalidVolume, QuotaExceeded.
        """
        with transaction.atomic():
            backup = self._locked_backup(backup_id)
            check_available(backup)
            if volume_id is not None:
                volume, new = self._target(backup, volume_id), None
            else:
                wanted = wanted or VolumeRequest(name=f"restore_backup_{backup.id}")
                volume, new = self._new_volume(backup, wanted)
            Backup.objects.filter(id=backup.id).update(
                status=BackupStatus.RESTORING, ticket=fresh_ticket(), updated_at=now()
            )
            RestoreBackup.start(
                self.context,
                resource_id=str(backup.id),
                args={"volume_id": str(volume.id), "new": new},
                preempt=True,
            )
        return volume

    def _target(self, backup: Backup, volume_id: str) -> Volume:
        volume = self._locked(volume_id)
        check_status(volume, "restore")
        if is_held("volume", str(volume.id)):
            raise InvalidVolume(f"An operation is at work on volume {volume.id}.")
        if volume.read_only:
            raise InvalidVolume(f"Volume {volume.id} is read-only.")
        _check_size(backup, volume.size)
        _check_secrecy(backup, volume)
        Volume.objects.filter(id=volume.id).update(
            status=VolumeStatus.RESTORING_BACKUP, previous_status=volume.status, updated_at=now()
        )
        return volume

    def _new_volume(self, backup: Backup, wanted: VolumeRequest) -> tuple[Volume, dict[str, Any]]:
        if wanted.image_id or wanted.snapshot_id or wanted.source_volume_id:
            raise BadRequest("A volume is made of one thing, not of a backup and another.")
        type_id = backup.volume_type_id
        known = VolumeType.objects.filter(id=type_id).first() if type_id else None
        kind = wanted.volume_type or (str(known.id) if known else None)
        request = replace(wanted, size=wanted.size or backup.size, volume_type=kind)
        assert request.size is not None
        _check_size(backup, request.size)
        volume = VolumeManager(self.context).record(request)
        _check_secrecy(backup, volume)
        return volume, {"zone": request.zone, "hints": dict(request.hints)}

    @policy("volume:backups:reset_status")
    def reset_status(self, backup_id: str, *, status: str) -> None:
        """Say that a backup nobody works on is available, or in error."""
        if status not in (BackupStatus.AVAILABLE, BackupStatus.ERROR):
            raise InvalidBackup("Status can be reset to available or error.")
        with transaction.atomic():
            backup = self._locked_backup(backup_id)
            if is_held("backup", str(backup.id)):
                raise InvalidBackup("An operation is at work on the backup.")
            if status == BackupStatus.AVAILABLE and not backup.sha256:
                raise InvalidBackup("There is nothing in its store: it cannot be available.")
            Backup.objects.filter(id=backup.id).update(status=status, updated_at=now())


def _check_secrecy(backup: Backup, volume: Volume) -> None:
    if backup.volume_type_id is not None and not volume.encrypted:
        raise InvalidVolume("A backup of an encrypted volume is restored to an encrypted one.")


def _check_size(backup: Backup, size: int) -> None:
    if size < backup.size:
        raise InvalidVolume(
            f"volume size {size} is too small to restore backup of size {backup.size}."
        )
