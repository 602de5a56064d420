"""Operations as others read them: values, never rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from cloudweb.database.clock import now
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Page, paginate
from operations.models import Operation, Step
from operations.saga import NEEDLESS
from operations.states import Direction, OperationState, StepState

#: How long an operation is kept after its end.
KEEP = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class StepEntry:
    """One step, in one direction, on one host. ``error_detail`` is for operators."""

    name: str
    direction: str
    state: str
    host: str
    attempt: int
    progress: int
    progress_text: str
    error: str
    error_detail: str
    started_at: datetime | None
    ended_at: datetime | None
    child_id: str | None = None  # the operation that the step is


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation with the steps that were started."""

    id: str
    kind: str
    request_id: str
    user_id: str
    project_id: str
    resource_id: str
    args: Mapping[str, Any]
    state: str
    direction: str
    error: str
    error_detail: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    steps: Sequence[StepEntry]

    @property
    def is_live(self) -> bool:
        """Tell whether it goes on."""
        return self.state not in OperationState.ended()

    @property
    def failed(self) -> bool:
        """Tell whether it did not do what it was started for."""
        return self.state in (OperationState.UNDONE, OperationState.FAILED)


def operations_of(resource_type: str, resource_id: str) -> Sequence[Entry]:
    """Return a resource's operations, newest first."""
    rows = Operation.objects.filter(resource_type=resource_type, resource_id=resource_id)
    return [entry_of(row) for row in rows.prefetch_related("steps").order_by("-created_at", "-id")]


def newest_of(resource_type: str, resource_ids: Collection[str]) -> Mapping[str, Operation]:
    """Return the newest operation of each of these resources that has one: one query."""
    newest = Operation.objects.filter(
        resource_type=resource_type, resource_id=OuterRef("resource_id")
    ).order_by("-created_at", "-id")
    rows = Operation.objects.filter(resource_type=resource_type, resource_id__in=resource_ids)
    return {row.resource_id: row for row in rows.filter(id=Subquery(newest.values("id")[:1]))}


def result_of(resource_type: str, resource_id: str, step: str) -> Mapping[str, Any] | None:
    """Return what the newest step of this name that was done about a resource gave; None for none."""
    rows = Step.objects.filter(
        operation__resource_type=resource_type,
        operation__resource_id=resource_id,
        name=step,
        direction=Direction.DO,
        state=StepState.DONE,
    )
    found = rows.order_by("-ended_at").values_list("result", flat=True).first()
    return found if isinstance(found, Mapping) else None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of something that was accepted."""

    state: str
    direction: str
    error: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_live(self) -> bool:
        """Tell whether it goes on."""
        return self.state not in OperationState.ended()


def fates_of(request_ids: Collection[str]) -> Mapping[tuple[str, str], Fate]:
    """Return what became of what requests started, by request and resource, in one query."""
    rows = Operation.objects.filter(request_id__in={one for one in request_ids if one})
    facts = ("state", "direction", "error_public", "created_at", "finished_at")
    found = rows.order_by("created_at", "id").values_list("request_id", "resource_id", *facts)
    return {(request, resource): Fate(*told) for request, resource, *told in found}


def wanted_of(kind: str) -> Sequence[Entry]:
    """Return the operations of a kind that are still on their way to what they were started for."""
    rows = Operation.objects.filter(kind=kind, direction=Direction.DO, deadline_at__gt=now())
    rows = rows.exclude(state__in=OperationState.ended())
    return [entry_of(row) for row in rows.prefetch_related("steps").order_by("created_at", "id")]


def operation_of(resource_type: str, operation_id: str) -> Entry | None:
    """Return one operation on a resource of this type; None if there is none."""
    key = as_uuid(operation_id)
    rows = Operation.objects.filter(id=key, resource_type=resource_type) if key else None
    row = rows.prefetch_related("steps").first() if rows is not None else None
    return None if row is None else entry_of(row)


def page_of(
    resource_type: str,
    *,
    project_id: str | None = None,
    kinds: Collection[str] = (),
    states: Collection[str] = (),
    order: Sequence[str] = ("-created_at", "-id"),
    marker: str | None = None,
    limit: int,
) -> Page[Entry]:
    """Return one page of the operations on resources of a type; of all projects for None.

    An unknown marker ends the list.
    """
    rows = Operation.objects.filter(resource_type=resource_type)
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    after = None
    if marker is not None:
        key = as_uuid(marker)
        after = rows.filter(id=key).first() if key else None
        if after is None:
            return Page([], more=False)
    if kinds:
        rows = rows.filter(kind__in=kinds)
    if states:
        rows = rows.filter(state__in=states)
    page = paginate(rows.prefetch_related("steps"), limit=limit, marker=after, order=order)
    return Page([entry_of(row) for row in page.rows], page.more)


def entry_of(row: Operation) -> Entry:
    """Return an operation as a value."""
    shown = _shown(row.steps.all())
    steps = sorted(map(_step, shown), key=lambda step: step.started_at or row.created_at)
    ends = [step.ended_at for step in steps if step.ended_at]
    return Entry(
        id=str(row.id),
        kind=row.kind,
        request_id=row.request_id,
        user_id=row.user_id,
        project_id=row.project_id,
        resource_id=row.resource_id,
        args=row.args,
        state=row.state,
        direction=row.direction,
        error=row.error_public,
        error_detail=row.error_detail,
        created_at=row.created_at,
        updated_at=row.finished_at or max(ends, default=row.created_at),
        finished_at=row.finished_at,
        steps=steps,
    )


def _shown(rows: Collection[Step]) -> Sequence[Step]:
    """Return steps that began, or could not, and had something to do; else they have nothing to take back."""
    needless = {row.seq for row in rows if row.result == NEEDLESS}
    return [
        row
        for row in rows
        if row.error_code or (row.state != StepState.PENDING and row.seq not in needless)
    ]


def _step(row: Step) -> StepEntry:
    return StepEntry(
        name=row.name,
        direction=row.direction,
        state=row.state,
        host=row.host,
        attempt=row.attempt,
        progress=row.progress,
        progress_text=row.progress_text,
        error=row.error_public,
        error_detail=row.error_detail,
        started_at=row.started_at,
        ended_at=row.ended_at,
        child_id=str(row.child_id) if row.child_id else None,
    )
