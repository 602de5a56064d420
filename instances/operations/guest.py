"""From a server's row to what its host is told: one domain's values turned into another's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudweb.context import RequestContext
from cloudweb.exceptions import Conflict, NotFound
from cloudweb.image_cache.source import ImageSource
from compute.exceptions import GuestTopologyInvalid
from compute.guest_processors import wanted_processors
from compute.objects import (
    ConfigDrive,
    DirectBoot,
    GuestDisk,
    GuestInterface,
    GuestRef,
    GuestSpec,
)
from compute.topology_objects import GuestCell, GuestProcessors
from image import objects
from image.manager import ImageManager
from image.objects import ImageLocation
from instances.block_devices import DestinationType, SourceType
from instances.guest_metadata import GuestMetadata
from instances.models import BlockDevice, Instance
from instances.operations.ports import port_ids
from instances.operations.rows import block_devices_of, instance_of, ports_of
from instances.operations.volumes import disk_in_volume
from network.manager import PortManager
from operations.saga import Run
from volume.manager import VolumeManager

GIB = 1024**3


def guest_ref(instance: Instance) -> GuestRef:
    """Name the guest."""
    return GuestRef(id=str(instance.id), name=instance.hypervisor_name)


def guest_spec(run: Run, *, has_disks: bool = False) -> GuestSpec:
    """Return the guest as it shall be; images by URLs that are signed anew each time.

    ``has_disks``: it was built before, so an image that is gone meanwhile is no obstacle.
    """
    instance, ports = instance_of(run), port_ids(run)
    network = PortManager(run.context)
    disks, direct, has_agent = _disks(run, has_disks=has_disks)
    if has_agent is not None and has_agent != instance.guest_agent:
        instance.guest_agent = has_agent
        Instance.objects.filter(id=instance.id).update(guest_agent=has_agent)
    drive = None
    if instance.config_drive:
        documents = GuestMetadata(
            instance, network.pictures(ports), cards=ports_of(run), disks=block_devices_of(run)
        )
        drive = ConfigDrive(files=documents.config_drive())
    return GuestSpec(
        id=str(instance.id),
        name=instance.hypervisor_name,
        project_id=instance.project_id,
        vcpus=instance.vcpus,
        ram=instance.ram,
        disks=tuple(disks),
        interfaces=tuple(
            GuestInterface(port_id=plug.id, mac=plug.mac, tap=plug.tap, mtu=plug.mtu)
            for plug in network.plugs(ports)
        ),
        config_drive=drive,
        direct_boot=direct,
        guest_agent=instance.guest_agent,
        cells=cells_of(instance.cells),
        processors=_processors(instance),
    )


def cells_of(stored: Iterable[Mapping[str, Any]] | None) -> tuple[GuestCell, ...]:
    """Return where the guest lies in its host's NUMA cells, as its claim says it (``CellPlace.stored``)."""
    return tuple(
        GuestCell(**{key: one[key] for key in one if key != "holds"}) for one in stored or ()
    )


def _processors(instance: Instance) -> GuestProcessors | None:
    """Return how its processors are arranged: as is asked for, or as those are that it is pinned to."""
    specs, properties = instance.extra_specs, instance.image_properties
    try:
        wanted = wanted_processors(specs, properties, vcpus=instance.vcpus)
    except GuestTopologyInvalid:  # an older release, which did not hear it, made the server
        return None
    if wanted is not None:
        return GuestProcessors(**wanted._asdict())
    cores = [core for cell in instance.cells or () for core in cell["siblings"]]
    threads = len(cores[0]) if cores else 1
    if threads == 1 or {len(core) for core in cores} != {threads}:
        return None
    if len(cores) * threads != instance.vcpus:
        return None
    return GuestProcessors(sockets=1, cores=len(cores), threads=threads)


def tenant_of(run: Run) -> RequestContext:
    """Return who sees what the server's project may see: an image's properties name kernels."""
    instance = instance_of(run)
    return RequestContext(
        request_id=run.context.request_id,
        user_id=instance.user_id or None,
        project_id=instance.project_id,
        roles=frozenset({"reader"}),
    )


def _disks(run: Run, *, has_disks: bool) -> tuple[list[GuestDisk], DirectBoot | None, bool | None]:
    """Return the disks, and what the image of the one it boots from says: kernel, and agent.

    The last is None where that image is gone meanwhile.
    """
    images = ImageManager(tenant_of(run))
    disks, direct, has_agent = [], None, None
    for device in block_devices_of(run):
        if device.destination_type == DestinationType.VOLUME:
            disk = disk_in_volume(run, device)
            disks += [disk] if disk is not None else []
            if device.is_root:
                facts = VolumeManager(run.context).get(str(device.volume_id)).image_metadata
                has_agent = objects.has_agent(facts)
                direct = _direct_boot_of_volume(facts, images, has_disks=has_disks)
        elif device.source_type == SourceType.BLANK:
            disks.append(GuestDisk(name=device.name, size=device.size * GIB, device=device.device))
        else:
            source = str(device.source_id)
            if device.is_root and instance_of(run).shelved_image_id:
                source = instance_of(run).shelved_image_id
            disk, boots, says = _from_image(images, device, source, has_disks=has_disks)
            disks, direct = [*disks, disk], boots or direct
            has_agent = says if device.is_root else has_agent
    return disks, direct, has_agent


def _from_image(
    images: ImageManager, device: BlockDevice, source: str, *, has_disks: bool
) -> tuple[GuestDisk, DirectBoot | None, bool | None]:
    """Return a disk of the guest's own, what it boots directly, and whether the image has an agent.

    The disk is there, whatever became of its image, once it was made.
    """
    name, direct = ("root" if device.is_root else device.name), None
    try:
        image = images.location(source)
        if device.is_root:
            direct = direct_boot(images, image)
    except (NotFound, Conflict):
        if not has_disks:
            raise
        return GuestDisk(name=name, size=device.size * GIB), None, None
    size = device.size * GIB or image.virtual_size
    return GuestDisk(name=name, image=source_of(image), size=size), direct, image.guest_agent


def _direct_boot_of_volume(
    facts: Mapping[str, Any], images: ImageManager, *, has_disks: bool
) -> DirectBoot | None:
    """Return the kernel that the image of a volume named, as it did when the volume was made."""
    if not facts.get("kernel_id"):
        return None
    try:
        kernel = images.location(facts["kernel_id"], role="kernel")
        ramdisk_id = facts.get("ramdisk_id")
        ramdisk = images.location(ramdisk_id, role="ramdisk") if ramdisk_id else None
    except (NotFound, Conflict):
        if not has_disks:
            raise
        return None
    return DirectBoot(
        kernel=source_of(kernel),
        ramdisk=source_of(ramdisk) if ramdisk else None,
        cmdline=facts.get("os_command_line", ""),
    )


def direct_boot(images: ImageManager, image: ImageLocation) -> DirectBoot | None:
    """Return the kernel that an image names, None for one that boots by itself."""
    if image.kernel_id is None:
        return None
    kernel = images.location(image.kernel_id, role="kernel")
    ramdisk = images.location(image.ramdisk_id, role="ramdisk") if image.ramdisk_id else None
    return DirectBoot(
        kernel=source_of(kernel),
        ramdisk=source_of(ramdisk) if ramdisk else None,
        cmdline=image.cmdline,
    )


def source_of(location: ImageLocation) -> ImageSource:
    """Return an image as a host fetches it."""
    return ImageSource(
        id=location.id,
        url=location.url,
        sha512=location.sha512,
        size=location.size,
        disk_format=location.disk_format,
        virtual_size=location.virtual_size,
    )
