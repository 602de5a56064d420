"""Who follows whom, and how a replica reaches its source."""

from __future__ import annotations

from uuid import UUID

from cloudweb.encryption import decrypt
from databases.mailbox.certificates import authority_of
from databases.models import DatabaseInstance, GuestAgent
from databases.objects import ReplicaSource, ReplicationAccess
from databases.operations.parts import PORTS
from operations.saga import Run

#: Whom replicas come as.
REPLICATOR = "replicator"


def source_at(instance: DatabaseInstance, follower: UUID, *, secret: str = "") -> ReplicaSource:
    """Return how this instance is reached by one that follows it."""
    access = access_to(instance, follower, secret=secret)
    return ReplicaSource(
        address=instance.addresses[0] if instance.addresses else "",
        port=PORTS[instance.version.manager],
        user=access.user,
        password=access.password,
        slot=access.slot,
        authority=_authority(instance),
    )


def _authority(instance: DatabaseInstance) -> str:
    """Return who signed the certificate that an instance shows; "" while it shows none."""
    agent = GuestAgent.objects.filter(instance=instance).first()
    if agent is None or not agent.report.get("tls_until"):
        return ""
    return authority_of(instance.project_id).certificate_pem


def access_to(instance: DatabaseInstance, follower: UUID, *, secret: str = "") -> ReplicationAccess:
    """Return by what this instance lets one come that follows it.

    A replica's users are those of its source, so until it has taken over the ``secret`` is its source's.
    """
    kept = secret or instance.replication_secret
    return ReplicationAccess(
        user=REPLICATOR,
        password=decrypt(kept) if kept else "",
        slot=f"replica_{follower.hex}",
    )


def source_of(run: Run) -> DatabaseInstance:
    """Return the instance that the operation's own follows."""
    found = DatabaseInstance.objects.select_related("version").filter(replicas__id=run.resource_id)
    return found.get()
