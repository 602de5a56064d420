"""Volumes go to another pool, or become of another type."""

from __future__ import annotations

from typing import Any, Literal

from cloudweb.events import emit
from cloudweb.policy import policy
from operations.holding import ResourceBusy
from volume import guests, quota, scheduler
from volume.events import VolumeRetyped
from volume.exceptions import InvalidPool, InvalidVolume, InvalidVolumeInput, VolumeTypeNotFound
from volume.manager.lookup import VolumeLookups
from volume.manager.pool_names import pool_named
from volume.manager.volume_type import VolumeTypeManager
from volume.models import (
    Attachment,
    Pool,
    Snapshot,
    Volume,
    VolumeType,
)
from volume.needs import allows_several, move_request
from volume.operations import MoveVolume, MoveWithGuest
from volume.operations.hand_over import hand_over
from volume.resolution import encrypts
from volume.states import AttachmentStatus, MigrationStatus, VolumeStatus

#: The protocol of pools whose volumes any host that has the same storage can give orders about.
REACHED_BY_ALL = "ceph"
#: The capability of pools whose volumes are copied while guests have them.
COPIES_IN_USE = "copies_in_use"
Policy = Literal["never", "on-demand"]


class VolumeMoving(VolumeLookups):
    """All raise VolumeNotFound, and InvalidVolume (400) where status or what hangs on it is in the way."""

    @policy("volume:volumes:migrate")
    def migrate(self, volume_id: str, *, host: str, lock: bool = False) -> None:
        """Start moving a volume to the pool that is called ``host`` (``h1@file#default``).

        ``lock``: nothing else is done to it meanwhile. Raises InvalidPool.
        """
        with self._held(volume_id, "migrate") as volume:
            pool = pool_named(host)
            if pool.id == volume.pool_id:
                raise InvalidPool("The volume is there already.")
            if self._taken_over(volume, pool):
                return
            self._check_movable(volume)
            changes: dict[str, Any] = {"migration_status": MigrationStatus.STARTING}
            if lock and volume.status == VolumeStatus.AVAILABLE:
                changes |= {"status": VolumeStatus.MAINTENANCE, "previous_status": volume.status}
            self._move(volume, {"pool_id": str(pool.id)}, **changes)

    @policy("volume:volumes:retype")
    def retype(self, volume_id: str, *, new_type: str, migration_policy: Policy = "never") -> None:
        """Make a volume be of another type: where it is if its pool serves that, else it moves there.

        ``migration_policy`` "never" keeps it where it is. Raises InvalidVolumeInput for a type that it
        cannot become, QuotaExceeded of the new type.
        """
        with self._held(volume_id, "retype") as volume:
            kind = self._wanted_type(new_type)
            if volume.pool_id is None:  # it failed before it had one, and its status was reset
                raise InvalidVolume(f"Volume {volume.id} is in no pool.")
            self._check_type(volume, kind)
            quota.reserve_type(volume, kind)
            encrypted = encrypts(kind.id)
            request = move_request(volume, kind, encrypted=encrypted, pool_id=None)
            is_alike = encrypted == volume.encrypted
            if is_alike and scheduler.serves(str(volume.pool_id), request):
                self._become(volume, kind)
                return
            if migration_policy == "never":
                raise InvalidVolume(
                    f"Volume {volume.id} cannot be of type {kind.name} where it is, and its migration "
                    "policy is never."
                )
            self._check_movable(volume)
            self._move(
                volume,
                {"type_id": str(kind.id)},
                wanted_type=kind,
                status=VolumeStatus.RETYPING,
                previous_status=volume.status,
                migration_status=MigrationStatus.STARTING,
            )

    def _taken_over(self, volume: Volume, pool: Pool) -> bool:
        """Let another host have a volume of one cluster that both reach, also when the first is down.

        Nothing is copied, and nothing else changes: a server reaches the cluster itself, and whoever
        is to be cut off is cut off there, whichever host says so. The first one is told.
        """
        same = pool.storage_id and pool.protocol == REACHED_BY_ALL
        if not same or volume.pool is None or volume.pool.storage_id != pool.storage_id:
            return False
        if volume.multiattach and Attachment.objects.filter(volume=volume).exists():
            raise InvalidVolume(f"Volume {volume.id} is in several servers.")
        if not Pool.objects.up().filter(id=pool.id, enabled=True).exists():
            raise InvalidPool(f"{pool.full_name} is disabled, or its host is down.")
        hand_over(volume)
        less = ((str(volume.pool_id), volume.size), (str(pool.id), -volume.size))
        for pool_id, size in sorted(less):  # in one order, whichever way others go between the two
            scheduler.shrink(pool_id, size)
        Volume.objects.filter(id=volume.id).update(
            pool=pool, zone=pool.zone, migration_status=MigrationStatus.SUCCESS
        )
        return True

    def _move(self, volume: Volume, args: dict[str, Any], **changes: Any) -> None:
        Volume.objects.filter(id=volume.id).update(fault_code=None, **changes)
        server = _copies_itself(volume)
        saga, args = (MoveWithGuest, {**args, "server": server}) if server else (MoveVolume, args)
        try:
            saga.start(self.context, resource_id=str(volume.id), args=args)
        except ResourceBusy as error:
            raise InvalidVolume(error.message) from error

    def _become(self, volume: Volume, kind: VolumeType) -> None:
        several = {} if volume.status == VolumeStatus.IN_USE else _several(kind)
        Volume.objects.filter(id=volume.id).update(volume_type=kind, **several)
        emit(VolumeRetyped(volume_id=str(volume.id)))

    def _wanted_type(self, named: str) -> VolumeType:
        try:
            return VolumeTypeManager(self.context).named(named)
        except VolumeTypeNotFound as error:
            raise InvalidVolumeInput(error.message) from error

    def _check_movable(self, volume: Volume) -> None:
        """Refuse what hangs on where it is."""
        attachments = list(Attachment.objects.filter(volume=volume))
        stays = volume.group_id is not None or (volume.multiattach and bool(attachments))
        if volume.pool_id is None or stays or Snapshot.objects.filter(volume=volume).exists():
            raise InvalidVolume(
                f"Volume {volume.id} must be in a pool, have no snapshots, be in no group, and not be "
                "in several servers, to go to another pool."
            )
        if not attachments or _back_end_copies(volume):
            return
        (row,) = attachments
        if not row.by_server or row.status != AttachmentStatus.ATTACHED or row.mode != "rw":
            why = "no server has it as a disk that it writes to"
        else:
            why = guests.obstacle(str(row.instance_id))
        if why:
            raise InvalidVolume(
                f"Volume {volume.id} is in use, and its back end copies volumes only at rest, so its "
                f"server's guest would have to copy it; but {why}. Detach it, or try again then."
            )

    def _check_type(self, volume: Volume, kind: VolumeType) -> None:
        """Refuse a type that it cannot become."""
        if kind.id == volume.volume_type_id:
            raise InvalidVolumeInput(f"Volume {volume.id} is of type {kind.name} already.")
        if volume.group_id is not None:
            raise InvalidVolume(
                f"Volume {volume.id} is in a group, which says of which types it is."
            )
        in_use = Attachment.objects.filter(volume=volume).exists()
        if in_use and encrypts(kind.id) != volume.encrypted:
            raise InvalidVolumeInput(
                f"Type {kind.name} {'does not encrypt' if volume.encrypted else 'encrypts'}, unlike "
                f"volume {volume.id}, which is in use: detach it, and it is copied."
            )
        if in_use and allows_several(kind.extra_specs) != volume.multiattach:
            raise InvalidVolumeInput(
                f"Volume {volume.id} is in use: it cannot become one for several servers, or for one."
            )


def _back_end_copies(volume: Volume) -> bool:
    """Tell whether a volume's back end copies it whoever has it."""
    return Pool.objects.filter(volumes=volume, capabilities__lists=COPIES_IN_USE).exists()


def _copies_itself(volume: Volume) -> str:
    """Return the server whose guest must copy its volume, empty where the back end does."""
    row = Attachment.objects.filter(volume=volume).first()
    return str(row.instance_id) if row is not None and not _back_end_copies(volume) else ""


def _several(kind: VolumeType) -> dict[str, bool]:
    return {"multiattach": allows_several(kind.extra_specs)}
