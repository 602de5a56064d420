"""A guest's specification as a libvirt domain: pure functions, tested against golden files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from compute.drivers.libvirt import cells
from compute.drivers.libvirt.disks import (
    CONFIG_DRIVE,
    attached_disk,
    direct_boot_of,
    disks_of,
    free_target,
    own_disk,
    rescue_disk,
)
from compute.drivers.libvirt.interfaces import interface_element
from compute.objects import GuestSpec

NAMESPACE = "urn:cloudweb:instance:1"
#: In a domain's metadata: the image that its guest is rescued with.
RESCUED = "rescued"
#: Places for cards and disks that are plugged in later; too few and a hot-plug fails.
ROOT_PORTS = 16
#: QEMU's translation cache is 1/4 of the host's RAM unless told otherwise: 150 MiB for a small guest.
TRANSLATION_CACHE_MIB = 32
#: What a card needs for 1920 by 1080 pixels.
SCREEN_KIB = 16384
DEFAULT_CMDLINE = "console=tty0 console=ttyS0,115200"

ET.register_namespace("cloudweb", NAMESPACE)


@dataclass(frozen=True, slots=True)
class Platform:
    """What the host adds to a specification.

    ``owner`` tells guests of this agent from others' under the same libvirt; ``gid`` is the group
    that QEMU runs in. ``screens``: guests have a graphics card, at which one may look by VNC. ``floating``
    are the processors of guests that are not pinned; empty: all.
    """

    owner: str
    accelerated: bool = False
    gid: int = 0
    cache: Literal["none", "writeback"] = "none"
    screens: bool = False
    floating: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainFiles:
    """Where a guest's files are, and whom they belong to: QEMU runs as that user.

    ``disks`` are those of its own, in their order; attached ones say themselves where they are.
    """

    uid: int
    disks: tuple[Path, ...]
    console_socket: Path
    console_log: Path
    agent_socket: Path | None = None
    screen_socket: Path | None = None
    config_drive: Path | None = None
    kernel: Path | None = None
    ramdisk: Path | None = None


def domain_xml(spec: GuestSpec, files: DomainFiles, platform: Platform) -> str:
    """Return the domain; the same input gives the same text."""
    domain = ET.Element("domain", type="kvm" if platform.accelerated else "qemu")
    _text(domain, "name", spec.name)
    _text(domain, "uuid", spec.id)
    ET.SubElement(
        ET.SubElement(domain, "metadata"),
        f"{{{NAMESPACE}}}instance",
        {
            "id": spec.id,
            "project": spec.project_id,
            "owner": platform.owner,
            **({RESCUED: spec.rescue.image.id} if spec.rescue else {}),
        },
    )
    _text(domain, "memory", str(spec.ram), unit="MiB")
    cells.place(domain, spec, floating=platform.floating)
    _boot(domain, spec, files)
    _processor(domain, spec, platform)
    ET.SubElement(domain, "clock", offset="utc")
    for event, action in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        _text(domain, f"on_{event}", action)
    devices = ET.SubElement(domain, "devices")
    ET.SubElement(devices, "controller", type="pci", index="0", model="pcie-root")
    for number in range(ROOT_PORTS):
        _root_port(devices, number)
    bus = spec.rescue.bus if spec.rescue else "virtio"
    ET.SubElement(devices, "controller", type="usb", model="qemu-xhci" if bus == "usb" else "none")
    if bus == "scsi":
        ET.SubElement(devices, "controller", type="scsi", index="0", model="virtio-scsi")
    _disks(devices, spec, files, platform)
    for interface in spec.interfaces:
        devices.append(interface_element(interface))
    _console(devices, files)
    if spec.guest_agent:
        _agent(devices, files)
    _screen(devices, files.screen_socket if platform.screens else None)
    balloon = ET.SubElement(devices, "memballoon", model="virtio")
    ET.SubElement(balloon, "stats", period="10")
    # the first port had a USB controller once: cards keep the places that guests name them by
    ET.SubElement(balloon, "address", type="pci", bus="0x01", slot="0x00")
    rng = ET.SubElement(devices, "rng", model="virtio")
    _text(rng, "backend", "/dev/urandom", model="random")
    label = ET.SubElement(domain, "seclabel", type="static", model="dac", relabel="no")
    _text(label, "label", f"+{files.uid}:+{platform.gid}")
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def belongs_to(metadata: str, owner: str) -> bool:
    """Tell whether a domain's metadata element is of this agent."""
    try:
        element = ET.fromstring(metadata)  # noqa: S314  from our own libvirt
    except ET.ParseError:
        return False
    return element.get("owner") == owner


def rescued_with(metadata: str) -> str:
    """Return the id of the image that a domain is rescued with; empty where it is not."""
    return ET.fromstring(metadata).get(RESCUED, "")  # noqa: S314  from our own libvirt


def qemu_owner(capabilities: str) -> tuple[int, int]:
    """Return the (uid, gid) that a libvirt runs QEMU as, from its capabilities document."""
    for model in ET.fromstring(capabilities).iter("secmodel"):  # noqa: S314
        label = model.find("baselabel[@type='kvm']")
        if model.findtext("model") == "dac" and label is not None and label.text:
            uid, _, gid = label.text.partition(":")
            return int(uid.lstrip("+")), int(gid.lstrip("+"))
    return 0, 0


def cpu_model(capabilities: str) -> str:
    """Return the model of the host's processor as libvirt calls it."""
    return ET.fromstring(capabilities).findtext("host/cpu/model") or ""  # noqa: S314


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = text


def _boot(domain: ET.Element, spec: GuestSpec, files: DomainFiles) -> None:
    system = ET.SubElement(domain, "os")
    _text(system, "type", "hvm", arch="x86_64", machine="q35")
    direct = direct_boot_of(spec)
    if direct is not None and files.kernel is not None:
        _text(system, "kernel", str(files.kernel))
        if files.ramdisk is not None:
            _text(system, "initrd", str(files.ramdisk))
        _text(system, "cmdline", direct.cmdline or DEFAULT_CMDLINE)


def _processor(domain: ET.Element, spec: GuestSpec, platform: Platform) -> None:
    features = ET.SubElement(domain, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    if platform.accelerated:
        cpu = ET.SubElement(domain, "cpu", mode="host-model", check="none")
    else:
        cache = ET.SubElement(features, "tcg")
        _text(cache, "tb-cache", str(TRANSLATION_CACHE_MIB), unit="MiB")
        cpu = ET.SubElement(domain, "cpu", mode="maximum", check="none", migratable="on")
    cells.show(cpu, spec)


def _root_port(devices: ET.Element, number: int) -> None:
    """Add a place for one card, where it was while the first place was a graphics card's."""
    port = ET.SubElement(
        devices, "controller", type="pci", index=str(number + 1), model="pcie-root-port"
    )
    slot, function = divmod(number, 8)
    address = ET.SubElement(
        port, "address", type="pci", bus="0x00", slot=f"0x{slot + 2:02x}", function=f"0x{function}"
    )
    if function == 0:
        address.set("multifunction", "on")


def _disks(devices: ET.Element, spec: GuestSpec, files: DomainFiles, platform: Platform) -> None:
    disks, paths = disks_of(spec), iter(files.disks)
    taken = {disk.device for disk in disks}
    boots = len(disks) - 1 if spec.rescue and spec.rescue.stable else 0
    for index, disk in enumerate(disks):
        target = disk.device or free_target("", taken)
        taken.add(target)
        if spec.rescue and index == boots:
            element = rescue_disk(spec.rescue, next(paths), target, cache=platform.cache)
        elif disk.source is None:
            element = own_disk(next(paths), target, cache=platform.cache)
        else:
            element = attached_disk(disk, target)
        if index == boots and direct_boot_of(spec) is None:
            element.append(ET.Element("boot", order="1"))
        devices.append(element)
    if files.config_drive is not None:
        # not a CD-ROM: cloud kernels have no driver for the AHCI that q35 would put it on
        disk_element = ET.SubElement(devices, "disk", type="file", device="disk")
        ET.SubElement(disk_element, "driver", name="qemu", type="raw", cache=platform.cache)
        ET.SubElement(disk_element, "source", file=str(files.config_drive))
        ET.SubElement(disk_element, "target", dev=CONFIG_DRIVE, bus="virtio")
        ET.SubElement(disk_element, "readonly")


def _console(devices: ET.Element, files: DomainFiles) -> None:
    # append: whoever limits the log cuts it under QEMU's hands (console.py)
    for tag, target in (("serial", {"port": "0"}), ("console", {"type": "serial", "port": "0"})):
        device = ET.SubElement(devices, tag, type="unix")
        ET.SubElement(device, "source", mode="bind", path=str(files.console_socket))
        ET.SubElement(device, "log", file=str(files.console_log), append="on")
        ET.SubElement(device, "target", target)


def _screen(devices: ET.Element, socket: Path | None) -> None:
    """Add a graphics card in the place that is kept for it, and its screen on a socket of the guest's own."""
    video = ET.SubElement(devices, "video")
    if socket is None:  # what a guest does not have is nothing to break out through
        ET.SubElement(video, "model", type="none")
        return
    ET.SubElement(video, "model", type="vga", vram=str(SCREEN_KIB), heads="1", primary="yes")
    ET.SubElement(video, "address", type="pci", bus="0x00", slot="0x01")
    graphics = ET.SubElement(devices, "graphics", type="vnc", sharePolicy="force-shared")
    ET.SubElement(graphics, "listen", type="socket", socket=str(socket))


def _agent(devices: ET.Element, files: DomainFiles) -> None:
    """Give QEMU's agent in the guest a way to libvirt, in the last place: the others keep theirs."""
    bus = ET.SubElement(devices, "controller", type="virtio-serial", index="0")
    ET.SubElement(bus, "address", type="pci", bus=f"0x{ROOT_PORTS:02x}", slot="0x00")
    channel = ET.SubElement(devices, "channel", type="unix")
    ET.SubElement(channel, "source", mode="bind", path=str(files.agent_socket))
    ET.SubElement(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
