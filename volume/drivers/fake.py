"""Volumes that are records: for ``DRIVERS=fake``, for tests, and to simulate thousands of hosts in a process."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from cloudweb.driver import DriverError, TransientDriverError, Unguarded, Work
from cloudweb.faults import Faults
from cloudweb.image_cache.source import ImageSource
from cloudweb.records import read_record
from volume.backups.driving import Backups
from volume.backups.objects import BackupPoint
from volume.drivers.base import (
    Clones,
    CopiesInUse,
    Encryption,
    LiveResize,
    MirrorBroken,
    MultiAttach,
    NoKey,
    NoSuchPool,
    NoSuchSnapshot,
    NoSuchVolume,
    Reimage,
    Revert,
    SnapshotsTogether,
    VolumeDriver,
    VolumeInUse,
    WrongKey,
    capabilities,
)
from volume.drivers.fake_managing import FakeManaging
from volume.drivers.fake_records import FakeBlocks, FakeSnapshot, FakeVolume, parse
from volume.objects import (
    CopyRequest,
    ExportRequest,
    Held,
    Leftover,
    PoolState,
    ReimageRequest,
    ResizeRequest,
    SnapshotRef,
    SnapshotState,
    UnexportRequest,
    VolumeConnection,
    VolumeRef,
    VolumeSpec,
    VolumeState,
)

TIB = 1024**4
POOL = "default"


class FakeVolumeDriver(
    VolumeDriver,
    SnapshotsTogether,
    Revert,
    Reimage,
    Clones,
    CopiesInUse,
    LiveResize,
    MultiAttach,
    Encryption,
    Backups,
    FakeManaging,
):
    """A back end whose volumes are records; with ``state_dir`` they outlive the process.

    ``faults`` orders delays, failures and hangs by method name, from code or through
    ``<state_dir>/faults.json``. It insists on what the real ones rely on: nothing in use is deleted.
    """

    wants_images: ClassVar[bool] = False

    def __init__(
        self,
        state_dir: Path | None = None,
        host: str = "fake",
        backend: str = "fake",
        *,
        total: int = 4 * TIB,
        lacks: Collection[str] = (),
    ) -> None:
        self.host, self.backend, self.total = host, backend, total
        self._lacks = lacks  # capabilities that it does not tell of, as another driver would not
        self.faults = Faults(None if state_dir is None else state_dir / "faults.json")
        self._home = None if state_dir is None else state_dir / "fake_volumes"  # a file for each
        self._lock = threading.RLock()
        self._volumes: dict[str, FakeVolume] = {}
        self._foreign: dict[str, FakeVolume] = {}  # nobody's, by name
        self.planted: list[Leftover] = []  # bitmaps and locks that a test put there

    def start(self) -> None:
        """Find the volumes of an earlier run again."""
        with self.faults.around("start", Unguarded()), self._lock:
            if self._home is not None and self._home.exists():
                read = [read_record(path, parse) for path in sorted(self._home.glob("*.json"))]
                self._volumes = {one.id: one for one in read if one is not None}
                self._find_foreign()

    def stop(self) -> None:
        """Nothing is open."""

    def pools(self) -> Sequence[PoolState]:
        """Return the one pool there is."""
        with self.faults.around("pools", Unguarded()), self._lock:
            used = sum(one.size for one in self._volumes.values())
            pool = PoolState(
                backend=self.backend,
                name=POOL,
                driver="fake",
                protocol="fake",
                total=self.total,
                free=max(0, self.total - used),
                capabilities=tuple(one for one in capabilities(self) if one not in self._lacks),
            )
            return (pool,)

    def create(self, spec: VolumeSpec, *, image: Path | None, work: Work) -> VolumeState:
        """Record the volume with what its source holds, in two halves."""
        with self.faults.around("create", work):
            self._check(spec.ref)
            known = self._volumes.get(spec.ref.id)
            if known is not None and known.whole:
                return self._state(known)
            content = self._content(spec)
            work.checkpoint()
            with self._lock:
                made = FakeVolume(
                    spec.ref.id,
                    spec.ref.format,
                    spec.size,
                    key="" if spec.encryption is None else _digest(spec.encryption.passphrase),
                )
                self._volumes[made.id] = made
                self._save(made)
            work.progress(50, "made")
            work.checkpoint()
            with self._lock:
                made.content, made.whole = content, True
                self._save(made)
            return self._state(made)

    def delete(self, ref: VolumeRef, *, work: Work) -> None:
        """Forget the volume."""
        with self.faults.around("delete", work):
            known = self._volumes.get(ref.id)
            if known is not None and (known.exports or known.snapshots or known.others):
                raise VolumeInUse(detail=f"{[*known.exports]} {[*known.snapshots]}")
            work.checkpoint()
            with self._lock:
                self._drop(ref.id)

    def resize(self, request: ResizeRequest, *, work: Work) -> VolumeState:
        """Note the larger size."""
        with self.faults.around("resize", work):
            moved = self._volumes.get(request.volume.id)
            known = moved if moved and moved.followed else self._find(request.volume)
            if request.size < known.size:
                raise DriverError("A volume cannot shrink.")
            self._check_key(known, request.passphrase)
            work.checkpoint()
            with self._lock:
                known.size = request.size
                self._save(known)
            return self._state(known)

    def export(self, request: ExportRequest, *, work: Work) -> VolumeConnection:
        """Note the attachment."""
        with self.faults.around("export", work):
            known = self._volumes.get(request.volume.id)
            if known is None or not known.followed:
                known = self._find(request.volume)
            self._check_key(known, request.passphrase)
            work.checkpoint()
            with self._lock:
                known.is_open = bool(known.key)
                known.exports[request.attachment_id] = request.epoch
                self._save(known)
            return VolumeConnection(
                attachment_id=request.attachment_id,
                epoch=request.epoch,
                volume_id=known.id,
                kind="fake",
                path=str(self._drop_of(known.id) or ""),
                size=known.size,
                read_only=request.mode == "ro",
                export=request.attachment_id,
            )

    def unexport(self, request: UnexportRequest, *, work: Work) -> None:
        """Forget the attachment."""
        with self.faults.around("unexport", work):
            work.checkpoint()
            with self._lock:
                known = self._volumes.get(request.volume.id)
                if known is not None and known.exports.pop(request.attachment_id, None) is not None:
                    known.is_open = known.is_open and bool(known.exports)
                    self._save(known)

    def exports(self) -> Mapping[str, str]:
        """Return the attachments recorded."""
        with self.faults.around("exports", Unguarded()), self._lock:
            return {name: one.id for one in self._volumes.values() for name in one.exports}

    def get(self, ref: VolumeRef) -> VolumeState:
        """Return the volume."""
        with self.faults.around("get", Unguarded()):
            return self._state(self._find(ref))

    def list(self) -> Sequence[VolumeState]:
        """Return all whole volumes."""
        with self.faults.around("list", Unguarded()), self._lock:
            return [self._state(one) for _, one in sorted(self._volumes.items()) if one.whole]

    def snapshot(self, ref: SnapshotRef, *, work: Work) -> SnapshotState:
        """Keep what the volume holds."""
        with self.faults.around("snapshot", work):
            known = self._find(ref.volume)
            if ref.id not in known.snapshots:
                work.checkpoint()
                with self._lock:
                    known.snapshots[ref.id] = FakeSnapshot(known.size, known.content)
                    self._save(known)
            return SnapshotState(id=ref.id, volume_id=known.id, size=known.snapshots[ref.id].size)

    def snapshot_together(self, refs: Sequence[SnapshotRef], *, work: Work) -> None:
        """Keep what all volumes hold now, noted for one after the other."""
        with self.faults.around("snapshot_together", work):
            pairs = [(self._find(ref.volume), ref.id) for ref in refs]
            if all(name in known.snapshots for known, name in pairs):
                return
            with self._lock:
                held = [(one, name, FakeSnapshot(one.size, one.content)) for one, name in pairs]
            for known, name, content in held:
                work.checkpoint()
                with self._lock:
                    known.snapshots[name] = content
                    self._save(known)

    def delete_snapshot(self, ref: SnapshotRef, *, work: Work) -> None:
        """Forget the snapshot."""
        with self.faults.around("delete_snapshot", work):
            work.checkpoint()
            with self._lock:
                known = self._volumes.get(ref.volume.id)
                if known is not None and known.snapshots.pop(ref.id, None) is not None:
                    self._save(known)

    def revert(self, ref: SnapshotRef, *, work: Work) -> VolumeState:
        """Let the volume hold what the snapshot does."""
        with self.faults.around("revert", work):
            known = self._find(ref.volume)
            if known.exports:
                raise VolumeInUse
            found = self._snapshot(ref)
            work.checkpoint()
            with self._lock:
                known.content = found.content
                self._save(known)
            return self._state(known)

    def reimage(self, request: ReimageRequest, *, image: Path | None, work: Work) -> None:
        """Let the volume hold what the image does, in two halves."""
        with self.faults.around("reimage", work):
            known = self._find(request.volume)
            if known.exports:
                raise VolumeInUse
            self._check_key(known, "")
            content = _content_of(request.image, known.size)
            for so_far in ("", content):
                work.checkpoint()
                with self._lock:
                    known.content = so_far
                    self._save(known)

    def hold_point(self, point: BackupPoint, *, work: Work) -> None:
        """Keep what the source holds."""
        with self.faults.around("hold_point", work):
            known = self._find(point.volume)
            if point.id not in known.points:
                source = point.source
                held = known if isinstance(source, VolumeRef) else self._snapshot(source)
                work.checkpoint()
                with self._lock:
                    known.points[point.id] = FakeSnapshot(held.size, held.content)
                    self._save(known)

    @contextmanager
    def reading(self, point: BackupPoint) -> Iterator[FakeBlocks]:
        """Let the content be read as the first bytes of a disk."""
        with self.faults.around("reading", Unguarded()):
            known = self._find(point.volume)
            held = known.points.get(point.id)
            if held is None:
                raise TransientDriverError("The volume is not held for this backup.")
            self._check_key(known, "")
            yield FakeBlocks(held.size, held.content.encode())

    def release_point(self, point: BackupPoint, *, work: Work) -> None:
        """Forget what was kept."""
        with self.faults.around("release_point", work):
            work.checkpoint()
            with self._lock:
                known = self._volumes.get(point.volume.id)
                if known is not None and known.points.pop(point.id, None) is not None:
                    self._save(known)

    @contextmanager
    def writing(self, volume: VolumeRef) -> Iterator[FakeBlocks]:
        """Let the content be written as the first bytes of a disk."""
        with self.faults.around("writing", Unguarded()):
            known = self._find(volume)
            if known.exports:
                raise VolumeInUse
            self._check_key(known, "")
            blocks = FakeBlocks(known.size, known.content.encode())
            yield blocks
            with self._lock:
                known.content = blocks.text.decode(errors="replace")
                self._save(known)

    def mirror(self, request: CopyRequest, *, work: Work) -> None:
        """Note that it is copied."""
        with self.faults.around("mirror", work):
            known = self._find(request.volume)
            work.checkpoint()
            with self._lock:
                known.mirror = request.id
                self._save(known)

    def mirrored(self, request: CopyRequest) -> tuple[int, int]:
        """Return that nothing is missing."""
        with self.faults.around("mirrored", Unguarded()):
            known = self._volumes.get(request.volume.id)
            if known is None or not (known.followed or known.mirror == request.id):
                raise MirrorBroken
            return (known.size, known.size)

    def follow(self, request: CopyRequest, *, decided: Callable[[], None], work: Work) -> None:
        """Lay the content down where the target finds it; what is written later goes there."""
        with self.faults.around("follow", work):
            self.mirrored(request)
            known = self._volumes[request.volume.id]
            work.checkpoint()
            if known.followed:
                return
            decided()
            with self._lock:
                Path(request.target.path).write_text(known.content)
                known.mirror, known.followed, known.whole = "", request.target.path, False
                self._save(known)

    def end_mirror(self, request: CopyRequest, *, work: Work) -> None:
        """Note that it is copied no more."""
        with self.faults.around("end_mirror", work):
            known = self._volumes.get(request.volume.id)
            if known is not None and known.mirror == request.id:
                work.checkpoint()
                with self._lock:
                    known.mirror = ""
                    self._save(known)

    @contextmanager
    def opened(self, volume: VolumeRef, passphrase: str) -> Iterator[None]:
        """Know the passphrase for as long."""
        known = self._find(volume)
        self._check_key(known, passphrase)
        known.is_open = bool(known.key)
        try:
            yield
        finally:
            known.is_open = known.is_open and bool(known.exports)

    def held(self) -> Held:
        """Return also what is held for backups, and what was planted."""
        with self._lock:
            points = [
                Leftover(kind="point", volume=VolumeRef(id=one.id, backend=self.backend), name=name)
                for one in self._volumes.values()
                for name in one.points
            ]
            return super().held().model_copy(update={"left": (*points, *self.planted)})

    def clear(self, left: Leftover, *, work: Work) -> None:
        """Forget it."""
        with self.faults.around("clear", work):
            if left.kind == "point":
                super().clear(left, work=work)
            work.checkpoint()
            self.planted = [one for one in self.planted if one != left]

    def hand_over(self, ref: VolumeRef, *, work: Work) -> None:
        """Do nothing: each fake has volumes of its own."""
        with self.faults.around("hand_over", work):
            work.checkpoint()

    def delete_everything(self) -> None:
        """Forget all volumes."""
        self.start()
        with self._lock:
            for volume_id in [*self._volumes]:
                self._drop(volume_id)

    # For tests

    def write(self, volume_id: str, content: str) -> None:
        """Let a volume hold something else, as if its guest had written."""
        with self._lock:
            if self._volumes[volume_id].followed:
                Path(self._volumes[volume_id].followed).write_text(content)
                return
            self._take_drop(volume_id)
            self._volumes[volume_id].content = content
            self._save(self._volumes[volume_id])

    def read(self, volume_id: str) -> str:
        """Return what a volume holds."""
        self._take_drop(volume_id)
        return self._volumes[volume_id].content

    def reboot(self) -> None:
        """Let no attachment be in force any more, as after the machine went down."""
        with self._lock:
            for one in self._volumes.values():
                if one.exports:
                    one.exports, one.is_open = {}, False
                    self._save(one)

    def census(self) -> Sequence[str]:
        """Return everything there is anything of, half-made volumes too."""
        with self._lock:
            volumes = self._volumes.values()
            exports = (f"export {name}" for one in volumes for name in one.exports)
            snapshots = (f"snapshot {name}" for one in volumes for name in one.snapshots)
            points = (f"point {name}" for one in volumes for name in one.points)
            there = (f"volume {one.id}" for one in volumes)
            mirrors = (f"mirror {one.mirror}" for one in volumes if one.mirror)
            return (*there, *exports, *snapshots, *points, *mirrors)

    # Records

    def _content(self, spec: VolumeSpec) -> str:
        source = spec.source
        if isinstance(source, ImageSource):
            return _content_of(source, spec.size)
        if isinstance(source, SnapshotRef):
            found: FakeSnapshot | FakeVolume = self._snapshot(source)
        elif source is not None:
            found = self._find(source)
        else:
            return ""
        if found.size > spec.size:
            raise DriverError("The source is larger than the volume.")
        return found.content

    def _check(self, ref: VolumeRef) -> None:
        if ref.pool != POOL:
            raise NoSuchPool(detail=ref.pool)

    def _find(self, ref: VolumeRef) -> FakeVolume:
        known = self._volumes.get(ref.id)
        if known is None or not known.whole:
            raise NoSuchVolume
        self._take_drop(ref.id)
        return known

    def _drop_of(self, volume_id: str) -> Path | None:
        """Return where others, who know it by its connection, lay down what it is to hold."""
        return None if self._home is None else self._home / f"{volume_id}.drop"

    def _take_drop(self, volume_id: str) -> None:
        """Let a volume hold what was laid down for it."""
        drop = self._drop_of(volume_id)
        if drop is not None and drop.exists():
            with self._lock:
                self._volumes[volume_id].content = drop.read_text()
                self._save(self._volumes[volume_id])
                drop.unlink()

    def _check_key(self, known: FakeVolume, passphrase: str) -> None:
        if known.key and not passphrase and not known.is_open:
            raise NoKey
        if known.key and passphrase and _digest(passphrase) != known.key:
            raise WrongKey

    def _snapshot(self, ref: SnapshotRef) -> FakeSnapshot:
        found = self._find(ref.volume).snapshots.get(ref.id)
        if found is None:
            raise NoSuchSnapshot
        return found

    def _state(self, one: FakeVolume) -> VolumeState:
        return VolumeState(
            id=one.id,
            backend=self.backend,
            pool=POOL,
            format=one.format,
            size=one.size,
            attachments=tuple(sorted(one.exports)),
            snapshots=tuple(sorted(one.snapshots)),
        )

    def _drop(self, volume_id: str) -> None:
        if self._volumes.pop(volume_id, None) is not None and self._home is not None:
            (self._home / f"{volume_id}.json").unlink(missing_ok=True)
            (self._home / f"{volume_id}.drop").unlink(missing_ok=True)

    def _save(self, one: FakeVolume) -> None:
        if self._home is None or self._volumes.get(one.id) is not one:
            return
        self._home.mkdir(parents=True, exist_ok=True)
        draft = self._home / f"{one.id}.new"
        draft.write_text(json.dumps(asdict(one)))
        draft.replace(self._home / f"{one.id}.json")


def _content_of(image: ImageSource, size: int) -> str:
    if image.virtual_size > size:
        raise DriverError("The image is larger than the volume.")
    return f"image {image.id}"


def _digest(passphrase: str) -> str:
    return hashlib.sha256(passphrase.encode()).hexdigest()
