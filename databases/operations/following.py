"""Who follows whom, and how a replica reaches its source."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from cloudweb.encryption import decrypt
from databases import conf, fake_guest, rpc
from databases.mail import written_last
from databases.mailbox.certificates import authority_of
from databases.mailbox.reports import last_report
from databases.models import DatabaseInstance
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
    if not last_report(instance).get("tls_until"):
        return ""
    return authority_of(instance.project_id).certificate_pem


def access_to(
    instance: DatabaseInstance, follower: UUID | None, *, secret: str = ""
) -> ReplicationAccess:
    """Return by what this instance lets one come that follows it, and for whom it keeps its log.

    A replica's users are those of its source, so until it has taken over the ``secret`` is its source's.
    """
    kept = secret or instance.replication_secret
    others = DatabaseInstance.objects.filter(replica_of=instance).values_list("id", flat=True)
    slot = _slot(follower) if follower else ""
    return ReplicationAccess(
        user=REPLICATOR,
        password=decrypt(kept) if kept else "",
        slot=slot,
        slots=tuple(sorted({*map(_slot, others), *([slot] if slot else [])})),
    )


def _slot(follower: UUID) -> str:
    return f"replica_{follower.hex}"


def forget_follower(source: DatabaseInstance) -> None:
    """Have a source keep nothing any more for one that followed it, and does not now; nobody waits for that."""
    if source.version.manager != "postgresql" or not source.replication_secret:
        return
    letter = written_last(
        source, rpc.ENABLE_REPLICATION, access_to(source, None), within=timedelta(days=1)
    )
    if conf.GUESTS == "fake":
        fake_guest.answer(letter)


def source_of(run: Run) -> DatabaseInstance:
    """Return the instance that the operation's own follows."""
    found = DatabaseInstance.objects.select_related("version").filter(replicas__id=run.resource_id)
    return found.get()
