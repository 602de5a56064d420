"""What operators do with periodic tasks: change how often, pause, let one run now."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F

from cloudweb.database.locks import locked
from cloudweb.exceptions import InvalidInput
from cloudweb.manager import Manager
from cloudweb.periodic import LONGEST, SHORTEST
from cloudweb.policy import policy
from operations.exceptions import PeriodicTaskNotFound
from operations.models import PeriodicTask
from operations.periodic import table


class PeriodicTaskManager(Manager):
    """The periodic tasks of the control plane and of all hosts."""

    @policy("cloud:periodic_tasks:update")
    def change(self, task_id: str | UUID, *, every: int | None, paused: bool) -> PeriodicTask:
        """Set how often a task runs (None: as its code says) and whether it rests.

        Raises PeriodicTaskNotFound, InvalidInput.
        """
        if every is not None and not SHORTEST <= every <= LONGEST:
            reason = f"It must be {SHORTEST} to {LONGEST} seconds."
            raise InvalidInput(field="every", value=every, reason=reason)
        with transaction.atomic():
            row = self._row(task_id)
            before = row.interval
            row.every, row.paused = every, paused
            if row.interval != before:
                table.reschedule(row)
            row.save(update_fields=["every", "paused", "next_at"])
            table.follow(row)
        return row

    @policy("cloud:periodic_tasks:update")
    def pause(self, task_id: str | UUID, *, paused: bool) -> PeriodicTask:
        """Let a task rest, or go on; raise PeriodicTaskNotFound."""
        with transaction.atomic():
            row = self._row(task_id)
            row.paused = paused
            row.save(update_fields=["paused"])
            table.follow(row)
        return row

    @policy("cloud:periodic_tasks:run")
    def run_now(self, task_id: str | UUID) -> None:
        """Let a task run once more at once, even a paused one; raise PeriodicTaskNotFound.

        One that runs just now runs again when it has ended.
        """
        with transaction.atomic():
            row = self._row(task_id)
            PeriodicTask.objects.filter(id=row.id).update(asked=F("answered") + 1)
            table.ring_after_commit(row)

    def _row(self, task_id: str | UUID) -> PeriodicTask:
        try:
            row = locked(PeriodicTask.objects.filter(id=UUID(str(task_id)))).first()
        except ValueError:
            row = None
        if row is None:
            raise PeriodicTaskNotFound
        return row
