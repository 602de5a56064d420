"""Who may work on what: holds, and those who wait for them (OPERATIONS 4, 30, 32 and 43)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.database.prepared import Given, Prepared, PreparedDelete, insert
from cloudweb.exceptions import Conflict
from operations.doorbell import ring_after_commit
from operations.models import Hold, Operation
from operations.states import OperationState

_HELD = Prepared(
    lambda: Hold.objects.filter(
        resource_type=Given("type"), resource_id__among=Given("ids")
    ).values_list("resource_id", "operation_id")
)
#: How often it is looked again who holds a resource that somebody was faster to take.
LOOKS = 10
_LOCKED = Prepared(lambda: locked(Operation.objects.filter(id__among=Given("ids")).order_by("id")))
_LET_GO = PreparedDelete(lambda: Hold.objects.filter(operation=Given("operation")))
_FOLLOWERS = Prepared(
    lambda: Operation.objects.filter(
        after=Given("operation"), state=OperationState.QUEUED
    ).order_by("created_at")
)


class Resource(NamedTuple):
    """Something that an operation gives orders about."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type.replace('_', ' ')} {self.id}"


class ResourceBusy(Conflict):
    """Another operation is at work on the resource."""

    code = "resource_busy"
    default_message = "Another operation is at work on this resource."

    def __init__(self, resource: Resource) -> None:
        super().__init__(f"Another operation is at work on {resource}.")


def in_order(resources: Iterable[Resource]) -> list[Resource]:
    """Return each once, in the order in which all take them: so no two wait for each other."""
    return sorted(set(resources))


def is_held(resource_type: str, resource_id: str) -> bool:
    """Tell whether an operation is at work on the resource."""
    return Hold.objects.filter(resource_type=resource_type, resource_id=resource_id).exists()


def held_among(resource_type: str, resource_ids: Collection[str]) -> set[str]:
    """Return those of these resources that operations are at work on."""
    rows = Hold.objects.filter(resource_type=resource_type, resource_id__in=resource_ids)
    return {*rows.values_list("resource_id", flat=True)}


def held_by(operation: Operation) -> list[Resource]:
    """Return what an operation holds."""
    rows = Hold.objects.filter(operation=operation).order_by("resource_type", "resource_id")
    return [Resource(*row) for row in rows.values_list("resource_type", "resource_id")]


def holders(resources: Collection[Resource]) -> dict[Resource, Operation]:
    """Return, and lock, the live operations that hold some of these."""
    held = {
        Resource(kind, key): operation_id
        for kind, ids in _by_type(resources).items()
        for key, operation_id in _HELD.rows(type=kind, ids=ids)
    }
    if not held:
        return {}
    live = {row.id: row for row in _LOCKED.rows(ids={*held.values()}) if row.is_live}
    return {resource: live[key] for resource, key in held.items() if key in live}


def _by_type(resources: Collection[Resource]) -> dict[str, list[str]]:
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for resource in resources:
        ids[resource.type].append(resource.id)
    return ids


def take(operation: Operation, resources: Collection[Resource]) -> None:
    """Let an operation that holds nothing hold all of these; raise ResourceBusy that names one which is taken."""
    take_each([(operation, resources)])


def take_each(wanted: Sequence[tuple[Operation, Collection[Resource]]]) -> None:
    """Let several operations that hold nothing each hold its resources, or none of them, as ``take``."""
    rows = [
        Hold(operation=operation, resource_type=one.type, resource_id=one.id)
        for operation, resources in wanted
        for one in in_order(resources)
    ]
    if insert(*rows, ignore_conflicts=True) == len(rows):
        return
    for operation, _ in wanted:
        _LET_GO(operation=operation.id)
    every = in_order(one for _, resources in wanted for one in resources)
    taken = [
        Resource(kind, key)
        for kind, ids in _by_type(every).items()
        for key, _ in _HELD.rows(type=kind, ids=ids)
    ]
    raise ResourceBusy(min(taken, default=every[0]))


def take_free(
    operation: Operation, resources: Collection[Resource], *, looks: int = LOOKS
) -> dict[Resource, Operation]:
    """Let an operation hold all of these, or return, and lock, the live operations that hold some.

    Who held one may end between the look and the taking, and leave it to who waited for him: then it is looked
    again. Raises ResourceBusy when others were faster each time.
    """
    for left in reversed(range(looks)):
        taken = holders(resources)
        if taken:
            return taken
        try:
            take(operation, resources)
        except ResourceBusy:
            if not left:
                raise
        else:
            break
    return {}


def release(operation: Operation) -> None:
    """Give up what an ended operation held, and let those go on that waited for it."""
    _LET_GO(operation=operation.id)
    for follower in _FOLLOWERS.rows(operation=operation.id):
        _follow(follower, now())


def _follow(follower: Operation, moment: datetime) -> None:
    """Make one that waited ready with all its holds; behind who holds one of them, if somebody does."""
    wanted = [Resource(*one) for one in follower.waits_for or ()] or [
        Resource(follower.resource_type, follower.resource_id)
    ]
    taken = take_free(follower, wanted)
    if taken:
        Operation.objects.filter(id=follower.id).update(after=taken[min(taken)])
        return
    first_look = max(moment, follower.next_at or moment)
    Operation.objects.filter(id=follower.id).update(
        state=OperationState.READY,
        next_at=first_look,
        deadline_at=first_look + (follower.deadline_at - follower.created_at),
        waits_for=None,
    )
    if first_look == moment:
        ring_after_commit(follower.id)
