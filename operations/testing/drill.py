"""``Drill``: every case that a saga must survive (DESIGN section 4), derived from what it does.

A drill runs its saga once to the end and once into its undo, and notes every kill point it passes. Each
is then a case of its own: the process dies there, every process dies there, the step fails there once or
for good. Points between which nothing changed that a death would leave are one case. A case starts from
the same rows and disks, proves that its trouble happened, and ends with a census: the saga has done all
or nothing, and nothing is left over.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from structlog.testing import capture_logs

from cloudweb import killpoints
from cloudweb.killpoints import Place
from operations.models import Hold, Operation, Step
from operations.saga import Saga
from operations.states import OperationState
from operations.testing.cases import DONE, UNDO, Case, Cases, Census
from operations.testing.left import Left, looking
from operations.testing.memory import Cloud, check_invariants, unpaid_debts
from operations.testing.rows import Disk, Rows
from operations.testing.watch import Death, Moment, Watch

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


@dataclass(frozen=True, kw_only=True)
class Drill(Generic[W]):
    """How a saga is drilled.

    ``prepare`` sets the stage once and returns the subject; ``start`` starts the saga, as its manager
    does; ``census`` counts what exists of it anywhere. ``done`` is the census once the saga is done,
    ``undone`` once it is undone. A saga whose steps have no undo leaves what it did: ``undone`` then
    names what must be so in any case, and all must be ``done`` after ``again`` (without it: ``start``).
    ``preempt`` starts what pre-empts it, after which the census is ``preempted``. ``only`` names the steps
    whose cases are run, where another drill has those of all others.
    """

    saga: type[Saga]
    world: Callable[[Path], AbstractContextManager[W]]
    start: Callable[[W, Any], object]
    census: Callable[[W, Any], Census]
    done: Census
    undone: Census
    prepare: Callable[[W], Any] = lambda _: None
    again: Callable[[W, Any], object] | None = None
    preempt: Callable[[W, Any], object] | None = None
    preempted: Census | None = None
    only: tuple[str, ...] = ()
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


class Range(Generic[W]):
    """Where a drill is held."""

    def __init__(self, drill: Drill[W], world: W, directory: Path) -> None:
        self.drill, self.world, self.cloud = drill, world, world.cloud
        self.subject = drill.prepare(world)
        self._hosts = world.cloud.places()
        self._rows = Rows()
        self._disk = Disk(world.cloud.directory, directory / "aside")
        self._absent = ""

    def run(self) -> int:
        """Run the saga forward and backward, and then every case of what it passed."""
        drill, derived = self.drill, Cases(self.drill.saga, self.drill.pivot)
        forward, wrong = self._look(derived.goes_well())
        assert not wrong, f"{drill}: without any trouble: {wrong}"
        backward, wrong = self._look(derived.is_undone(forward))
        assert not wrong, f"{drill}: undone: {wrong}"
        self._check_complete(forward, backward)
        own = self._own(forward)
        cases = [
            *derived.forward(own),
            *derived.backward(self._own(backward), lambda: derived.is_undone(forward).troubles),
        ]
        if drill.preempt is not None and drill.preempted is not None:
            cases += derived.preempted(own, self._preempt, drill.preempted)
        wrongs = {case.name: wrong for case in cases if (wrong := self._try(case)[1])}
        lines = "".join(f"\n  {name}: {wrong}" for name, wrong in wrongs.items())
        assert not wrongs, f"{drill}: {len(wrongs)} of {len(cases)} cases went wrong:{lines}"
        return len(cases)

    def _own(self, passed: list[Moment]) -> list[Moment]:
        """Leave out what another drill proves."""
        names = [step.name for step in self.drill.saga.steps]
        assert {*self.drill.only} <= {*names}, f"{self.drill}: there is no such step"
        wanted = {names.index(name) for name in self.drill.only} or {*range(-1, len(names) + 1)}
        return [moment for moment in passed if moment.index in wanted]

    def _check_complete(self, forward: list[Moment], backward: list[Moment]) -> None:
        """A step that a drill never comes to proves nothing."""
        did = {moment.index for moment in forward if moment.point == "step.before"}
        undid = {m.index for m in backward if (m.point, m.direction) == ("step.before", UNDO)}
        for index, step in enumerate(self.drill.saga.steps):
            assert index in did, f"{self.drill}: step {step.name} is not done"
            undoable = step.undo is not None and index <= self.drill.pivot
            assert index in undid or not undoable, f"{self.drill}: step {step.name} is not undone"

    def _preempt(self, _moment: Moment, _place: Place) -> None:
        assert self.drill.preempt is not None
        self.drill.preempt(self.world, self.subject)

    # -- one case

    def _look(self, case: Case) -> tuple[list[Moment], str]:
        """Run a case as ``_try`` does, and note at each moment what a death would leave."""
        with looking(self.cloud) as look:
            return self._try(case, look)

    def _try(
        self, case: Case, look: Callable[[str], Left] | None = None
    ) -> tuple[list[Moment], str]:
        """Run a case; return what it passed and what went wrong."""
        with capture_logs() as logs:
            try:
                watch = self._fly(case, look)
                wrong = self._judge(case, watch)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what went wrong
                return [], f"{type(error).__name__}: {error}"
        bugs = [f"{log['event']}: {log}" for log in logs if log["event"] in BUGS]
        return watch.seen, wrong or (f"logged {bugs[0]}" if bugs else "")

    def _fly(self, case: Case, look: Callable[[str], Left] | None) -> Watch:
        self._begin_anew()
        watch = Watch(self.drill.saga, case.troubles, look)
        self.cloud.broker.doubles = case.doubles
        before = killpoints.watch(watch)
        try:
            self._start(watch)
            self._settle(watch)
        finally:
            killpoints.watch(before)
        return watch

    def _begin_anew(self) -> None:
        self.cloud.forget_everything()
        self._rows.restore()
        self._disk.restore()
        self._absent = ""
        with self.cloud.going_on(self._hosts):
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
        if death.all_die:
            self.cloud.forget_everything()
            for name in self._hosts:
                self.world.add_host(name)
        elif death.stays_away:
            self._absent = _host_of(death.place)
            self.cloud.kill_host(self._absent)
        elif death.moment.victim == "host":
            self.world.add_host(_host_of(death.place))

    # -- the verdict

    def _judge(self, case: Case, watch: Watch) -> str:
        for trouble in case.troubles:
            if not trouble.fired:
                return f"it never came to {trouble.moment.point}"
        check_invariants()
        operation = watch.operations().earliest("created_at", "id")
        if operation.state not in case.ends:
            return f"it ended {operation.state}: {operation.error_public} {operation.error_detail}"
        if case.expected is not None:
            return self._compare(operation, case.expected)
        if operation.state == DONE:
            return self._compare(operation, self.drill.done)
        wrong = self._compare(operation, self.drill.undone, in_part=not self.drill.has_undo)
        if wrong or self.drill.has_undo:
            return wrong
        (self.drill.again or self.drill.start)(self.world, self.subject)
        self.cloud.settle()
        wrong = self._compare(operation, self.drill.done)
        return f"once more: {wrong}" if wrong else ""

    def _compare(self, operation: Operation, expected: Census, *, in_part: bool = False) -> str:
        left = self._left_over()
        found = {**left, **self.drill.census(self.world, self.subject)}
        whole = {**dict.fromkeys(left, 0), **expected}
        wrong = [
            f"{name} is {found.get(name)!r}, not {whole.get(name)!r}"
            for name in (whole if in_part else {**whole, **found})
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


def _host_of(place: Place) -> str:
    operation_id, seq, direction = place
    return Step.objects.get(operation_id=operation_id, seq=seq, direction=direction).host
