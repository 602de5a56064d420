"""Files that others left in the directory of a pool become volumes, and volumes are left to others as files.

A name's ending says how a file is read: ``.qcow2``, or ``.raw`` and ``.img``; it is never guessed. While a
file becomes a volume it has both names for a moment, and so while it is left to others: whoever dies over
it leaves it under one of them at least.
"""

from __future__ import annotations

import os
import secrets
import stat
import threading
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from cloudweb.disks import qcow2 as sound
from cloudweb.disks.reading import BrokenDisk, Disk
from cloudweb.driver import DriverError, Work
from cloudweb.files import sync_directory
from volume.drivers.base import Manages, VolumeInUse
from volume.drivers.file import qcow2
from volume.drivers.file.daemon import Daemons
from volume.drivers.file.files import File, Files
from volume.drivers.file.layers import Layers
from volume.drivers.file.locking import is_open
from volume.drivers.file.qemu_img import qemu_img
from volume.objects import Format, Manageable, ManageRequest, UnmanageRequest, VolumeState

ENDINGS: dict[str, Format] = {".qcow2": "qcow2", ".raw": "raw", ".img": "raw"}
#: Copying what a volume shares with others into its own file. Seconds.
LONG = 12 * 3600.0


class FileManaging(Manages):
    """Its part of the driver of files."""

    files: Files
    daemons: Daemons
    _layers: Layers
    _graph: threading.RLock

    def manageable(self, pool: str, name: str = "") -> Sequence[Manageable]:
        """Return the files that are none of ours; the tables of one that is named are looked at, too."""
        names = self.files.foreign() if not name else [name] if self.files.is_foreign(name) else []
        paths = (self.files.directory / one for one in names)
        return [_looked_at(path, deep=bool(name)) for path in paths if _is_there(path)]

    def manage(self, request: ManageRequest, *, work: Work) -> VolumeState:
        """Let the file be the first of a volume, and have no other name; then let it be as large."""
        volume_id = request.volume.id
        with self._graph:
            known, left = self.files.find(volume_id), self.files.directory / request.name
            if known is None:
                known = self._begin(volume_id, request.name, work)
            if _same(left, known.path):
                work.checkpoint()
                left.unlink()
                sync_directory(self.files.directory)
        if known.size() < request.size:
            work.checkpoint()
            _grow(known, request.size)
        return self._state(volume_id, known)

    def _begin(self, volume_id: str, name: str, work: Work) -> File:
        if not self.files.is_foreign(name):
            raise DriverError(f"There is no file of others' called {name}.")
        left = self.files.directory / name
        kind = ENDINGS.get(left.suffix, "raw")
        file = self.files.first(volume_id, kind)
        begun = _same(left, file.path)
        if problem := _looked_at(left, deep=True, names=2 if begun else 1).problem:
            raise DriverError(problem, detail=name)
        work.checkpoint()
        if not begun:
            os.link(left, file.path)
        file.path.chmod(0o600)
        if file.path.stat().st_uid != os.geteuid():
            os.chown(file.path, os.geteuid(), os.getegid())
        work.checkpoint()
        self.files.point(volume_id, file)
        return file

    def unmanage(self, request: UnmanageRequest, *, work: Work) -> None:
        """Let its file hold all of it, and call that something else."""
        volume_id = request.volume.id
        file = self.files.find(volume_id)
        if file is None:
            self._end(volume_id)
            return
        if self.daemons.is_running(volume_id) or self.files.snapshots(volume_id):
            raise VolumeInUse
        if file.encrypted:
            raise DriverError("An encrypted volume cannot be left to others: its key is ours.")
        self._stand_alone(file, work)
        work.checkpoint()
        with self._graph:
            left = self._name_for(file, volume_id, request.name)
            if not left.exists():
                os.link(file.path, left)
                sync_directory(self.files.directory)
            work.checkpoint()
            self.files.unlink(volume_id)
            self._end(volume_id)

    def _stand_alone(self, file: File, work: Work) -> None:
        """Copy what is below a file into it, and drop what nobody else stands on."""
        below = self.files.below(file)
        if below is None:
            return
        work.checkpoint()
        directory = self.files.directory
        qemu_img("rebase", "-f", "qcow2", "-b", "", str(file.path), timeout=LONG, cwd=directory)
        with self._graph:
            self._layers.drop_unused(below)

    def _name_for(self, file: File, volume_id: str, wanted: str) -> Path:
        """Return what it can be called: as it is wanted, or so that nothing is overwritten."""
        names = (
            wanted if self.files.is_foreign(wanted) else "",
            f"unmanaged-{volume_id}",
            f"unmanaged-{volume_id}-{secrets.token_hex(4)}",
        )
        for name in names:
            path = self.files.directory / name
            if name and path.suffix not in ENDINGS:
                path = path.with_name(f"{name}.{file.format}")
            if name and (not _is_there(path) or _same(path, file.path)):
                return path
        raise DriverError("The file cannot be called anything.", detail=wanted)

    def _end(self, volume_id: str) -> None:
        """Drop our names of files that others' names lead to."""
        for name in self.files.foreign():
            for file in self.files.of(volume_id):
                if _same(self.files.directory / name, file.path):
                    file.path.unlink()
        sync_directory(self.files.directory)

    @abstractmethod
    def _state(self, volume_id: str, file: File) -> VolumeState: ...


def _looked_at(path: Path, *, deep: bool, names: int = 1) -> Manageable:
    """Return a file as it would be a volume, with what is in the way."""
    kind = ENDINGS.get(path.suffix)
    size, problem = 0, ""
    try:
        facts = path.lstat()
        size = facts.st_size
        if not stat.S_ISREG(facts.st_mode):
            problem = "It is no file itself: a link, a directory or a device."
        elif kind is None:
            problem = "Its name must end with .qcow2, .raw or .img, which says how it is read."
        elif facts.st_nlink > names:
            problem = "It has other names as well: who knows those could write to it."
        elif is_open(path):
            problem = "It is in use."
        else:
            size = _size(path, kind, deep=deep)
    except (BrokenDisk, DriverError) as error:
        problem = f"It cannot be read as {kind}: {error}."
    except OSError as error:
        problem = f"It cannot be read: {error.strerror}."
    if not problem and size == 0:
        problem = "It is empty."
    return Manageable(name=path.name, size=size, problem=problem, format=kind or "")


def _size(path: Path, kind: Format, *, deep: bool) -> int:
    """Return the bytes of the disk; raise BrokenDisk for what cannot be one."""
    with path.open("rb") as file:
        disk = Disk(file)
        if kind == "raw":
            if (
                disk.size >= len(sound.MAGIC)
                and disk.read(0, len(sound.MAGIC), "head") == sound.MAGIC
            ):
                raise BrokenDisk("what it holds is qcow2; let its name say so")
            return disk.size
        if deep:
            sound.check(disk)
        else:
            sound.check_header(disk)
        if disk.read(4, 4, "header") != b"\0\0\0\3":
            raise BrokenDisk(
                "it is of the old version 2; qemu-img amend -o compat=1.1 makes it new"
            )
    return qcow2.read_header(path).size


def _grow(file: File, size: int) -> None:
    if file.format == "raw":
        with file.path.open("r+b") as opened:
            opened.truncate(size)
            os.fsync(opened.fileno())
        return
    qemu_img("resize", "-q", "-f", "qcow2", str(file.path), str(size))


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def _same(one: Path, other: Path) -> bool:
    """Tell whether two names are one file's."""
    try:
        return os.path.samestat(one.lstat(), other.lstat())
    except FileNotFoundError:
        return False
