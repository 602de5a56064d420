"""Where everything of one guest is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cloudweb.driver import DriverError
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

    @property
    def config_drive(self) -> Path:
        return self.home / "config-drive.iso"

    def disk(self, disk: GuestDisk) -> Path:
        return self.home / f"{file_name(disk.name)}.qcow2"

    def base(self, disk: GuestDisk) -> Path:
        return self.home / f"{file_name(disk.name)}.base"

    @property
    def kernel(self) -> Path:
        return self.home / "kernel"

    @property
    def ramdisk(self) -> Path:
        return self.home / "ramdisk"

    def of(self, spec: GuestSpec, uid: int) -> DomainFiles:
        """Return the files a domain of this specification uses, as QEMU finds them."""
        direct = spec.direct_boot
        return DomainFiles(
            uid=uid,
            disks=tuple(self.seen / self.disk(disk).name for disk in own_disks(spec)),
            console_socket=self.console_socket,
            console_log=self.console_log,
            agent_socket=self.agent_socket,
            config_drive=self.seen / self.config_drive.name if self.config_drive.exists() else None,
            kernel=self.seen / self.kernel.name if direct is not None else None,
            ramdisk=(
                self.seen / self.ramdisk.name
                if direct is not None and direct.ramdisk is not None
                else None
            ),
        )

    def complete_for(self, spec: GuestSpec) -> bool:
        """Tell whether all that a boot needs is there."""
        direct = spec.direct_boot
        needed = [self.disk(disk) for disk in own_disks(spec)]
        if direct is not None:
            needed += [self.kernel, *([self.ramdisk] if direct.ramdisk is not None else [])]
        return self.home.exists() and all(path.exists() for path in needed)


def own_disks(spec: GuestSpec) -> list[GuestDisk]:
    """Return the disks that are files of the guest's own."""
    return [disk for disk in spec.disks if disk.source is None]


def file_name(name: str) -> str:
    """Return a name that an order gave; raise DriverError for one that leads elsewhere."""
    if not name or name.startswith(".") or "/" in name or "\0" in name or len(name) > 64:
        raise DriverError("The order names an impossible file.", detail=repr(name))
    return name
