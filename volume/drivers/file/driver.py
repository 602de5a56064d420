"""Volumes in files of a directory; those in use are served by a daemon each."""

from __future__ import annotations

import json
import os
import shutil
import threading
from builtins import list as List  # noqa: N812  the class below has a method named list
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import structlog

from cloudweb.driver import DriverError, TransientDriverError, Unguarded, Work
from cloudweb.files import PASSED_THROUGH, make_directory
from cloudweb.image_cache.source import ImageSource
from volume.backups.driving import Backups
from volume.backups.objects import BackupPoint
from volume.drivers.base import (
    Clones,
    CopiesInUse,
    Encryption,
    LiveResize,
    MultiAttach,
    NoSuchPool,
    NoSuchSnapshot,
    Reimage,
    Revert,
    SnapshotsTogether,
    VolumeDriver,
    VolumeInUse,
    VolumeLocks,
)
from volume.drivers.file import qcow2
from volume.drivers.file.config import FileConfig
from volume.drivers.file.daemon import Daemons
from volume.drivers.file.exporting import Exporting
from volume.drivers.file.files import File, Files, Snapshot
from volume.drivers.file.identity import check_identity, storage_id
from volume.drivers.file.layers import Layers
from volume.drivers.file.leftovers import Leftovers
from volume.drivers.file.managing import FileManaging
from volume.drivers.file.mirrors import Mirrors
from volume.drivers.file.nodes import chain_node
from volume.drivers.file.points import Points
from volume.drivers.file.qemu_img import qemu_img
from volume.drivers.luks import (
    SECRET,
    SECRET_OBJECT,
    able_here,
    copy_encrypted,
    new_header,
    run_opened,
)
from volume.drivers.nbd import NbdClient
from volume.drivers.reimaging import write_image
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
    VolumeEncryption,
    VolumeRef,
    VolumeSpec,
    VolumeState,
)

log = structlog.get_logger(__name__)
POOL = "default"
#: Left free on the file system; a pool with less takes nothing new.
RESERVE = 64 * 1024**2
#: A pool of which less is free is said to be full soon.
LOW = 0.05


class FileDriver(
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
    FileManaging,
):
    """A directory of this host, or one that it has mounted."""

    def __init__(
        self,
        state_dir: Path,
        host: str,
        backend: str = "file",
        *,
        config: FileConfig | None = None,
    ) -> None:
        self.host, self.backend = host, backend
        self._state_dir = state_dir
        self.config = config or FileConfig.from_settings(
            host=host, backend=backend, state_dir=state_dir
        )
        self._storage_id = ""
        self.files = Files(self.config.directory)
        self.daemons = Daemons(state_dir, self.config.wire, self.config.sockets)
        self._exporting = Exporting(self.daemons, host=host, wire=self.config.wire)
        self._graph = threading.RLock()  # held while it is decided what is above what
        self._strays: tuple[str, ...] = ()
        self._layers = Layers(self.files, self.daemons, self._graph)
        self._mirrors = Mirrors(self.files, self.daemons, self._layers, self._graph)
        self._sockets = self.config.sockets or state_dir / "s"
        self._points = Points(self.files, self.daemons, self._layers, self._sockets)
        self._leftovers = Leftovers(backend, self.files, self.daemons, self._points, self._sockets)

    def start(self) -> None:
        """Make the directories; what serves volumes is found by its records."""
        make_directory(self._state_dir, PASSED_THROUGH)
        try:
            if self.config.shared is not None:
                self._storage_id = storage_id(self.config.shared)
            make_directory(self.files.directory)
            check_identity(self.files.directory, self._state_dir)
            self.files.open()
        except OSError as error:
            raise DriverError(
                "The directory of the volumes cannot be used.", detail=str(error)
            ) from error
        self.daemons.open()

    def stop(self) -> None:
        """Nothing is open; the daemons go on."""

    def pools(self) -> Sequence[PoolState]:
        """Return the one pool there is."""
        usage = self._usage()
        pool = PoolState(
            backend=self.backend,
            name=POOL,
            driver="file",
            protocol="nbd",
            total=usage.total,
            free=max(0, usage.free - RESERVE),
            capabilities=able_here(self),
            storage_id=self._storage_id,
        )
        return (pool,)

    def problems(self) -> Sequence[str]:
        """Say that the pool is about to be full: guests were promised more than there is."""
        usage = self._usage()
        if usage.free >= usage.total * LOW:
            return ()
        what = (
            f"Back end {self.backend}: {usage.free / 1024**3:.1f} GiB are free in its directory. "
        )
        return (f"{what}Servers that write to its volumes stop once it is full, or get errors.",)

    def _usage(self) -> shutil._ntuple_diskusage:
        try:
            return shutil.disk_usage(self.files.directory)
        except OSError as error:
            raise DriverError(
                "The directory of the volumes cannot be looked at.", detail=str(error)
            ) from error

    # Volumes

    def create(self, spec: VolumeSpec, *, image: Path | None, work: Work) -> VolumeState:
        """Make the volume's file: empty, or above what it is made from."""
        self._check(spec.ref)
        known = self.files.find(spec.ref.id)
        if known is None:
            self._make(spec, image, work)
            known = self.files.get(spec.ref.id)
        return self._state(spec.ref.id, known)

    def _make(self, spec: VolumeSpec, image: Path | None, work: Work) -> None:
        source, volume_id = spec.source, spec.ref.id
        if isinstance(source, ImageSource):
            assert image is not None
            _fits(source.virtual_size, spec.size)
            if spec.encryption is not None:  # not above the image, which everybody can read
                self._encrypt(image, source, spec, spec.encryption, work)
                return
            if spec.ref.format == "raw":
                self._convert(image, source, spec, work)
                return
            below: File | None = self.files.ensure_base(image, source.disk_format, work)
        elif isinstance(source, SnapshotRef):
            found = self._snapshot(source)
            below = self.files.snapshot_file(found)
            _fits(found.size, spec.size)
        elif source is not None:
            _fits(self.files.get(source.id).size(), spec.size)
            below = self._layers.freeze(source.id, work)
        else:
            below = None
        if below is not None and below.encrypted != (spec.encryption is not None):
            raise DriverError("A copy of an encrypted volume has its key, and none has another's.")
        is_raw = below is None and spec.encryption is None and spec.ref.format == "raw"
        file = self.files.first(volume_id, "raw" if is_raw else "qcow2")
        work.checkpoint()
        with self._graph:
            self._check_unused(file)
            if is_raw:
                _make_raw(file.path, spec.size)
            elif below is None:
                qcow2.make(file.path, spec.size, luks=self._new_luks(spec))
            elif not below.path.exists():
                raise TransientDriverError("What the volume is made from is gone.")
            else:
                name, luks = self.files.name(below), self.files.luks(below)
                kind = below.format
                qcow2.make(file.path, spec.size, backing=name, backing_format=kind, luks=luks)
            work.checkpoint()
            self.files.point(volume_id, file)

    def _new_luks(self, spec: VolumeSpec) -> bytes:
        if spec.encryption is None:
            return b""
        return new_header(spec.encryption, self.files.draft(spec.ref.id))

    def _encrypt(
        self,
        image: Path,
        source: ImageSource,
        spec: VolumeSpec,
        encryption: VolumeEncryption,
        work: Work,
    ) -> None:
        file = self.files.first(spec.ref.id, "qcow2")
        work.checkpoint()
        self._check_unused(file)
        qcow2.make(file.path, spec.size, luks=self._new_luks(spec))
        target = {
            "driver": "qcow2",
            "encrypt": {"format": "luks", "key-secret": SECRET},
            "file": {"driver": "file", "filename": str(file.path)},
        }
        copy_encrypted(image, source.disk_format, target, encryption.passphrase)
        work.checkpoint()
        self.files.point(spec.ref.id, file)

    def _convert(self, image: Path, source: ImageSource, spec: VolumeSpec, work: Work) -> None:
        file = self.files.first(spec.ref.id, "raw")
        work.checkpoint()
        self._check_unused(file)
        kinds = ("-f", source.disk_format, "-O", "raw")
        qemu_img("convert", *kinds, str(image), str(file.path))
        _make_raw(file.path, spec.size)
        work.checkpoint()
        self.files.point(spec.ref.id, file)

    def _check_unused(self, file: File) -> None:
        """Refuse to begin a volume with a file that others stand on, whatever its id says."""
        if file.path.exists() and self.files.above().get(file.path):
            raise DriverError("Others are made from an earlier volume of this id.")

    def delete(self, ref: VolumeRef, *, work: Work) -> None:
        """Remove the volume's files, and what below it nobody else needs."""
        if attachments := self._exporting.attachments(ref.id):
            raise VolumeInUse(detail=", ".join(attachments))
        if snapshots := self.files.snapshots(ref.id):
            raise VolumeInUse(detail=", ".join(snapshots))
        work.checkpoint()
        self.daemons.end(ref.id)
        with self._graph:
            self.files.unlink(ref.id)
            for file in self.files.of(ref.id):
                self._layers.drop_unused(file)

    def resize(self, request: ResizeRequest, *, work: Work) -> VolumeState:
        """Make the volume's file larger, or let its daemon do it."""
        volume_id = request.volume.id
        moved = self._mirrors.moved(volume_id)
        if (
            moved is not None
        ):  # it is larger where it is; who is served through this host is not told yet
            if moved.size < request.size:
                work.checkpoint()
                self.daemons.reopen(volume_id, request.size)
            return VolumeState(
                id=volume_id,
                backend=self.backend,
                pool=POOL,
                format="raw",
                size=request.size,
                attachments=tuple(self._exporting.attachments(volume_id)),
            )
        file = self.files.get(volume_id)
        size = file.size()
        if request.size < size:
            raise DriverError("A volume cannot shrink.", detail=f"{size} to {request.size}")
        if request.size > size:
            work.checkpoint()
            if self.daemons.is_running(volume_id):
                self.daemons.resize(volume_id, file, request.size)
            elif file.encrypted:
                target = f"json:{json.dumps(chain_node([*self.files.chain(file)]))}"
                words = (*SECRET_OBJECT, target, str(request.size))
                run_opened("qemu-img", "resize", "-q", *words, passphrase=request.passphrase)
            elif file.format == "raw":
                os.truncate(file.path, request.size)
            else:
                kind = ("-f", "qcow2", str(file.path), str(request.size))
                qemu_img("resize", "-q", *kind)
        return self._state(volume_id, file)

    # Who may use what

    def export(self, request: ExportRequest, *, work: Work) -> VolumeConnection:
        """Let the volume's daemon serve one attachment more; start it with the first."""
        volume_id = request.volume.id
        moved = self._mirrors.moved(volume_id)
        chain = [] if moved else [*self.files.chain(self.files.get(volume_id))]
        work.checkpoint()
        size = moved.size if moved else chain[0].size()
        return self._exporting.export(request, chain, size=size)

    def unexport(self, request: UnexportRequest, *, work: Work) -> None:
        """Take the attachment's export away; its clients are cut at once."""
        work.checkpoint()
        self.daemons.cut_off(request.volume.id, request.attachment_id)

    def exports(self) -> Mapping[str, str]:
        """Return what running daemons serve."""
        return self._exporting.exports()

    # Points in time

    def snapshot(self, ref: SnapshotRef, *, work: Work) -> SnapshotState:
        """Freeze what the volume holds now, and let it go on above that."""
        known = self.files.snapshot(ref.id)
        if known is None:
            layer = self._layers.freeze(ref.volume.id, work)
            work.checkpoint()
            known = Snapshot(ref.id, ref.volume.id, layer.size(), layer.path.name)
            self.files.keep_snapshot(known)
        return SnapshotState(id=ref.id, volume_id=known.volume_id, size=known.size)

    def snapshot_together(self, refs: Sequence[SnapshotRef], *, work: Work) -> None:
        """Freeze what all volumes hold while nothing of what is written to any of them is confirmed."""
        known = {ref.id: self.files.snapshot(ref.id) for ref in refs}
        if all(known.values()):
            return
        for ref in refs:
            self.files.get(ref.volume.id)
            if known[ref.id] is not None:  # of an earlier moment than the others will be
                self.delete_snapshot(ref, work=work)
        layers = self._layers.freeze_together([ref.volume.id for ref in refs], work)
        for ref in refs:
            layer = layers[ref.volume.id]
            work.checkpoint()
            self.files.keep_snapshot(Snapshot(ref.id, ref.volume.id, layer.size(), layer.path.name))

    def delete_snapshot(self, ref: SnapshotRef, *, work: Work) -> None:
        """Let the layer be hidden, and take it away if only the volume itself needs it."""
        work.checkpoint()
        known = self.files.snapshot(ref.id)
        if known is None:
            return
        self.files.forget_snapshot(ref.id)
        layer = self.files.snapshot_file(known)
        try:
            self._layers.dissolve(layer, within={ref.volume.id}, work=Unguarded())
        except DriverError as error:  # it is no snapshot any more; what is left is tidied up later
            log.warning("layer not dissolved", file=known.file, detail=error.detail)

    def revert(self, ref: SnapshotRef, *, work: Work) -> VolumeState:
        """Let the volume go on in an empty file above its newest snapshot."""
        file = self.files.get(ref.volume.id)
        if self.daemons.is_running(ref.volume.id):
            raise VolumeInUse
        layer = self.files.snapshot_file(self._snapshot(ref))
        shown = (one for one in [*self.files.chain(file)][1:] if not self.files.is_hidden(one))
        if next(shown, None) != layer:
            raise DriverError("A volume can be taken back to its newest snapshot only.")
        work.checkpoint()
        with self._graph:
            top = self._layers.put_above(ref.volume.id, layer, file.size())
            self._layers.drop_unused(file)
        return self._state(ref.volume.id, top)

    def reimage(self, request: ReimageRequest, *, image: Path | None, work: Work) -> None:
        """Write the image over it, in place: what shares with it keeps what it holds."""
        write_image(self, request, image, sockets=self._sockets, work=work)

    # Backups

    def hold_point(self, point: BackupPoint, *, work: Work) -> None:
        """Let what is overwritten from now on be kept, where anybody writes."""
        self._points.hold(point, work)

    def reading(self, point: BackupPoint) -> AbstractContextManager[NbdClient]:
        """Serve a point to ourselves."""
        return self._points.reading(point)

    def release_point(self, point: BackupPoint, *, work: Work) -> None:
        """Keep nothing any more."""
        self._points.release(point, work)

    def writing(self, volume: VolumeRef) -> AbstractContextManager[NbdClient]:
        """Serve a volume to ourselves, to be written."""
        return self._points.writing(volume.id)

    # Copies of volumes in use

    def mirror(self, request: CopyRequest, *, work: Work) -> None:
        """Let the volume's daemon copy it."""
        self._mirrors.begin(request, work)

    def mirrored(self, request: CopyRequest) -> tuple[int, int]:
        """Return how far its daemon is."""
        return self._mirrors.progress(request)

    def follow(self, request: CopyRequest, *, decided: Callable[[], None], work: Work) -> None:
        """Let its daemon serve the copy."""
        self._mirrors.follow(request, decided, work)

    def end_mirror(self, request: CopyRequest, *, work: Work) -> None:
        """Let its daemon copy no more."""
        self._mirrors.end(request, work)

    @contextmanager
    def opened(self, volume: VolumeRef, passphrase: str) -> Iterator[None]:
        """Know the passphrase for as long."""
        if not self.files.get(volume.id).encrypted:
            yield
            return
        with self.daemons.opened(volume.id, passphrase):
            yield

    # What there is

    def get(self, ref: VolumeRef) -> VolumeState:
        """Return the volume."""
        return self._state(ref.id, self.files.get(ref.id))

    def list(self) -> Sequence[VolumeState]:
        """Return all volumes of the pool."""
        found: List[VolumeState] = []
        for volume_id in self.files.volume_ids():
            file = self.files.find(volume_id)
            if file is not None:
                found.append(self._state(volume_id, file))
        return found

    def tidy(self, locks: VolumeLocks) -> None:
        """Dissolve layers that were needed when they should have gone; drop old bases."""
        self._layers.tidy(locks)
        with self._graph:
            self.files.drop_old_bases()
            self.files.drop_old_drafts()
        self._strays = tuple(f"{self.backend}: {name}" for name in self.files.foreign())

    def held(self) -> Held:
        """Return the volumes, their snapshots, whom daemons let in, and what is left lying with volumes."""
        return super().held().model_copy(update={"left": tuple(self._leftovers.found())})

    def clear(self, left: Leftover, *, work: Work) -> None:
        """Take away something that nobody needs."""
        self._leftovers.clear(left, work)

    def strays(self) -> Sequence[str]:
        """Return the names of files that are not ours, as they were found last."""
        return self._strays

    def delete_everything(self) -> None:
        """End all daemons and remove all files."""
        self.start()
        for volume_id in self.daemons.volume_ids():
            self.daemons.end(volume_id)
        self.files.remove()
        self.daemons.close()

    def census(self) -> Sequence[str]:
        """Return everything that is left of any volume: files, daemons, sockets."""
        return (*self.files.everything(), *self.daemons.census())

    def _snapshot(self, ref: SnapshotRef) -> Snapshot:
        found = self.files.snapshot(ref.id)
        if found is None:
            raise NoSuchSnapshot
        return found

    def _check(self, ref: VolumeRef) -> None:
        if ref.pool != POOL:
            raise NoSuchPool(detail=ref.pool)

    def _state(self, volume_id: str, file: File) -> VolumeState:
        return VolumeState(
            id=volume_id,
            backend=self.backend,
            pool=POOL,
            format=file.format,
            size=file.size(),
            allocated=file.path.stat().st_blocks * 512,
            attachments=tuple(self._exporting.attachments(volume_id)),
            snapshots=tuple(self.files.snapshots(volume_id)),
        )


def _make_raw(path: Path, size: int) -> None:
    with path.open("ab") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def _fits(source: int, size: int) -> None:
    if source > size:
        raise DriverError("What the volume is made from is larger.", detail=f"{source} in {size}")
