"""The files of a pool: which is which, what is below what, and what nobody needs any more.

``volume-<id>`` is a link to the file that the volume's guest writes to, ``data-<id>-<token>.<format>``.
Below that there may be layers, files of the same kind that are written no more (of a snapshot, or
frozen for a clone), and at the bottom a base (``bases/...``: an image). ``snapshots/<id>.json`` names the
layer that is a snapshot; one that is none is hidden, and goes once nothing needs it.

No file with data ever gets another name, and no name another file: QEMU opens by name again what it
has open. A file's format is in its name and in the header of what is above it. It is never guessed: a
guest may write to a raw disk whatever it likes.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudweb.driver import DriverError, Work
from cloudweb.files import make_directory, sync_directory, write_atomically
from cloudweb.records import forget, read_record
from volume.drivers.base import NoSuchVolume
from volume.drivers.file import qcow2
from volume.objects import Format

FORMATS: tuple[Format, ...] = ("qcow2", "raw")
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")
_OURS = re.compile(r"^((\.|draft-)?(volume|data|held)-.*|bases|snapshots|\.pool)\Z")
_CHUNK = 4 * 1024**2
#: A base without a volume may be about to be used for so long. Seconds.
GRACE = 3600.0


@dataclass(frozen=True, slots=True)
class File:
    """A file of the pool, and how it is to be read; ``cipher``: all of it is one, behind a header."""

    path: Path
    format: Format
    cipher: bool = False

    @property
    def node(self) -> str:
        """What a daemon calls it: a name that stays when the file gets another one."""
        return f"n{self.path.stat().st_ino:x}"

    @property
    def encrypted(self) -> bool:
        """Whether what is written to it is a cipher's."""
        return self.cipher or (
            self.format == "qcow2" and qcow2.read_header(self.path).luks is not None
        )

    def size(self) -> int:
        """Return the bytes of the disk."""
        if self.format == "raw":
            return self.path.stat().st_size
        return qcow2.read_header(self.path).size


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of a snapshot."""

    id: str
    volume_id: str
    size: int
    file: str


class Files:
    """The files of one pool in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def open(self) -> None:
        """Make the pool's directories."""
        for path in (self.directory, self.directory / "bases", self.directory / "snapshots"):
            make_directory(path)

    # Volumes

    def find(self, volume_id: str) -> File | None:
        """Return what a volume's guest writes to."""
        try:
            return self._file(self.directory / self._link(volume_id).readlink())
        except FileNotFoundError:
            return None

    def get(self, volume_id: str) -> File:
        """Return what a volume's guest writes to; raise NoSuchVolume."""
        found = self.find(volume_id)
        if found is None:
            raise NoSuchVolume
        return found

    def volume_ids(self) -> Sequence[str]:
        """Return the ids of all volumes."""
        return sorted(path.name.partition("-")[2] for path in self.directory.glob("volume-*"))

    def first(self, volume_id: str, kind: Format) -> File:
        """Return the file that a volume begins with."""
        return File(self.directory / f"data-{_checked(volume_id)}-0.{kind}", kind)

    def next(self, volume_id: str) -> File:
        """Return a file that a volume may go on with; there is none of its name."""
        name = f"data-{_checked(volume_id)}-{secrets.token_hex(4)}.qcow2"
        return File(self.directory / name, "qcow2")

    def point(self, volume_id: str, file: File) -> None:
        """Let the volume's guest write to a file from now on; it is on the disk as a whole."""
        link = self._link(volume_id)
        draft = link.with_name(f".{link.name}")
        draft.unlink(missing_ok=True)
        draft.symlink_to(file.path.name)
        draft.replace(link)
        sync_directory(self.directory)

    def unlink(self, volume_id: str) -> None:
        """Let there be no such volume; its files are still there."""
        link = self._link(volume_id)
        link.with_name(f".{link.name}").unlink(missing_ok=True)
        link.unlink(missing_ok=True)
        self.draft(volume_id).unlink(missing_ok=True)
        sync_directory(self.directory)

    def of(self, volume_id: str) -> Sequence[File]:
        """Return all files that were ever a volume's, newest first, and are there still."""
        paths = self.directory.glob(f"data-{_checked(volume_id)}-*.*")
        return [self._file(path) for path in sorted(paths, key=_age, reverse=True)]

    def _link(self, volume_id: str) -> Path:
        return self.directory / f"volume-{_checked(volume_id)}"

    def all(self) -> Sequence[File]:
        """Return the files of all volumes, and what is left of earlier ones; a stranger's name has no format."""
        paths = sorted(self.directory.glob("data-*.*"))
        return [self._file(path) for path in paths if path.suffix[1:] in FORMATS]

    # What is below

    def luks(self, file: File) -> bytes:
        """Return the LUKS header for what stands on a file; nothing where that is not encrypted."""
        return b"" if file.format == "raw" else qcow2.read_luks(file.path)

    def below(self, file: File) -> File | None:
        """Return what a file is based on."""
        if file.format == "raw":
            return None
        header = qcow2.read_header(file.path)
        if not header.backing:
            return None
        if header.backing_format not in FORMATS:
            raise DriverError("A volume's file is damaged.", detail=str(file.path))
        return File(self.directory / header.backing, header.backing_format)

    def chain(self, file: File) -> Iterator[File]:
        """Give a file and all below it, downwards."""
        found: File | None = file
        while found is not None:
            yield found
            found = self.below(found)

    def above(self) -> Mapping[Path, Sequence[File]]:
        """Return by path what is based on it, of all the pool."""
        found: defaultdict[Path, list[File]] = defaultdict(list)
        for path in self.directory.glob("data-*.qcow2"):
            file = File(path, "qcow2")
            base = self.below(file)
            if base is not None:
                found[base.path].append(file)
        return found

    def is_base(self, file: File) -> bool:
        """Tell whether a file is an image's."""
        return file.path.parent != self.directory

    def hidden(self) -> Sequence[File]:
        """Return the files that are neither a base, nor a volume's, nor a snapshot."""
        shown = {file.path for name in self.volume_ids() if (file := self.find(name)) is not None}
        shown |= {self.directory / one.file for one in self._all_snapshots()}
        return [file for file in self.all() if file.path not in shown]

    def is_hidden(self, file: File) -> bool:
        """Tell whether a file is neither a base, nor a volume's, nor a snapshot."""
        if self.is_base(file):
            return False
        top = self.find(volume_of(file))
        is_top = top is not None and top.path == file.path
        return not is_top and all(one.file != file.path.name for one in self._all_snapshots())

    def name(self, file: File) -> str:
        """Return the name by which the file above refers to one."""
        return str(file.path.relative_to(self.directory))

    def _file(self, path: Path) -> File:
        kind = path.suffix[1:]
        if kind not in FORMATS:
            raise DriverError("A volume's file has no format in its name.", detail=str(path))
        return File(path, kind)

    # Bases

    def ensure_base(self, image: Path, kind: Format, work: Work) -> File:
        """Return the pool's own name for an image's file, which keeps it whatever the cache does."""
        base = self.directory / "bases" / f"{image.name}.{kind}"
        if not base.exists():
            draft = base.with_name(f".{base.name}")
            draft.unlink(missing_ok=True)
            try:
                os.link(image, draft)
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM):
                    raise
                _copy(image, draft, work)
            draft.rename(base)
            sync_directory(base.parent)
        return File(base, kind)

    # Snapshots

    def snapshot(self, snapshot_id: str) -> Snapshot | None:
        """Return what is recorded of a snapshot."""
        path = self._record(snapshot_id)
        return read_record(path, lambda found: _parse(snapshot_id, found))

    def snapshots(self, volume_id: str) -> Sequence[str]:
        """Return the ids of a volume's snapshots."""
        return [one.id for one in self._all_snapshots() if one.volume_id == volume_id]

    def snapshot_file(self, snapshot: Snapshot) -> File:
        """Return what a snapshot holds."""
        return self._file(self.directory / snapshot.file)

    def keep_snapshot(self, snapshot: Snapshot) -> None:
        """Record that a layer is a snapshot."""
        record = {"volume_id": snapshot.volume_id, "size": snapshot.size, "file": snapshot.file}
        write_atomically(self._record(snapshot.id), json.dumps(record))

    def forget_snapshot(self, snapshot_id: str) -> None:
        """Let a layer be no snapshot any more."""
        forget(self._record(snapshot_id))

    def _all_snapshots(self) -> Sequence[Snapshot]:
        names = (path.stem for path in (self.directory / "snapshots").glob("*.json"))
        return [one for name in sorted(names) if (one := self.snapshot(name)) is not None]

    def _record(self, snapshot_id: str) -> Path:
        return self.directory / "snapshots" / f"{_checked(snapshot_id)}.json"

    def draft(self, volume_id: str) -> Path:
        """Return where something for a volume is made that is gone when it is done."""
        return self.directory / f"draft-{_checked(volume_id)}"

    def held(self, point_id: str) -> File:
        """Return the file in which what was overwritten since a point is kept."""
        return File(self.directory / f"held-{_checked(point_id)}.qcow2", "qcow2")

    # Tidying

    def drop_old_bases(self) -> None:
        """Remove bases of nothing, whole or not, that nobody has touched for long."""
        used = self.above()
        for path in (self.directory / "bases").iterdir():
            facts = path.stat()
            touched = max(facts.st_mtime, facts.st_ctime)
            if path not in used and time.time() - touched > GRACE:
                path.unlink(missing_ok=True)

    def drop_old_drafts(self) -> None:
        """Remove what somebody died over."""
        for path in self.directory.glob("draft-[dh]*-*.qcow2"):
            if _OURS.match(path.name) and time.time() - path.stat().st_mtime > GRACE:
                path.unlink(missing_ok=True)

    def points(self) -> Sequence[str]:
        """Return the ids of the points for which something is kept aside."""
        return sorted(path.stem.partition("-")[2] for path in self.directory.glob("held-*.qcow2"))

    def foreign(self) -> Sequence[str]:
        """Return the names of what lies in the directory and is no file of ours."""
        names = (path.name for path in self.directory.iterdir())
        return sorted(name for name in names if not _OURS.match(name))

    def is_foreign(self, name: str) -> bool:
        """Tell whether something in the directory that is called so is none of ours."""
        return name not in ("", ".", "..") and not ({"/", "\0"} & {*name} or _OURS.match(name))

    def everything(self) -> Sequence[str]:
        """Return the names of all files, drafts too."""
        return sorted(
            str(path.relative_to(self.directory))
            for path in self.directory.rglob("*")
            if path.is_symlink() or (path.is_file() and path.parent.joinpath(".pool") != path)
        )

    def remove(self) -> None:
        """Remove all that is of ours; what else lies in the directory stays."""
        for pattern in ("volume-*", ".volume-*", "data-*", "held-*", "draft-*"):
            for path in self.directory.glob(pattern):
                path.unlink(missing_ok=True)
        for name in ("bases", "snapshots"):
            shutil.rmtree(self.directory / name, ignore_errors=True)


def volume_of(file: File) -> str:
    """Return the id of the volume that a file is, or was, of."""
    return file.path.stem.partition("-")[2].rpartition("-")[0]


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _checked(name: str) -> str:
    if not _ID.match(name):
        raise DriverError("The order names an impossible volume.", detail=name)
    return name


def _parse(snapshot_id: str, record: Mapping[str, Any]) -> Snapshot:
    return Snapshot(snapshot_id, str(record["volume_id"]), int(record["size"]), str(record["file"]))


def _copy(source: Path, target: Path, work: Work) -> None:
    with source.open("rb") as read, target.open("wb") as written:
        while chunk := read.read(_CHUNK):
            work.checkpoint()
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    target.chmod(0o444)
