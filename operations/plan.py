"""The rows of an operation's plan, read once for each move."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from cloudweb.context import RequestContext
from cloudweb.database.prepared import Given, Prepared
from operations.models import Operation, Step
from operations.saga import Failure, Run, Saga
from operations.saga import Step as Declared
from operations.sealing import opened
from operations.starting import PARTS, ROUND
from operations.states import Direction, StepState

_ROWS = Prepared(lambda: Step.objects.filter(operation=Given("operation")).order_by("seq"))


class Plan:
    """Finds the rows of a step: those of the newest round that has it.

    An operation keeps the plan that it started with, whichever release works on it: ``saga`` has its steps.
    """

    def __init__(self, saga: type[Saga], operation: Operation) -> None:
        self.operation = operation
        self.is_known = True  # this release has all steps of it
        self.is_stale = False  # the rows are no longer what is in the database
        self.memory: dict[str, Any] = {}  # what steps read in the transaction under way
        self._rows: defaultdict[tuple[int, str], list[Step]] = defaultdict(list)
        newest: dict[int, int] = {}
        rows = _ROWS.rows(operation=operation.id)
        for row in rows:
            if row.direction == Direction.DO:
                index = row.seq % ROUND // PARTS
                newest[index] = max(newest.get(index, 0), row.seq // ROUND)
        for row in rows:
            index = row.seq % ROUND // PARTS
            if row.seq // ROUND == newest.get(index):
                self._rows[index, row.direction].append(row)
        self.newest = newest
        names = tuple(
            row.name for row in rows if row.direction == Direction.DO and _is_of_start(row)
        )
        try:
            self.saga = saga.as_planned(names) if names else saga
        except KeyError:
            self.saga, self.is_known = saga, False
        self._all = rows

    def find(self, seq: int, direction: str) -> Step | None:
        """Return the row of one part of a step."""
        return next(
            (row for row in self._all if (row.seq, row.direction) == (seq, direction)), None
        )

    def awaits_more(self) -> bool:
        """Tell whether hosts have still to answer."""
        return any(row.state == StepState.STARTED for row in self._all)

    @property
    def step(self) -> Declared:
        """The declaration of the step the cursor is at."""
        return self.saga.steps[self.operation.cursor]

    def has_other_hosts(self) -> bool:
        """Tell whether the saga may go back and choose another host instead of waiting for this one."""
        saga, operation = self.saga, self.operation
        if saga.retry_from is None or operation.direction != Direction.DO or operation.past_pivot:
            return False
        return operation.cursor > saga.index_of(saga.retry_from)

    def rows(self, direction: str) -> list[Step]:
        """Return the rows of the cursor's step in this direction."""
        return self._rows[self.operation.cursor, direction]

    def base(self) -> int:
        """Return the seq of the first part of the cursor's step."""
        index = self.operation.cursor
        return self.newest.get(index, self.operation.round) * ROUND + index * PARTS

    def results(self) -> dict[str, Any]:
        """Return what each finished step gave: a dictionary, or a list for a host step."""
        found: dict[str, Any] = {}
        for (index, direction), rows in self._rows.items():
            if direction == Direction.DO and index < len(self.saga.steps):
                found[self.saga.steps[index].name] = _result(rows)
        return {name: result for name, result in found.items() if result is not None}

    def run(self, *, result: Any = None, attempt: int = 1) -> Run:
        """Return what a step function sees."""
        operation = self.operation
        return Run(
            operation=operation,
            context=RequestContext(
                request_id=operation.request_id,
                user_id=operation.user_id or None,
                project_id=operation.project_id or None,
                is_system=True,
            ),
            results=self.results(),
            memory=self.memory,
            result=result,
            attempt=attempt,
            failed_before=self._failed_before() if operation.round else None,
        )

    def _failed_before(self) -> Failure | None:
        """Return why the round before was given up."""
        before = self.operation.round - 1
        for row in reversed(self._all):
            if row.seq // ROUND == before and row.direction == Direction.DO and row.error_code:
                return Failure(row.error_code, row.error_public, row.error_detail)
        return None

    def outcome(self) -> Any:
        """Return the result of the cursor's do, or None: not started, or unknown.

        Of a child it is known what was started, however it ended.
        """
        rows = self.rows(Direction.DO)
        return rows[0].result if rows and rows[0].child_id else _result(rows)


def _is_of_start(row: Step) -> bool:
    """Tell whether a row was planned when the operation started: the whole plan was."""
    return row.seq < ROUND and row.seq % PARTS == 0


def _result(rows: list[Step]) -> Any:
    if not rows or any(row.state != StepState.DONE for row in rows):
        return None
    if rows[0].scope:
        return [opened(row.result) for row in rows]
    return rows[0].result or {}
