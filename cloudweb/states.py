"""State tables: what an action may start from, as data that guards, tests and draws itself."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import Enum


class Mode(Enum):
    """How an action takes its resource."""

    EXCLUSIVE = "exclusive"  # starts an operation; refused while another is alive
    PREEMPTING = "preempting"  # starts an operation; a live one is undone first
    FREE = "free"  # one transaction, no operation
    READING = "reading"  # only asks: no state refuses it


#: While nothing is under way.
IDLE: Set[str | None] = frozenset({None})
ANY = frozenset({"*"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Action:
    """One row of a state table.

    ``vm_states`` and ``task_states`` list what it may start from (``ANY`` for all; None is "no
    task"), so a pre-empting action names the tasks it goes over. ``shows`` are the task states of its
    operation: the first from the start on, the others as its steps write them.
    """

    name: str
    vm_states: Set[str]
    task_states: Set[str | None] = IDLE
    mode: Mode = Mode.EXCLUSIVE
    shows: tuple[str, ...] = ()

    @property
    def task_state(self) -> str | None:
        """What the resource shows as soon as the action was accepted."""
        return self.shows[0] if self.shows else None

    @property
    def operates(self) -> bool:
        """Tell whether it starts an operation."""
        return self.mode in (Mode.EXCLUSIVE, Mode.PREEMPTING)

    def starts_in(self, vm_state: str) -> bool:
        """Tell whether the action may start from this stable state, whatever is under way."""
        return self.vm_states is ANY or vm_state in self.vm_states

    def allows(self, vm_state: str, task_state: str | None) -> bool:
        """Tell whether the action may start from this pair of states."""
        goes_over = self.task_states is ANY or task_state in self.task_states
        return goes_over and self.starts_in(vm_state)
