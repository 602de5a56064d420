"""The log of what was done to a server: its operations in the words of os-instance-actions."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.listing import Page
from cloudweb.manager import Manager
from cloudweb.policy import policy
from cloudweb.times import end_of_second
from instances.actions import ACTIONS
from instances.manager import InstanceManager
from instances.operations import (
    CreateInstance,
    CreateInstanceWithVolumes,
    SoftDeleteInstance,
)
from operations.history import Entry, StepEntry, operations_of


def name_of(kind: str) -> str:
    """Return the action log's name of a kind of operation."""
    if kind in (CreateInstance.kind, CreateInstanceWithVolumes.kind):
        return "create"
    if kind == SoftDeleteInstance.kind:
        return "delete"
    return next((one.logged for one in ACTIONS.values() if one.is_done_by(kind)), kind)


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """A step of what was done, with the project that did it."""

    step: StepEntry
    project_id: str

    @property
    def name(self) -> str:
        """The step, as its undoing if it is that."""
        return f"undo_{self.step.name}" if self.step.direction == "undo" else self.step.name

    @property
    def result(self) -> str | None:
        """Nova's word for how it ended; None while it runs."""
        if self.step.state == "DONE" and not self.step.error:
            return "Success"
        return "Error" if self.step.state in ("FAILED", "ABANDONED") else None


@dataclass(frozen=True, slots=True)
class ServerAction:
    """One thing that was done to a server."""

    name: str
    server_id: str
    entry: Entry

    @property
    def events(self) -> Sequence[ServerEvent]:
        """Its steps, in their order."""
        return [ServerEvent(step, self.entry.project_id) for step in self.entry.steps]


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
    ) -> Page[ServerAction]:
        """Return a page of what was done, newest first; raise InstanceNotFound, BadRequest for the marker.

        ``since`` and ``before`` are about the last change; all of the second of ``before`` counts.
        """
        instance = InstanceManager(self.context).get_even_deleted(instance_id)
        found = [
            ServerAction(name_of(entry.kind), str(instance.id), entry)
            for entry in operations_of("instance", str(instance.id))
            if (since is None or entry.updated_at >= since)
            and (before is None or entry.updated_at <= end_of_second(before))
        ]
        if marker is not None:
            places = [i for i, one in enumerate(found) if one.entry.request_id == marker]
            if not places:
                raise BadRequest(f"marker [{marker[:64]}] not found")
            found = found[places[0] + 1 :]
        return Page(found[:limit], more=limit is not None and len(found) > limit)

    @policy("compute:servers:actions")
    def get(self, instance_id: str, request_id: str) -> ServerAction:
        """Return what one request did; raise NotFound."""
        for one in self.list(instance_id).rows:
            if one.entry.request_id == request_id:
                return one
        raise NotFound(
            f"Action for request_id {request_id[:64]} on instance {instance_id} not found"
        )
