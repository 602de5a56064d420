"""Replicas: one takes over from its source, one becomes a database of its own, one follows another source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from cloudweb.context import RequestContext
from cloudweb.database.locks import locked
from cloudweb.rpc import Method
from databases import rpc
from databases.models import DatabaseInstance, Failover, FailoverWatch
from databases.objects import DemoteRequest, PromoteRequest, ReplicationAccess
from databases.operations.actions import DatabaseAction
from databases.operations.failover import pass_on
from databases.operations.fencing import server_started, start_server
from databases.operations.following import (
    access_to,
    forget_follower,
    source_at,
    source_of,
)
from databases.operations.letters import asks
from databases.operations.rows import instance_of, rest
from databases.states import Task
from operations.holding import Resource
from operations.saga import Failure, Run, Step


def nothing_to_do(_run: Run) -> None:
    """Do nothing: the release before stopped a source here that failed; that is another operation now."""


def open_up(run: Run) -> ReplicationAccess:
    """Have the replica let its source follow it."""
    source = source_of(run)
    return access_to(instance_of(run), source.id, secret=source.replication_secret)


def step_down(run: Run) -> DemoteRequest:
    """Have the source take no writes any more and follow the replica."""
    source = source_of(run)
    told = source_at(instance_of(run), source.id, secret=source.replication_secret)
    return DemoteRequest(epoch=run.operation.epoch, source=told)


def step_up_again(run: Run) -> tuple[Method[Any], PromoteRequest]:
    """Have the source take writes again: the replica does not."""
    return rpc.PROMOTE, PromoteRequest(epoch=run.operation.epoch)


def take_over(run: Run) -> PromoteRequest:
    """Have the replica take writes from now on, and ask first where it may be replaced one day."""
    watched = FailoverWatch.objects.filter(instance=source_of(run)).exists()
    return PromoteRequest(epoch=run.operation.epoch, asks_first=watched)


def alone(run: Run) -> PromoteRequest:
    """Have it take writes; nobody will replace it."""
    return PromoteRequest(epoch=run.operation.epoch, asks_first=False)


class PromoteReplica(DatabaseAction):
    """Let a replica take over from its source, which follows it then."""

    kind = "databases.promote"
    retired = (Step("fence", nothing_to_do),)
    steps = (
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
        rows.filter(id=old.id).update(task=Task.NONE, replica_of=new)
        pass_on(old.id, UUID(new))
        context = RequestContext.system(project_id=old.project_id)
        # one that was begun by the release before took none of them
        rows.filter(id__in=others).at_rest().update(task=Task.PROMOTE)
        for key in rows.filter(id__in=others, task=Task.PROMOTE).values_list("id", flat=True):
            FollowSource.start(context, resource_id=str(key))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """All are at rest as they were."""
        DatabaseInstance.objects.filter(id=run.args["source"]).update(task=Task.NONE)
        _let_others_rest(run)
        super().on_undone(run, failure)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """An operator is needed for the two."""
        _let_others_rest(run)
        super().on_stuck(run, failure)


def _let_others_rest(run: Run) -> None:
    others = DatabaseInstance.objects.filter(replica_of=run.args["source"], task=Task.PROMOTE)
    others.exclude(id=run.resource_id).update(task=Task.NONE)


def let_in(run: Run) -> ReplicationAccess:
    """Have the source of now let it come."""
    return access_to(source_of(run), instance_of(run).id)


def follow(run: Run) -> DemoteRequest:
    """Have it follow its source of now."""
    told = source_at(source_of(run), instance_of(run).id)
    return DemoteRequest(epoch=run.operation.epoch, source=told)


class FollowSource(DatabaseAction):
    """Have a replica follow the source that its row names now, whatever it was before."""

    kind = "databases.follow"
    steps = (
        Step("start_server", start_server, done=server_started),
        *asks("let_in", rpc.ENABLE_REPLICATION, let_in, to=source_of, in_turn=False),
        *asks("follow", rpc.DEMOTE, follow),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It does."""
        for row in locked(Failover.objects.filter(to_follow__has_key=run.resource_id)):
            row.to_follow.pop(run.resource_id)
            row.save(update_fields=["to_follow"])
        rest(run)


class DetachReplica(DatabaseAction):
    """Make a database of its own of a replica."""

    kind = "databases.detach"
    steps = asks("take_over", rpc.PROMOTE, alone)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It follows nobody."""
        source = source_of(run)
        rest(run, replica_of=None)
        forget_follower(source)
