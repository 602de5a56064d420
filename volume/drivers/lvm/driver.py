"""Volumes in a thin pool of LVM; those in use are served by a daemon each, as files are.

``volume-<id>`` is a volume, ``kept-<id>`` a snapshot, ``point-<id>`` what is held for a backup: all thin, of
one pool, and none depends on another. A volume that is made by several commands is ``making-<id>`` until it
is whole. Going back to a snapshot is a copy of it, ``next-<id>``, in the place of the volume, ``old-<id>``.
"""

from __future__ import annotations

import os
import re
from builtins import list as List  # noqa: N812  the class below has a method named list
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cloudweb.driver import DriverError, TransientDriverError, Work
from cloudweb.files import PASSED_THROUGH, make_directory
from cloudweb.image_cache.source import ImageSource
from volume.backups.driving import Backups
from volume.backups.objects import BackupPoint
from volume.backups.taking import Source
from volume.drivers.base import (
    OTHERS_HAVE_IT,
    Clones,
    Encryption,
    LiveResize,
    MultiAttach,
    NoSuchSnapshot,
    NoSuchVolume,
    Reimage,
    Revert,
    Snapshots,
    VolumeDriver,
    VolumeInUse,
    VolumeLocks,
)
from volume.drivers.file.daemon import Daemons
from volume.drivers.file.exporting import Exporting
from volume.drivers.file.files import File
from volume.drivers.file.nodes import block_node
from volume.drivers.file.qemu_img import qemu_img
from volume.drivers.luks import HEADER, able_here, copy_encrypted, new_header, opened_node
from volume.drivers.lvm.config import LvmConfig
from volume.drivers.lvm.group import LogicalVolume
from volume.drivers.lvm.managing import POOL, LvmManaging
from volume.drivers.nbd import NbdClient
from volume.drivers.reimaging import write_image
from volume.drivers.serving import end_leftovers, reading_encrypted, served, writing_encrypted
from volume.objects import (
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

#: A pool, or its metadata, of which more is taken is said to be full soon.
HIGH = 0.95
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")
_VOLUME, _KEPT, _POINT = "volume", "kept", "point"
_MAKING, _NEXT, _OLD = "making", "next", "old"


class LvmDriver(
    VolumeDriver,
    Snapshots,
    Revert,
    Reimage,
    Clones,
    LiveResize,
    MultiAttach,
    Encryption,
    LvmManaging,
    Backups,
):
    """A thin pool of this host."""

    def __init__(
        self,
        state_dir: Path,
        host: str,
        backend: str = "lvm",
        *,
        config: LvmConfig | None = None,
    ) -> None:
        self.host, self.backend = host, backend
        self._state_dir = state_dir
        self.config = config or LvmConfig.from_settings(backend=backend, state_dir=state_dir)
        self.group = self.config.group
        self._sockets = self.config.sockets or state_dir / "s"
        self.daemons = Daemons(state_dir, self.config.wire, self.config.sockets)
        self._exporting = Exporting(self.daemons, host=host, wire=self.config.wire)

    def start(self) -> None:
        """See that the pool is there; what serves volumes is found by its records."""
        make_directory(self._state_dir, PASSED_THROUGH)
        found, _ = self.group.look()
        self.daemons.open()
        for name in found:
            if name.startswith(f"{_NEXT}-"):
                self._finish_going_back(name.partition("-")[2], found)

    def stop(self) -> None:
        """Nothing is open; the daemons go on."""

    def pools(self) -> Sequence[PoolState]:
        """Return the one pool there is."""
        _, usage = self.group.look()
        pool = PoolState(
            backend=self.backend,
            name=POOL,
            driver="lvm",
            protocol="nbd",
            total=usage.size,
            free=int(usage.size * (1 - usage.data)),
            capabilities=able_here(self),
        )
        return (pool,)

    def problems(self) -> Sequence[str]:
        """Say that the pool is about to be full: guests were promised more than there is."""
        _, usage = self.group.look()
        pool = f"Back end {self.backend}: {self.group.name}/{self.group.pool}"
        found = []
        if usage.data > HIGH:
            found.append(
                f"{pool} is full to {usage.data:.0%}. Servers that write to its volumes stop once it is full."
            )
        if usage.metadata > HIGH:
            found.append(f"{pool}: its metadata is full to {usage.metadata:.0%}; extend it.")
        return found

    # Volumes

    def create(self, spec: VolumeSpec, *, image: Path | None, work: Work) -> VolumeState:
        """Make a thin volume: empty, with what an image holds, or sharing what its source holds."""
        self._check(spec.ref.pool)
        volume_id = spec.ref.id
        found, _ = self.group.look()
        if _name(_VOLUME, volume_id) not in found:
            source = self._source(spec, found)
            work.checkpoint()
            if _name(_MAKING, volume_id) in found:
                self.group.remove(_name(_MAKING, volume_id))
            self._make(spec, source, image, work)
        return self.get(spec.ref)

    def _source(self, spec: VolumeSpec, found: Mapping[str, LogicalVolume]) -> LogicalVolume | None:
        source = spec.source
        if isinstance(source, ImageSource):
            _fits(source.virtual_size, spec.size)
        if source is None or isinstance(source, ImageSource):
            return None
        known = (
            _snapshot(source, found) if isinstance(source, SnapshotRef) else _volume(source, found)
        )
        _fits(known.size, spec.size)
        if bool(known.header) != bool(spec.encryption):
            raise DriverError("A copy of an encrypted volume has its key, and none has another's.")
        return known

    def _make(
        self, spec: VolumeSpec, source: LogicalVolume | None, image: Path | None, work: Work
    ) -> None:
        volume_id = spec.ref.id
        making, name = _name(_MAKING, volume_id), _name(_VOLUME, volume_id)
        if source is not None:
            self.group.snapshot(source, making, volume_id=volume_id, active=True)
            if source.size < spec.size:
                self.group.extend(making, spec.size, header=source.header)
        elif spec.encryption is not None:
            self.group.create(making, spec.size, volume_id=volume_id, header=HEADER)
            self._encrypt(self.group.path(making), spec, spec.encryption, image)
        elif isinstance(spec.source, ImageSource):
            assert image is not None
            self.group.create(making, spec.size, volume_id=volume_id)
            kinds = ("-f", spec.source.disk_format, "-O", "raw")
            target = str(self.group.path(making))
            qemu_img("convert", "-n", "--target-is-zero", *kinds, str(image), target)
        else:
            self.group.create(name, spec.size, volume_id=volume_id)
            return
        work.checkpoint()
        self.group.rename(making, name)

    def _encrypt(
        self, device: Path, spec: VolumeSpec, encryption: VolumeEncryption, image: Path | None
    ) -> None:
        """Let a device begin with a header of its own, and hold what an image does."""
        header = new_header(encryption, self._sockets / f"header-{spec.ref.id}", length=HEADER)
        with device.open("r+b") as disk:
            disk.write(header)
            disk.flush()
            os.fsync(disk.fileno())
        if isinstance(spec.source, ImageSource):
            assert image is not None
            target, key = opened_node(block_node(device)), encryption.passphrase
            copy_encrypted(image, spec.source.disk_format, target, key)

    def delete(self, ref: VolumeRef, *, work: Work) -> None:
        """Remove the volume, and what was to become of it."""
        if attachments := self._exporting.attachments(ref.id):
            raise VolumeInUse(detail=", ".join(attachments))
        found, _ = self.group.look()
        if snapshots := _snapshots(ref.id, found):
            raise VolumeInUse(detail=", ".join(snapshots))
        work.checkpoint()
        self.daemons.end(ref.id)
        for kind in (_MAKING, _NEXT, _OLD, _VOLUME):
            if _name(kind, ref.id) in found:
                self.group.remove(_name(kind, ref.id))

    def resize(self, request: ResizeRequest, *, work: Work) -> VolumeState:
        """Make the volume larger, and let its daemon find it so."""
        volume_id = request.volume.id
        known = self._get(request.volume)
        if request.size < known.size:
            raise DriverError("A volume cannot shrink.", detail=f"{known.size} to {request.size}")
        file = self._file(known)
        running = self.daemons.is_running(volume_id)
        if request.size > known.size:
            work.checkpoint()
            self.group.extend(known.name, request.size, header=known.header)
        if running and self.daemons.size(volume_id, file) < request.size:
            work.checkpoint()
            self.daemons.resize(volume_id, file, request.size)
        return self.get(request.volume)

    # Who may use what

    def export(self, request: ExportRequest, *, work: Work) -> VolumeConnection:
        """Let the volume's daemon serve one attachment more; start it with the first."""
        known = self._get(request.volume)
        work.checkpoint()
        if not known.active:
            self.group.activate(known.name)
        return self._exporting.export(request, [self._file(known)], size=known.size)

    def unexport(self, request: UnexportRequest, *, work: Work) -> None:
        """Take the attachment's export away; its clients are cut at once."""
        work.checkpoint()
        self.daemons.cut_off(request.volume.id, request.attachment_id)

    def exports(self) -> Mapping[str, str]:
        """Return what running daemons serve."""
        return self._exporting.exports()

    # Points in time

    def snapshot(self, ref: SnapshotRef, *, work: Work) -> SnapshotState:
        """Keep what the volume holds now: the kernel holds its writes back for that moment."""
        found, _ = self.group.look()
        name = _name(_KEPT, ref.id)
        if name not in found:
            source = _volume(ref.volume, found)
            work.checkpoint()
            self.group.snapshot(source, name, volume_id=ref.volume.id, active=False)
            found, _ = self.group.look()
        return SnapshotState(id=ref.id, volume_id=ref.volume.id, size=found[name].size)

    def delete_snapshot(self, ref: SnapshotRef, *, work: Work) -> None:
        """Remove the snapshot; nothing depends on it."""
        work.checkpoint()
        name = _name(_KEPT, ref.id)
        if self.group.find(name) is not None:
            self.group.remove(name)

    def revert(self, ref: SnapshotRef, *, work: Work) -> VolumeState:
        """Put a copy of the snapshot in the volume's place."""
        volume_id = ref.volume.id
        self._finish_going_back(volume_id, self.group.look()[0])
        found, _ = self.group.look()
        known, kept = _volume(ref.volume, found), _snapshot(ref, found)
        if self.daemons.is_running(volume_id):
            raise VolumeInUse
        work.checkpoint()
        for kind in (_NEXT, _OLD):  # of an earlier try
            if _name(kind, volume_id) in found:
                self.group.remove(_name(kind, volume_id))
        copy = _name(_NEXT, volume_id)
        self.group.snapshot(kept, copy, volume_id=volume_id, active=True)
        if kept.size < known.size:
            self.group.extend(copy, known.size, header=known.header)
        work.checkpoint()
        self.group.rename(known.name, _name(_OLD, volume_id))
        self.group.rename(copy, known.name)
        self.group.remove(_name(_OLD, volume_id))
        return self.get(ref.volume)

    def _finish_going_back(self, volume_id: str, found: Mapping[str, LogicalVolume]) -> None:
        """Let the copy of a snapshot be the volume where a process died between two names."""
        copy, name = _name(_NEXT, volume_id), _name(_VOLUME, volume_id)
        if copy in found and name not in found:
            self.group.rename(copy, name)

    def reimage(self, request: ReimageRequest, *, image: Path | None, work: Work) -> None:
        """Write the image over it, in place: what shares with it keeps what it holds."""
        write_image(self, request, image, sockets=self._sockets, work=work)

    # Backups

    def hold_point(self, point: BackupPoint, *, work: Work) -> None:
        """Hold what the source holds now as a snapshot of its own; one of a snapshot needs none."""
        found, _ = self.group.look()
        if isinstance(point.source, SnapshotRef):
            _snapshot(point.source, found)
            return
        source, name = _volume(point.source, found), _name(_POINT, point.id)
        if name not in found:
            work.checkpoint()
            self.group.snapshot(source, name, volume_id=point.volume.id, active=False)

    @contextmanager
    def reading(self, point: BackupPoint) -> Iterator[Source]:
        """Serve a point to ourselves."""
        is_kept = isinstance(point.source, SnapshotRef)
        name = _name(_KEPT, point.source.id) if is_kept else _name(_POINT, point.id)
        found = self.group.find(name)
        if found is None:
            raise TransientDriverError("The volume is not held for this backup.")
        self.group.activate(name)
        try:
            if found.header:
                disk, key = block_node(self.group.path(name)), self.daemons.key(point.volume.id)
                with reading_encrypted(
                    disk, key, header=found.header, sockets=self._sockets
                ) as source:
                    yield source
            else:
                with self._served(name, read_only=True) as client:
                    yield client
        finally:
            self.group.deactivate(name)

    def release_point(self, point: BackupPoint, *, work: Work) -> None:
        """Hold it no longer."""
        work.checkpoint()
        name = _name(_POINT, point.id)
        if self.group.find(name) is not None:
            self.group.remove(name)

    @contextmanager
    def writing(self, volume: VolumeRef) -> Iterator[NbdClient]:
        """Serve a volume to ourselves, to be written."""
        known = self._get(volume)
        if self.daemons.is_running(volume.id):
            raise VolumeInUse
        if not known.active:
            self.group.activate(known.name)
        if known.header:
            disk, key = block_node(self.group.path(known.name)), self.daemons.key(volume.id)
            with writing_encrypted(disk, key, sockets=self._sockets) as client:
                yield client
                client.flush()
            return
        with self._served(known.name, read_only=False) as client:
            yield client
            client.flush()

    @contextmanager
    def opened(self, volume: VolumeRef, passphrase: str) -> Iterator[None]:
        """Know the passphrase for as long."""
        if not self._get(volume).header:
            yield
            return
        with self.daemons.opened(volume.id, passphrase):
            yield

    @contextmanager
    def _served(self, name: str, *, read_only: bool) -> Iterator[NbdClient]:
        path = str(self.group.path(name))
        with served(path, "raw", sockets=self._sockets, read_only=read_only) as client:
            yield client

    # What there is

    def get(self, ref: VolumeRef) -> VolumeState:
        """Return the volume."""
        found, _ = self.group.look()
        return self._state(_volume(ref, found), found)

    def list(self) -> Sequence[VolumeState]:
        """Return all volumes of the pool."""
        found, _ = self.group.look()
        volumes: List[LogicalVolume] = [
            one for name, one in sorted(found.items()) if name.startswith(f"{_VOLUME}-")
        ]
        return [self._state(one, found) for one in volumes]

    def tidy(self, locks: VolumeLocks) -> None:
        """Remove what was half made, or replaced, and nobody came back to."""
        for name in self.group.look()[0]:
            kind, _, volume_id = name.partition("-")
            if kind in (_MAKING, _OLD):
                with locks(volume_id):
                    if self.group.find(name) is not None:
                        self.group.remove(name)

    def held(self) -> Held:
        """Return also what is held for backups, and which volumes somebody has open whom we do not serve."""
        found, left = self.group.look()[0], []
        for name, one in sorted(found.items()):
            kind, _, key = name.partition("-")
            ref = VolumeRef(id=one.volume_id, backend=self.backend)
            if kind == _POINT:
                left.append(Leftover(kind="point", volume=ref, name=key))
            elif kind == _VOLUME and one.opened and not self.daemons.is_running(one.volume_id):
                left.append(Leftover(kind="lock", volume=ref))
        return super().held().model_copy(update={"left": tuple(left)})

    def clear(self, left: Leftover, *, work: Work) -> None:
        """Release a point; of those who have a volume open, end those who are ours."""
        if left.kind != "lock":
            super().clear(left, work=work)
            return
        work.checkpoint()
        end_leftovers(self._sockets)
        if self._get(left.volume).opened and not self.daemons.is_running(left.volume.id):
            raise DriverError(
                OTHERS_HAVE_IT, detail=str(self.group.path(self._called(left.volume)))
            )

    def delete_everything(self) -> None:
        """End all daemons and remove all that is of ours in the pool."""
        self.start()
        for volume_id in self.daemons.volume_ids():
            self.daemons.end(volume_id)
        for name in self.group.look()[0]:
            self.group.remove(name)
        self.daemons.close()

    def census(self) -> Sequence[str]:
        """Return everything that is left of any volume: logical volumes, daemons, sockets."""
        return (*sorted(self.group.look()[0]), *self.daemons.census())

    def _called(self, ref: VolumeRef) -> str:
        return _name(_VOLUME, ref.id)

    def _get(self, ref: VolumeRef) -> LogicalVolume:
        return _volume(ref, self.group.look()[0])

    def _file(self, known: LogicalVolume) -> File:
        return File(self.group.path(known.name), "raw", cipher=bool(known.header))

    def _state(self, known: LogicalVolume, found: Mapping[str, LogicalVolume]) -> VolumeState:
        return VolumeState(
            id=known.volume_id,
            backend=self.backend,
            pool=POOL,
            format="raw",
            size=known.size,
            allocated=int(known.size * known.written),
            attachments=tuple(self._exporting.attachments(known.volume_id)),
            snapshots=tuple(_snapshots(known.volume_id, found)),
        )


def _name(kind: str, key: str) -> str:
    if not _ID.match(key):
        raise DriverError("The order names an impossible volume.", detail=key)
    return f"{kind}-{key}"


def _volume(ref: VolumeRef, found: Mapping[str, LogicalVolume]) -> LogicalVolume:
    known = found.get(_name(_VOLUME, ref.id))
    if known is None:
        raise NoSuchVolume
    return known


def _snapshot(ref: SnapshotRef, found: Mapping[str, LogicalVolume]) -> LogicalVolume:
    known = found.get(_name(_KEPT, ref.id))
    if known is None:
        raise NoSuchSnapshot
    return known


def _snapshots(volume_id: str, found: Mapping[str, LogicalVolume]) -> Sequence[str]:
    return [
        name.partition("-")[2]
        for name, one in sorted(found.items())
        if name.startswith(f"{_KEPT}-") and one.volume_id == volume_id
    ]


def _fits(source: int, size: int) -> None:
    if source > size:
        raise DriverError("What the volume is made from is larger.", detail=f"{source} in {size}")
