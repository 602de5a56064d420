"""The files of guests: a directory each, with copy-on-write disks over bases that all share."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cloudweb import process
from cloudweb.driver import DriverError, TransientDriverError
from compute.drivers.libvirt.xml import DomainFiles
from compute.objects import GuestDisk, GuestSpec, ImageSource

#: Left free on the file system of guests: what a new guest writes first, and room for the host.
RESERVE = 512 * 1024**2
COPY_SECONDS = 1800.0


class DiskFull(TransientDriverError):
    """The file system of guests has no room; another host may."""

    code = "disk_full"
    default_message = "The host's disk is full."


@contextmanager
def host_errors() -> Iterator[None]:
    """Turn errors of the file system and of qemu-img into driver errors with a sentence."""
    try:
        yield
    except process.CommandFailed as error:
        if "No space left" in error.output:
            raise DiskFull(detail=error.detail) from error
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(detail=str(error)) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise TransientDriverError(
                "The host may not write the guest's files.", detail=str(error)
            ) from error
        raise TransientDriverError(
            "The host cannot write the guest's files.", detail=str(error)
        ) from error


@dataclass(frozen=True, slots=True)
class GuestFiles:
    """Where everything of one guest is."""

    home: Path
    console_socket: Path

    @property
    def console_log(self) -> Path:
        return self.home / "console.log"

    @property
    def config_drive(self) -> Path:
        return self.home / "config-drive.iso"

    def disk(self, disk: GuestDisk) -> Path:
        return self.home / f"{_file_name(disk.name)}.qcow2"

    def base(self, disk: GuestDisk) -> Path:
        return self.home / f"{_file_name(disk.name)}.base"

    @property
    def kernel(self) -> Path:
        return self.home / "kernel"

    @property
    def ramdisk(self) -> Path:
        return self.home / "ramdisk"

    def of(self, spec: GuestSpec) -> DomainFiles:
        """Return the files a domain of this specification uses."""
        direct = spec.direct_boot
        return DomainFiles(
            disks=tuple(self.disk(disk) for disk in spec.disks),
            console_socket=self.console_socket,
            console_log=self.console_log,
            config_drive=self.config_drive if self.config_drive.exists() else None,
            kernel=self.kernel if direct is not None else None,
            ramdisk=self.ramdisk if direct is not None and direct.ramdisk is not None else None,
        )

    def complete_for(self, spec: GuestSpec) -> bool:
        """Tell whether all that a boot needs is there."""
        files = self.of(spec)
        needed = (*files.disks, files.kernel, files.ramdisk)
        return self.home.exists() and all(path.exists() for path in needed if path is not None)


class Storage:
    """The guests' directory on this host; ``uid`` and ``gid`` are whom QEMU runs as."""

    def __init__(self, state_dir: Path, run_dir: Path) -> None:
        self.directory = state_dir / "guests"
        self.consoles = run_dir / "consoles"
        self.uid, self.gid = 0, 0

    def prepare(self, uid: int, gid: int) -> None:
        """Make the directories, for QEMU as that user if it can get there, else as root."""
        with host_errors():
            self.directory.mkdir(parents=True, exist_ok=True)
            self.consoles.mkdir(parents=True, exist_ok=True)
            if reachable(self.directory, uid, gid):
                self.uid, self.gid = uid, gid
            # libvirt listens there and hands QEMU the socket: no other user has business inside
            os.chown(self.consoles, 0 if os.geteuid() == 0 else -1, -1)
            self.consoles.chmod(0o700)

    def files(self, guest_id: str) -> GuestFiles:
        """Return where a guest's files are or would be."""
        return GuestFiles(
            self.directory / _file_name(guest_id), self.consoles / f"{_file_name(guest_id)}.sock"
        )

    def guests(self) -> list[str]:
        """Return the ids of all guests that have anything here, half-made ones too."""
        try:
            return [entry.name for entry in os.scandir(self.directory) if entry.is_dir()]
        except FileNotFoundError:
            return []

    def free(self) -> int:
        """Return the bytes that are free for guests."""
        return shutil.disk_usage(self.directory).free

    def total(self) -> int:
        """Return the size of the file system in bytes."""
        return shutil.disk_usage(self.directory).total

    def check_room(self) -> None:
        """Raise DiskFull when a new guest would have no room to write."""
        with host_errors():
            free = self.free()
        if free < RESERVE:
            raise DiskFull(
                detail=f"{free >> 20} MiB free in {self.directory}, {RESERVE >> 20} are kept: free some, "
                "or put the data directory (CLOUDWEB_VAR) on a larger file system"
            )

    def make_home(self, files: GuestFiles) -> bool:
        """Make the guest's directory; tell whether it was not there."""
        with host_errors():
            existed = files.home.exists()
            files.home.mkdir(exist_ok=True)
            os.chown(files.home, self.uid, self.gid)
            files.home.chmod(0o700)
            return not existed

    def make_disk(self, files: GuestFiles, disk: GuestDisk, images: Mapping[str, Path]) -> None:
        """Make a disk, whole or not at all; one that is there is kept."""
        target = files.disk(disk)
        if target.exists():
            return
        draft = target.with_suffix(".new")
        with host_errors():
            if disk.image is None:
                _create(draft, disk.size)
            else:
                if 0 < disk.size < disk.image.virtual_size:
                    raise DriverError("The disk is smaller than the image it should hold.")
                base = files.base(disk)
                self.link(image_of(disk.image, images), base)
                options = ("-F", disk.image.disk_format, "-b", base.name)
                _create(draft, max(disk.size, disk.image.virtual_size), *options)
            self.own(draft)
            draft.replace(target)

    def link(self, source: Path, target: Path) -> None:
        """Give a guest a shared read-only file under a name of its own.

        A hard link where that can be, else a copy: the base then stays for as long as a guest has it,
        whatever becomes of the cache, which no guest may enter. It stays root's; its group may read it.
        """
        with host_errors():
            target.unlink(missing_ok=True)
            try:
                target.hardlink_to(source)
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                    raise
                draft = target.with_name(f".{target.name}.new")
                draft.unlink(missing_ok=True)
                process.run(
                    *("cp", "--reflink=auto", "--sparse=always", "--", str(source), str(draft)),
                    timeout=COPY_SECONDS,
                )
                draft.replace(target)
            if self.uid != 0:
                os.chown(target, -1, self.gid)
                target.chmod(0o440)

    def bring_in(self, files: GuestFiles) -> None:
        """Replace links of an older version into the cache by what they point at."""
        with host_errors():
            for path in files.home.iterdir() if files.home.exists() else ():
                if path.is_symlink() and path.lstat().st_uid == os.geteuid():  # not a guest's own
                    self.link(path.resolve(strict=True), path)

    def own(self, path: Path) -> None:
        """Let QEMU alone read and write a file."""
        with host_errors():
            os.chown(path, self.uid, self.gid)
            path.chmod(0o600)

    def remove(self, files: GuestFiles) -> None:
        """Make everything of a guest absent."""
        with host_errors():
            with suppress(FileNotFoundError):
                shutil.rmtree(files.home)
            files.console_socket.unlink(missing_ok=True)

    def cache_mode(self) -> Literal["none", "writeback"]:
        """Return ``none`` where the file system can bypass the page cache, as live migration needs."""
        test = self.directory / f".direct-{os.getpid()}"
        try:
            os.close(os.open(test, os.O_RDWR | os.O_CREAT | os.O_DIRECT))
        except OSError:
            return "writeback"
        finally:
            test.unlink(missing_ok=True)
        return "none"


def image_of(source: ImageSource, images: Mapping[str, Path]) -> Path:
    """Return the local file of an image; raise DriverError when the order lacks it."""
    path = images.get(source.id)
    if path is None or not path.exists():
        raise TransientDriverError("The image is not on the host.", detail=source.id)
    return path


def reachable(path: Path, uid: int, gid: int) -> bool:
    """Tell whether a user may pass through all directories down to ``path``."""
    if uid == 0:
        return True
    for directory in (path, *path.parents):
        status = directory.stat()
        bit = stat.S_IXOTH
        if status.st_uid == uid:
            bit = stat.S_IXUSR
        elif status.st_gid == gid:
            bit = stat.S_IXGRP
        if not status.st_mode & bit:
            return False
    return True


def _create(path: Path, size: int, *options: str) -> None:
    process.run(
        "qemu-img", "create", "-q", "-f", "qcow2", *options, os.fspath(path), str(size),
        cwd=path.parent,
    )  # fmt: skip


def _file_name(name: str) -> str:
    if not name or name.startswith(".") or "/" in name or "\0" in name or len(name) > 64:
        raise DriverError("The order names an impossible file.", detail=repr(name))
    return name
