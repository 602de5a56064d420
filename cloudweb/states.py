"""State tables: what an action may start from, as data that guards, tests and draws itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Mode(Enum):
    """How an action takes its resource."""

    EXCLUSIVE = "exclusive"  # starts an operation; refused while another is alive
    PREEMPTING = "preempting"  # starts an operation; a live one is undone first
    FREE = "free"  # one transaction, no operation


ANY = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Action:
    """One row of a state table.

    ``vm_states`` and ``task_states`` list what it may start from (``ANY`` for all; None is "no
    task"); ``task_state`` is what the resource shows while the operation runs.
    """

    name: str
    vm_states: frozenset[str]
    task_states: frozenset[str | None] | frozenset[str]
    mode: Mode = Mode.EXCLUSIVE
    task_state: str | None = None

    def allows(self, vm_state: str, task_state: str | None) -> bool:
        """Tell whether the action may start from this pair of states."""
        vm_ok = self.vm_states is ANY or vm_state in self.vm_states
        return vm_ok and (self.task_states is ANY or task_state in self.task_states)


StateTable = Mapping[str, Action]
