"""A guest's disks in a libvirt domain: pure functions."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from cloudweb.driver import DriverError
from compute.objects import (
    DirectBoot,
    DiskSource,
    DiskThrottle,
    GuestDisk,
    GuestSpec,
    RescueDisk,
)

LETTERS = "abcdefghijklmnopqrstuvwxy"
#: The config drive's, behind all others.
CONFIG_DRIVE = "vdz"
NOTHING_KEPT = "none"
#: What is in front of an encrypted volume's own bytes.
LUKS_HEADER = 4 * 1024**2
#: The disk that a guest is rescued with; its own are named otherwise.
RESCUE = "rescue"


class Attached(NamedTuple):
    """An attached disk as a domain has it: what libvirt calls it, and its element."""

    serial: str
    target: str
    element: ET.Element

    @property
    def text(self) -> str:
        """The element as libvirt takes it back."""
        return ET.tostring(self.element, encoding="unicode")


def disks_of(spec: GuestSpec) -> Sequence[GuestDisk]:
    """Return the disks that a guest has now, in its order: what it is rescued with is the first or the last.

    Where it is the first, the others are called by their places alone.
    """
    if spec.rescue is None:
        return spec.disks
    rescue = GuestDisk(name=RESCUE, image=spec.rescue.image, size=spec.rescue.size)
    if spec.rescue.stable:
        return (*spec.disks, rescue)
    return (rescue, *(disk.model_copy(update={"device": ""}) for disk in spec.disks))


def direct_boot_of(spec: GuestSpec) -> DirectBoot | None:
    """Return what the guest boots now without firmware."""
    return spec.direct_boot if spec.rescue is None else spec.rescue.direct_boot


def own_disk(path: Path, target: str, *, cache: str) -> ET.Element:
    """Return the element of a disk that is a file of the guest's own."""
    disk = ET.Element("disk", type="file", device="disk")
    ET.SubElement(disk, "driver", name="qemu", type="qcow2", cache=cache, discard="unmap")
    ET.SubElement(disk, "source", file=str(path))
    ET.SubElement(disk, "target", dev=target, bus="virtio")
    return disk


def rescue_disk(rescue: RescueDisk, path: Path, target: str, *, cache: str) -> ET.Element:
    """Return the element of the disk that a guest is rescued with, on the bus that was asked for."""
    disk = own_disk(path, target, cache=cache)
    disk.set("device", rescue.device)
    if rescue.bus != "virtio":
        disk[-1].set("dev", f"s{target[1:]}")
        disk[-1].set("bus", rescue.bus)
    if rescue.device == "cdrom":
        disk.append(ET.Element("readonly"))
    return disk


def attached_disk(disk: GuestDisk, target: str) -> ET.Element:
    """Return the element of an attached disk; raise DriverError for a source that QEMU has not.

    The host keeps nothing of it in its own cache: what the guest flushed is where the volume is.
    """
    assert disk.source is not None
    element = ET.Element("disk", type="network", device="disk")
    ET.SubElement(element, "driver", name="qemu", type="raw", cache=NOTHING_KEPT, discard="unmap")
    element.append(_source(disk.source))
    ET.SubElement(element, "target", dev=target, bus="virtio")
    if disk.throttle is not None:
        _throttle(element, disk.throttle)
    if disk.read_only:
        ET.SubElement(element, "readonly")
    ET.SubElement(element, "serial").text = disk.serial
    return element


def copy_of(disk: GuestDisk, *, size: int) -> ET.Element:
    """Return the element of what an attached disk is mirrored to: QEMU wants it to be of the same size."""
    assert disk.source is not None
    element = ET.Element("disk", type="network", device="disk")
    ET.SubElement(element, "driver", name="qemu", type="raw", cache=NOTHING_KEPT, discard="unmap")
    source = _source(disk.source)
    if disk.size > size:
        room = size + (LUKS_HEADER if disk.source.encrypted else 0)
        slices = ET.SubElement(source, "slices")
        ET.SubElement(slices, "slice", type="storage", offset="0", size=str(room))
    element.append(source)
    return element


def leads_to(element: ET.Element, source: DiskSource) -> bool:
    """Tell whether a disk, or what it is mirrored to, lies there."""
    found = element.find("source")
    if found is None:
        return False
    said = found.get("protocol"), found.get("name"), socket_of(element)
    if source.kind == "rbd":
        return said == ("rbd", f"{source.pool}/{source.image}", "")
    return said == ("nbd", source.export, source.path)


def socket_of(element: ET.Element) -> str:
    """Return the Unix socket that a disk is reached through; empty for none."""
    host = element.find("source/host")
    return host.get("socket", "") if host is not None else ""


def _source(source: DiskSource) -> ET.Element:
    element = ET.Element("source")
    if source.kind == "nbd_unix":
        element.set("protocol", "nbd")
        element.set("name", source.export)
        ET.SubElement(element, "host", transport="unix", socket=source.path)
    elif source.kind == "nbd_tls":
        element.set("protocol", "nbd")
        element.set("name", source.export)
        element.set("tls", "yes")
        if source.tls_name:
            element.set("tlsHostname", source.tls_name)
        ET.SubElement(element, "host", name=source.address, port=str(source.port))
    elif source.kind == "rbd":
        element.set("protocol", "rbd")
        element.set("name", f"{source.pool}/{source.image}")
        for monitor in source.monitors:
            name, _, port = monitor.rpartition(":")
            ET.SubElement(element, "host", name=name.strip("[]"), port=port)
        if source.user:
            auth = ET.SubElement(element, "auth", username=source.user)
            ET.SubElement(auth, "secret", type="ceph", uuid=secret_id(source))
        if source.encrypted:
            encryption = ET.SubElement(element, "encryption", format="luks")
            ET.SubElement(encryption, "secret", type="passphrase", uuid=key_id(source))
    else:
        raise DriverError("The hypervisor cannot attach such a volume.", detail=source.kind)
    return element


def secret_id(source: DiskSource) -> str:
    """Return by which id libvirt knows the secret of a Ceph user; the same for all its images."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"ceph {','.join(source.monitors)} {source.user}"))


def secret_xml(source: DiskSource) -> str:
    """Return a secret that libvirt neither shows nor writes down."""
    secret = ET.Element("secret", ephemeral="yes", private="yes")
    ET.SubElement(secret, "uuid").text = secret_id(source)
    usage = ET.SubElement(secret, "usage", type="ceph")
    ET.SubElement(usage, "name").text = f"{secret_id(source)} {source.user}"
    return ET.tostring(secret, encoding="unicode")


def key_id(source: DiskSource) -> str:
    """Return by which id libvirt knows what opens an encrypted image."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"luks {source.pool}/{source.image}"))


def key_xml(source: DiskSource) -> str:
    """Return a secret for that; like the other it is in memory alone."""
    secret = ET.Element("secret", ephemeral="yes", private="yes")
    ET.SubElement(secret, "uuid").text = key_id(source)
    usage = ET.SubElement(secret, "usage", type="volume")
    ET.SubElement(usage, "volume").text = f"{source.pool}/{source.image}"
    return ET.tostring(secret, encoding="unicode")


def _throttle(disk: ET.Element, throttle: DiskThrottle) -> None:
    wanted = {name: value for name, value in throttle.model_dump().items() if value}
    if wanted:
        tune = ET.SubElement(disk, "iotune")
        for name, value in wanted.items():
            ET.SubElement(tune, name).text = str(value)


def throttle_of(attached: Attached) -> DiskThrottle:
    """Return what a guest may ask of a disk that it has."""
    tune = attached.element.find("iotune")
    said = {} if tune is None else {one.tag: int(one.text or 0) for one in tune}
    return DiskThrottle(**{name: said.get(name, 0) for name in DiskThrottle.model_fields})


def attached_in(domain: str) -> Iterator[Attached]:
    """Yield the disks of a domain that have a serial: those that were attached."""
    for element in ET.fromstring(domain).findall("devices/disk"):  # noqa: S314  from our libvirt
        serial, target = element.findtext("serial"), element.find("target")
        if serial and target is not None:
            yield Attached(serial, target.get("dev", ""), element)


def targets_in(domain: str) -> set[str]:
    """Return the names that the disks of a domain have."""
    found = ET.fromstring(domain).findall("devices/disk/target")  # noqa: S314
    return {element.get("dev", "") for element in found}


def free_target(wanted: str, taken: Collection[str]) -> str:
    """Return the name asked for where it is free, else the first free one; raise DriverError for none."""
    names = [f"vd{letter}" for letter in LETTERS]
    for name in ([wanted] if wanted in names else []) + names:
        if name not in taken:
            return name
    raise DriverError("The guest has no free place for another disk.")


def alias_of(attached: Attached) -> str:
    """Return what QEMU calls the device of a running guest's disk."""
    alias = attached.element.find("alias")
    return "" if alias is None else alias.get("name", "")
