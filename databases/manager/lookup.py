"""One instance, and what may be done to it now."""

from __future__ import annotations

from typing import Any, NoReturn

from cloudweb.database.clock import now
from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import policy
from databases.exceptions import DatabaseInstanceNotFound, InstanceNotAvailable
from databases.models import Backup, DatabaseInstance
from databases.querysets import DatabaseInstanceQuerySet
from databases.states import BEING_TAKEN, Task


class InstanceLookups(Manager):
    """What the caller can see of instances it names."""

    def _rows(self) -> DatabaseInstanceQuerySet:
        return DatabaseInstance.objects.visible_to(self.context)

    @policy("database:instances:get")
    def get(self, instance_id: str) -> DatabaseInstance:
        """Return an instance; raise DatabaseInstanceNotFound."""
        key = as_uuid(instance_id)
        found = self._rows().complete().filter(id=key).first() if key else None
        if found is None:
            raise DatabaseInstanceNotFound(instance_id)
        return found

    def _take(self, instance_id: str, task: Task, **changes: Any) -> DatabaseInstance:
        """Let something begin on an instance that is at rest: one of two gets it, the other 422."""
        found = self._at_rest(instance_id)
        rows = DatabaseInstance.objects.filter(id=found.id).at_rest()
        if not rows.update(task=task, updated_at=now(), fault_message="", **changes):
            raise InstanceNotAvailable(found.id, self.get(instance_id).status)
        return self.get(instance_id)

    def _refuse(self, found: DatabaseInstance) -> NoReturn:
        """Say in which state an instance is that does not allow something."""
        raise InstanceNotAvailable(found.id, found.status)

    def _at_rest(self, instance_id: str) -> DatabaseInstance:
        """Return an instance that nothing is done to; raise InstanceNotAvailable."""
        found = self.get(instance_id)
        if found.task or found.fault_at is not None:
            raise InstanceNotAvailable(found.id, found.status)
        if running_backup(found) is not None:
            raise InstanceNotAvailable(found.id, Task.BACKUP)
        return found


def running_backup(instance: DatabaseInstance) -> Backup | None:
    """Return the backup that is being taken of an instance."""
    rows = Backup.objects.filter(instance_id=instance.id)
    return rows.filter(status__in=BEING_TAKEN).first()
