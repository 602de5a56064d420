"""Servers that do not do what they should: started from a rescue disk, made anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction

from cloudweb.encryption import encrypt
from cloudweb.exceptions import Conflict, NotFound
from cloudweb.policy import policy
from compute.guest_topology import wanted_topology
from compute.manager import HostManager
from compute.scheduler import needs
from image.manager import ImageManager
from image.objects import ImageLocation
from instances import injected_files
from instances.actions.recovery import REBUILD, RESCUE, UNRESCUE
from instances.block_devices import DestinationType, SourceType
from instances.conf import RESCUE_IMAGE
from instances.exceptions import (
    HypervisorCannot,
    ImageOfVolumeStays,
    InstanceNotRescuable,
    TopologyStays,
    UnsupportedRescueImage,
)
from instances.items import check_items
from instances.manager.acting import InstanceActs
from instances.manager.disks import InstanceDisks, named_by_the_caller
from instances.manager.key_pair import KeyPairManager
from instances.models import BlockDevice, Instance
from instances.rebuild_request import RebuildRequest, new_password
from volume.manager import VolumeManager

if TYPE_CHECKING:
    from volume.models import Volume

#: What q35 machines have: neither floppies nor IDE.
RESCUE_DEVICES = ("disk", "cdrom")
RESCUE_BUSES = ("virtio", "scsi", "sata", "usb")


class InstanceRecovery(InstanceDisks, InstanceActs):
    """Rescue and rebuild."""

    @policy(RESCUE.policy)
    def rescue(
        self,
        instance_id: str,
        *,
        password: str | None = None,
        image_id: str | None = None,
        in_volumes: bool = True,
    ) -> str:
        """Start a server from a rescue disk; return the password that its administrator has there.

        By default the disk is made of the image that is set for all, else of the server's own.
        ``in_volumes``: also one that boots from a volume. Raises InstanceNotRescuable,
        UnsupportedRescueImage.
        """
        password = password or new_password()
        with transaction.atomic():
            found = self._locked_for(instance_id, RESCUE)
            self._check_host(found, "rescue", "rescues no guests")
            wanted = image_id or RESCUE_IMAGE or found.image_id
            if not wanted or not found.image_id:
                self._check_rescuable(found, wanted, in_volumes=in_volumes)
            image = self._rescue_image(wanted)
            self._act(instance_id, RESCUE, was=found.vm_state)
            Instance.objects.filter(id=found.id).update(
                rescue_image_id=image.id, rescue_password=encrypt(password)
            )
        return password

    def _check_rescuable(self, found: Instance, wanted: str, *, in_volumes: bool) -> None:
        """Raise InstanceNotRescuable for one that boots from a volume, but with an image made for that."""
        stays = False
        if in_volumes and wanted:
            image = self._rescue_image(wanted)
            stays = bool(image.rescue_device or image.rescue_bus)
        if not stays:
            raise InstanceNotRescuable(found.id, "Cannot rescue a volume-backed instance")

    def _rescue_image(self, image_id: str) -> ImageLocation:
        images = ImageManager(self.context)
        try:
            found = images.location(image_id)
            if found.kernel_id is not None:
                images.location(found.kernel_id, role="kernel")
                if found.ramdisk_id is not None:
                    images.location(found.ramdisk_id, role="ramdisk")
        except (NotFound, Conflict) as error:
            raise UnsupportedRescueImage(image_id, error.message) from error
        device, bus = found.rescue_device or "disk", found.rescue_bus
        if device not in RESCUE_DEVICES:
            raise UnsupportedRescueImage(image_id, f"no guest here has a {device[:40]}.")
        if bus and bus not in RESCUE_BUSES:
            raise UnsupportedRescueImage(image_id, f"no guest here has a {bus[:40]} bus.")
        if (device, bus) == ("cdrom", "virtio"):
            raise UnsupportedRescueImage(image_id, "there is no CD-ROM on virtio.")
        return found

    @policy(UNRESCUE.policy)
    def unrescue(self, instance_id: str) -> None:
        """Start a rescued server from its own disk again."""
        self._act(instance_id, UNRESCUE)

    @policy(REBUILD.policy)
    def rebuild(
        self, instance_id: str, *, wanted: RebuildRequest | None = None
    ) -> tuple[Instance, str]:
        """Make a server's disk anew; return the server as it will be, and its new password.

        Where nothing is said it is made of the image that it was made of. Raises what is wrong with
        image, key, metadata or files, and ImageOfVolumeStays.
        """
        with transaction.atomic():
            found = self._to_rebuild(instance_id)
            if wanted is None:
                image_id = found.image_id or self._image_of_volume(found)
                wanted = RebuildRequest(image_id=image_id, admin_password=new_password())
            args = self._record(found, wanted)
            self._act(instance_id, REBUILD, in_volume="reimage" in args, **args)
        return self.get(instance_id), wanted.admin_password

    @policy(REBUILD.policy)
    def record_rebuild(self, instance_id: str, *, wanted: RebuildRequest) -> Mapping[str, Any]:
        """Record that a server's disk is made anew; return what ``RebuildInstance`` takes, say as a child.

        Raises what ``rebuild`` raises.
        """
        with transaction.atomic():
            args = self._record(self._to_rebuild(instance_id), wanted)
            self._take(instance_id, REBUILD, task_state=REBUILD.task_state)
        return args

    def _to_rebuild(self, instance_id: str) -> Instance:
        """Return a server that can be rebuilt now, its row locked."""
        found = self._locked_for(instance_id, REBUILD)
        self._check_host(found, "rebuild", "rebuilds no guests")
        return found

    def _record(self, found: Instance, wanted: RebuildRequest) -> dict[str, Any]:
        """Write down what the server will be, and what it was; return what the operation is told."""
        with named_by_the_caller():
            changes = self._rebuilt(found, wanted)
        before = {name: getattr(found, name) for name in changes}
        changes["before_rebuild"] = encrypt(json.dumps(before))
        anew = self._volume_anew(found, wanted)
        Instance.objects.filter(id=found.id).update(**changes)
        if found.image_id:
            self._root(found).update(source_id=wanted.image_id)
        return {"was": found.vm_state, "preserve_ephemeral": wanted.preserve_ephemeral, **anew}

    def _rebuilt(self, found: Instance, wanted: RebuildRequest) -> dict[str, Any]:
        """Return the columns that change; raise what cannot be."""
        changes: dict[str, Any] = dict(wanted.plain)
        if found.image_id:
            said = self._check_image(wanted.image_id, ram=found.ram, disk=found.disk)
            check_topology_stays(found, said)
            changes |= {"image_id": wanted.image_id, "image_properties": dict(said)}
        elif wanted.in_volumes:
            size = self._volume_of(found).size
            said = self._check_image(wanted.image_id, ram=found.ram, disk=size)
            check_topology_stays(found, said)
            changes |= {"image_id": "", "image_properties": dict(said)}
        elif wanted.image_id != self._image_of_volume(found):
            raise ImageOfVolumeStays
        else:
            changes["image_id"] = ""
        if wanted.name is not None:
            changes["name"] = wanted.name
        if wanted.metadata is not None:
            check_items(wanted.metadata, found.project_id)
            changes["metadata"] = dict(wanted.metadata)
        if wanted.key_name is not None:
            key = KeyPairManager(self.context).get(wanted.key_name)
            changes |= {"key_name": key.name, "public_key": key.public_key}
        elif "key_name" in wanted.unset:
            changes |= {"key_name": None, "public_key": ""}
        if wanted.user_data is not None or "user_data" in wanted.unset:
            changes["user_data"] = encrypt(wanted.user_data) if wanted.user_data else ""
        if wanted.injected_files:
            kept = injected_files.kept(found.project_id, wanted.injected_files)
            changes |= {"injected_files": kept, "config_drive": True}
        return {**changes, "admin_password": encrypt(wanted.admin_password)}

    def _volume_anew(self, found: Instance, wanted: RebuildRequest) -> dict[str, Any]:
        """Take the volume to be written anew, where one is; return what the operation is told besides."""
        if found.image_id or not wanted.in_volumes:
            return {}
        volume = self._volume_of(found)
        with named_by_the_caller():
            told = VolumeManager(self.context).take_to_reimage(volume.id, wanted.image_id)
        return {"reimage": told}

    def _volume_of(self, found: Instance) -> Volume:
        """Return the volume a server boots from; raise ImageOfVolumeStays where it has none now."""
        row = BlockDevice.objects.filter(instance=found, boot_index=0).first()
        if row is None or row.volume_id is None or row.attachment_id is None:
            raise ImageOfVolumeStays
        return VolumeManager(self.context).get(str(row.volume_id))

    def _image_of_volume(self, found: Instance) -> str:
        row = BlockDevice.objects.filter(instance=found, boot_index=0).first()
        if row is None or row.volume_id is None:
            return ""
        return str(
            VolumeManager(self.context).get(str(row.volume_id)).image_metadata.get("image_id", "")
        )

    def _root(self, found: Instance) -> Any:
        return BlockDevice.objects.filter(
            instance=found, boot_index=0,
            source_type=SourceType.IMAGE, destination_type=DestinationType.LOCAL,
        )  # fmt: skip

    def _check_host(self, found: Instance, capability: str, words: str) -> None:
        if found.host and not HostManager(self.context).is_able(found.host, capability):
            raise HypervisorCannot(f"This server's hypervisor {words}.")


def check_topology_stays(found: Instance, said: Mapping[str, str]) -> None:
    """Raise TopologyStays for an image with which the server would lie otherwise on its host.

    Raises BadRequest for one that contradicts its flavor.
    """
    specs, size = found.extra_specs, {"vcpus": found.vcpus, "ram": found.ram}
    needs(specs, said, **size)
    if wanted_topology(specs, said, **size) != wanted_topology(
        specs, found.image_properties, **size
    ):
        raise TopologyStays
