"""From a server's row to what its host is told: one domain's values turned into another's."""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.exceptions import Conflict, NotFound
from compute.objects import (
    ConfigDrive,
    DirectBoot,
    GuestDisk,
    GuestInterface,
    GuestRef,
    GuestSpec,
    ImageSource,
)
from image.manager import ImageManager
from image.objects import ImageLocation
from instances.guest_metadata import GuestMetadata
from instances.models import Instance
from instances.operations.ports import port_ids
from instances.operations.rows import instance_of
from network.manager import PortManager
from operations.saga import Run

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
    try:
        disk, direct = _boot(run.context, instance)
    except (NotFound, Conflict):
        if not has_disks:
            raise
        disk, direct = GuestDisk(size=instance.disk * GIB), None
    drive = None
    if instance.config_drive:
        files = GuestMetadata(instance, network.pictures(ports)).config_drive()
        drive = ConfigDrive(files=files)
    return GuestSpec(
        id=str(instance.id),
        name=instance.hypervisor_name,
        project_id=instance.project_id,
        vcpus=instance.vcpus,
        ram=instance.ram,
        disks=(disk,),
        interfaces=tuple(
            GuestInterface(port_id=plug.id, mac=plug.mac, tap=plug.tap, mtu=plug.mtu)
            for plug in network.plugs(ports)
        ),
        config_drive=drive,
        direct_boot=direct,
    )


def _boot(context: RequestContext, instance: Instance) -> tuple[GuestDisk, DirectBoot | None]:
    # what its project may see: an image's properties name kernels, and not another project's
    tenant = RequestContext(
        request_id=context.request_id,
        user_id=instance.user_id or None,
        project_id=instance.project_id,
        roles=frozenset({"reader"}),
    )
    images = ImageManager(tenant)
    root = images.location(instance.image_id)
    size = instance.disk * GIB or root.virtual_size
    disk = GuestDisk(image=_source(root), size=size)
    if root.kernel_id is None:
        return disk, None
    kernel = images.location(root.kernel_id, role="kernel")
    ramdisk = images.location(root.ramdisk_id, role="ramdisk") if root.ramdisk_id else None
    direct = DirectBoot(
        kernel=_source(kernel),
        ramdisk=_source(ramdisk) if ramdisk else None,
        cmdline=root.cmdline,
    )
    return disk, direct


def _source(location: ImageLocation) -> ImageSource:
    return ImageSource(
        id=location.id,
        url=location.url,
        sha512=location.sha512,
        size=location.size,
        disk_format=location.disk_format,
        virtual_size=location.virtual_size,
    )
