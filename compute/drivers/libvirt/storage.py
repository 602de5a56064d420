"""The files of guests: a directory each, with copy-on-write disks over bases that all share."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from cloudweb import process
from cloudweb.driver import DiskFull, DriverError, TransientDriverError, is_full
from cloudweb.files import PASSED_THROUGH, make_directory, write_atomically
from cloudweb.image_cache.source import ImageSource
from compute.drivers.libvirt import console
from compute.drivers.libvirt.files import GuestFiles, file_name, own_disks
from compute.drivers.libvirt.users import GuestUsers
from compute.objects import GuestDisk, GuestSpec

#: Left free on the file system of guests: what a new guest writes first, and room for the host.
RESERVE = 512 * 1024**2
COPY_SECONDS = 1800.0


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
        if is_full(error):
            raise DiskFull(detail=str(error)) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise TransientDriverError(
                "The host may not write the guest's files.", detail=str(error)
            ) from error
        raise TransientDriverError(
            "The host cannot write the guest's files.", detail=str(error)
        ) from error


class Storage:
    """The guests' directory on this host.

    What is in a guest's home belongs to the guest, so root makes things elsewhere (``drafts``) and moves
    them in, and never follows what it finds there.

    On a file system of its own the directory may be one that hosts share. A home has a record beside it then,
    of the host that has the guest: another one takes away nothing of it.
    """

    def __init__(self, state_dir: Path, run_dir: Path, host: str = "") -> None:
        self.directory = self._seen = state_dir / "guests"
        self.logs, self._host = state_dir / "consoles", host
        self._mark = hashlib.sha256(host.encode()).hexdigest()[:8]
        self.consoles = run_dir / "consoles"
        self.gid = 0
        self._users = GuestUsers(self.directory, None, shared=0)

    def prepare(
        self, uid: int, gid: int, *, uids: range | None = None, seen: Path | None = None
    ) -> None:
        """Make the directories, for guests as users of ``uids``, else as ``uid``; in one group.

        ``seen`` is where QEMU finds the guests' directory; without it guests are root where they
        cannot get there.
        """
        with host_errors():
            make_directory(self.directory, PASSED_THROUGH)
            for directory in (self.drafts, self.logs, self.consoles):
                make_directory(directory)
            self._seen = seen or self.directory
            self.gid = gid
            if seen is None and not reachable(self.directory, uids[0] if uids else uid, gid):
                uid, self.gid, uids = 0, 0, None
            self._users = GuestUsers(self.directory, uids, shared=uid)
            self._adopt_logs()

    @property
    def may_be_shared(self) -> bool:
        """Tell whether other hosts may have guests in the directory, too."""
        with suppress(FileNotFoundError):
            return self.directory.stat().st_dev != self.directory.parent.stat().st_dev
        return False

    @property
    def drafts(self) -> Path:
        """Where root makes things, on the guests' file system."""
        if self.may_be_shared:
            return self.directory / f".drafts-{self._mark}"
        return self.directory.parent / "drafts"

    def claim(self, files: GuestFiles) -> None:
        """Note that this host has the guest, for those that share the directory."""
        if self.may_be_shared:
            with host_errors():
                write_atomically(self._record(files.home.name), self._host)

    def give_up(self, files: GuestFiles) -> None:
        """Note that the guest is this host's no more; no host takes it away until another one claims it."""
        if self._holder(files.home.name) == self._host:
            with host_errors():
                write_atomically(self._record(files.home.name), "")

    def is_others(self, files: GuestFiles) -> bool:
        """Tell whether another host has the guest, and shares the directory."""
        return self._holder(files.home.name) not in (None, self._host)

    def _holder(self, guest: str) -> str | None:
        with suppress(FileNotFoundError):
            return self._record(guest).read_text()
        return None

    def _record(self, guest: str) -> Path:
        return self.directory / f".{guest}.host"

    @property
    def runs_as_root(self) -> bool:
        """Tell whether QEMU runs as root here, for want of a better way."""
        return self._users.shared_by_all == 0

    def files(self, guest_id: str) -> GuestFiles:
        """Return where a guest's files are or would be."""
        name = file_name(guest_id)
        return GuestFiles(
            home=self.directory / name,
            seen=self._seen / name,
            console_socket=self.consoles / f"{name}.sock",
            console_log=self.logs / f"{name}.log",
            agent_socket=self.consoles / f"{name}.agent",
            # on its way a guest has one on each host
            screen=f"screen-{self._mark}.sock" if self.may_be_shared else "screen.sock",
        )

    def _adopt_logs(self) -> None:
        """Take consoles' logs out of the homes, where older versions had them; QEMU writes on."""
        for guest in self.guests():
            files = self.files(guest)
            for old, new in (
                (files.home / "console.log", files.console_log),
                (files.home / "console.log.0", console.rotated(files.console_log)),
            ):
                if is_plain(old) and old.lstat().st_uid == os.geteuid():
                    old.rename(new)

    def guests(self) -> list[str]:
        """Return the ids of all guests that have anything here, half-made ones too."""
        try:
            found = [entry.name for entry in os.scandir(self.directory) if entry.is_dir()]
            if self.may_be_shared:
                return [name for name in found if self._holder(name) == self._host]
            return found
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
        """Make the guest's directory, the guest's own; tell whether it was not there."""
        with host_errors(), self._users.drawing:
            existed = files.home.exists()
            if not existed:
                self.claim(files)
            uid = self._users.of(files.home)
            files.home.mkdir(exist_ok=True, mode=0o700)
            os.chown(files.home, uid, self.gid)
            files.home.chmod(0o700)
            return not existed

    def hand_over(self, files: GuestFiles, spec: GuestSpec) -> int:
        """Return whom a guest that is about to start runs as; what it writes is that user's then.

        An older version gave all guests' files to one user. Bases are everybody's and stay root's.
        """
        self.make_home(files)
        self._bring_in(files)
        with host_errors():
            uid = self._users.of(files.home)
            drives = (files.config_drive, files.rescue_config_drive)
            for path in (*map(files.disk, own_disks(spec)), *drives):
                if path.is_symlink() or (path.exists() and not is_plain(path)):
                    raise DriverError(
                        "The guest's files are not as they were made.", detail=str(path)
                    )
                if path.exists() and path.lstat().st_uid != uid:
                    os.chown(path, uid, self.gid, follow_symlinks=False)
        for disk in spec.disks:
            self.let_in(files, disk)
        return uid

    def let_in(self, files: GuestFiles, disk: GuestDisk) -> None:
        """Give the socket of an attached disk to the guest, who alone may connect to it then.

        Raises TransientDriverError where the volume is not served on this host, and DriverError where
        it is another guest's.
        """
        if disk.source is None or disk.source.kind != "nbd_unix":
            return
        path, uid = Path(disk.source.path), self._users.of(files.home)
        with host_errors():
            try:
                found = path.lstat()
            except FileNotFoundError as error:
                raise TransientDriverError(
                    "A volume of the server is not served on its host.", detail=str(path)
                ) from error
            if not stat.S_ISSOCK(found.st_mode) or found.st_uid not in (os.geteuid(), uid):
                raise DriverError("The volume is another guest's.", detail=str(path))
            os.chown(path, uid, self.gid, follow_symlinks=False)
            path.chmod(0o600)

    def owner(self, files: GuestFiles) -> int:
        """Return whom a guest's files belong to."""
        return self._users.of(files.home)

    def draft(self, files: GuestFiles, name: str) -> Path:
        """Return where a file is made before it is moved into the guest's home."""
        path = self.drafts / f"{files.home.name}.{name}"
        path.unlink(missing_ok=True)
        return path

    def move_in(self, draft: Path, files: GuestFiles, target: Path) -> None:
        """Give a draft to the guest alone and put it in its place."""
        with host_errors():
            os.chown(draft, self._users.of(files.home), self.gid)
            draft.chmod(0o600)
            draft.replace(target)

    def make_disk(self, files: GuestFiles, disk: GuestDisk, images: Mapping[str, Path]) -> None:
        """Make a disk, whole or not at all; one that is there is kept."""
        target = files.disk(disk)
        if target.exists():
            return
        with host_errors():
            draft = self.draft(files, target.name)
            if disk.image is None:
                _create(draft, disk.size)
            else:
                if 0 < disk.size < disk.image.virtual_size:
                    raise DriverError("The disk is smaller than the image it should hold.")
                base = files.base(disk)
                self.link(image_of(disk.image, images), files, base)
                # -u: the base is not beside the draft, but where the draft goes
                options = ("-u", "-F", disk.image.disk_format, "-b", base.name)
                _create(draft, max(disk.size, disk.image.virtual_size), *options)
        self.move_in(draft, files, target)

    def link(self, source: Path, files: GuestFiles, target: Path) -> None:
        """Give a guest a shared read-only file under a name of its own.

        A hard link where that can be, else a copy: the base then stays for as long as a guest has it,
        whatever becomes of the cache, which no guest may enter. It stays root's; its group may read it.
        """
        with host_errors():
            self._share(source)
            target.unlink(missing_ok=True)
            try:
                target.hardlink_to(source)
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                    raise
                draft = self.draft(files, target.name)
                process.run(
                    *("cp", "--reflink=auto", "--sparse=always", "--", str(source), str(draft)),
                    timeout=COPY_SECONDS,
                )
                self._share(draft)
                draft.replace(target)

    def _share(self, path: Path) -> None:
        os.chown(path, -1, self.gid)
        path.chmod(0o440)

    def _bring_in(self, files: GuestFiles) -> None:
        """Replace links of an older version into the cache by what they point at."""
        with host_errors():
            for path in files.home.iterdir():
                if path.is_symlink() and path.lstat().st_uid == os.geteuid():  # not a guest's own
                    self.link(path.resolve(strict=True), files, path)

    def remove(self, files: GuestFiles) -> None:
        """Make everything of a guest absent; what another host has is that host's."""
        self.remove_outside(files)
        if self.is_others(files):
            return
        with host_errors(), suppress(FileNotFoundError):
            shutil.rmtree(files.home)
        with host_errors():
            self._record(files.home.name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Make absent what is left once all guests are; a shared directory stays."""
        for directory in (self.drafts, self.logs):
            shutil.rmtree(directory, ignore_errors=True)
        if not self.may_be_shared:
            shutil.rmtree(self.directory, ignore_errors=True)

    def remove_outside(self, files: GuestFiles) -> None:
        """Make absent what this host alone has of a guest: all but its home, which hosts may share."""
        with host_errors():
            for path in (
                files.console_socket,
                files.agent_socket,
                files.console_log,
                console.rotated(files.console_log),
                *self.drafts.glob(f"{files.home.name}.*"),
            ):
                path.unlink(missing_ok=True)

    def drop_rescue(self, files: GuestFiles) -> None:
        """Make absent what a guest was rescued with."""
        with host_errors():
            for path in files.for_rescue:
                path.unlink(missing_ok=True)

    def wipe(self, files: GuestFiles, keep: Collection[str]) -> None:
        """Make a guest's disks and what it boots absent, but disks of these names; its console's log stays."""
        kept = {files.disk(GuestDisk(name=name, size=0)) for name in keep}
        with host_errors(), suppress(FileNotFoundError):
            for path in files.home.iterdir():
                if path not in kept and not path.is_dir():
                    path.unlink(missing_ok=True)

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


def is_plain(path: Path) -> bool:
    """Tell whether a path is a file under this one name, and no link to another."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1
