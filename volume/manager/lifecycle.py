"""Volumes change, grow and end."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from cloudweb import policy as policies
from cloudweb.database.clock import now
from cloudweb.exceptions import InvalidInput
from cloudweb.policy import policy
from operations.holding import ResourceBusy
from volume import quota, states
from volume.exceptions import InvalidVolume, InvalidVolumeInput
from volume.items import check_items
from volume.manager.lookup import VolumeLookups
from volume.manager.stuck import StuckAttachments
from volume.models import Attachment, Backup, Pool, Snapshot, Volume
from volume.operations import DeleteVolume, ExtendVolume
from volume.states import BackupStatus, SnapshotStatus, VolumeStatus

#: Copies that are being made still read from their source.
MAKING = (VolumeStatus.CREATING, VolumeStatus.DOWNLOADING)
CHANGEABLE = ("name", "description", "metadata")


class VolumeLifecycle(VolumeLookups):
    """All raise VolumeNotFound, and InvalidVolume (400) where status or what hangs on it is in the way."""

    @policy("volume:volumes:update")
    def update(self, volume_id: str, /, **changes: Any) -> Volume:
        """Rename a volume, describe it, replace its metadata."""
        assert set(changes) <= set(CHANGEABLE)
        with transaction.atomic():
            volume = self._locked(volume_id)
            if "metadata" in changes:
                check_items(changes["metadata"])
            if changes:
                self._write(volume, **changes)
        return self.get(volume_id)

    @policy("volume:volumes:delete")
    def delete(self, volume_id: str, *, cascade: bool = False, force: bool = False) -> None:
        """Start deleting a volume; ``cascade`` its snapshots, too, ``force`` whatever its status.

        Force is for operators, and goes over what is being done to the volume.
        """
        if force:
            policies.check(self.context, "volume:volumes:force_delete")
        with transaction.atomic():
            volume = self._locked(volume_id)
            self._check_deletable(volume, cascade=cascade or force, force=force)
            self._write(
                volume, status=VolumeStatus.DELETING, previous_status=volume.status, fault_code=None
            )
            Snapshot.objects.filter(volume=volume).update(status=SnapshotStatus.DELETING)
            try:
                DeleteVolume.start(self.context, resource_id=str(volume.id), preempt=force)
            except ResourceBusy as error:
                raise InvalidVolume(error.message) from error

    def _check_deletable(self, volume: Volume, *, cascade: bool, force: bool) -> None:
        allowed = states.ACTIONS["force_delete" if force else "delete"].starts_in
        attachments = Attachment.objects.filter(volume=volume)
        snapshots = Snapshot.objects.filter(volume=volume)
        busy = snapshots.exclude(status__in=(SnapshotStatus.AVAILABLE, SnapshotStatus.ERROR))
        in_the_way = (
            volume.status not in allowed
            or volume.migration_status not in states.SETTLED
            or (volume.group_id is not None and not force)
            or (attachments.attached() if force else attachments).exists()
            or (not cascade and snapshots.exists())
            or (cascade and not force and busy.exists())
        )
        if in_the_way:
            raise InvalidVolume(
                f"Volume {volume.id} is {states.shown(volume.status)}: its status must be "
                f"{states.listed(states.ACTIONS['delete'].starts_in)}, and it must not be migrating, "
                "attached, in a group, or have snapshots."
            )
        if volume.status == VolumeStatus.ERROR_MANAGING and volume.pool_id is not None:
            raise InvalidVolume(
                f"Volume {volume.id} is others' still, or theirs again: unmanage it, which loses nothing."
            )
        copies = Volume.objects.filter(source_volume_id=volume.id, status__in=MAKING)
        of_snapshots = Volume.objects.filter(
            snapshot_id__in=snapshots.values("id"), status__in=MAKING
        )
        if copies.exists() or of_snapshots.exists():
            raise InvalidVolume(f"Volume {volume.id} is being copied.")
        if volume.status == VolumeStatus.UPLOADING:
            raise InvalidVolume(
                f"Volume {volume.id} is being uploaded to an image: delete that image first."
            )
        if Backup.objects.filter(volume_id=volume.id, status=BackupStatus.CREATING).exists():
            raise InvalidVolume(f"Volume {volume.id} is being backed up: delete that backup first.")

    @policy("volume:volumes:extend")
    def extend(self, volume_id: str, *, size: int, in_use: bool = True) -> None:
        """Start growing a volume to so many GiB; ``in_use``: also one that is attached."""
        with self._held(volume_id, "extend" if in_use else "extend_available") as volume:
            self._will_grow(volume, size)
            ExtendVolume.start(self.context, resource_id=str(volume.id), args={"size": size})

    @policy("volume:volumes:extend")
    def record_extension(self, volume_id: str, *, size: int) -> None:
        """Record that a volume grows, as ``extend`` does; the caller starts ``ExtendVolume``, say as a child."""
        with self._held(volume_id, "extend") as volume:
            self._will_grow(volume, size)

    def _will_grow(self, volume: Volume, size: int) -> None:
        if size <= volume.size:
            raise InvalidVolumeInput(
                "New size for extend must be greater than current size. "
                f"(current: {volume.size}, extended: {size})."
            )
        self._check_live(volume)
        quota.check_size(volume.project_id, size)
        quota.reserve(volume.project_id, of=volume.volume_type, gigabytes=size - volume.size)
        self._write(
            volume,
            status=VolumeStatus.EXTENDING,
            previous_status=volume.status,
            wanted_size=size,
        )

    def _check_live(self, volume: Volume) -> None:
        if volume.status != VolumeStatus.IN_USE:
            return
        able = Pool.objects.filter(capabilities__lists="live_resize", volumes=volume)
        if not able.exists():
            raise InvalidVolume(f"Volume {volume.id} cannot grow while it is in use.")

    @policy("volume:volumes:update")
    def set_bootable(self, volume_id: str, *, bootable: bool) -> None:
        """Say whether servers may boot from a volume."""
        with transaction.atomic():
            self._write(self._locked(volume_id), bootable=bootable)

    @policy("volume:volumes:update")
    def set_read_only(self, volume_id: str, *, read_only: bool) -> None:
        """Say whether servers may write to a volume from their next attachment on."""
        with self._held(volume_id, "read_only") as volume:
            self._write(volume, read_only=read_only)

    @policy("volume:volumes:reset_status")
    def reset_status(
        self,
        volume_id: str,
        *,
        status: str | None = None,
        attach_status: str | None = None,
        migration_status: str | None = None,
    ) -> None:
        """Write another status, which nothing then has brought about: operators know better.

        ``attach_status`` is what the attachments are: "detached" starts to cut one off that is there.
        """
        changes: dict[str, Any] = {}
        if status is not None:
            if status not in VolumeStatus.values:
                raise InvalidInput(field="status", value=status, reason="There is no such status.")
            changes["status"] = status
        if migration_status is not None:
            changes["migration_status"] = None if migration_status == "none" else migration_status
        with transaction.atomic():
            volume = self._locked(volume_id)
            is_attached = Attachment.objects.filter(volume=volume).attached().exists()
            if attach_status == "attached" and not is_attached:
                raise InvalidVolume(f"Volume {volume.id} is not attached: attach it.")
            if attach_status == "detached" and is_attached:
                StuckAttachments(self.context).force_detach(volume.id)
            if not changes and attach_status is None:
                raise InvalidVolumeInput(
                    "Must specify 'status', 'attach_status' or 'migration_status'."
                )
            self._write(volume, **changes)

    def _write(self, volume: Volume, **values: Any) -> None:
        Volume.objects.filter(id=volume.id).update(updated_at=now(), **values)
