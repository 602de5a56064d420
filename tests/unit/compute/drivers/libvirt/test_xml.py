"""Specification to domain: what is in the golden files, and no more.

A wanted change: delete the file, run once, read the new one before it is committed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from compute.drivers.libvirt.xml import (
    NAMESPACE,
    DomainFiles,
    Platform,
    belongs_to,
    cpu_model,
    domain_xml,
    qemu_owner,
)
from compute.objects import DirectBoot, DiskSource, DiskThrottle, GuestDisk, GuestSpec, RescueDisk
from compute.topology_objects import GuestCell, GuestProcessors
from tests.builders.guests import make_guest, make_image, make_interface

GOLDEN = Path(__file__).parent / "golden"
ID = "0d9ad8a2-7a2e-4d1c-8d0c-0f3c9a1f5a11"
HOME = Path("/srv/guests") / ID
PLATFORM = Platform(owner="h1:abc", gid=109)


def guest(**overrides: object) -> GuestSpec:
    return make_guest(id=ID, name="instance-0000002a", **overrides)


def files(**overrides: object) -> DomainFiles:
    values: dict[str, object] = {
        "uid": 1879048192,
        "disks": (HOME / "root.qcow2",),
        "console_socket": Path("/run/cloudweb/abc/consoles/x.sock"),
        "console_log": Path("/srv/consoles/x.log"),
        **overrides,
    }
    return DomainFiles(**values)  # type: ignore[arg-type]


CASES = {
    "disk_boot": (guest(interfaces=(make_interface(port_id="p"),)), files(), PLATFORM),
    "direct_boot": (
        guest(
            direct_boot=DirectBoot(
                kernel=make_image(id="k"), ramdisk=make_image(id="r"), cmdline="console=ttyS0"
            )
        ),
        files(
            kernel=HOME / "kernel", ramdisk=HOME / "ramdisk", config_drive=HOME / "config-drive.iso"
        ),
        PLATFORM,
    ),
    "screen": (
        guest(),
        files(screen_socket=HOME / "screen.sock"),
        Platform(owner="h1:abc", gid=109, screens=True),
    ),
    "guest_agent": (
        guest(guest_agent=True, interfaces=(make_interface(port_id="p"),)),
        files(agent_socket=Path("/run/cloudweb/abc/consoles/x.agent")),
        PLATFORM,
    ),
    "attached_disks": (
        guest(
            disks=(
                GuestDisk(
                    size=1,
                    serial="boot",
                    device="vda",
                    source=DiskSource(kind="nbd_unix", path="/run/cw/nbd.sock", export="e1"),
                ),
                GuestDisk(name="own", size=1),
                GuestDisk(
                    size=1,
                    serial="tls",
                    device="vdd",
                    read_only=True,
                    source=DiskSource(
                        kind="nbd_tls", address="10.0.0.2", port=10809, export="e2", tls_name="h2"
                    ),
                ),
                GuestDisk(
                    size=1,
                    serial="luks",
                    source=DiskSource(
                        kind="rbd",
                        pool="vol1",
                        image="volume-2",
                        monitors=("10.0.0.3:6789",),
                        user="h1",
                        secret="c2VjcmV0",
                        encrypted=True,
                        passphrase="opens-it",
                    ),
                ),
                GuestDisk(
                    size=1,
                    serial="ceph",
                    throttle=DiskThrottle(total_iops_sec=100, write_bytes_sec=5),
                    source=DiskSource(
                        kind="rbd",
                        pool="vol1",
                        image="volume-1",
                        monitors=("10.0.0.3:6789", "[fd00::3]:6789"),
                        user="h1",
                        secret="c2VjcmV0",
                    ),
                ),
            )
        ),
        files(disks=(HOME / "own.qcow2",)),
        PLATFORM,
    ),
    "cells": (
        guest(
            vcpus=4,
            cells=(
                GuestCell(cpus=(0, 2), ram=64, host_cell=1, pins=(9, 8), page_size=2048),
                GuestCell(cpus=(1, 3), ram=64, host_cell=0, floats_on=(0, 1, 2)),
            ),
            processors=GuestProcessors(sockets=2, cores=1, threads=2),
        ),
        files(),
        Platform(owner="h1:abc", gid=109, floating=(0, 1, 2, 5)),
    ),
    "mixed": (
        guest(
            vcpus=3,
            cells=(GuestCell(cpus=(1, 2, 0), ram=128, host_cell=1, pins=(9, 8), floats_on=(5, 6)),),
        ),
        files(),
        Platform(owner="h1:abc", gid=109, floating=(0, 1, 2, 5)),
    ),
    "kvm_two_of_each": (
        guest(
            vcpus=4,
            ram=4096,
            disks=(GuestDisk(size=1), GuestDisk(name="data", size=1)),
            interfaces=(
                make_interface(port_id="p1", tap="tap1", mtu=1450),
                make_interface(port_id="p2", tap="tap2", mac="fa:16:3e:00:00:02", mtu=9000),
            ),
        ),
        files(disks=(HOME / "root.qcow2", HOME / "data.qcow2")),
        Platform(owner="h1:abc", accelerated=True, gid=109, cache="writeback"),
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_golden(name: str) -> None:
    text = domain_xml(*CASES[name])
    golden = GOLDEN / f"{name}.xml"
    if not golden.exists():
        golden.write_text(text)
        pytest.fail(f"{golden} was written anew: read it, then run again")
    assert text == golden.read_text()


def test_who_is_not_pinned_stays_off_what_is_dedicated() -> None:
    platform = Platform(owner="h1:abc", floating=(0, 1, 2, 5))
    vcpu = ET.fromstring(domain_xml(guest(), files(), platform)).find("vcpu")
    assert vcpu is not None
    assert vcpu.attrib == {"cpuset": "0-2,5"}


def test_words_of_a_tenant_do_not_become_structure() -> None:
    nasty = "</cmdline></os><devices/>\"'&"
    spec = guest(direct_boot=DirectBoot(kernel=make_image(), cmdline=nasty))
    root = ET.fromstring(domain_xml(spec, files(kernel=HOME / "kernel"), PLATFORM))
    assert root.findtext("os/cmdline") == nasty
    assert len(root.findall("devices")) == 1


def test_a_domain_belongs_to_the_owner_in_its_metadata() -> None:
    root = ET.fromstring(domain_xml(guest(), files(), PLATFORM))
    element = root.find("metadata/{urn:cloudweb:instance:1}instance")
    assert element is not None
    text = ET.tostring(element, encoding="unicode")
    assert belongs_to(text, "h1:abc")
    assert not belongs_to(text, "h1:other")
    assert not belongs_to("<broken", "h1:abc")


def test_whom_qemu_runs_as_is_read_from_the_capabilities() -> None:
    text = (
        "<capabilities><host><cpu><model>Skylake</model></cpu>"
        "<secmodel><model>apparmor</model><baselabel type='kvm'>x</baselabel></secmodel>"
        "<secmodel><model>dac</model><baselabel type='kvm'>+64055:+108</baselabel></secmodel>"
        "</host></capabilities>"
    )
    assert qemu_owner(text) == (64055, 108)
    assert qemu_owner("<capabilities/>") == (0, 0)
    assert (cpu_model(text), cpu_model("<capabilities/>")) == ("Skylake", "")


def rescued(**how: Any) -> ET.Element:
    """Return a domain of a guest with two disks, rescued."""
    own = (GuestDisk(size=1, device="vda"), GuestDisk(name="more", size=1, device="vdc"))
    rescue = RescueDisk(image=make_image(id="r"), size=1, **how)
    names = ["root", "more"]
    names = [*names, "rescue"] if rescue.stable else ["rescue", *names]
    there = files(disks=tuple(HOME / f"{name}.qcow2" for name in names))
    return ET.fromstring(domain_xml(guest(disks=own, rescue=rescue), there, PLATFORM))


def test_what_a_guest_is_rescued_with() -> None:
    """It boots, before the others or behind them, as what and on which bus its image says."""
    cases: dict[str, dict[str, Any]] = {
        "first": {},
        "stable": {"stable": True},
        "usb": {"stable": True, "bus": "usb"},
        "scsi": {"stable": True, "bus": "scsi"},
        "cd": {"stable": True, "bus": "sata", "device": "cdrom"},
    }
    found = {}
    for name, how in cases.items():
        domain = rescued(**how)
        assert domain.find(f"metadata/{{{NAMESPACE}}}instance").get("rescued") == "r"  # type: ignore[union-attr]
        disks = domain.findall("devices/disk")
        places = []
        for disk in disks:
            source, target = disk.find("source"), disk.find("target")
            assert source is not None
            assert target is not None
            boots = "*" if disk.find("boot") is not None else ""
            shape = f"{disk.get('device')}:{target.get('dev')}:{target.get('bus')}"
            places.append(f"{Path(source.get('file', '')).stem}{boots} {shape}")
        found[name] = places
    own = ["root disk:vda:virtio", "more disk:vdc:virtio"]
    assert found == {
        "first": ["rescue* disk:vda:virtio", "root disk:vdb:virtio", "more disk:vdc:virtio"],
        "stable": [*own, "rescue* disk:vdb:virtio"],
        "usb": [*own, "rescue* disk:sdb:usb"],
        "scsi": [*own, "rescue* disk:sdb:scsi"],
        "cd": [*own, "rescue* cdrom:sdb:sata"],
    }
    usb, scsi = rescued(**cases["usb"]), rescued(**cases["scsi"])
    assert usb.find("devices/controller[@type='usb']").get("model") == "qemu-xhci"  # type: ignore[union-attr]
    assert scsi.find("devices/controller[@type='scsi']").get("model") == "virtio-scsi"  # type: ignore[union-attr]
