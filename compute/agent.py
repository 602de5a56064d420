"""What a host does about guests. No database; every method is idempotent."""

from __future__ import annotations

import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from cloudweb.agent import Agent, Function, ScopeLock
from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.files import make_directory, write_atomically
from cloudweb.image_cache.cache import ImageCache
from cloudweb.image_cache.source import ImageSource
from cloudweb.periodic import periodic
from cloudweb.records import forget, lost_in, read_record
from cloudweb.rpc import Method
from compute import rpc, surveying, uptime
from compute.consoles import ConsoleDesk
from compute.consoles.place import door_of
from compute.drivers.base import (
    ConsoleLog,
    GuestNotFound,
    HotPlug,
    Hypervisor,
    Pause,
    Suspend,
)
from compute.freezing import Freezes
from compute.interfaces import Interfaces
from compute.keeping import to_keep
from compute.live_migrating import LiveMigrations
from compute.looking_inside import Insides
from compute.metering import Meters
from compute.objects import (
    AttachDiskRequest,
    CacheRequest,
    ComputeReport,
    ConsoleRequest,
    ConsoleText,
    DetachDiskRequest,
    FreezeRequest,
    FreezeState,
    GuestChange,
    GuestDisk,
    GuestRef,
    GuestSpec,
    GuestState,
    HostInventory,
    HostSurvey,
    PowerOffRequest,
    RebootRequest,
    ResizeDiskRequest,
    ThawRequest,
)
from compute.rescuing import Rescues
from compute.resizing import Resizes
from compute.self_fence import SelfFence
from compute.snapshots.on_host import HostSnapshots
from compute.swapping import Swaps

log = structlog.get_logger(__name__)
#: An inventory that does not change is told after so many reports all the same.
TOLD_AGAIN = 5
PROBLEMS_TOLD = 100  # in one report
IMAGES_TOLD = 200
#: So long after a reboot of the machine guests wait for volumes that other hosts serve.
WAIT_FOR_VOLUMES = 900.0
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Kept(NamedTuple):
    """What a guest was last told, and whether it shall run."""

    spec: GuestSpec
    runs: bool


@dataclass(slots=True)
class Waiting:
    """Guests that wait for their volumes after a reboot of the machine, and how long they do."""

    lock: ScopeLock
    until: float
    guests: set[str] = field(default_factory=set)


class ComputeAgent(Agent):
    """The guests of one host.

    It keeps, for each guest, what it was last told and whether it shall run: after a reboot of the
    machine those that ran are started again without asking anybody.
    """

    def __init__(
        self, driver: Hypervisor, images: ImageCache, directory: Path, *, self_fence: int = 0
    ) -> None:
        self.driver = driver
        self.images = images
        self._guests = directory / "guests"
        self._boot_file = directory / "boot_id"
        make_directory(self._guests)
        self._lock = threading.Lock()
        self._changes: tuple[GuestChange, ...] = ()
        self._start, self._numbers = uuid.uuid4().hex, itertools.count(1)
        self._soon: Callable[[], None] = lambda: None
        self._lost_orders: Callable[[], Sequence[str]] = tuple
        self._inventory: HostInventory | None = None
        self._untold = 0  # reports since the inventory was told
        self._survey: HostSurvey | None = None  # what was found, until it is told
        self._waiting = Waiting(lambda scope: nullcontext(), 0.0)
        self._owes: Callable[[], bool] = lambda: False
        self._fence = SelfFence(driver, directory / "self-fence.json", self_fence, self._changed)
        self._meters = Meters(driver)
        self._freezes = Freezes(driver, directory / "frozen")
        self._snapshots = HostSnapshots(driver, self._freezes)
        self._rescues = Rescues(
            driver, self._fetch, self._keep, self._kept_spec, self._told_if_it_fails
        )
        self._interfaces = Interfaces(driver, lambda key: _read(self._path(key)), self._keep)
        self._swaps = Swaps(driver, self._keep_disk)
        self._resizes = Resizes(driver, images, keep=self._keep, note_runs=self._note_runs)
        self._moves = LiveMigrations(
            driver,
            images,
            keep=self._keep,
            note_runs=self._note_runs,
            forget=self._forget,
            soon=self._tell,
        )
        self.consoles = ConsoleDesk(driver, door_of(directory))
        images.in_use = self._bases

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each of compute's methods."""
        return {
            rpc.SPAWN: self.spawn,
            rpc.CACHE_IMAGE: self.cache_image,
            rpc.DESTROY: self.destroy,
            rpc.POWER_ON: self.power_on,
            rpc.POWER_OFF: self.power_off,
            rpc.REBOOT: self.reboot,
            rpc.PAUSE: self.pause,
            rpc.UNPAUSE: self.unpause,
            rpc.SUSPEND: self.suspend,
            rpc.RESUME: self.resume,
            rpc.ATTACH_DISK: self.attach_disk,
            rpc.DETACH_DISK: self.detach_disk,
            rpc.RESIZE_DISK: self.resize_disk,
            **self._interfaces.methods(),
            **self._swaps.methods(),
            rpc.FREEZE: self.freeze,
            rpc.THAW: self.thaw,
            **self._snapshots.methods(),
            **self._resizes.methods(),
            **self._moves.methods(),
            rpc.CONSOLE_OUTPUT: self.console_output,
            rpc.OPEN_CONSOLE: self.consoles.open,
            rpc.INSPECT: self.inspect,
            **self._rescues.methods(),
            **Insides(self.driver).methods(),
            **self._meters.methods(),
        }

    # -- life

    def init_host(self) -> list[str]:
        """Connect to the hypervisor and look what became of the guests; return problems.

        What ran before the machine went down is not started here: ``start_guests`` comes later.
        """
        self.images.open()
        self.driver.start(self._changed)
        self._fence.start(_boot_id())
        self._freezes.thaw_overdue()
        problems: list[str] = []
        lost = [self._path(name) for name in lost_in(self._guests)]
        for path in sorted([*self._guests.glob("*.json"), *lost]):
            try:
                kept = _read(path)
                if kept is not None and not kept.runs:
                    continue
                state = self.driver.get(path.stem).power_state
            except GuestNotFound:
                problems.append(f"guest {path.stem} is gone from the hypervisor")
                state = "shutdown"
            except DriverError as error:
                problems.append(f"guest {path.stem}: {error.message}")
                continue
            if state != "running" and (kept is None or not self._rebooted()):
                self._changed(path.stem, state)
        return [*problems, *self.problems()]

    def problems(self) -> Sequence[str]:
        """Return one sentence for each record that was damaged and not written again since."""
        guests = [
            f"The record of guest {name} was damaged. The guest is not started after a reboot of "
            "the host until an order about it comes."
            for name in lost_in(self._guests)
        ]
        orders = [
            f"The record of the last order about {name} was damaged. The next one writes it again."
            for name in self._lost_orders()
        ]
        return [*guests, *orders, *self._freezes.problems()][:PROBLEMS_TOLD]

    def start_guests(self, lock: ScopeLock) -> None:
        """After a reboot of the machine start those guests that ran; once for each boot.

        A host that fences itself asks first: they may have been moved meanwhile.
        """
        self._waiting.lock = lock
        if not self._rebooted() or (self._fence.limit and not self._fence.is_answered):
            return
        self._waiting = Waiting(lock, time.monotonic() + WAIT_FOR_VOLUMES)
        for path in sorted(self._guests.glob("*.json")):
            with lock(f"compute:{path.stem}"):
                if path.exists():  # it was not deleted meanwhile
                    self._start_again(path)
        write_atomically(self._boot_file, _boot_id())
        self._untold = TOLD_AGAIN

    def _start_again(self, path: Path) -> None:
        """Start a guest that ran; one with volumes is tried again for a while, their hosts may be late."""
        kept, waiting = None, self._waiting
        try:
            kept = _read(path)
            if kept and kept.runs and self.driver.get(path.stem).power_state != "running":
                self.driver.power_on(kept.spec, work=Unguarded())
                if path.stem in waiting.guests:
                    self._changed(path.stem, "running")
        except DriverError as error:
            if kept and any(disk.source for disk in kept.spec.disks):
                if path.stem in waiting.guests:
                    return
                waiting.guests.add(path.stem)
            log.warning("guest not started again", guest=path.stem, error=error.message)
            self._changed(path.stem, "shutdown")
        else:
            waiting.guests.discard(path.stem)

    @periodic(every=5)
    def start_waiting_guests(self) -> None:
        """Start guests that ran before the machine went down and whose volumes were not there at once."""
        waiting = self._waiting
        if time.monotonic() > waiting.until:
            waiting.guests.clear()
        for guest_id in sorted(waiting.guests):
            with waiting.lock(f"compute:{guest_id}"):
                self._start_again(self._path(guest_id))

    @periodic(every=5)
    def keep_lease(self) -> None:
        """Stop all guests while the control plane was silent for too long (COMPUTE_SELF_FENCE)."""
        fence = self._fence
        if fence.ran_out:
            fence.stop_guests()
        elif fence.limit and fence.is_answered and not self._owes():
            self.start_guests(self._waiting.lock)
            for guest_id in sorted(fence.stopped):
                with self._waiting.lock(f"compute:{guest_id}"):
                    self._start_after_silence(guest_id)

    def _start_after_silence(self, guest_id: str) -> None:
        """Start a guest that this host stopped by itself, if it is still to run here."""
        kept = _read(self._path(guest_id))
        if kept is not None and kept.runs:
            try:
                self.driver.power_on(kept.spec, work=Unguarded())
            except DriverError as error:
                log.warning("guest not started again", guest=guest_id, error=error.message)
                return
            self._changed(guest_id, "running")
        self._fence.started(guest_id)

    def owing(self, owes: Callable[[], bool]) -> None:
        """Ask ``owes`` before a guest is started that may have been moved."""
        self._owes = owes

    @property
    def needs_answers(self) -> bool:
        """A host that fences itself counts the time since the last answer."""
        return bool(self._fence.limit)

    def answered(self, sent_at: float) -> None:
        """Keep the lease for so much longer."""
        self._fence.answered(sent_at)

    def _rebooted(self) -> bool:
        known = self._boot_file
        return not known.exists() or known.read_bytes() != _boot_id().encode()

    def listen(self, soon: Callable[[], None]) -> None:
        """Call ``soon`` when something happened that should be reported at once."""
        self._soon = soon

    def watch(self, lost: Callable[[], Sequence[str]]) -> None:
        """Tell in reports whose orders were lost."""
        self._lost_orders = lost

    def stop(self) -> None:
        """Disconnect; guests go on."""
        self.driver.stop()
        self.images.close()

    def leave_host(self) -> None:
        """Take all guests of this installation off the host."""
        self.driver.delete_everything()

    # -- orders

    def spawn(self, spec: GuestSpec, work: Work) -> GuestState:
        """Fetch what the guest boots from, then make it run."""
        images = self._fetch(spec, work)
        self._keep(spec, runs=True)
        return self.driver.spawn(spec, images=images, work=work)

    def _fetch(self, spec: GuestSpec, work: Work) -> dict[str, Path]:
        """Return the images that a guest is made from, by their ids, once they are here."""
        images = {}
        for source in _sources(spec) if self.driver.wants_images else ():
            work.checkpoint()
            images[source.id] = self.images.ensure(source, work)
        work.checkpoint()
        return images

    def cache_image(self, request: CacheRequest, work: Work) -> None:
        """Fetch an image that guests will be made from."""
        if self.driver.wants_images:
            self.images.ensure(request.image, work)

    def destroy(self, ref: GuestRef, work: Work) -> None:
        """Make the guest absent, and forget it."""
        self.driver.destroy(ref, work=work)
        self._forget(ref.id)

    def power_on(self, spec: GuestSpec, work: Work) -> GuestState:
        """Start the guest."""
        with self._told_if_it_fails(spec.id):
            state = self.driver.power_on(spec, work=work)
        self._keep(spec, runs=True)
        return state

    def power_off(self, request: PowerOffRequest, work: Work) -> GuestState:
        """Stop the guest."""
        self._note_runs(request.id, runs=False)
        ref = GuestRef(id=request.id, name=request.name)
        with self._told_if_it_fails(request.id):
            return self.driver.power_off(ref, timeout=request.timeout, work=work)

    def reboot(self, request: RebootRequest, work: Work) -> GuestState:
        """Reboot the guest."""
        self._note_runs(request.id, runs=True)
        if request.spec is not None:
            self._keep(request.spec, runs=True)
        elif (kept := _read(self._path(request.id))) is not None:
            # It starts as it was last told, in the way of today's driver.
            request = request.model_copy(update={"spec": kept.spec})
        with self._told_if_it_fails(request.id):
            return self.driver.reboot(request, work=work)

    def pause(self, ref: GuestRef, work: Work) -> GuestState:
        """Halt the guest. It does not outlive a reboot of the machine, nor is it started then."""
        self._note_runs(ref.id, runs=False)
        with self._told_if_it_fails(ref.id):
            return self._pauses().pause(ref, work=work)

    def unpause(self, ref: GuestRef, work: Work) -> GuestState:
        """Let the guest go on."""
        with self._told_if_it_fails(ref.id):
            state = self._pauses().unpause(ref, work=work)
        self._note_runs(ref.id, runs=True)
        return state

    def suspend(self, ref: GuestRef, work: Work) -> GuestState:
        """Write the guest's memory to disk; from before that on nothing starts it unasked."""
        self._note_runs(ref.id, runs=False)
        with self._told_if_it_fails(ref.id):
            return self._suspends().suspend(ref, work=work)

    def resume(self, spec: GuestSpec, work: Work) -> GuestState:
        """Let the guest go on from its memory."""
        with self._told_if_it_fails(spec.id):
            state = self._suspends().resume(spec, work=work)
        self._keep(spec, runs=True)
        return state

    def _pauses(self) -> Pause:
        if not isinstance(self.driver, Pause):
            raise DriverError("This server's hypervisor pauses no guests.")
        return self.driver

    def _suspends(self) -> Suspend:
        if not isinstance(self.driver, Suspend):
            raise DriverError("This server's hypervisor suspends no guests.")
        return self.driver

    def attach_disk(self, request: AttachDiskRequest, work: Work) -> None:
        """Give the guest a disk now and at each start from here on."""
        ref = GuestRef(id=request.id, name=request.name)
        if (driver := self._hot_plug(ref)) is not None:
            driver.attach_disk(ref, request.disk, work=work)
        self._keep_disk(request.id, request.disk.serial, request.disk)

    def detach_disk(self, request: DetachDiskRequest, work: Work) -> None:
        """Take a disk from the guest; one that is not on the host has none."""
        ref = GuestRef(id=request.id, name=request.name)
        with suppress(GuestNotFound):
            if (driver := self._hot_plug(ref)) is not None:
                driver.detach_disk(ref, request.serial, timeout=request.timeout, work=work)
        self._keep_disk(request.id, request.serial, None)

    def resize_disk(self, request: ResizeDiskRequest, work: Work) -> None:
        """Let the guest see that its disk has grown."""
        ref = GuestRef(id=request.id, name=request.name)
        if (driver := self._hot_plug(ref)) is not None:
            driver.resize_disk(ref, request.serial, request.size, work=work)
        for disk in self._disks(request.id, request.serial):
            grown = disk.model_copy(update={"size": request.size})
            self._keep_disk(request.id, request.serial, grown)

    def freeze(self, request: FreezeRequest, work: Work) -> FreezeState:
        """Hold the guest's file systems still for a short time."""
        return self._freezes.freeze(request, work)

    def thaw(self, request: ThawRequest, work: Work) -> FreezeState:
        """Let them go on."""
        return self._freezes.thaw(request)

    def _hot_plug(self, ref: GuestRef) -> HotPlug | None:
        """Return who changes the disks of a guest; None for one that is off and is told at its start."""
        if isinstance(self.driver, HotPlug):
            return self.driver
        if self.driver.get(ref.id).power_state not in ("shutdown", "crashed"):
            raise DriverError("This server's hypervisor changes no disks of a guest that runs.")
        return None

    @contextmanager
    def _told_if_it_fails(self, guest_id: str) -> Iterator[None]:
        """Say how the guest is when what was to be done to it failed: it may have been done.

        One that runs on after it shall run after a reboot of the machine as well.
        """
        try:
            yield
        except DriverError:
            with suppress(DriverError):
                state = self.driver.get(guest_id).power_state
                self._changed(guest_id, state)
                if state == "running":
                    self._note_runs(guest_id, runs=True)
            raise

    def _bases(self) -> list[Path]:
        """Return the cached files that the guests of this host are based on.

        A guest whose record is lost may be based on any of them.
        """
        kept = [_read(path) for path in self._guests.glob("*.json")]  # None: destroyed just now
        if lost_in(self._guests):
            return list(self.images.directory.iterdir())
        return [self.images.path_of(one) for guest in kept if guest for one in _sources(guest.spec)]

    # -- questions

    def console_output(self, request: ConsoleRequest) -> ConsoleText:
        """Return the newest lines of the console; raise DriverError where the driver keeps none."""
        if not isinstance(self.driver, ConsoleLog):
            raise DriverError("This server's hypervisor keeps no console log.")
        ref = GuestRef(id=request.id, name=request.name)
        text = self.driver.console_output(ref, length=request.length)
        return ConsoleText(text=text.decode(errors="replace"))

    def inspect(self, ref: GuestRef) -> GuestState:
        """Return the guest as the hypervisor sees it; raise GuestNotFound."""
        return self.driver.get(ref.id)

    # -- from time to time

    @periodic(every=5)
    def trim_console_logs(self) -> None:
        """Cut console logs that outgrew their limit, so that no guest fills the host's disk."""
        if isinstance(self.driver, ConsoleLog):
            self.driver.trim_logs()

    @periodic(every=60)
    def meter(self) -> None:
        """Note what guests use, for the graphs of the last hour and day."""
        self._meters.look()

    @periodic(every=2)
    def thaw_overdue(self) -> None:
        """Thaw guests that were frozen for long enough, whoever should have said so."""
        self._freezes.thaw_overdue()

    @periodic(every=5)
    def tend_disks(self) -> None:
        """Start again what leads to volumes of other hosts, and guests that a full disk halted."""
        if isinstance(self.driver, HotPlug):
            self.driver.tend_disks()

    @periodic(every=120)
    def survey(self) -> None:
        """Look at all guests, files and records, so that what should not be so is found."""
        if self._rebooted():
            return  # guests that ran are still to be started
        found = surveying.survey(self.driver, [path.stem for path in self._guests.glob("*.json")])
        with self._lock:
            self._survey = found

    @periodic(every=timedelta(hours=1))
    def trim_images(self) -> None:
        """Drop images that nobody used for long while the cache is over its limit, and stale downloads."""
        self.images.evict()

    @periodic(every=timedelta(hours=1))
    def check_images(self) -> None:
        """Read cached images through that nobody did since the host stopped uncleanly.

        Raises DriverError when a damaged one is in use by guests.
        """
        damaged = self.images.check()
        if damaged:
            raise DriverError(
                "Guests are based on damaged copies of images.", detail=", ".join(damaged)
            )

    # -- reports

    def report(self, *, full: bool) -> ComputeReport:
        """Return load, changes not yet taken, and the inventory when it changed."""
        at = 0.0 if self._rebooted() else time.time()  # guests that ran are still to be started
        inventory = self.driver.inventory()
        if self._fence.limit:
            inventory = inventory.model_copy(update={"self_fence": self._fence.limit})
        if self.driver.wants_images:
            images = self.images.ids(most=IMAGES_TOLD)
            inventory = inventory.model_copy(update={"images": images})
        load = self.driver.load().model_copy(update={"uptime": uptime.line()})
        problems = self.problems()
        with self._lock:
            is_news = full or inventory != self._inventory or self._untold >= TOLD_AGAIN
            self._inventory, self._untold = inventory, 0 if is_news else self._untold + 1
            return ComputeReport(
                start=self._start,
                at=at,
                measured=load,
                inventory=inventory if is_news else None,
                changes=self._changes,
                problems=tuple(problems),
                moving=self._moves.progress(),
                survey=self._survey,
            )

    def keeps(self, part: ComputeReport) -> bool:
        """Keep changes until they were taken: a server whose guest died must not look alive."""
        return bool(part.changes)

    def reported(self, part: ComputeReport) -> None:
        """Forget the changes and the survey that were taken."""
        with self._lock:
            if self._survey is part.survey:
                self._survey = None
            self._changes = tuple(one for one in self._changes if one not in part.changes)

    def _changed(self, guest_id: str, power_state: str) -> None:
        """Note that a guest changed by itself; users wait for this, so say it now."""
        with self._lock:
            number = next(self._numbers)
            change = GuestChange(number=number, id=guest_id, power_state=power_state)
            self._changes = (*self._changes, change)[-500:]
        self._soon()

    # -- what is kept

    def _path(self, guest_id: str) -> Path:
        return self._guests / f"{guest_id}.json"

    def _forget(self, guest_id: str) -> None:
        forget(self._path(guest_id))

    def _tell(self) -> None:
        """Report at once."""
        self._soon()

    def _keep(self, spec: GuestSpec, *, runs: bool) -> None:
        kept = to_keep(spec)
        write_atomically(
            self._path(spec.id), json.dumps({"spec": kept.dump(), "runs": runs}), mode=0o600
        )

    def _keep_disk(self, guest_id: str, serial: str, disk: GuestDisk | None) -> None:
        """Note the disk of this serial, or that there is none any more, for the guest's next starts."""
        kept = _read(self._path(guest_id))
        if kept is None:
            return
        known = kept.spec.disks
        places = [i for i, one in enumerate(known) if one.serial == serial and one.source]
        place = places[0] if places else len(known)  # the first is the one it boots from
        disks = (*known[:place], *([disk] if disk is not None else []), *known[place + 1 :])
        if disks != known:
            self._keep(kept.spec.model_copy(update={"disks": disks}), runs=kept.runs)

    def _kept_spec(self, guest_id: str) -> GuestSpec | None:
        kept = _read(self._path(guest_id))
        return kept.spec if kept else None

    def _disks(self, guest_id: str, serial: str) -> list[GuestDisk]:
        kept = _read(self._path(guest_id))
        return [disk for disk in kept.spec.disks if disk.serial == serial] if kept else []

    def _note_runs(self, guest_id: str, *, runs: bool) -> None:
        kept = _read(self._path(guest_id))
        if kept is not None and kept.runs != runs:
            self._keep(kept.spec, runs=runs)


def _boot_id() -> str:
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""


def _read(path: Path) -> Kept | None:
    return read_record(path, lambda record: _parse(path.stem, record))


def _parse(guest_id: str, record: Any) -> Kept:
    spec, runs = GuestSpec.load(record["spec"]), record["runs"]
    if spec.id != guest_id or not isinstance(runs, bool):
        raise ValueError(f"it is about {spec.id!r}, runs is {runs!r}")
    return Kept(spec, runs)


def _sources(spec: GuestSpec) -> list[ImageSource]:
    found = [disk.image for disk in spec.disks if disk.image is not None]
    boots = [spec.direct_boot]
    if spec.rescue is not None:
        found.append(spec.rescue.image)
        boots.append(spec.rescue.direct_boot)
    for direct in filter(None, boots):
        found += [direct.kernel, *([direct.ramdisk] if direct.ramdisk is not None else [])]
    return found
