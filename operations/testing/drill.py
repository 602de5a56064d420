"""``Drill``: every case that a saga must survive (DESIGN section 4), derived from what it does.

A drill runs its saga once to the end and once into its undo, and notes every kill point it passes. Each
is then a case of its own: the process dies there, the whole machine dies there, the step fails there
once or for good. A case starts from the same rows and disks, proves that its trouble happened, and ends
with a census: the saga has done all or nothing, and nothing is left over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from structlog.testing import capture_logs

from cloudweb import killpoints
from cloudweb.driver import DriverError, TransientDriverError
from cloudweb.exceptions import ServiceUnavailable
from cloudweb.killpoints import Place
from operations.models import Hold, Operation, Step
from operations.saga import Saga, StepFailed
from operations.states import Direction, OperationState
from operations.testing.memory import Cloud, check_invariants, unpaid_debts
from operations.testing.rows import Disk, Rows
from operations.testing.watch import Death, Moment, Trouble, Watch

DO, UNDO = Direction.DO.value, Direction.UNDO.value
DONE, UNDONE = OperationState.DONE.value, OperationState.UNDONE.value
#: How a step fails for now and for good at a point, and what that point is to its effect.
FAILURES: dict[str, tuple[type[Exception], type[Exception], str]] = {
    "step.before": (OSError, StepFailed, "before its effect"),
    "local.before_commit": (OSError, StepFailed, "after its effect"),
    "undo.before_commit": (OSError, StepFailed, "after its effect"),
    "order.before_commit": (OSError, StepFailed, "when it was ordered"),
    "effect.before": (TransientDriverError, DriverError, "on its host before its effect"),
    "effect.after": (TransientDriverError, DriverError, "on its host after its effect"),
    "job.before": (ServiceUnavailable, StepFailed, "in its thread before its effect"),
    "job.after": (ServiceUnavailable, StepFailed, "in its thread after its effect"),
}
#: What is logged where our own code is at fault; no trouble of a drill may come to that.
BUGS = {
    "operation hit a bug",
    "order failed outside its method",
    "agent method raised",
    "sweep could not advance",
    "a domain could not report",
}
ROUNDS_AWAY = 8
#: Tables that also say what failed: the drill's death is an error to them, SIGKILL would not be.
ON_RECORD = {"audit_record"}


class World(Protocol):
    """The cloud that a drill runs in."""

    @property
    def cloud(self) -> Cloud:
        """The cloud in memory."""

    def add_host(self, name: str) -> None:
        """Start a host, anew from its disk."""


W = TypeVar("W", bound=World)
Census = Mapping[str, Any]
Before = Callable[[], tuple[Trouble, ...]]  # what else is to happen, made anew for each case


@dataclass(frozen=True, kw_only=True)
class Drill(Generic[W]):
    """How a saga is drilled.

    ``prepare`` sets the stage once and returns the subject; ``start`` starts the saga, as its manager
    does; ``census`` counts what exists of it anywhere. ``done`` is the census once the saga is done,
    ``undone`` once it is undone. A saga whose steps have no undo leaves what it did: ``undone`` then
    names what must be so in any case, and the saga must be ``done`` when it is started again.
    ``preempt`` starts what pre-empts it, after which the census is ``preempted``.
    """

    saga: type[Saga]
    world: Callable[[Path], AbstractContextManager[W]]
    start: Callable[[W, Any], object]
    census: Callable[[W, Any], Census]
    done: Census
    undone: Census
    prepare: Callable[[W], Any] = lambda _: None
    preempt: Callable[[W, Any], object] | None = None
    preempted: Census | None = None
    name: str = ""

    def __str__(self) -> str:
        return f"{self.saga.kind}{f' ({self.name})' if self.name else ''}"

    @property
    def has_undo(self) -> bool:
        """Tell whether anything of the saga is taken back."""
        return any(step.undo is not None for step in self.saga.steps)

    @property
    def pivot(self) -> int:
        """The last step that may fail: the pivot, or the last one."""
        last = len(self.saga.steps) - 1
        return next((i for i, step in enumerate(self.saga.steps) if step.pivot), last)

    def run(self, directory: Path) -> int:
        """Run every case and return how many there were; raise AssertionError with all that went wrong."""
        with self.world(directory / "cloud") as world:
            return Range(self, world, directory).run()


@dataclass(frozen=True)
class Case:
    """Some trouble and how the saga may end then; ``expected`` is the census where the end does not tell."""

    name: str
    troubles: tuple[Trouble, ...]
    ends: frozenset[str]
    doubles: bool = False
    expected: Census | None = None


class Range(Generic[W]):
    """Where a drill is held."""

    def __init__(self, drill: Drill[W], world: W, directory: Path) -> None:
        self.drill, self.world, self.cloud = drill, world, world.cloud
        self.subject = drill.prepare(world)
        world.cloud.settle()
        self._hosts = list(world.cloud.hosts)
        self._rows = Rows()
        self._disk = Disk(world.cloud.directory, directory / "aside")
        self._absent = ""
        self._machine_dies = False
        self._stays_away = False

    # -- the drill

    def run(self) -> int:
        """Run the saga forward and backward, and then every case of what it passed."""
        forward, wrong = self._try(Case("goes well", (), frozenset({DONE})))
        assert not wrong, f"{self.drill}: without any trouble: {wrong}"
        undoing = self._trigger(forward)
        backward, wrong = self._try(Case("is undone", (undoing(),), frozenset({UNDONE})))
        assert not wrong, f"{self.drill}: undone: {wrong}"
        self._check_complete(forward, backward)
        wrongs: dict[str, str] = {}
        count = 2
        for case in [*self._forward(forward), *self._backward(backward, undoing)]:
            count += 1
            _, wrong = self._try(case)
            if wrong:
                wrongs[case.name] = wrong
        lines = "".join(f"\n  {name}: {wrong}" for name, wrong in wrongs.items())
        assert not wrongs, f"{self.drill}: {len(wrongs)} of {count} cases went wrong:{lines}"
        return count

    def _trigger(self, forward: list[Moment]) -> Callable[[], Trouble]:
        """Return what makes the last step that may fail do so, after its effect."""
        last = {m.point: m for m in forward if (m.direction, m.index) == (DO, self.drill.pivot)}
        for point in ("effect.after", "job.after", "local.before_commit"):
            if point in last:
                return lambda: Trouble(last[point], _raise(FAILURES[point][1]))
        raise AssertionError(f"{self.drill}: its last step does nothing")

    def _check_complete(self, forward: list[Moment], backward: list[Moment]) -> None:
        """A step that a drill never comes to proves nothing."""
        did = {moment.index for moment in forward if moment.point == "step.before"}
        undid = {m.index for m in backward if (m.point, m.direction) == ("step.before", UNDO)}
        for index, step in enumerate(self.drill.saga.steps):
            assert index in did, f"{self.drill}: step {step.name} is not done"
            undoable = step.undo is not None and index <= self.drill.pivot
            assert index in undid or not undoable, f"{self.drill}: step {step.name} is not undone"

    # -- the cases

    def _forward(self, seen: list[Moment]) -> Iterator[Case]:
        done = frozenset({DONE})
        for moment in seen:
            yield from self._deaths(moment, tuple, done)
            if moment.point not in FAILURES or moment.nth > 1:
                continue
            for_now, for_good, when = FAILURES[moment.point]
            where, past = self._spoken(moment), moment.index > self.drill.pivot
            yield Case(f"{where} fails once {when}", (_fails(moment, for_now),), done)
            ends = done if past else frozenset({UNDONE})
            yield Case(f"{where} fails for good {when}", (_fails(moment, for_good),), ends)
            again = 5 if past else -1
            yield Case(f"{where} always fails {when}", (_fails(moment, for_now, again),), ends)
        yield Case("every message comes twice", (), done, doubles=True)
        yield from self._absences(seen, tuple)
        yield from self._preemptions(seen)

    def _backward(self, seen: list[Moment], undoing: Callable[[], Trouble]) -> Iterator[Case]:
        undone = frozenset({UNDONE})
        backward = [moment for moment in seen if moment.direction == UNDO]
        for moment in backward:
            yield from self._deaths(moment, lambda: (undoing(),), undone)
            if moment.point not in FAILURES or moment.nth > 1:
                continue
            for_now, for_good, when = FAILURES[moment.point]
            for how, error in (("once", for_now), ("for good", for_good)):
                name = f"{self._spoken(moment)} fails {how} {when}"
                yield Case(name, (undoing(), _fails(moment, error)), undone)
        yield Case("every message comes twice while undone", (undoing(),), undone, doubles=True)
        yield from self._absences(backward, lambda: (undoing(),))

    def _deaths(self, moment: Moment, before: Before, ends: frozenset[str]) -> Iterator[Case]:
        who = {"host": "the host's process", "caller": "the caller"}.get(
            moment.victim, "the worker"
        )
        where = f"{self._spoken(moment)}: {who} dies at {moment.point}"
        if moment.nth > 1:
            where += f", the {moment.nth}. time"
        yield Case(where, (*before(), Trouble(moment, _die)), ends)
        if moment.victim != "caller" and moment.nth == 1:
            power = Trouble(moment, self._lose_power)
            yield Case(f"{where}, and everything else", (*before(), power), ends)

    def _absences(self, seen: list[Moment], before: Before) -> Iterator[Case]:
        for moment in seen:
            if moment.point in ("record.before", "effect.before", "effect.after"):
                trouble = Trouble(moment, self._go_away)
                name = f"{self._spoken(moment)}: the host dies at {moment.point} and stays away"
                yield Case(name, (*before(), trouble), frozenset({DONE, UNDONE}))

    def _preemptions(self, seen: list[Moment]) -> Iterator[Case]:
        if self.drill.preempt is None:
            return
        for moment in seen:
            if not moment.in_transaction and moment.nth == 1:
                act = Trouble(moment, self._preempt)
                name = f"{self._spoken(moment)}: pre-empted at {moment.point}"
                yield Case(name, (act,), frozenset({DONE, UNDONE}), expected=self.drill.preempted)

    def _spoken(self, moment: Moment) -> str:
        steps = self.drill.saga.steps
        if not 0 <= moment.index < len(steps):
            return f"{'its end' if moment.index else 'the start'} ({moment.direction})"
        return f"{steps[moment.index].name} ({moment.direction})"

    # -- one case

    def _try(self, case: Case) -> tuple[list[Moment], str]:
        """Run a case; return what it passed and what went wrong."""
        with capture_logs() as logs:
            try:
                watch = self._fly(case)
                wrong = self._judge(case, watch)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what went wrong
                return [], f"{type(error).__name__}: {error}"
        bugs = [
            f"{log['event']} {log.get('exc_info', '')!r}" for log in logs if log["event"] in BUGS
        ]
        return watch.seen, wrong or (f"logged {bugs[0]}" if bugs else "")

    def _fly(self, case: Case) -> Watch:
        self._reset()
        watch = Watch(self.drill.saga, case.troubles)
        self.cloud.broker.doubles = case.doubles
        before = killpoints.watch(watch)
        try:
            self._start(watch)
            self._settle(watch)
        finally:
            killpoints.watch(before)
        return watch

    def _reset(self) -> None:
        self.cloud.forget_everything()
        self._rows.restore()
        self._disk.restore()
        self._absent, self._machine_dies, self._stays_away = "", False, False
        for name in self._hosts:
            self.world.add_host(name)

    def _start(self, watch: Watch) -> None:
        """Start the saga, as a caller who tries again when nothing came of it."""
        dies = any(trouble.moment.victim == "caller" for trouble in watch.troubles)
        rows = Rows() if dies else None
        try:
            self.drill.start(self.world, self.subject)
        except Death:
            if rows is not None and not watch.operations().exists():
                changed = set(rows.changed()) - ON_RECORD
                assert not changed, f"a start that came to nothing changed {sorted(changed)}"
                self.drill.start(self.world, self.subject)

    def _settle(self, watch: Watch) -> None:
        while True:
            try:
                if self._absent:
                    self._wait_in_vain(watch)
                    self.world.add_host(self._absent)
                    self._absent = ""
                self.cloud.settle()
            except Death as death:
                self._bury(death)
                continue
            if not self._absent:
                return

    def _wait_in_vain(self, watch: Watch) -> None:
        for _ in range(ROUNDS_AWAY):
            self.cloud.pump()
            if not watch.operations().exclude(state__in=OperationState.ended()).exists():
                return
            self.cloud.pass_time()

    def _bury(self, death: Death) -> None:
        """Throw away what was in the memory of the dead, and make it anew from rows and disk."""
        if self._machine_dies:
            self.cloud.forget_everything()
            for name in self._hosts:
                self.world.add_host(name)
            return
        if death.moment.victim != "host":
            return
        host = _host_of(death.place)
        if self._stays_away:
            self._absent = host
            self.cloud.kill_host(host)
        else:
            self.world.add_host(host)

    def _lose_power(self, moment: Moment, place: Place) -> None:
        self._machine_dies = True
        raise Death(moment, place)

    def _go_away(self, moment: Moment, place: Place) -> None:
        self._stays_away = True
        raise Death(moment, place)

    def _preempt(self, _moment: Moment, _place: Place) -> None:
        assert self.drill.preempt is not None
        self.drill.preempt(self.world, self.subject)

    # -- the verdict

    def _judge(self, case: Case, watch: Watch) -> str:
        for trouble in case.troubles:
            if not trouble.fired:
                return f"it never came to {trouble.moment.point}"
        check_invariants()
        operation = watch.operations().latest("created_at", "id")
        if operation.state not in case.ends:
            return f"it ended {operation.state}: {operation.error_public} {operation.error_detail}"
        wrong = self._compare(operation, case.expected)
        if not wrong and operation.state == UNDONE and not self.drill.has_undo:
            self.drill.start(self.world, self.subject)
            self.cloud.settle()
            wrong = self._compare(watch.operations().latest("created_at", "id"), None)
            return f"started again: {wrong}" if wrong else ""
        return wrong

    def _compare(self, operation: Operation, expected: Census | None) -> str:
        if expected is None:
            expected = self.drill.done if operation.state == DONE else self.drill.undone
        found = {**self._left_over(), **self.drill.census(self.world, self.subject)}
        whole = {**dict.fromkeys(self._left_over(), 0), **expected}
        names = (
            whole if operation.state == UNDONE and not self.drill.has_undo else {**whole, **found}
        )
        wrong = [
            f"{name} is {found.get(name)!r}, not {whole.get(name)!r}"
            for name in names
            if found.get(name) != whole.get(name)
        ]
        return f"{operation.state}, but {'; '.join(wrong)}" if wrong else ""

    def _left_over(self) -> dict[str, int]:
        """What no saga may leave: holds, live operations, debts, orders that run on a host's disk."""
        records = [record for host in self.cloud.hosts.values() for record in host.book.records()]
        return {
            "holds": Hold.objects.count(),
            "live": Operation.objects.exclude(state__in=OperationState.ended()).count(),
            "debts": unpaid_debts(),
            "running orders": sum(record.state == "EXECUTING" for record in records),
        }


def _die(moment: Moment, place: Place) -> None:
    raise Death(moment, place)


def _raise(error: type[Exception]) -> Callable[[Moment, Place], None]:
    def act(moment: Moment, place: Place) -> None:
        raise error("Drilled to fail.")

    return act


def _fails(moment: Moment, error: type[Exception], times: int = 1) -> Trouble:
    return Trouble(moment, _raise(error), times)


def _host_of(place: Place) -> str:
    operation_id, seq, direction = place
    return Step.objects.get(operation_id=operation_id, seq=seq, direction=direction).host
