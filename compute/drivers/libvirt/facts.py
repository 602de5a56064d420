"""What a host is and what it needs installed."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

import libvirt

from compute.drivers.base import HypervisorUnavailable
from compute.drivers.libvirt import config_drive, probe, processor, xml
from compute.topology_objects import NumaCell

MIB = 1024**2

#: Debian's and Ubuntu's, then Fedora's.
QEMU_USERS = ("libvirt-qemu", "qemu")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What does not change while an agent runs. ``ram`` in MiB; ``version`` of QEMU, 7.2.0 as 7002000."""

    vcpus: int = 0
    ram: int = 0
    version: int = 0
    cpu_model: str = ""
    cells: tuple[NumaCell, ...] = ()

    @classmethod
    def of(cls, connection: libvirt.virConnect, capabilities: str) -> HostFacts:
        """Ask libvirt. Its first look at QEMU takes seconds and is remembered by it."""
        info = connection.getInfo()
        return cls(
            vcpus=int(info[2]),
            ram=memory("MemTotal") // MIB,  # libvirt misses memory that was plugged in later
            version=connection.getVersion(),
            cpu_model=xml.cpu_model(capabilities),
            cells=processor.cells(capabilities),
        )


def check_host() -> None:
    """Raise HypervisorUnavailable, saying what to do, unless guests can be run here."""
    if os.geteuid() != 0:
        raise HypervisorUnavailable(
            "Real guests need root: run as root, or with DRIVERS=fake for a simulated cloud."
        )
    missing = [
        package
        for program, package in ((probe.EMULATOR, "qemu-system-x86"), ("qemu-img", "qemu-utils"))
        if shutil.which(program) is None
    ]
    if config_drive.find_tool() is None:
        missing.append("genisoimage")
    if missing:
        raise HypervisorUnavailable(
            f"This host lacks programs that guests need: apt-get install {' '.join(missing)}"
        )


def qemu_user() -> tuple[int, int]:
    """Return (uid, gid) of the user that the distribution made for guests, else root's."""
    for name in QEMU_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    return 0, 0


def group_for_kvm(gid: int) -> int | None:
    """Return the group by which guests may open the KVM device: theirs, or the device's; None for none."""
    status = probe.DEVICE.stat()
    if status.st_mode & stat.S_IRWXO >= stat.S_IROTH | stat.S_IWOTH:
        return gid
    return status.st_gid if status.st_gid != 0 and status.st_mode & stat.S_IWGRP else None


def memory(which: str) -> int:
    """Return a line of the kernel's account of memory (MemTotal, MemAvailable) in bytes."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) * 1024
    return 0
