"""Simulated guests that go to another host while they run: by a clock, at a pace that can be set."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakValueDictionary

from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.faults import Faults
from compute.drivers.base import GuestIsOff, GuestNotFound, GuestRuns
from compute.drivers.live import LiveMigrate, OtherHostKnows
from compute.live_objects import (
    DestinationCheck,
    DestinationVerdict,
    LiveOffer,
    LiveRequest,
    LiveResult,
    OwnDisk,
    PrepareRequest,
    RunsHere,
    RunsState,
    SourceCheck,
    SourceVerdict,
)
from compute.live_progress import LivePhase, LiveProgress
from compute.objects import GuestRef, GuestSpec

if TYPE_CHECKING:
    from compute.drivers.fake import FakeGuest

MIB, GIB = 1024**2, 1024**3
#: A simulated guest that is asked for nothing else goes over when so little is left, as QEMU does.
STARTS_WITH = ("running", "paused")


@dataclass(slots=True)
class LivePace:
    """How fast simulated guests move: bytes a second, and how long a simulated second really takes.

    ``cpu`` is what the host's processor is called; hosts of one ``storage`` share the disks of guests.
    ``refuses`` are sentences with which this host takes no guest.
    """

    speed: int = GIB
    dirty_rate: int = 0
    second: float = 0.0
    cpu: str = "fake"
    storage: str = ""
    refuses: tuple[str, ...] = ()


@dataclass(slots=True)
class Course:
    """How far one guest is. ``downtime`` is what it may be held still for (milliseconds)."""

    pace: LivePace
    memory: int
    disks: int
    downtime: int
    clock: int = 0
    still: bool = False
    memory_left: int = field(init=False)
    disks_left: int = field(init=False)
    moved: int = 0

    def __post_init__(self) -> None:
        self.memory_left, self.disks_left = self.memory, self.disks

    @property
    def is_close(self) -> bool:
        """Tell whether the rest fits into the downtime."""
        return not self.disks_left and self.memory_left <= self.pace.speed * self.downtime // 1000

    def second(self) -> None:
        """Let a second pass."""
        self.clock += 1
        room = self.pace.speed
        of_disks = min(room, self.disks_left)
        self.disks_left -= of_disks
        of_memory = min(room - of_disks, self.memory_left)
        self.moved += of_memory
        dirtied = 0 if self.still else self.pace.dirty_rate
        self.memory_left = min(self.memory, self.memory_left - of_memory + dirtied)

    def seen(self, guest_id: str, *, first_downtime: int) -> LiveProgress:
        """Return what a host tells of it."""
        phase: LivePhase = "disks" if self.disks_left else "memory"
        if not self.disks_left and self.downtime > first_downtime:
            phase = "downtime"
        dirty = 0 if self.still else self.pace.dirty_rate
        gain = self.pace.speed - dirty
        left = self.memory_left + self.disks_left
        return LiveProgress(
            id=guest_id,
            phase="suspended" if self.still else phase,
            memory_total=self.memory,
            memory_processed=self.moved,
            memory_remaining=self.memory_left,
            disk_total=self.disks,
            disk_processed=self.disks - self.disks_left,
            disk_remaining=self.disks_left,
            speed=self.pace.speed,
            dirty_rate=dirty,
            downtime=1000 * self.memory_left // self.pace.speed,
            seconds=-(-left // gain) if gain > 0 else None,
            elapsed=float(self.clock),
        )


class FakeLive(LiveMigrate):
    """What the fake driver does of it; a guest is handed over by a file, or in memory."""

    #: Drivers that keep nothing on disk, by what they offer.
    IN_MEMORY: ClassVar[WeakValueDictionary[str, FakeLive]] = WeakValueDictionary()

    faults: Faults
    host: str
    _lock: threading.RLock
    _guests: dict[str, FakeGuest]
    _home: Path | None
    pace: LivePace

    if TYPE_CHECKING:

        def _save(self, guest: FakeGuest) -> None: ...
        def _forget(self, guest_id: str) -> None: ...
        def _set(self, guest: FakeGuest, power_state: Any, *lines: str) -> None: ...
        def _new(self, guest_id: str, name: str, ram: int) -> FakeGuest: ...
        def _pins(self, guest_id: str, spec: GuestSpec) -> list[int]: ...

    def _start_live(self) -> None:
        self.pace = LivePace(storage=self.host)
        self._expected: set[str] = set()
        self._asked: dict[str, str] = {}  # what was asked of migrations under way
        self._moved = threading.Condition()
        self._address = str(uuid.uuid4())
        if self._home is None:
            self.IN_MEMORY[self._address] = self

    def check_destination(self, request: DestinationCheck, *, work: Work) -> DestinationVerdict:
        """Say what is set."""
        with self.faults.around("check_destination", work):
            return DestinationVerdict(
                id=request.spec.id,
                reasons=self.pace.refuses,
                driver="fake",
                cpu=self.pace.cpu,
                version=1000,
                token=f"{self.pace.storage}/{uuid.uuid4()}",
                free=1024 * GIB,
                mtu=1500,
            )

    def check_source(self, request: SourceCheck, *, work: Work) -> SourceVerdict:
        """Reckon from what is set."""
        with self.faults.around("check_source", work):
            guest, there = self._whole(request.spec.id), request.destination
            reasons, shared = [*there.reasons], there.token.startswith(f"{self.pace.storage}/")
            if there.cpu != self.pace.cpu:
                reasons.append(f"The processor of {request.dest_host} is of another kind.")
            if request.block_copy == "no" and guest.disks and not shared:
                reasons.append(
                    "The disks of the guest are on its host alone, and are to be shared."
                )
            if request.block_copy == "yes" and guest.disks and shared:
                reasons.append("The hosts share the disks of the guest: there is nothing to copy.")
            copied = request.block_copy == "yes" or not shared
            size = guest.disk // max(1, len(guest.disks))
            own = (OwnDisk(name=n, size=size, used=size, copied=copied) for n in guest.disks)
            disks, memory = tuple(own), guest.ram * MIB
            if copied and sum(disk.used for disk in disks) > there.free:
                reasons.append(f"{request.dest_host} has no room for the disks of the guest.")
            course = self._course(memory, disks, downtime=0)
            seen = course.seen(guest.id, first_downtime=0)
            return SourceVerdict(
                id=guest.id,
                reasons=tuple(reasons),
                disks=disks,
                memory=memory,
                dirty_rate=seen.dirty_rate,
                seconds=seen.seconds,
                downtime=1000 * min(memory, self.pace.dirty_rate) // self.pace.speed,
            )

    def pre_live_migration(
        self, request: PrepareRequest, *, images: Mapping[str, Path], work: Work
    ) -> LiveOffer:
        """Note that a guest is expected."""
        with self.faults.around("pre_live_migration", work):
            work.checkpoint()
            spec = request.spec
            with self._lock:
                self._take_arrivals()
                known = self._guests.get(spec.id)
                if known is not None and not known.incoming:
                    raise GuestRuns
                guest = self._new(spec.id, spec.name, spec.ram)
                guest.pins = self._pins(spec.id, spec)
                guest.incoming, guest.power_state = True, "paused"
                self._expected.add(spec.id)
                guest.disks = [disk.name for disk in request.disks]
                guest.disk = sum(disk.size for disk in request.disks)
                guest.taps = [interface.tap for interface in spec.interfaces]
                for disk in spec.disks:
                    if disk.source:
                        guest.take(disk)
                self._save(guest)
            uri = f"memory:{self._address}" if self._home is None else f"file:{self._home}"
            return LiveOffer(id=spec.id, uri=uri, address="192.0.2.1")

    def live_migrate(
        self, request: LiveRequest, *, progress: Callable[[LiveProgress], None], work: Work
    ) -> LiveResult:
        """Let simulated seconds pass until it is over."""
        with self.faults.around("live_migrate", work):
            key = request.spec.id
            guest = self._guests.get(key)
            if guest is None:
                raise GuestNotFound
            if not guest.defined:
                return LiveResult(id=key, outcome="completed")
            if guest.outgoing:
                raise OtherHostKnows
            if guest.power_state not in STARTS_WITH:
                return _aborted(key, "error", "The guest does not run.")
            with self._lock:
                self._asked[key] = ""
            try:
                return self._bring(guest, request, progress, work)
            except BaseException:
                with self._lock:
                    if guest.outgoing and not guest.handed_over:
                        self._let_go_on(guest)
                raise
            finally:
                with self._lock:
                    self._asked.pop(key, None)

    def _bring(
        self,
        guest: FakeGuest,
        request: LiveRequest,
        progress: Callable[[LiveProgress], None],
        work: Work,
    ) -> LiveResult:
        course = self._course(guest.ram * MIB, request.disks, downtime=request.downtime)
        step = max(0, request.most_downtime - request.downtime) // request.steps
        while True:
            with self.faults.around("live_second", work):
                work.checkpoint()
            asked = self._asked.get(guest.id, "")
            late = course.clock >= request.deadline
            gives_up = late and request.timeout_action == "abort"
            if asked == "abort" or gives_up or course.clock >= 2 * request.deadline:
                self._let_go_on(guest)
                if asked == "abort":
                    return _aborted(guest.id, "asked", "It was aborted.")
                return _aborted(guest.id, "deadline", "It was not over by its deadline.")
            if (asked == "force" or late) and not course.still:
                if request.post_copy and not course.disks_left:
                    break
                course.still = True
                self._hold_still(guest)
            progress(course.seen(guest.id, first_downtime=request.downtime))
            if course.is_close:
                break
            course.second()
            if course.clock % request.step_seconds == 0:
                course.downtime = min(request.most_downtime, course.downtime + step)
            with self._moved:
                if self.pace.second:
                    self._moved.wait(self.pace.second)
        return self._go_over(guest, request, course, work)

    def _go_over(
        self, guest: FakeGuest, request: LiveRequest, course: Course, work: Work
    ) -> LiveResult:
        work.checkpoint()
        self._hold_still(guest)
        with self._lock:
            guest.handed_over = True  # from here on the other host alone knows
            self._save(guest)
        with self.faults.around("live_switch", Unguarded()):
            came = self._hand_over(guest, request.offer)
        with self._lock:
            if not came:
                self._let_go_on(guest)
                return _aborted(guest.id, "error", "The other host waits for the guest no more.")
            guest.defined, guest.outgoing, guest.power_state = False, False, "shutdown"
            self._save(guest)
        downtime = 1000 * course.memory_left // self.pace.speed
        return LiveResult(
            id=guest.id, outcome="completed", seconds=float(course.clock), downtime=downtime
        )

    def _course(self, memory: int, disks: tuple[OwnDisk, ...], *, downtime: int) -> Course:
        copied = sum(disk.used for disk in disks if disk.copied)
        return Course(replace(self.pace), memory, copied, downtime)

    def _hold_still(self, guest: FakeGuest) -> None:
        with self._lock:
            if not guest.outgoing:
                guest.outgoing, guest.was = True, guest.power_state
                self._set(guest, "paused", "fake-guest: held still")

    def _let_go_on(self, guest: FakeGuest) -> None:
        with self._lock:
            if guest.outgoing:
                guest.outgoing = guest.handed_over = False
                self._set(guest, guest.was, "fake-guest: goes on")

    # -- handing over

    def _hand_over(self, guest: FakeGuest, offer: LiveOffer) -> bool:
        """Give the guest to the other host; tell whether it took it."""
        brings = {
            "power_state": guest.was,
            "written": guest.written,
            "console": guest.console,
            "agent": guest.agent,
            "keeps": guest.keeps,
        }
        kind, _, where = offer.uri.partition(":")
        if kind == "memory":
            other = self.IN_MEMORY.get(where)
            return other is not None and other.arrive(guest.id, brings)
        record = Path(where) / f"{guest.id}.json"
        if not record.exists() or not json.loads(record.read_text())["incoming"]:
            return False
        draft = record.with_suffix(".comes")
        draft.write_text(json.dumps(brings))
        draft.replace(record.with_suffix(".came"))
        return True

    def _take_arrivals(self) -> None:
        """See which of the guests came that are expected."""
        if self._home is None or not self._expected:
            return
        with self._lock:
            for guest_id in [*self._expected]:
                letter = self._home / f"{guest_id}.came"
                if letter.exists():
                    self.arrive(guest_id, json.loads(letter.read_text()))
                    letter.unlink()

    def arrive(self, guest_id: str, brings: dict[str, Any]) -> bool:
        """Have a guest that is expected; tell whether it is."""
        with self._lock:
            guest = self._guests.get(guest_id)
            if guest is None or not guest.incoming:
                return False
            for name, value in brings.items():
                setattr(guest, name, value)
            guest.incoming, guest.defined = False, True
            self._expected.discard(guest_id)
            self._set(guest, guest.power_state, f"fake-guest: came to {self.host}")
            return True

    # -- asked meanwhile

    def abort_live(self, ref: GuestRef) -> None:
        """Let it stay."""
        self._ask(ref.id, "abort")

    def force_complete_live(self, ref: GuestRef) -> None:
        """Hold it still."""
        if not self._ask(ref.id, "force"):
            raise DriverError("The guest is not on its way to another host.")

    def _ask(self, guest_id: str, what: str) -> bool:
        with self.faults.around(f"{what}_live", Unguarded()), self._lock:
            known = guest_id in self._asked
            if known:
                self._asked[guest_id] = what
        with self._moved:
            self._moved.notify_all()
        return known

    def who_runs(self, ref: GuestRef) -> RunsHere:
        """Tell what is here."""
        with self.faults.around("who_runs", Unguarded()), self._lock:
            self._take_arrivals()
            guest, state = self._guests.get(ref.id), _state_of(self._guests.get(ref.id))
            moving = ref.id in self._asked or (guest is not None and guest.incoming)
            return RunsHere(id=ref.id, state=state, moving=moving)

    # -- afterwards

    def post_live_migration(self, ref: GuestRef, *, work: Work) -> None:
        """Forget the guest."""
        with self.faults.around("post_live_migration", work):
            work.checkpoint()
            with self._lock:
                guest = self._guests.get(ref.id)
                if guest is None:
                    return
                if _state_of(guest) in ("running", "paused"):
                    raise GuestRuns
                self._drop(ref.id)

    def post_live_migration_at_destination(self, spec: GuestSpec, *, work: Work) -> None:
        """It is here as any other."""
        with self.faults.around("post_live_migration_at_destination", work):
            self._whole(spec.id)

    def rollback_live_migration_at_destination(self, ref: GuestRef, *, work: Work) -> None:
        """Expect it no more."""
        with self.faults.around("rollback_live_migration_at_destination", work):
            work.checkpoint()
            with self._lock:
                self._take_arrivals()
                guest = self._guests.get(ref.id)
                if guest is None:
                    return
                if not guest.incoming:
                    raise GuestRuns
                self._drop(ref.id)

    def resume_source(self, ref: GuestRef, *, work: Work) -> None:
        """Let it go on."""
        with self.faults.around("resume_source", work):
            work.checkpoint()
            with self._lock:
                guest = self._guests.get(ref.id)
                if guest is not None:
                    self._let_go_on(guest)

    def _drop(self, guest_id: str) -> None:
        del self._guests[guest_id]
        self._expected.discard(guest_id)
        self._forget(guest_id)
        if self._home is not None:
            (self._home / f"{guest_id}.came").unlink(missing_ok=True)

    def _whole(self, guest_id: str) -> FakeGuest:
        with self._lock:
            self._take_arrivals()
            guest = self._guests.get(guest_id)
        if guest is None or not guest.defined:
            raise GuestNotFound
        if guest.power_state not in STARTS_WITH:
            raise GuestIsOff
        return guest


def _state_of(guest: FakeGuest | None) -> RunsState:
    if guest is None:
        return "absent"
    if guest.incoming:
        return "paused_incoming"
    if guest.outgoing:
        return "paused_outgoing"
    if not guest.defined:
        return "absent"
    if guest.power_state == "running":
        return "running"
    return "paused" if guest.power_state == "paused" else "off"


def _aborted(guest_id: str, reason: Any, sentence: str) -> LiveResult:
    return LiveResult(id=guest_id, outcome="aborted", reason=reason, sentence=sentence)
