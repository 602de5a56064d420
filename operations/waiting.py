"""Operations that wait because a step raised ``NotYet``: which do, and looking again before their time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from cloudweb.database.clock import now
from operations.guard import write
from operations.models import Operation
from operations.saga import Run
from operations.starting import look_at
from operations.states import OperationState, StepState


def waiting_for(code: str, *, resource_type: str, resource_ids: Collection[str]) -> set[str]:
    """Return those of these resources whose operation waits with the code of what was raised."""
    rows = Operation.objects.filter(
        resource_type=resource_type,
        resource_id__in=resource_ids,
        steps__state=StepState.PENDING,
        steps__error_code=code,
    ).exclude(state__in=OperationState.ended())
    return {*rows.values_list("resource_id", flat=True)}


def look_again(*, resource_type: str, resource_ids: Collection[str]) -> None:
    """Let what waits look at once, as soon as the transaction has committed."""
    rows = Operation.objects.filter(
        resource_type=resource_type, resource_id__in=resource_ids, state=OperationState.WAITING
    )
    for key in [*rows.values_list("id", flat=True)]:
        look_at(key)


def begin_now(run: Run, *, within: timedelta) -> None:
    """Give an operation that waited for its turn all of its time from now on."""
    write(run.operation, deadline_at=now() + within)
