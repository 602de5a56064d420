"""Volumes of others' become ours, and ours are left to others: nothing that they hold is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from cloudweb.policy import policy
from operations.holding import ResourceBusy
from volume import quota, scheduler
from volume.exceptions import InvalidPool, InvalidVolume, InvalidVolumeInput, VolumeTypeNotFound
from volume.items import check_items
from volume.manager.lifecycle import MAKING
from volume.manager.lookup import VolumeLookups
from volume.manager.manageable import MANAGE, MANAGED, found_in, gib, volume_called
from volume.manager.pool_names import pool_named
from volume.manager.volume_type import VolumeTypeManager
from volume.models import (
    Attachment,
    Pool,
    Snapshot,
    Volume,
    VolumeType,
    VolumeTypeEncryption,
)
from volume.needs import allows_several, move_request
from volume.objects import Manageable
from volume.operations import ManageVolume, UnmanageVolume
from volume.states import VolumeStatus

#: The key of a reference: what a thing is called where it lies.
SOURCE = "source-name"


class VolumeManaging(VolumeLookups):
    """For operators."""

    @policy("volume:volumes:manage")
    def manage(
        self,
        host: str,
        reference: Mapping[str, str],
        *,
        name: str | None = None,
        description: str | None = None,
        volume_type: str | None = None,
        zone: str | None = None,
        bootable: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> Volume:
        """Let what ``host``, a pool, has by a reference be a volume of the caller's project.

        Its host is asked at once whether it can be. Raises InvalidPool, InvalidVolumeInput, QuotaExceeded,
        HostDidNotAnswer.
        """
        pool, theirs = pool_named(host), source_name(reference)
        check_items(metadata or {})
        if not pool.enabled:
            raise InvalidPool(f"{pool.full_name} is disabled.")
        if zone and zone != pool.zone:
            raise InvalidVolumeInput(f"{pool.full_name} is not in availability zone {zone[:80]}.")
        found = self._found(pool, theirs)
        volume = Volume(
            project_id=self.context.scoped_project_id,
            user_id=self.context.user_id or "",
            size=gib(found.size),
            status=VolumeStatus.MANAGING,
            volume_type=self._wanted(volume_type),
            zone=pool.zone,
            bootable=bootable,
            metadata=dict(metadata or {}),
            name=name,
            description=description,
        )
        volume.multiattach = allows_several(volume.volume_type.extra_specs)
        self._check_fits(volume, pool)
        with transaction.atomic():
            quota.check_size(volume.project_id, volume.size)
            quota.reserve(
                volume.project_id, of=volume.volume_type, volumes=1, gigabytes=volume.size
            )
            volume.save(force_insert=True)
            args = {"pool_id": str(pool.id), "name": theirs}
            ManageVolume.start(self.context, resource_id=str(volume.id), args=args)
        return volume

    def _found(self, pool: Pool, name: str) -> Manageable:
        if volume_called(pool, name) is not None:
            raise InvalidVolumeInput(f"{name} is {MANAGED}.")
        found = found_in(pool, name=name)
        if not found:
            raise InvalidVolumeInput(f"{pool.full_name} has nothing called {name[:255]}.")
        if found[0].problem:
            raise InvalidVolumeInput(f"{name[:255]} cannot be managed: {found[0].problem}")
        return found[0]

    def _wanted(self, named: str | None) -> VolumeType:
        types = VolumeTypeManager(self.context)
        try:
            return types.named(named) if named else types.default()
        except VolumeTypeNotFound as error:
            raise InvalidVolumeInput(error.message) from error

    def _check_fits(self, volume: Volume, pool: Pool) -> None:
        kind = volume.volume_type
        if VolumeTypeEncryption.objects.filter(volume_type=kind).exists():
            raise InvalidVolumeInput(
                f"Type {kind.name} encrypts: the key of what others made is not known."
            )
        request = move_request(volume, kind, encrypted=False, pool_id=str(pool.id))
        if not scheduler.serves(str(pool.id), request):
            raise InvalidVolumeInput(f"{pool.full_name} does not serve type {kind.name}.")

    @policy("volume:volumes:unmanage")
    def unmanage(self, volume_id: str) -> None:
        """Leave a volume to others: its row goes, what it holds stays where it is, by another name.

        Raises VolumeNotFound, InvalidVolume.
        """
        with self._held(volume_id, "unmanage") as volume:
            self._check_leavable(volume)
            Volume.objects.filter(id=volume.id).update(
                status=VolumeStatus.UNMANAGING, previous_status=volume.status, fault_code=None
            )
            try:
                UnmanageVolume.start(self.context, resource_id=str(volume.id))
            except ResourceBusy as error:
                raise InvalidVolume(error.message) from error

    def _check_leavable(self, volume: Volume) -> None:
        """Refuse what would lose something, or leave somebody without it."""
        snapshots = Snapshot.objects.filter(volume=volume).exists()
        attached = Attachment.objects.filter(volume=volume).exists()
        if snapshots or attached or volume.group_id is not None:
            raise InvalidVolume(
                f"Volume {volume.id} must not be attached, in a group, or have snapshots, to be unmanaged."
            )
        if volume.encrypted:
            raise InvalidVolume(f"Volume {volume.id} is encrypted: nobody else has its key.")
        if Volume.objects.filter(source_volume_id=volume.id, status__in=MAKING).exists():
            raise InvalidVolume(f"Volume {volume.id} is being copied.")
        able = Pool.objects.filter(volumes=volume, capabilities__lists=MANAGE)
        if volume.pool_id is not None and not able.exists():
            raise InvalidVolume(f"The back end of volume {volume.id} lets go of none.")


def source_name(reference: Mapping[str, Any]) -> str:
    """Return what a reference says; raise InvalidVolumeInput."""
    name = reference.get(SOURCE)
    if not isinstance(name, str) or not name:
        raise InvalidVolumeInput(f"A reference must contain the element {SOURCE}.")
    return name
