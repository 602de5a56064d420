"""The disks of new servers: what they are made from is checked, their rows and volumes are recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.manager import Manager
from image.exceptions import ImageNotBootable
from image.manager import ImageManager
from instances.block_devices import ROOT, DiskStatus, SourceType, asked_name, free_name
from instances.build_request import BlockDeviceRequest, BuildRequest
from instances.exceptions import BlockDeviceInvalid, DeviceNameInvalid, FlavorDoesNotFit
from instances.mapped_images import mapped, says_mapping
from instances.models import BlockDevice, Instance
from volume.manager import AttachmentManager, VolumeManager, VolumeRequest

if TYPE_CHECKING:
    from compute.models import Flavor
    from volume.models import Volume

GIB = 1024**3


@contextlib.contextmanager
def named_by_the_caller() -> Iterator[None]:
    """Make what a caller names, but cannot see, a 400: a 404 would be about the server."""
    try:
        yield
    except NotFound as error:
        raise BadRequest(error.message) from error


class InstanceDisks(Manager):
    """What creates servers has of their disks."""

    def _with_disks(self, wanted: BuildRequest, flavor: Flavor) -> BuildRequest:
        """Return what is wanted with the disks that an image without data of its own stands for.

        Raises what is wrong with them.
        """
        try:
            said = self._check_disks(wanted, flavor)
        except ImageNotBootable:
            found = self._mapped(wanted, flavor)
            if found is wanted:
                raise
            wanted, said = found, self._check_disks(found, flavor)
        return replace(wanted, image_properties=said) if said else wanted

    def _check_disks(self, wanted: BuildRequest, flavor: Flavor) -> Mapping[str, str]:
        """Return what the image to boot from says of itself.

        Raises what is wrong with images, volumes and sizes, as far as it can be seen now.
        """
        blank = sum(
            disk.size or 0
            for disk in wanted.block_devices
            if disk.source_type == SourceType.BLANK and not disk.is_in_volume
        )
        if blank > flavor.ephemeral:
            raise BlockDeviceInvalid(
                f"blank disks on the host have {blank} GiB, the flavor allows {flavor.ephemeral}."
            )
        root = wanted.root
        if root.source_type == SourceType.IMAGE:
            size = (root.size or 0) if root.is_in_volume else flavor.disk
            return self._check_image(root.source_id or "", ram=flavor.ram, disk=size)
        if root.source_type == SourceType.VOLUME:
            return self._check_boot_volume(root.source_id or "", flavor)
        return {}

    def _mapped(self, wanted: BuildRequest, flavor: Flavor) -> BuildRequest:
        """Return what an image means that names snapshots of volumes; what it is else, as it is."""
        root = wanted.root
        if root.source_type != SourceType.IMAGE or root.is_in_volume:
            return wanted
        image = ImageManager(self.context).get(root.source_id or "")
        text = says_mapping(image.custom_properties)
        if image.has_data or not image.is_whole or not text:
            return wanted
        if image.min_ram > flavor.ram:
            raise FlavorDoesNotFit("Flavor's memory is too small for requested image.")
        return replace(wanted, block_devices=mapped(text, wanted.block_devices))

    def _check_image(self, image_id: str, *, ram: int, disk: int) -> Mapping[str, str]:
        """Return what the image says of itself; raise what keeps a server of this size from booting it."""
        images = ImageManager(self.context)
        location = images.location(image_id)
        if location.kernel_id is not None:
            images.location(location.kernel_id, role="kernel")
            if location.ramdisk_id is not None:
                images.location(location.ramdisk_id, role="ramdisk")
        if location.min_ram > ram:
            raise FlavorDoesNotFit("Flavor's memory is too small for requested image.")
        if disk and (location.min_disk > disk or location.virtual_size > disk * GIB):
            raise FlavorDoesNotFit("Flavor's disk is too small for requested image.")
        return location.properties

    def _check_boot_volume(self, volume_id: str, flavor: Flavor) -> Mapping[str, str]:
        volume = self._existing(volume_id)
        if not volume.bootable:
            raise BlockDeviceInvalid(f"Block Device {volume.id} is not bootable.")
        if int(volume.image_metadata.get("min_ram") or 0) > flavor.ram:
            raise FlavorDoesNotFit("Flavor's memory is too small for requested image.")
        return {key: str(value) for key, value in volume.image_metadata.items()}

    def _existing(self, volume_id: str) -> Volume:
        try:
            found = VolumeManager(self.context).get(volume_id)
        except NotFound as error:
            raise BlockDeviceInvalid(f"failed to get volume {volume_id}.") from error
        if found.project_id != self.context.project_id:  # an operator sees those of all projects
            raise BlockDeviceInvalid(f"failed to get volume {volume_id}.")
        return found

    def _make_disks(self, wanted: BuildRequest, flavor: Flavor, made: Sequence[Instance]) -> None:
        """Record the disks of new servers, hold the volumes that are there, record those that are not.

        Call inside ``atomic()``. Raises InvalidVolume, QuotaExceeded and what is wrong with a new volume.
        """
        names = _names(wanted.block_devices)
        rows = []
        for instance in made:
            for disk, name in zip(wanted.block_devices, names, strict=True):
                row = BlockDevice(
                    instance=instance,
                    source_type=disk.source_type,
                    source_id=disk.source_id,
                    destination_type=disk.destination_type,
                    boot_index=disk.boot_index,
                    size=flavor.disk if disk.is_root and not disk.is_in_volume else disk.size or 0,
                    delete_on_termination=disk.goes_with_server,
                    device=name,
                    tag=disk.tag or "",
                )
                if disk.is_in_volume:
                    self._give_volume(row, disk, wanted)
                rows.append(row)
        BlockDevice.objects.bulk_create(rows)

    def _give_volume(
        self, row: BlockDevice, disk: BlockDeviceRequest, wanted: BuildRequest
    ) -> None:
        row.status = DiskStatus.ATTACHING
        if disk.makes_volume:
            volume = VolumeManager(self.context).record(
                VolumeRequest(
                    size=disk.size or None,
                    name="",
                    description="",
                    volume_type=disk.volume_type,
                    image_id=disk.source_id if disk.source_type == SourceType.IMAGE else None,
                    snapshot_id=disk.source_id if disk.source_type == SourceType.SNAPSHOT else None,
                )
            )
            row.made_here = True
        else:
            volume = self._existing(disk.source_id or "")
            row.attachment_id = (
                AttachmentManager(self.context).reserve(volume.id, row.instance_id).id
            )
        row.volume_id, row.size = volume.id, volume.size


def _names(disks: Sequence[BlockDeviceRequest]) -> Sequence[str]:
    """Return the names of disks: those asked for, else the first that are free; the root's is one for all."""
    asked: dict[int, str] = {}
    for index, disk in enumerate(disks):
        if disk.device and not disk.is_root:
            name = asked_name(disk.device)
            if name is None:
                raise DeviceNameInvalid(disk.device)
            if name == ROOT or name in asked.values():
                raise BlockDeviceInvalid(f"two disks are called {disk.device}.")
            asked[index] = name
    taken, names = {ROOT, *asked.values()}, []
    for index, disk in enumerate(disks):
        name = ROOT if disk.is_root else asked.get(index) or free_name(taken) or ""
        taken.add(name)
        names.append(name)
    return names
