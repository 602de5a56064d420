"""Who follows whom, and how a replica reaches its source."""

from __future__ import annotations

from cloudweb.encryption import decrypt
from databases.models import DatabaseInstance
from databases.objects import ReplicaSource
from databases.operations.parts import PORTS
from operations.saga import Run

#: Whom replicas come as.
REPLICATOR = "replicator"


def source_at(instance: DatabaseInstance) -> ReplicaSource:
    """Return how a replica reaches this instance."""
    return ReplicaSource(
        address=instance.addresses[0] if instance.addresses else "",
        port=PORTS[instance.version.manager],
        user=REPLICATOR,
        password=decrypt(instance.replication_secret) if instance.replication_secret else "",
    )


def source_of(run: Run) -> DatabaseInstance:
    """Return the instance that the operation's own follows."""
    found = DatabaseInstance.objects.select_related("version").filter(replicas__id=run.resource_id)
    return found.get()
