"""What is done to replicas and their sources."""

from __future__ import annotations

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest
from cloudweb.policy import policy
from databases.exceptions import InstanceNotAvailable, NotAReplica
from databases.manager.lookup import InstanceLookups
from databases.models import DatabaseInstance
from databases.operations import DetachReplica, PromoteReplica
from databases.states import OperatingStatus, Task

SERVING = (OperatingStatus.HEALTHY, OperatingStatus.ACTIVE, OperatingStatus.RESTART_REQUIRED)


class InstanceReplicas(InstanceLookups):
    """All raise DatabaseInstanceNotFound, and InstanceNotAvailable (422) where something else is done."""

    @policy("database:instances:promote")
    def promote(self, instance_id: str) -> None:
        """Start letting a replica take over from its source; raise NotAReplica."""
        with transaction.atomic():
            found = self._take(instance_id, Task.PROMOTE)
            if found.replica_of_id is None:
                raise NotAReplica(found.id)
            self._switch(found, Task.PROMOTE, eject=False)

    @policy("database:instances:promote")
    def eject(self, instance_id: str) -> None:
        """Start letting its newest replica take over from a source that failed.

        Raises BadRequest for a source that serves, or has no replicas.
        """
        with transaction.atomic():
            source = self.get(instance_id)
            if source.operating_status in SERVING:
                raise BadRequest(f"Instance {source.id} serves: promote a replica instead.")
            candidates = source.replicas.at_rest().order_by("-reported_at", "created_at")
            best = candidates.first()
            if best is None:
                raise BadRequest(f"Instance {source.id} has no replica that could take over.")
            self._switch(self._take(str(best.id), Task.EJECT), Task.EJECT, eject=True)

    @policy("database:instances:update")
    def detach_replica(self, instance_id: str) -> None:
        """Start making a database of its own of a replica; raise NotAReplica."""
        with transaction.atomic():
            found = self._take(instance_id, Task.DETACH)
            if found.replica_of_id is None:
                raise NotAReplica(found.id)
            DetachReplica.start(self.context, resource_id=str(found.id))

    def _switch(self, replica: DatabaseInstance, task: Task, *, eject: bool) -> None:
        key = str(replica.replica_of_id)
        rows = DatabaseInstance.objects.filter(id=key)
        source = rows if eject else rows.at_rest()
        if not source.update(task=task, updated_at=now()):
            raise InstanceNotAvailable(key, self.get(key).status)
        args = {"source": key, "eject": eject}
        PromoteReplica.start(self.context, resource_id=str(replica.id), args=args)
