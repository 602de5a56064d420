"""What operators do with operations: read them, try them again at once, cancel them; old ones are forgotten."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from cloudweb.database.clock import now
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from cloudweb.signing import MAX_AGE, MAX_SKEW
from operations import first_answers
from operations.doorbell import ring_after_commit
from operations.exceptions import OperationCannotTurnBack, OperationEnded, OperationNotFound
from operations.history import KEEP, Entry, entry_of
from operations.models import Answer, Operation, RemoteCall
from operations.periodic import table
from operations.states import Direction, OperationState

BATCH, BATCHES = 1000, 50
UNFETCHED = timedelta(minutes=5)
#: What a host said longer ago is refused for its age, so it need not be known from a repetition.
REPEATED = timedelta(seconds=MAX_AGE + MAX_SKEW) * 2
WAITS = (OperationState.READY, OperationState.WAITING, OperationState.FAILED)


class OperationManager(Manager):
    """Operations of all projects."""

    @policy("cloud:operations:get")
    def get(self, operation_id: str | UUID) -> Entry:
        """Return an operation with its steps; raise OperationNotFound."""
        return entry_of(self._row(operation_id))

    @policy("cloud:operations:retry")
    def retry(self, operation_id: str | UUID) -> None:
        """Let a waiting or stuck operation, and what it waits for, be worked on now; raise OperationEnded."""
        row = self._row(operation_id)
        if row.state in OperationState.ended():
            raise OperationEnded
        for waits in (row, *_children(row)):
            Operation.objects.filter(id=waits.id, state__in=WAITS).update(next_at=now())
            ring_after_commit(waits.id)

    @policy("cloud:operations:cancel")
    def cancel(self, operation_id: str | UUID) -> None:
        """Undo an operation: its deadline is now.

        Raises OperationEnded, OperationCannotTurnBack for one that is being undone, is past its pivot
        or waits for another.
        """
        row = self._row(operation_id)
        if row.state in OperationState.ended():
            raise OperationEnded
        changed = (
            Operation.objects.filter(id=row.id, direction=Direction.DO, past_pivot=False)
            .exclude(state__in=(*OperationState.ended(), OperationState.QUEUED))
            .update(
                deadline_at=now(),
                error_code="cancelled",
                error_public="An operator cancelled it.",
            )
        )
        if not changed:
            raise OperationCannotTurnBack
        Operation.objects.filter(id=row.id, state__in=WAITS).update(next_at=now())
        ring_after_commit(row.id)

    @periodic(every=timedelta(hours=1))
    @policy("cloud:operations:forget")
    def forget_old(self) -> None:
        """Forget operations that ended 90 days ago, answers that nobody gets any more, and tasks without code."""
        table.register()
        table.forget_old()
        Answer.objects.filter(created_at__lt=now() - UNFETCHED).delete()
        RemoteCall.objects.filter(created_at__lt=now() - REPEATED).delete()
        for _ in range(BATCHES):
            if first_answers.forget_outdated(batch=BATCH) < BATCH:
                break
        ended = Operation.objects.filter(
            state__in=OperationState.ended(), finished_at__lt=now() - KEEP
        )
        for _ in range(BATCHES):
            old = list(ended.values_list("id", flat=True)[:BATCH])
            Operation.objects.filter(id__in=old).delete()
            if len(old) < BATCH:
                return

    def _row(self, operation_id: str | UUID) -> Operation:
        try:
            found = Operation.objects.prefetch_related("steps").filter(id=operation_id).first()
        except (ValueError, TypeError):
            found = None
        if found is None:
            raise OperationNotFound
        return found


def _children(row: Operation) -> list[Operation]:
    """Return the live operations that this one waits for, and what those wait for."""
    found: list[Operation] = []
    above = [row.id]
    while above:
        below = Operation.objects.filter(parent_step__operation_id__in=above)
        below = below.exclude(state__in=OperationState.ended())
        above = [one.id for one in below]
        found.extend(below)
    return found
