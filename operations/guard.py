"""The guard of every write to a claimed operation (OPERATIONS 9).

A transaction writes its operation's row last: whoever pre-empts locks the resource first and the operation
then, and so must we. What it will write is kept until then, and written where the row is still as it was found.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.database.prepared import Given, PreparedUpdate
from operations.models import Operation
from operations.states import Direction, OperationState


class Lost(Exception):
    """A guarded write matched no row: the claim is somebody else's, or the operation was pre-empted."""


ALLOWED = Q(preempted_by__isnull=True) | Q(direction=Direction.UNDO) | Q(past_pivot=True)


def guarded(operation: Operation) -> QuerySet[Operation]:
    """Return the row if this claim still holds (OPERATIONS 9)."""
    return Operation.objects.filter(
        ALLOWED, id=operation.id, epoch=operation.epoch, state=OperationState.RUNNING
    )


def put_off(operation: Operation) -> None:
    """Keep what is written to the operation from now on until ``flush``."""
    operation.unwritten, operation.found = {}, (operation.state, operation.epoch)


def flush(operation: Operation) -> None:
    """Write what was kept; raise Lost when the row is not as it was found, or was pre-empted."""
    values = operation.unwritten
    if not values:
        return
    found: dict[str, Any] = {"id": operation.id, "known": operation.preempted_by_id}
    found["found_state"], found["found_epoch"] = operation.found
    # turning back is what a pre-empted one shall do
    is_guarded = values.get("direction") != Direction.UNDO
    write_back = _writing(
        tuple(sorted(values)), is_guarded=is_guarded, is_known=bool(operation.preempted_by_id)
    )
    if not write_back(**found, **values):
        raise Lost
    put_off(operation)


@cache
def _writing(names: tuple[str, ...], *, is_guarded: bool, is_known: bool) -> PreparedUpdate:
    """Return the write of these fields to a row that is as it was found."""
    condition = Q(id=Given("id"), epoch=Given("found_epoch"), state=Given("found_state"))
    if is_guarded:
        known = Q(preempted_by=Given("known")) if is_known else Q()
        condition &= ALLOWED | known
    return PreparedUpdate(lambda: Operation.objects.filter(condition), *names)


def write(operation: Operation, **values: Any) -> None:
    """Write to the operation under the guard and keep the object in step; raise Lost."""
    if operation.unwritten is not None:
        operation.unwritten = {**operation.unwritten, **values}
    elif not guarded(operation).update(**values):
        raise Lost
    for name, value in values.items():
        setattr(operation, name, value)


@contextmanager
def attempted(operation: Operation) -> Iterator[None]:
    """A transaction; when it comes to nothing, the object says again what its row says."""
    kept = dict(vars(operation))
    try:
        with transaction.atomic():
            yield
    except BaseException:
        vars(operation).clear()
        vars(operation).update(kept)
        raise


def lease() -> datetime:
    """Return the end of a lease taken now."""
    return now() + timedelta(seconds=intervals().lease)


def backoff(failures: int) -> timedelta:
    """Return how long to wait before the next try, with jitter."""
    base = intervals().backoff * 2 ** min(failures, 5)
    return timedelta(seconds=base * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
