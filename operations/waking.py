"""An operation that waits for the world is told that there is news; the engine then looks by itself."""

from __future__ import annotations

from uuid import UUID

from cloudweb.database.clock import now
from operations.doorbell import ring_after_commit
from operations.models import Operation
from operations.states import OperationState


def wake(operation_id: UUID) -> None:
    """Let a waiting operation be looked at now, after the caller's commit."""
    Operation.objects.filter(id=operation_id, state=OperationState.WAITING).update(next_at=now())
    ring_after_commit(operation_id)
