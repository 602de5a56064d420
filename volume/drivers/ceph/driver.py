"""Volumes as images of Ceph: guests of all hosts reach them, each attachment as a user of its own."""

from __future__ import annotations

import errno
import shutil
from builtins import list as List  # noqa: N812  the class below has a method named list
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.files import make_directory
from cloudweb.image_cache.source import ImageSource
from volume.backups.driving import Backups
from volume.backups.objects import BackupPoint
from volume.backups.taking import Source
from volume.drivers.base import (
    Clones,
    Encryption,
    LiveResize,
    MultiAttach,
    NoSuchPool,
    NoSuchSnapshot,
    NoSuchVolume,
    Reimage,
    Revert,
    Snapshots,
    VolumeDriver,
    VolumeInUse,
    VolumeLocks,
)
from volume.drivers.ceph.attachments import Attachment, Attachments
from volume.drivers.ceph.bases import Bases
from volume.drivers.ceph.cluster import CephConfig, Cluster, Refused
from volume.drivers.ceph.encrypted import DRAFT, EncryptedImages
from volume.drivers.ceph.fence import Fence
from volume.drivers.ceph.images import Image, Images
from volume.drivers.ceph.made import PASSING, Made
from volume.drivers.ceph.managing import CephManaging
from volume.drivers.ceph.measures import Measures
from volume.drivers.luks import able_here
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
    VolumeRef,
    VolumeSpec,
    VolumeState,
)

VOLUME, SNAPSHOT = "volume-", "snapshot-"
#: A snapshot that a backup is read from.
POINT = "point-"
#: Beside an image that is taken back: the size it has to have afterwards.
SIZE_NOTE = "cloudweb.size"


class CephDriver(
    VolumeDriver,
    Snapshots,
    Revert,
    Reimage,
    Clones,
    LiveResize,
    MultiAttach,
    Encryption,
    Backups,
    CephManaging,
):
    """Pools of one cluster; several hosts may have them as a back end, each its own volumes.

    What the host made is recorded under ``state_dir``: it takes away no more than that.
    """

    def __init__(
        self, state_dir: Path, host: str, backend: str = "ceph", *, config: CephConfig | None = None
    ) -> None:
        self.host, self.backend = host, backend
        self.config = config or CephConfig.from_settings(backend)
        self.cluster = Cluster(self.config)
        self.images = Images(self.cluster)
        self.fence = Fence(self.cluster)
        self.measures = Measures(self.cluster, also=self.fence.look)
        self._bases = Bases(self.images, host)
        self._attachments = Attachments(state_dir / "attachments")
        self._made = Made(state_dir / "volumes", self.images)
        self._sockets = state_dir / "s"
        self._encrypted = EncryptedImages(self.images, self.cluster.node, self._sockets)
        self._strays: tuple[str, ...] = ()
        self._held = Held()

    def start(self) -> None:
        """Ask the cluster what there is."""
        if shutil.which("rbd") is None or shutil.which("qemu-img") is None:
            raise DriverError("The host needs the packages ceph-common and qemu-utils.")
        self._attachments.open()
        self._made.open()
        make_directory(self._sockets)
        end_leftovers(self._sockets)
        try:
            self.measures.start()
        except Refused as error:
            raise DriverError(
                f"Ceph does not let {self.config.user} in; look at {self.config.conf}, and at the user's "
                "key and rights.",
                detail=error.detail,
            ) from error
        known = self.measures.known.pools
        if absent := [name for name in self.config.pools if name not in known]:
            self.stop()
            raise DriverError(f"The storage cluster has no pool {', '.join(absent)}.")

    def stop(self) -> None:
        """Ask no more."""
        self.measures.stop()

    def pools(self) -> Sequence[PoolState]:
        """Return the pools as they were measured last."""
        known = self.measures.known
        return [
            PoolState(
                backend=self.backend,
                name=name,
                driver="ceph",
                protocol="ceph",
                total=known.usage[name].total if name in known.usage else 0,
                free=known.usage[name].free if name in known.usage else 0,
                capabilities=able_here(self),
                storage_id=f"{known.fsid}/{name}",
                problem=known.full,
            )
            for name in self.config.pools
        ]

    # Volumes

    def create(self, spec: VolumeSpec, *, image: Path | None, work: Work) -> VolumeState:
        """Make the image, by cloning where it has a source; one that is there only gets its size."""
        ref, name = spec.ref, self._image(spec.ref)
        if (found := self.images.find(name)) is None:
            parent = self._check_source(spec)
            work.checkpoint()
            self._made.begin(
                ref.id,
                ref.pool,
                parent=parent if isinstance(spec.source, VolumeRef) else "",
                draft=self._encrypted.draft(spec) if spec.encryption else "",
            )
            self._make(spec, parent, image, work)
            found = self._found(ref)
        if found.size < spec.size:
            work.checkpoint()
            self.images.resize(name, found.header + spec.size)
        self._made.end_passing(ref.id)
        return self._state(ref, max(found.size, spec.size))

    def _check_source(self, spec: VolumeSpec) -> str:
        """Return the image that a volume is made from; raise where it cannot be."""
        source = spec.source
        if source is None:
            return ""
        if isinstance(source, ImageSource):
            size, parent = source.virtual_size, ""
        else:
            origin = self._found(source.volume if isinstance(source, SnapshotRef) else source)
            size, parent = origin.size, origin.name
            if isinstance(source, SnapshotRef):
                size = self._snapshot_size(source, origin)
            if bool(origin.header) != bool(spec.encryption):
                raise DriverError(
                    "A copy of an encrypted volume has its key, and none has another's."
                )
        if size > spec.size:
            raise DriverError("The source is larger than the volume.")
        return parent

    def _make(self, spec: VolumeSpec, parent: str, image: Path | None, work: Work) -> None:
        ref, name, source = spec.ref, self._image(spec.ref), spec.source
        if isinstance(source, VolumeRef | SnapshotRef):
            if not spec.encryption:
                self._clone(parent, source, ref, name, work)
                return
            self.images.remove(self._encrypted.draft(spec), work=work)  # of one who died over it
            self._clone(parent, source, ref, self._encrypted.draft(spec), work)
        elif spec.encryption:
            self._encrypted.make(spec, image, work=work)
        elif source is None:
            self.images.create(name, spec.size)
            return
        elif image is None:
            raise DriverError("The image's file is not there.", detail=source.id)
        else:
            self._bases.clone(ref.pool, source, image, name, work=work)
            return
        work.checkpoint()
        self._encrypted.finish(spec, name)

    def _clone(
        self, parent: str, source: VolumeRef | SnapshotRef, ref: VolumeRef, name: str, work: Work
    ) -> None:
        if isinstance(source, SnapshotRef):
            snapshot, pool = f"{SNAPSHOT}{source.id}", source.volume.pool
        else:
            snapshot, pool = self._made.passing(ref.id), source.pool
            self.images.take(parent, snapshot)
        work.checkpoint()
        self.images.clone(parent, snapshot, name)
        # who may use one pool must not need another one to read what a parent holds
        self.images.flatten_deep(name, always=pool != ref.pool)

    def delete(self, ref: VolumeRef, *, work: Work) -> None:
        """Take the image away; while it has clones, it waits in the trash."""
        name = self._image(ref)
        if attached := self._attachments.of(ref.id):
            raise VolumeInUse(detail=", ".join(attached))
        snapshots = self.images.snapshots(name)
        # others' snapshots, too: who took them may need them
        if kept := [one for one in snapshots if not one.startswith((POINT, PASSING))]:
            raise VolumeInUse(detail=", ".join(kept))
        work.checkpoint()
        self._made.end_passing(ref.id)
        with _in_use():
            self.images.remove(name, work=work)
        self._made.forget(ref.id)

    def resize(self, request: ResizeRequest, *, work: Work) -> VolumeState:
        """Make the image larger; who has it open hears of it from Ceph."""
        found = self._found(request.volume)
        if request.size < found.size:
            raise DriverError("A volume cannot shrink.")
        if request.size > found.size:
            work.checkpoint()
            self.images.resize(found.name, found.header + request.size)
        return self._state(request.volume, request.size)

    def get(self, ref: VolumeRef) -> VolumeState:
        """Return the volume with what it takes."""
        found = self._found(ref)
        return self._state(ref, found.size, allocated=self.images.allocated(found.name))

    def list(self) -> Sequence[VolumeState]:
        """Return the volumes in the pools."""
        found: dict[str, VolumeState] = {}
        for pool in self.config.pools:
            for name in self.images.names(pool):
                one = self.images.find(f"{pool}/{name}") if name.startswith(VOLUME) else None
                if one is not None:
                    ref = self._ref(pool, name)
                    found[ref.id] = self._state(ref, one.size)
        return list(found.values())

    # Attachments

    def export(self, request: ExportRequest, *, work: Work) -> VolumeConnection:
        """Let the attachment's user be there."""
        ref, found = request.volume, self._found(request.volume)
        if found.header:
            self._encrypted.check_key(found.name, request.passphrase)
        work.checkpoint()
        self._attachments.put(ref.id, request.attachment_id, Attachment(ref.pool, request.to_host))
        user, secret = self.fence.let_in(
            request.attachment_id, ref.pool, read_only=request.mode == "ro"
        )
        return VolumeConnection(
            attachment_id=request.attachment_id,
            epoch=request.epoch,
            volume_id=ref.id,
            kind="rbd",
            size=found.size,
            read_only=request.mode == "ro",
            rbd_pool=ref.pool,
            image=f"{VOLUME}{ref.id}",
            monitors=self.measures.known.monitors,
            user=user,
            secret=secret,
            encrypted=bool(found.header),
            passphrase=request.passphrase if found.header else "",
        )

    def unexport(self, request: UnexportRequest, *, work: Work) -> None:
        """Remove the attachment's user and let the OSDs refuse its clients."""
        ref = request.volume
        mine = self._attachments.of(ref.id).get(request.attachment_id)
        pool = mine.pool if mine is not None else ref.pool
        if pool not in self.config.pools:
            return
        work.checkpoint()
        self.fence.put_out(request.attachment_id, f"{pool}/{VOLUME}{ref.id}")
        self._attachments.drop(ref.id, request.attachment_id)

    def exports(self) -> Mapping[str, str]:
        """Return the attachments whose users this host let in."""
        return {
            attachment_id: volume_id
            for volume_id in self._attachments.volumes()
            for attachment_id in self._attachments.of(volume_id)
        }

    # Snapshots

    def snapshot(self, ref: SnapshotRef, *, work: Work) -> SnapshotState:
        """Take the snapshot; a writer's lock lets Ceph find a moment between two writes."""
        found = self._found(ref.volume)
        work.checkpoint()
        self.images.take(found.name, f"{SNAPSHOT}{ref.id}")
        size = self._snapshot_size(ref, found)
        return SnapshotState(id=ref.id, volume_id=ref.volume.id, size=size)

    def delete_snapshot(self, ref: SnapshotRef, *, work: Work) -> None:
        """Take the snapshot away; what was cloned from it keeps it hidden while it needs it."""
        work.checkpoint()
        self.images.drop(self._image(ref.volume), f"{SNAPSHOT}{ref.id}")

    def revert(self, ref: SnapshotRef, *, work: Work) -> VolumeState:
        """Roll back, then give the image its present size again."""
        found = self._found(ref.volume)
        name = found.name
        if self._attachments.of(ref.volume.id):
            raise VolumeInUse
        self._snapshot_size(ref, found)
        size = int(self.images.noted(name, SIZE_NOTE) or found.size)
        work.checkpoint()
        self.images.note(name, SIZE_NOTE, str(size))
        work.checkpoint()
        with _in_use():
            self.images.roll_back(name, f"{SNAPSHOT}{ref.id}")
        work.checkpoint()
        if self._found(ref.volume).size < size:
            self.images.resize(name, found.header + size)
        self.images.forget(name, SIZE_NOTE)
        return self._state(ref.volume, size)

    def reimage(self, request: ReimageRequest, *, image: Path | None, work: Work) -> None:
        """Write the image over it, in place: what shares with it keeps what it holds."""
        write_image(self, request, image, sockets=self._sockets, work=work)

    # Backups

    def hold_point(self, point: BackupPoint, *, work: Work) -> None:
        """Take a snapshot of its own for a volume; a snapshot holds what it holds."""
        found = self._found(point.volume)
        if isinstance(point.source, SnapshotRef):
            self._snapshot_size(point.source, found)
            return
        work.checkpoint()
        self.images.take(found.name, f"{POINT}{point.id}")

    @contextmanager
    def reading(self, point: BackupPoint) -> Iterator[Source]:
        """Serve the snapshot to ourselves."""
        name = f"{POINT}{point.id}"
        if isinstance(point.source, SnapshotRef):
            name = f"{SNAPSHOT}{point.source.id}"
        found = self._found(point.volume)
        if name not in self.images.snapshots(found.name):
            raise NoSuchSnapshot
        target, sockets = f"{found.name}@{name}", self._sockets
        if not found.header:
            with self._served(target, read_only=True) as client:
                yield client
            return
        disk, key = self.cluster.node(target), self._encrypted.key(point.volume.id)
        with reading_encrypted(disk, key, header=found.header, sockets=sockets) as source:
            yield source

    def release_point(self, point: BackupPoint, *, work: Work) -> None:
        """Drop the snapshot that was taken for it."""
        work.checkpoint()
        self.images.drop(self._image(point.volume), f"{POINT}{point.id}")

    @contextmanager
    def writing(self, volume: VolumeRef) -> Iterator[NbdClient]:
        """Serve the image to ourselves, to be written."""
        found = self._found(volume)
        if attached := self._attachments.of(volume.id):
            raise VolumeInUse(detail=", ".join(attached))
        if found.header:
            disk, key = self.cluster.node(found.name), self._encrypted.key(volume.id)
            with writing_encrypted(disk, key, sockets=self._sockets) as client:
                yield client
                client.flush()
            return
        with self._served(found.name, read_only=False) as client:
            yield client
            client.flush()

    @contextmanager
    def opened(self, volume: VolumeRef, passphrase: str) -> Iterator[None]:
        """Know the passphrase for as long."""
        if not self._found(volume).header:
            yield
            return
        with self._encrypted.opened(volume.id, passphrase):
            yield

    def _served(self, image: str, *, read_only: bool) -> AbstractContextManager[NbdClient]:
        target = self.cluster.location(image)
        return served(target, "raw", sockets=self._sockets, read_only=read_only)

    # From time to time

    def problems(self) -> Sequence[str]:
        """Return what the cluster complains about."""
        return [f"Ceph of back end {self.backend}: {one}." for one in self.measures.known.problems]

    def strays(self) -> Sequence[str]:
        """Return the images in the pools that are nobody's, as they were found last."""
        return self._strays

    def tidy(self, locks: VolumeLocks) -> None:
        """Take away what waited for its clones to go, and images that nothing is made of."""
        strays: List[str] = []
        volumes, snapshots, left = [], [], []
        for pool in self.config.pools:
            self._bases.tidy(pool)
            for one in self.images.trash(pool):
                if self._is_ours(one["name"]):
                    self.images.purge(pool, one["id"])
            for one in self.images.long_list(pool):
                name, taken = one["image"], one.get("snapshot", "")
                if not name.startswith(VOLUME):
                    if not taken and not self._is_ours(name):
                        strays.append(f"{pool}/{name}")
                    continue
                ref = self._ref(pool, name)
                if taken.startswith(POINT):
                    point = taken.removeprefix(POINT)
                    left.append(Leftover(kind="point", volume=ref, name=point))
                elif taken.startswith(SNAPSHOT):
                    snapshots.append(taken.removeprefix(SNAPSHOT))
                elif not taken:
                    volumes.append(ref.id)
                    if one.get("lock_type") and not self._attachments.of(ref.id):
                        left.append(Leftover(kind="lock", volume=ref))
        self._strays = tuple(strays)
        self._held = Held(volumes=tuple(volumes), snapshots=tuple(snapshots), left=tuple(left))

    def held(self) -> Held:
        """Return the volumes of all hosts in the pools, as they were found last, and who was let in here."""
        return self._held.model_copy(update={"attachments": tuple(self.exports())})

    def clear(self, left: Leftover, *, work: Work) -> None:
        """Release a point; put whoever has a lock out, whether he lives or not."""
        if left.kind != "lock":
            super().clear(left, work=work)
            return
        work.checkpoint()
        if not self._attachments.of(left.volume.id):
            self.fence.put_all_out(self._image(left.volume))

    def hand_over(self, ref: VolumeRef, *, work: Work) -> None:
        """Forget that this host made the image."""
        work.checkpoint()
        self._made.end_passing(ref.id)
        self._made.forget(ref.id)

    def delete_everything(self) -> None:
        """Take away what this host made: the cluster may hold others' volumes in the same pools."""
        for volume_id, pool in self._made.volumes():
            if pool not in self.config.pools:
                continue
            ref = VolumeRef(id=volume_id, backend=self.backend, pool=pool)
            for attachment_id in self._attachments.of(ref.id):
                gone = UnexportRequest(volume=ref, attachment_id=attachment_id, epoch=0)
                self.unexport(gone, work=Unguarded())
            for snapshot in self.images.snapshots(self._image(ref)):
                self.images.drop(self._image(ref), snapshot)
            self.delete(ref, work=Unguarded())
        for pool in self.config.pools:
            for one in self.images.trash(pool):
                if self._is_ours(one["name"]):
                    self.images.purge(pool, one["id"])

    # Inside

    def _image(self, ref: VolumeRef) -> str:
        if ref.pool not in self.config.pools:
            raise NoSuchPool(detail=ref.pool)
        return f"{ref.pool}/{VOLUME}{ref.id}"

    def _ref(self, pool: str, name: str) -> VolumeRef:
        return VolumeRef(id=name.removeprefix(VOLUME), backend=self.backend, pool=pool)

    def _is_ours(self, name: str) -> bool:
        return name.startswith((VOLUME, DRAFT)) or self._bases.belongs(name)

    def _found(self, ref: VolumeRef) -> Image:
        found = self.images.find(self._image(ref))
        if found is None:
            raise NoSuchVolume
        return found

    def _snapshot_size(self, ref: SnapshotRef, image: Image) -> int:
        """Return how large the volume was then."""
        found = self.images.snapshots(image.name).get(f"{SNAPSHOT}{ref.id}")
        if found is None:
            raise NoSuchSnapshot
        return found - image.header

    def _state(self, ref: VolumeRef, size: int, *, allocated: int = 0) -> VolumeState:
        snapshots = self.images.snapshots(self._image(ref))
        return VolumeState(
            id=ref.id,
            backend=self.backend,
            pool=ref.pool,
            format="raw",
            size=size,
            allocated=allocated,
            attachments=tuple(sorted(self._attachments.of(ref.id))),
            snapshots=tuple(
                name.removeprefix(SNAPSHOT) for name in snapshots if name.startswith(SNAPSHOT)
            ),
        )


@contextmanager
def _in_use() -> Iterator[None]:
    """Turn Ceph's word for an image that somebody has open into ours."""
    try:
        yield
    except Refused as error:
        if error.errno not in (errno.EBUSY, errno.EROFS):
            raise
        raise VolumeInUse(detail=error.detail) from error
