"""The cases of a drill: what may happen at each moment that a saga passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudweb.driver import DriverError, TransientDriverError
from cloudweb.exceptions import ServiceUnavailable
from cloudweb.killpoints import Place
from operations.saga import Saga, StepFailed
from operations.states import Direction, OperationState
from operations.testing.left import Left
from operations.testing.watch import Act, Death, Moment, Trouble

DO, UNDO = Direction.DO.value, Direction.UNDO.value
DONE, UNDONE = OperationState.DONE.value, OperationState.UNDONE.value
Census = Mapping[str, Any]
Before = Callable[[], tuple[Trouble, ...]]  # what else is to happen, made anew for each case
#: How a step fails for now and for good at a point, and what that point is to its effect.
FAILURES: dict[str, tuple[type[Exception], type[Exception], str]] = {
    "step.before": (OSError, StepFailed, "before its effect"),
    "local.before_commit": (OSError, StepFailed, "after its effect"),
    "undo.before_commit": (OSError, StepFailed, "after its effect"),
    "order.before_commit": (OSError, StepFailed, "when it was ordered"),
    "effect.before": (TransientDriverError, DriverError, "on its host before its effect"),
    "effect.after": (TransientDriverError, DriverError, "on its host after its effect"),
    "child.before_commit": (OSError, StepFailed, "when its child was started"),
    "job.before": (ServiceUnavailable, StepFailed, "in its thread before its effect"),
    "job.after": (ServiceUnavailable, StepFailed, "in its thread after its effect"),
}
#: Where each way of working is behind its effect.
BEHIND = ("effect.after", "job.after", "local.before_commit")
AWAY = ("record.before", "effect.before", "effect.after")
VICTIMS = {"host": "the host's process", "caller": "the caller", "control": "the worker"}


@dataclass(frozen=True)
class Case:
    """Some trouble and how the saga may end then; ``expected`` is the census where the end does not tell."""

    name: str
    troubles: tuple[Trouble, ...]
    ends: frozenset[str]
    doubles: bool = False
    expected: Census | None = None


class Cases:
    """Derives the cases of a saga; the steps after ``pivot`` only go forward."""

    def __init__(self, saga: type[Saga], pivot: int) -> None:
        self._saga, self._pivot = saga, pivot

    def goes_well(self) -> Case:
        """Nothing happens."""
        return Case("goes well", (), frozenset({DONE}))

    def is_undone(self, forward: Sequence[Moment]) -> Case:
        """The last step that may fail does so, after its effect; needs what is passed without trouble."""
        passed = {m.point: m for m in forward if (m.direction, m.index) == (DO, self._pivot)}
        point = next(point for point in BEHIND if point in passed)
        return Case("is undone", (_fails(passed[point], FAILURES[point][1]),), frozenset({UNDONE}))

    def forward(self, seen: Sequence[Moment]) -> Iterator[Case]:
        """Give the cases of a saga that is to be done."""
        done, undone = frozenset({DONE}), frozenset({UNDONE})
        yield from self._deaths(seen, tuple, done)
        for moment in seen:
            if moment.point not in FAILURES or moment.nth > 1:
                continue
            for_now, for_good, when = FAILURES[moment.point]
            where, past = self._spoken(moment), moment.index > self._pivot
            yield Case(f"{where} fails once {when}", (_fails(moment, for_now),), done)
            ends = done if past else undone
            yield Case(f"{where} fails for good {when}", (_fails(moment, for_good),), ends)
            again = 5 if past else -1
            yield Case(f"{where} always fails {when}", (_fails(moment, for_now, again),), ends)
        yield Case("every message comes twice", (), done, doubles=True)
        yield from self._absences(seen, tuple)

    def backward(self, seen: Sequence[Moment], before: Before) -> Iterator[Case]:
        """Give the cases of a saga that is undone for what happens ``before``."""
        undone = frozenset({UNDONE})
        undoing = [moment for moment in seen if moment.direction == UNDO]
        yield from self._deaths(undoing, before, undone)
        for moment in undoing:
            if moment.point not in FAILURES or moment.nth > 1:
                continue
            for_now, for_good, when = FAILURES[moment.point]
            for how, error in (("once", for_now), ("for good", for_good)):
                name = f"{self._spoken(moment)} fails {how} {when}"
                yield Case(name, (*before(), _fails(moment, error)), undone)
        yield Case("every message comes twice while undone", before(), undone, doubles=True)
        yield from self._absences(undoing, before)

    def preempted(self, seen: Sequence[Moment], act: Act, expected: Census) -> Iterator[Case]:
        """Give the cases of a saga over which another one takes precedence."""
        fit = [
            moment
            for moment in seen
            if not (moment.point.startswith("end.") or moment.in_transaction or moment.nth > 1)
        ]
        for moment in _unlike(fit, lambda victim, left: (victim, *left.to_itself)):
            name = f"{self._spoken(moment)}: pre-empted at {moment.point}"
            ends = frozenset({DONE, UNDONE})
            yield Case(name, (Trouble(moment, act),), ends, expected=expected)

    def _deaths(
        self, moments: Sequence[Moment], before: Before, ends: frozenset[str]
    ) -> Iterator[Case]:
        for moment in _unlike(moments, lambda victim, left: (victim, *left.to_others)):
            yield Case(self._death(moment), (*before(), _dies(moment)), ends)
        others = [moment for moment in moments if moment.victim != "caller" and moment.nth == 1]
        for moment in _unlike(others, lambda _, left: left.to_all):
            name = f"{self._death(moment)}, and all others"
            yield Case(name, (*before(), _dies(moment, all_die=True)), ends)

    def _death(self, moment: Moment) -> str:
        where = f"{self._spoken(moment)}: {VICTIMS[moment.victim]} dies at {moment.point}"
        return where if moment.nth == 1 else f"{where}, the {moment.nth}. time"

    def _absences(self, seen: Sequence[Moment], before: Before) -> Iterator[Case]:
        for moment in seen:
            if moment.point in AWAY:
                name = f"{self._spoken(moment)}: the host dies at {moment.point} and stays away"
                trouble = _dies(moment, stays_away=True)
                yield Case(name, (*before(), trouble), frozenset({DONE, UNDONE}))

    def _spoken(self, moment: Moment) -> str:
        if moment.point.startswith(("start.", "end.")):
            return f"its {moment.point.partition('.')[0]}"
        steps = self._saga.steps
        name = steps[moment.index].name if 0 <= moment.index < len(steps) else "its end"
        return f"{name} ({moment.direction})"


def _unlike(
    moments: Sequence[Moment], what: Callable[[str, Left], tuple[Any, ...]]
) -> Iterator[Moment]:
    """Leave out moments at which that is as it was at an earlier one."""
    known: set[Any] = set()
    for moment in moments:
        key = moment if moment.left is None else what(moment.victim, moment.left)
        if key not in known:
            known.add(key)
            yield moment


def _dies(moment: Moment, *, all_die: bool = False, stays_away: bool = False) -> Trouble:
    def act(now: Moment, place: Place) -> None:
        raise Death(now, place, all_die=all_die, stays_away=stays_away)

    return Trouble(moment, act)


def _fails(moment: Moment, error: type[Exception], times: int = 1) -> Trouble:
    def act(_moment: Moment, _place: Place) -> None:
        raise error("Drilled to fail.")

    return Trouble(moment, act, times)
