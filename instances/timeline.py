"""The log of what was done to a server: its operations in the words of os-instance-actions."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy
from cloudweb.times import end_of_second
from instances.actions import ACTIONS
from instances.manager import InstanceManager
from instances.operations import CreateInstance
from operations.history import Entry, operations_of


def name_of(kind: str) -> str:
    """Return the action log's name of a kind of operation."""
    if kind == CreateInstance.kind:
        return "create"
    return next((one.logged for one in ACTIONS.values() if one.kind == kind), kind)


@dataclass(frozen=True, slots=True)
class ServerAction:
    """One thing that was done, with its steps."""

    name: str
    entry: Entry


class TimelineManager(Manager):
    """Reads a server's operations; they outlive it."""

    @policy("compute:servers:actions")
    def list(
        self,
        instance_id: str,
        *,
        limit: int | None = None,
        marker: str | None = None,
        since: datetime.datetime | None = None,
        before: datetime.datetime | None = None,
    ) -> Sequence[ServerAction]:
        """Return what was done, newest first; raise InstanceNotFound, BadRequest for the marker.

        ``since`` and ``before`` are about the last change; all of the second of ``before`` counts.
        """
        instance = InstanceManager(self.context).get_even_deleted(instance_id)
        found = [
            ServerAction(name_of(entry.kind), entry)
            for entry in operations_of("instance", str(instance.id))
            if (since is None or entry.updated_at >= since)
            and (before is None or entry.updated_at <= end_of_second(before))
        ]
        if marker is not None:
            places = [i for i, one in enumerate(found) if one.entry.request_id == marker]
            if not places:
                raise BadRequest(f"marker [{marker[:64]}] not found")
            found = found[places[0] + 1 :]
        return found if limit is None else found[:limit]

    @policy("compute:servers:actions")
    def get(self, instance_id: str, request_id: str) -> ServerAction:
        """Return what one request did; raise NotFound."""
        for one in self.list(instance_id):
            if one.entry.request_id == request_id:
                return one
        raise NotFound(
            f"Action for request_id {request_id[:64]} on instance {instance_id} not found"
        )


def result_of(state: str, *, failed: bool) -> Any:
    """Return Nova's word for how a step ended; None while it runs."""
    if state == "DONE" and not failed:
        return "Success"
    return "Error" if state in ("FAILED", "ABANDONED") else None
