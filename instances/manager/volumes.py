"""The volumes of servers: given, taken away, shown."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from django.db import transaction

from cloudweb.database.uuids import Among, Dashed
from cloudweb.exceptions import NotFound
from cloudweb.identifiers import as_uuid
from cloudweb.policy import policy
from compute.manager import HostManager
from instances import block_devices
from instances.actions.record import InstanceAction
from instances.actions.volumes import (
    ATTACH_VOLUME,
    DETACH_VOLUME,
    ON_THE_SHELF,
    SWAP_VOLUME,
    UPDATE_VOLUME,
)
from instances.block_devices import ROOT, DestinationType, DiskStatus, SourceType
from instances.exceptions import (
    DeviceNameInvalid,
    DeviceNameTaken,
    DisksStayWhileItRuns,
    InstanceInvalidState,
    RootVolumeStays,
    TooManyDisks,
    VolumeCannotBeSwapped,
    VolumeNotAttached,
)
from instances.manager.acting import InstanceActs
from instances.models import BlockDevice, Instance
from instances.operations import AttachVolume, DetachVolume, SwapVolume
from instances.rows import ServerRow
from instances.states import VmState
from volume.exceptions import InvalidVolume, VolumeNotFound
from volume.manager import AttachmentManager, SwapManager, VolumeManager

if TYPE_CHECKING:
    from volume.models import Volume


class AttachedVolume(NamedTuple):
    """A volume of a server as a list of servers shows it."""

    volume_id: str
    delete_on_termination: bool


class InstanceVolumes(InstanceActs):
    """Attach, detach, and what is known of both."""

    @policy("compute:servers:volumes")
    def attached_volumes(self, instance_id: str) -> Sequence[BlockDevice]:
        """Return the volumes of a server, the one it boots from first; raise InstanceNotFound."""
        return list(self._volumes(self.get(instance_id).id))

    @policy("compute:servers:volumes")
    def attached_volume(self, instance_id: str, volume_id: str) -> BlockDevice:
        """Return one volume of a server; raise InstanceNotFound, VolumeNotAttached."""
        return self._volume(self.get(instance_id).id, volume_id)

    @policy(ATTACH_VOLUME.policy)
    def attach_volume(
        self,
        instance_id: str,
        volume_id: str,
        *,
        device: str | None = None,
        tag: str | None = None,
        delete_on_termination: bool = False,
        several: bool = True,
        on_shelf: bool = True,
    ) -> BlockDevice:
        """Hold a volume for a server and start giving it to the guest.

        ``several``: the caller knows of volumes that are in several servers; ``on_shelf``: and of those
        that shelved ones are given, which is without a guest. Raises VolumeNotFound,
        InvalidVolume (400) where its status does not allow it, DeviceNameTaken (409).
        """
        with transaction.atomic():
            key = self._take(instance_id, ATTACH_VOLUME, task_state=ATTACH_VOLUME.task_state)
            self._check_shelf(key, ATTACH_VOLUME, on_shelf=on_shelf)
            self._check_pluggable(key)
            volume = self._volume_of_project(key, volume_id)
            if BlockDevice.objects.filter(instance_id=key, serial=volume.id).exists():
                raise InvalidVolume(
                    f"The server's guest knows another disk by the name of volume {volume.id}, whose "
                    "place that took: detach that before."
                )
            if volume.multiattach and not several:
                raise InvalidVolume(
                    f"Volume {volume.id} can be in several servers, which needs API version 2.60."
                )
            name = self._name(key, device)
            row = BlockDevice.objects.create(
                instance_id=key,
                source_type=SourceType.VOLUME,
                source_id=volume.id,
                destination_type=DestinationType.VOLUME,
                size=volume.size,
                delete_on_termination=delete_on_termination,
                tag=tag or "",
                volume_id=volume.id,
                attachment_id=AttachmentManager(self.context).reserve(volume.id, key).id,
                device=name,
                status=DiskStatus.ATTACHING,
            )
            AttachVolume.start(self.context, resource_id=str(key), args={"device": row.pk})
        return row

    @policy(DETACH_VOLUME.policy)
    def detach_volume(self, instance_id: str, volume_id: str, *, on_shelf: bool = True) -> None:
        """Start taking a volume from a server, whatever became of its host or the volume's.

        Raises VolumeNotAttached, RootVolumeStays (403), and InvalidVolume (400) while it is on its way.
        """
        with transaction.atomic():
            key = self._take(instance_id, DETACH_VOLUME, task_state=DETACH_VOLUME.task_state)
            self._check_shelf(key, DETACH_VOLUME, on_shelf=on_shelf)
            row = self._volume(key, volume_id)
            if row.is_root:
                raise RootVolumeStays
            if row.status != DiskStatus.ATTACHED:
                raise InvalidVolume(f"Volume {row.volume_id} is {row.status} already.")
            with suppress(NotFound):  # an operator took the volume away: the server forgets it
                AttachmentManager(self.context).begin_detaching(str(row.attachment_id))
            BlockDevice.objects.filter(pk=row.pk).update(status=DiskStatus.DETACHING)
            DetachVolume.start(self.context, resource_id=str(key), args={"device": row.pk})

    @policy(UPDATE_VOLUME.policy)
    def update_attached_volume(
        self, instance_id: str, volume_id: str, *, delete_on_termination: bool
    ) -> None:
        """Say whether a volume goes with its server."""
        with self._held(instance_id, UPDATE_VOLUME) as instance:
            row = self._volume(instance.id, volume_id)
            BlockDevice.objects.filter(pk=row.pk).update(
                delete_on_termination=delete_on_termination
            )

    @policy(SWAP_VOLUME.policy)
    def swap_volume(self, instance_id: str, volume_id: str, new_volume_id: str) -> None:
        """Start to have another volume be a disk of a running server, with all that the old one holds.

        Raises VolumeNotAttached, VolumeNotFound, InvalidVolume (400) where either does not allow it,
        VolumeCannotBeSwapped (400) where the hypervisor does not.
        """
        with transaction.atomic():
            key = self._take(instance_id, SWAP_VOLUME, task_state=SWAP_VOLUME.task_state)
            row = self._volume(key, volume_id)
            if row.status != DiskStatus.ATTACHED or row.attachment_id is None:
                raise InvalidVolume(f"Volume {row.volume_id} is not attached.")
            self._volume_of_project(key, new_volume_id)
            host = Instance.objects.filter(id=key).values_list("host", flat=True).first()
            if host and not HostManager(self.context).is_able(host, "swap_disks"):
                raise VolumeCannotBeSwapped
            held = SwapManager(self.context).begin(row.attachment_id, new_volume_id)
            args = {
                "device": row.pk,
                "before": str(row.attachment_id),
                "after": str(held.id),
                "volume": str(held.volume_id),
            }
            SwapVolume.start(self.context, resource_id=str(key), args=args)

    def _volume_of_project(self, key: uuid.UUID, volume_id: str) -> Volume:
        """Return a volume that the server may be given; an operator sees those of all projects."""
        volume = VolumeManager(self.context).get(volume_id)
        if not Instance.objects.filter(id=key, project_id=volume.project_id).exists():
            raise VolumeNotFound(volume_id)
        return volume

    def _check_shelf(self, key: uuid.UUID, action: InstanceAction, *, on_shelf: bool) -> None:
        """Raise InstanceInvalidState for a shelved server where the caller does not know of that."""
        rows = Instance.objects.filter(id=key, vm_state__in=ON_THE_SHELF)
        state = None if on_shelf else rows.values_list("vm_state", flat=True).first()
        if state is not None:
            raise InstanceInvalidState(action.spoken, key, attr="vm_state", state=state)

    def _check_pluggable(self, key: uuid.UUID) -> None:
        """Raise where the server runs on a hypervisor that gives disks only to those that do not."""
        running = Instance.objects.filter(id=key, vm_state=VmState.ACTIVE)
        host = running.values_list("host", flat=True).first()
        if host and not HostManager(self.context).is_able(host, "hot_plug"):
            raise DisksStayWhileItRuns(key)

    def _volumes(self, instance_id: uuid.UUID) -> Sequence[BlockDevice]:
        rows = BlockDevice.objects.filter(instance_id=instance_id, volume_id__isnull=False)
        return list(rows)

    def _volume(self, instance_id: uuid.UUID, volume_id: str) -> BlockDevice:
        key = as_uuid(volume_id)
        rows = BlockDevice.objects.filter(instance_id=instance_id, volume_id=key)
        found = rows.first() if key else None
        if found is None:
            raise VolumeNotAttached(volume_id)
        return found

    def _name(self, instance_id: uuid.UUID, asked: str | None) -> str:
        """Return the name a disk gets; raise what is wrong with the one that was asked for."""
        names = BlockDevice.objects.filter(instance_id=instance_id).values_list("device", flat=True)
        taken = {name or ROOT for name in names}
        name = None
        if asked:
            name = block_devices.asked_name(asked)
            if name is None:
                raise DeviceNameInvalid(asked)
            if name in taken or name == ROOT:
                raise DeviceNameTaken(asked)
        name = name if name in block_devices.NAMES else block_devices.free_name(taken)
        if name is None:
            raise TooManyDisks
        return name


def volumes_of(
    instances: Sequence[Instance] | Sequence[ServerRow],
) -> Mapping[str, Sequence[AttachedVolume]]:
    """Return each server's volumes, the one it boots from first, in one query for all servers."""
    found: dict[str, list[AttachedVolume]] = defaultdict(list)
    ids = [str(instance.id) for instance in instances]
    rows = BlockDevice.objects.filter(Among("instance_id", ids), volume_id__isnull=False)
    columns = (Dashed("instance_id"), Dashed("volume_id"), "delete_on_termination")
    for instance_id, *shown in rows.values_list(*columns):
        found[instance_id].append(AttachedVolume(*shown))
    return found
