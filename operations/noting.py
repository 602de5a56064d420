"""What was done in one transaction stands in a resource's log, too: an operation that had no steps."""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from operations.models import Operation
from operations.states import OperationState


def note_done(context: RequestContext, *, kind: str, resource_type: str, resource_id: str) -> None:
    """Note it in the caller's transaction; nobody works on it, and it holds nothing."""
    moment = now()
    Operation.objects.create(
        kind=kind,
        request_id=context.request_id,
        user_id=context.user_id or "",
        project_id=context.project_id or "",
        resource_type=resource_type,
        resource_id=resource_id,
        state=OperationState.DONE,
        created_at=moment,
        deadline_at=moment,
        finished_at=moment,
    )
