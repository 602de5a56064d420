"""Replicas: one takes over from its source, one becomes a database of its own, one follows another source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudweb.context import RequestContext
from cloudweb.rpc import Method
from databases import rpc
from databases.models import DatabaseInstance
from databases.objects import DemoteRequest, PromoteRequest, ReplicationAccess
from databases.operations.actions import DatabaseAction
from databases.operations.following import access_to, source_at, source_of
from databases.operations.letters import asks
from databases.operations.rows import instance_of, parts_context, rest
from databases.states import Task
from instances.manager import InstanceManager
from instances.operations import StopInstance
from instances.states import VmState
from operations.holding import Resource
from operations.saga import Child, Failure, Run, Step


def fence(run: Run) -> Child | None:
    """Stop the server of a source that failed, so that there are never two that write."""
    source = source_of(run)
    if not run.args["eject"] or source.server_id is None:
        return None
    server = InstanceManager(parts_context(source)).get(str(source.server_id))
    return Child(StopInstance, str(server.id)) if server.vm_state == VmState.ACTIVE else None


def open_up(run: Run) -> ReplicationAccess | None:
    """Have the replica let its source follow it; one that failed will not."""
    source = source_of(run)
    if run.args["eject"]:
        return None
    return access_to(instance_of(run), source.id, secret=source.replication_secret)


def step_down(run: Run) -> DemoteRequest | None:
    """Have the source take no writes any more and follow the replica; one that failed hears nothing."""
    source = source_of(run)
    if run.args["eject"]:
        return None
    told = source_at(instance_of(run), source.id, secret=source.replication_secret)
    return DemoteRequest(epoch=run.operation.epoch, source=told)


def step_up_again(run: Run) -> tuple[Method[Any], PromoteRequest]:
    """Have the source take writes again: the replica does not."""
    return rpc.PROMOTE, PromoteRequest(epoch=run.operation.epoch)


def take_over(run: Run) -> PromoteRequest:
    """Have the replica take writes from now on."""
    return PromoteRequest(epoch=run.operation.epoch)


class PromoteReplica(DatabaseAction):
    """Let a replica take over from its source, which follows it then, or is stopped where it failed."""

    kind = "databases.promote"
    steps = (
        Step("fence", fence),
        *asks("open_up", rpc.ENABLE_REPLICATION, open_up),
        *asks("step_down", rpc.DEMOTE, step_down, to=source_of, back=step_up_again),
        *asks("take_over", rpc.PROMOTE, take_over),
    )

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """Return the source, which is given orders, too."""
        return (Resource("database_instance", args["source"]),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is the source of all others that followed the old one."""
        old, new = source_of(run), run.resource_id
        rows = DatabaseInstance.objects
        others = [*rows.filter(replica_of=old).exclude(id=new).values_list("id", flat=True)]
        rows.filter(id__in=others).update(replica_of=new)
        secret = {"replication_secret": old.replication_secret}
        rest(run, replica_of=None, **secret)
        follows = None if run.args["eject"] else new
        rows.filter(id=old.id).update(task=Task.NONE, replica_of=follows)
        context = RequestContext.system(project_id=old.project_id)
        for key in others:
            if rows.filter(id=key).at_rest().update(task=Task.PROMOTE):
                FollowSource.start(context, resource_id=str(key))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Both are at rest as they were."""
        DatabaseInstance.objects.filter(id=run.args["source"]).update(task=Task.NONE)
        super().on_undone(run, failure)


def let_in(run: Run) -> ReplicationAccess:
    """Have the source of now let it come."""
    return access_to(source_of(run), instance_of(run).id)


def follow(run: Run) -> DemoteRequest:
    """Have it follow its source of now."""
    told = source_at(source_of(run), instance_of(run).id)
    return DemoteRequest(epoch=run.operation.epoch, source=told)


class FollowSource(DatabaseAction):
    """Have a replica follow the source that its row names now."""

    kind = "databases.follow"
    steps = (
        *asks("let_in", rpc.ENABLE_REPLICATION, let_in, to=source_of),
        *asks("follow", rpc.DEMOTE, follow),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It does."""
        rest(run)


class DetachReplica(DatabaseAction):
    """Make a database of its own of a replica."""

    kind = "databases.detach"
    steps = asks("take_over", rpc.PROMOTE, take_over)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It follows nobody."""
        rest(run, replica_of=None)
