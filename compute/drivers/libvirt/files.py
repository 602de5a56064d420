"""Where everything of one guest is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cloudweb.driver import DriverError
from compute.drivers.libvirt.disks import RESCUE, direct_boot_of, disks_of
from compute.drivers.libvirt.xml import DomainFiles
from compute.objects import GuestDisk, GuestSpec


@dataclass(frozen=True, slots=True)
class GuestFiles:
    """The files of one guest.

    ``home`` is the guest's own; QEMU finds it at ``seen``. The console's socket and log are root's:
    QEMU gets them open.
    """

    home: Path
    seen: Path
    console_socket: Path
    console_log: Path
    agent_socket: Path
    screen: str = "screen.sock"

    @property
    def screen_socket(self) -> Path:
        return self.home / self.screen

    @property
    def config_drive(self) -> Path:
        return self.home / "config-drive.iso"

    def disk(self, disk: GuestDisk) -> Path:
        return self.home / f"{file_name(disk.name)}.qcow2"

    def base(self, disk: GuestDisk) -> Path:
        return self.home / f"{file_name(disk.name)}.base"

    @property
    def rescue_config_drive(self) -> Path:
        return self.home / "rescue-config-drive.iso"

    @property
    def rescue_kernel(self) -> Path:
        return self.home / "rescue-kernel"

    @property
    def rescue_ramdisk(self) -> Path:
        return self.home / "rescue-ramdisk"

    @property
    def for_rescue(self) -> list[Path]:
        """Return all that a guest has for as long as it is rescued."""
        disk = GuestDisk(name=RESCUE, size=0)
        return [
            *(self.disk(disk), self.base(disk), self.rescue_config_drive),
            *(self.rescue_kernel, self.rescue_ramdisk),
        ]

    @property
    def kernel(self) -> Path:
        return self.home / "kernel"

    @property
    def ramdisk(self) -> Path:
        return self.home / "ramdisk"

    def of(self, spec: GuestSpec, uid: int) -> DomainFiles:
        """Return the files a domain of this specification uses, as QEMU finds them."""
        direct, rescued = direct_boot_of(spec), spec.rescue is not None
        drive = self.rescue_config_drive if rescued else self.config_drive
        kernel = self.rescue_kernel if rescued else self.kernel
        ramdisk = self.rescue_ramdisk if rescued else self.ramdisk
        return DomainFiles(
            uid=uid,
            disks=tuple(self.seen / self.disk(disk).name for disk in own_disks(spec)),
            console_socket=self.console_socket,
            console_log=self.console_log,
            agent_socket=self.agent_socket,
            screen_socket=self.seen / self.screen_socket.name,
            config_drive=self.seen / drive.name if drive.exists() else None,
            kernel=self.seen / kernel.name if direct is not None else None,
            ramdisk=(
                self.seen / ramdisk.name
                if direct is not None and direct.ramdisk is not None
                else None
            ),
        )

    def complete_for(self, spec: GuestSpec) -> bool:
        """Tell whether all that a boot needs is there."""
        direct = direct_boot_of(spec)
        needed = [self.disk(disk) for disk in own_disks(spec)]
        if direct is not None:
            files = self.of(spec, 0)
            found = (files.kernel, files.ramdisk)
            needed += [self.home / path.name for path in found if path is not None]
        return self.home.exists() and all(path.exists() for path in needed)


def own_disks(spec: GuestSpec) -> list[GuestDisk]:
    """Return the disks that are files of the guest's own, and what it is rescued with, in their order."""
    return [disk for disk in disks_of(spec) if disk.source is None]


def file_name(name: str) -> str:
    """Return a name that an order gave; raise DriverError for one that leads elsewhere."""
    if not name or name.startswith(".") or "/" in name or "\0" in name or len(name) > 64:
        raise DriverError("The order names an impossible file.", detail=repr(name))
    return name
