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
from databases.states import Task

#: Of one source: its guest keeps 64 senders, of which some are for backups and for replicas that are made.
MOST_FOLLOWERS = 30


class InstanceReplicas(InstanceLookups):
    """All raise DatabaseInstanceNotFound, and InstanceNotAvailable (422) where something else is done."""

    @policy("database:instances:promote")
    def promote(self, instance_id: str) -> None:
        """Start letting a replica take over from its source, whom the others follow then; raise NotAReplica.

        While something else is done to any of them it is not begun: that one would go on following the old source.
        """
        with transaction.atomic():
            found = self._take(instance_id, Task.PROMOTE)
            if found.replica_of_id is None:
                raise NotAReplica(found.id)
            key = str(found.replica_of_id)
            rows = DatabaseInstance.objects.filter(id=key).at_rest()
            if not rows.update(task=Task.PROMOTE, updated_at=now()):
                raise InstanceNotAvailable(key, self.get(key).status)
            others = DatabaseInstance.objects.filter(replica_of=found.replica_of_id, fault_at=None)
            for one in others.exclude(id=found.id):
                if not others.filter(id=one.id).at_rest().update(task=Task.PROMOTE):
                    raise InstanceNotAvailable(one.id, one.status)
            PromoteReplica.start(self.context, resource_id=str(found.id), args={"source": key})

    @policy("database:instances:update")
    def detach_replica(self, instance_id: str) -> None:
        """Start making a database of its own of a replica; raise NotAReplica."""
        with transaction.atomic():
            found = self._take(instance_id, Task.DETACH)
            if found.replica_of_id is None:
                raise NotAReplica(found.id)
            DetachReplica.start(self.context, resource_id=str(found.id))


def check_followers(source: DatabaseInstance) -> None:
    """Raise BadRequest where more follow a source than it has room for, with the settings of its row."""
    most = MOST_FOLLOWERS
    values = source.configuration.values if source.configuration else {}
    if source.version.manager == "mariadb" and "max_connections" in values:
        most = min(most, values["max_connections"] // 2)  # each takes one of them
    if DatabaseInstance.objects.filter(replica_of=source).count() > most:
        raise BadRequest(f"Instance {source.id} has room for {most} replicas.")
