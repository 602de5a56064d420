"""What a host does about volumes: its back ends, and who may use what is in them. No database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import structlog

from cloudweb.agent import Agent, Function, ScopeLock
from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.exceptions import CloudwebError
from cloudweb.files import make_directory
from cloudweb.image_cache.cache import ImageCache
from cloudweb.image_cache.source import ImageSource
from cloudweb.periodic import periodic
from cloudweb.rpc import Method
from volume import rpc
from volume.backups.on_host import HostBackups
from volume.copying import HostCopies
from volume.drivers.base import (
    Clones,
    Encryption,
    LiveResize,
    MultiAttach,
    NoKey,
    NoSuchVolume,
    Revert,
    Snapshots,
    SnapshotsTogether,
    VolumeDriver,
    VolumeInUse,
)
from volume.exports import Exports
from volume.managing import HostManaging
from volume.objects import (
    ExportRequest,
    HandedOver,
    Held,
    Leftover,
    PoolState,
    ResizeRequest,
    SnapshotRef,
    SnapshotsRequest,
    SnapshotState,
    UnexportRequest,
    UnlockRequest,
    VolumeConnection,
    VolumeRef,
    VolumeReport,
    VolumeSpec,
    VolumeState,
)
from volume.reimaging import HostReimaging
from volume.uploads.on_host import HostUploads

log = structlog.get_logger(__name__)
TOLD = 100  # problems, and strays, in one report
#: Pools that do not change are told after so many reports all the same.
TOLD_AGAIN = 5
#: What is free changes all the time; a change of less is no news.
NEWS = 64 * 1024**2


class NoSuchBackend(DriverError):
    """The order is for a back end that this host does not have (any more)."""

    code = "no_such_backend"
    default_message = "The host has no such back end."


class VolumeAgent(Agent):
    """The volumes of one host. Thread-safe; all work on one volume is done in turn.

    It keeps which attachments may use what (``volume/exports.py``): after a crash of whatever serves
    them, or of the machine, they are served again without asking anybody.
    """

    def __init__(
        self, drivers: Mapping[str, VolumeDriver], images: ImageCache, directory: Path
    ) -> None:
        self.drivers = drivers
        self.images = images
        self._exports = Exports(make_directory(directory) / "exports")
        self._backups = HostBackups(self._driver, self._locked, self._in_use)
        self._copies = HostCopies(self._driver, self._locked, self._in_use, directory / "copies")
        self._uploads = HostUploads(self._backups, directory / "uploads")
        self._managing = HostManaging(self._driver, self._locked, self._in_use, self._forget)
        self._reimaging = HostReimaging(self._driver, self._locked, self._in_use, images)
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._locks_lock = threading.Lock()
        self._broken: dict[str, str] = {}  # back ends that did not start, and why
        self._problems: dict[str, str] = {}  # by volume
        self._locked_out: set[str] = set()  # volumes that are not served for want of their keys
        self._lost_orders: Callable[[], Sequence[str]] = tuple
        self._may_serve = False  # what the host owed has been paid
        self._told: Sequence[PoolState] = ()
        self._untold = 0  # reports since the pools were told
        self._held: Held | None = None  # what was found, until it is told

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of the volumes' methods."""
        return {
            rpc.CREATE: self.create,
            rpc.DELETE: self.delete,
            rpc.RESIZE: self.resize,
            rpc.EXPORT: self.export,
            rpc.UNEXPORT: self.unexport,
            rpc.UNLOCK: self.unlock,
            rpc.SNAPSHOT: self.snapshot,
            rpc.DELETE_SNAPSHOT: self.delete_snapshot,
            rpc.SNAPSHOT_TOGETHER: self.snapshot_together,
            rpc.DELETE_TOGETHER: self.delete_together,
            rpc.REVERT: self.revert,
            rpc.INSPECT: self.inspect,
            rpc.CLEAR: self.clear,
            rpc.HAND_OVER: self.hand_over,
            **self._backups.methods(),
            **self._copies.methods(),
            **self._managing.methods(),
            **self._reimaging.methods(),
            **self._uploads.methods(),
        }

    # Life

    def watch(self, lost: Callable[[], Sequence[str]]) -> None:
        """Tell in reports whose orders were lost."""
        self._lost_orders = lost

    def init_host(self) -> Sequence[str]:
        """Open the back ends and find again what serves volumes; one that is broken keeps none down."""
        self.images.open()
        self._uploads.clear()
        for name, driver in self.drivers.items():
            self._start(name, driver)
        return self.problems()

    def start_guests(self, lock: ScopeLock) -> None:
        """Serve again what is served no more: what the host owed has been paid."""
        self._may_serve = True
        self.serve()

    def stop(self) -> None:
        """Let go; what serves volumes goes on."""
        for driver in self.drivers.values():
            driver.stop()
        self.images.close()

    def leave_host(self) -> None:
        """Take all volumes of this installation off the host."""
        for driver in self.drivers.values():
            driver.delete_everything()

    # Orders

    def create(self, spec: VolumeSpec, work: Work) -> VolumeState:
        """Fetch what the volume is made from, then make it."""
        driver, source = self._driver(spec.ref), spec.source
        if spec.encryption is not None:
            _needs(driver, Encryption, "encrypt volumes")
        if isinstance(source, VolumeRef | SnapshotRef):
            _needs(driver, Clones, "make volumes from volumes and snapshots")
        image = None
        if isinstance(source, ImageSource) and driver.wants_images:
            work.checkpoint()
            image = self.images.ensure(source, work)
        with self._locked(spec.ref.id, *_parent(source)):
            work.checkpoint()
            return driver.create(spec, image=image, work=work)

    def delete(self, ref: VolumeRef, work: Work) -> None:
        """Make the volume absent, and forget who used it."""
        driver = self._driver(ref)
        with self._locked(ref.id):
            work.checkpoint()
            if live := self._exports.live(ref.id):
                raise VolumeInUse(detail=", ".join(one.attachment_id for one in live))
            driver.delete(ref, work=work)
            self._forget(ref.id)

    def resize(self, request: ResizeRequest, work: Work) -> VolumeState:
        """Make the volume larger."""
        driver = self._driver(request.volume)
        with self._locked(request.volume.id):
            work.checkpoint()
            if self._exports.live(request.volume.id):
                _needs(driver, LiveResize, "resize volumes in use")
            return driver.resize(request, work=work)

    def export(self, request: ExportRequest, work: Work) -> VolumeConnection:
        """Let an attachment use its volume; whom it replaces is cut off first.

        Raises CutOff where something newer has made the order void.
        """
        driver = self._driver(request.volume)
        if request.shared:
            _needs(driver, MultiAttach, "attach a volume to several servers")
        with self._locked(request.volume.id):
            work.checkpoint()
            driver.get(request.volume)
            self._copies.written(request.volume.id)
            for gone in self._exports.admit(request):
                driver.unexport(gone, work=Unguarded())
            return driver.export(request, work=work)

    def unexport(self, request: UnexportRequest, work: Work) -> None:
        """Cut an attachment off; what it was given anew since then stays."""
        driver = self._driver(request.volume)
        with self._locked(request.volume.id):
            work.checkpoint()
            if self._is_known(driver, request.volume) and not self._exports.revoke(request):
                return
            driver.unexport(request, work=work)
            self._problems.pop(request.volume.id, None)
            self._locked_out.discard(request.volume.id)

    def unlock(self, request: UnlockRequest, work: Work) -> None:
        """Serve a volume again to whom it was exported, now that its key is known."""
        volume_id, told = request.volume.id, {"passphrase": request.passphrase}
        driver = self._driver(request.volume)
        with self._locked(volume_id):
            work.checkpoint()
            for one in self._exports.live(volume_id):
                driver.export(one.model_copy(update=told), work=work)
            self._locked_out.discard(volume_id)

    def snapshot(self, ref: SnapshotRef, work: Work) -> SnapshotState:
        """Keep what the volume holds now."""
        driver = self._snapshots(ref.volume)
        with self._locked(ref.volume.id):
            work.checkpoint()
            return driver.snapshot(ref, work=work)

    def delete_snapshot(self, ref: SnapshotRef, work: Work) -> None:
        """Make the snapshot absent."""
        driver = self._snapshots(ref.volume)
        with self._locked(ref.volume.id):
            work.checkpoint()
            driver.delete_snapshot(ref, work=work)

    def snapshot_together(self, request: SnapshotsRequest, work: Work) -> None:
        """Keep what several volumes hold now; at one moment those of a back end that can do that."""
        with self._locked(*(ref.volume.id for ref in request.snapshots)):
            for refs in _by_backend(request.snapshots):
                driver = self._snapshots(refs[0].volume)
                work.checkpoint()
                if isinstance(driver, SnapshotsTogether):
                    driver.snapshot_together(refs, work=work)
                    continue
                for ref in refs:
                    driver.snapshot(ref, work=work)

    def delete_together(self, request: SnapshotsRequest, work: Work) -> None:
        """Make snapshots absent, one after the other."""
        for ref in request.snapshots:
            self.delete_snapshot(ref, work)

    def revert(self, ref: SnapshotRef, work: Work) -> VolumeState:
        """Take the volume back to its newest snapshot."""
        driver = self._driver(ref.volume)
        if not isinstance(driver, Revert):
            raise DriverError("This volume's back end cannot revert volumes.")
        with self._locked(ref.volume.id):
            work.checkpoint()
            if self._exports.live(ref.volume.id):
                raise VolumeInUse
            return driver.revert(ref, work=work)

    def inspect(self, ref: VolumeRef) -> VolumeState:
        """Return the volume as its back end has it; raise NoSuchVolume."""
        return self._driver(ref).get(ref)

    def clear(self, left: Leftover, work: Work) -> None:
        """Let something be gone that nobody needs; a lock of a volume that somebody has by now stays."""
        driver = self._driver(left.volume)
        with self._locked(left.volume.id):
            work.checkpoint()
            if left.kind != "lock" or not self._in_use(left.volume.id):
                driver.clear(left, work=work)

    def hand_over(self, handed: HandedOver, work: Work) -> None:
        """Do not take a volume away that is another host's, whether its back end answers or not; one that came back is.

        Whom this host let in it remembers: should it be asked again to let somebody in, those are cut off.
        """
        volume_id, driver = handed.volume.id, self.drivers.get(handed.volume.backend)
        with self._locked(volume_id):
            work.checkpoint()
            if any(one.epoch > handed.epoch for one in self._exports.of(volume_id)):
                return
            if driver is not None:
                driver.hand_over(handed.volume, work=work)

    # From time to time

    @periodic(every=5)
    def serve(self) -> None:
        """Serve the attachments that nothing serves any more, and cut off those that were revoked.

        A volume that is worked on just now waits for the next time; the others do not wait with it.
        """
        if not self._may_serve:
            return
        found = self._in_force()
        for volume_id in self._exports.volumes():
            with self._locked(volume_id, patient=False) as held:
                if held:
                    self._settle(volume_id, found)

    @periodic(every=timedelta(minutes=10))
    def tidy(self) -> None:
        """Take away what was in use when it should have gone, and look what there is.

        A back end that fails keeps no other one from being looked at; its error is raised in the end.
        """
        found: dict[str, Held] = {}
        failed: list[CloudwebError] = []
        for name, driver in self._working():
            try:
                driver.tidy(self._locked)
                found[name] = driver.held()
            except CloudwebError as error:
                failed.append(error)
        held = found.values()
        self._held = Held(
            volumes=tuple(name for one in held for name in one.volumes),
            snapshots=tuple(name for one in held for name in one.snapshots),
            attachments=tuple(name for one in held for name in one.attachments),
            backends=tuple(found),
            left=tuple(left for one in held for left in one.left),
        )
        if failed:
            raise failed[0]

    @periodic(every=60)
    def start_backends(self) -> None:
        """Open the back ends again that could not be opened."""
        for name in [*self._broken]:
            self._start(name, self.drivers[name])

    # Reports

    def problems(self) -> Sequence[str]:
        """Return one sentence for each thing that an operator must put right."""
        found = [f"Back end {name}: {why}" for name, why in self._broken.items()]
        for name, driver in self._working():
            try:
                found += driver.problems()
            except CloudwebError as error:
                found.append(f"Back end {name}: {error.message}")
        found += [f"Volume {name}: {why}" for name, why in [*self._problems.items()]]
        found += [
            f"The record of who may use volume {name} was damaged. It is served as it is until an "
            "order about it comes."
            for name in self._exports.lost()
        ]
        found += [
            f"The record of the last order about {name} was damaged. The next one writes it again."
            for name in self._lost_orders()
        ]
        return found[:TOLD]

    def report(self, *, full: bool) -> VolumeReport:
        """Return the pools where they changed, and what an operator must see."""
        pools, problems = self._pools(), tuple(self.problems())
        locked = tuple(sorted(self._locked_out)[:TOLD])
        held, self._held = self._held, None
        told = held is None and not _is_news(self._told, pools)
        if told and not full and self._untold < TOLD_AGAIN:
            self._untold += 1
            return VolumeReport(problems=problems, locked=locked)
        self._told, self._untold = pools, 0
        strays = [name for _, driver in self._working() for name in driver.strays()]
        return VolumeReport(
            pools=tuple(pools),
            problems=problems,
            strays=tuple(strays[:TOLD]),
            locked=locked,
            held=held,
        )

    # Inside

    def _working(self) -> Iterator[tuple[str, VolumeDriver]]:
        return ((name, one) for name, one in self.drivers.items() if name not in self._broken)

    def _pools(self) -> Sequence[PoolState]:
        pools: list[PoolState] = []
        for name, driver in self._working():
            try:
                pools += driver.pools()
            except CloudwebError as error:
                log.warning("back end not measured", backend=name, detail=error.detail)
        return pools

    def _start(self, name: str, driver: VolumeDriver) -> None:
        try:
            driver.start()
            self._broken.pop(name, None)
        except CloudwebError as error:
            self._broken[name] = error.message
            log.warning("back end not started", backend=name, detail=error.detail)

    def _in_force(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for _, driver in self._working():
            found.update(driver.exports())
        return found

    def _settle(self, volume_id: str, found: Mapping[str, str]) -> None:
        """Make the exports of one volume be as recorded; ``found`` may be older than the record."""
        try:
            for one in self._exports.of(volume_id):
                if one.request is not None and one.attachment_id not in found:
                    driver = self._driver(one.request.volume)
                    if one.attachment_id not in driver.exports():
                        driver.export(one.request, work=Unguarded())
                        log.info("served again", volume=volume_id, attachment=one.attachment_id)
                elif one.request is None and one.attachment_id in found:
                    self._cut_off(one.attachment_id, volume_id)
            self._problems.pop(volume_id, None)
            self._locked_out.discard(volume_id)
        except CloudwebError as error:
            if isinstance(error, NoKey):
                self._locked_out.add(volume_id)
            self._problems[volume_id] = f"It cannot be served to its server: {error.message}"
            log.warning("not served", volume=volume_id, error=error.message, detail=error.detail)

    def _cut_off(self, attachment_id: str, volume_id: str) -> None:
        for name, driver in self._working():
            if attachment_id in driver.exports():
                ref = VolumeRef(id=volume_id, backend=name)
                request = UnexportRequest(volume=ref, attachment_id=attachment_id, epoch=0)
                driver.unexport(request, work=Unguarded())

    def _is_known(self, driver: VolumeDriver, ref: VolumeRef) -> bool:
        if self._exports.of(ref.id):
            return True
        try:
            driver.get(ref)
        except NoSuchVolume:
            return False
        return True

    def _driver(self, ref: VolumeRef) -> VolumeDriver:
        driver = self.drivers.get(ref.backend)
        if driver is None:
            raise NoSuchBackend(detail=ref.backend)
        if ref.backend in self._broken:
            self._start(ref.backend, driver)
        if ref.backend in self._broken:
            raise DriverError(self._broken[ref.backend], detail=ref.backend)
        return driver

    def _snapshots(self, ref: VolumeRef) -> Snapshots:
        driver = self._driver(ref)
        if not isinstance(driver, Snapshots):
            raise DriverError("This volume's back end cannot take snapshots.")
        return driver

    def _forget(self, volume_id: str) -> None:
        self._exports.forget(volume_id)
        self._copies.forget(volume_id)
        self._problems.pop(volume_id, None)

    def _in_use(self, volume_id: str) -> bool:
        return bool(self._exports.live(volume_id))

    @contextmanager
    def _locked(self, *volume_ids: str, patient: bool = True) -> Iterator[bool]:
        """Keep other work on these volumes out; give whether that could be done without waiting."""
        with self._locks_lock:
            locks = [self._locks.setdefault(one, threading.Lock()) for one in sorted({*volume_ids})]
        with ExitStack() as held:
            for lock in locks:
                if not lock.acquire(blocking=patient):
                    yield False
                    return
                held.callback(lock.release)
            yield True


def _by_backend(refs: Sequence[SnapshotRef]) -> Sequence[Sequence[SnapshotRef]]:
    names = {ref.volume.backend: None for ref in refs}  # in their order
    return [[ref for ref in refs if ref.volume.backend == name] for name in names]


def _is_news(told: Sequence[PoolState], pools: Sequence[PoolState]) -> bool:
    """Tell whether pools differ from what was told in more than a little of what is free."""
    if len(told) != len(pools):
        return True
    pairs = list(zip(told, pools, strict=True))
    return any(
        abs(before.free - now.free) >= NEWS
        or before != now.model_copy(update={"free": before.free})
        for before, now in pairs
    )


def _needs(driver: VolumeDriver, kind: type, what: str) -> None:
    """Refuse what a driver cannot do; the control plane asks only those that can."""
    if not isinstance(driver, kind):
        raise DriverError(f"This volume's back end cannot {what}.")


def _parent(source: ImageSource | VolumeRef | SnapshotRef | None) -> Sequence[str]:
    """Return the id of the volume that another is made from."""
    if isinstance(source, SnapshotRef):
        return (source.volume.id,)
    return (source.id,) if isinstance(source, VolumeRef) else ()
