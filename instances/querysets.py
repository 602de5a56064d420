"""Which servers a caller sees, and how they are filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from instances.migration_states import LIVE

if TYPE_CHECKING:
    from instances.models import (  # noqa: F401
        ConsoleRecording,
        Instance,
        Migration,
        ServerGroup,
    )
    from network.models import Port


class InstanceQuerySet(QuerySet["Instance"]):
    """Servers."""

    def alive(self) -> InstanceQuerySet:
        """Leave out the deleted ones."""
        return self.exclude(vm_state="deleted")

    def visible_to(self, context: RequestContext) -> InstanceQuerySet:
        """Keep what exists for this caller: its project's, or all for an admin."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")

    def find_owner(self, port: Port) -> Instance | None:
        """Return the server whose card this port is, by the server's own row.

        What the port says of its device, which its project may have written, only finds that row.
        """
        device = as_uuid(port.device_id)
        if device is None:
            return None
        rows = self.alive().filter(id=device, project_id=port.project_id)
        return rows.filter(ports__port_id=port.id).first()


class ServerGroupQuerySet(QuerySet["ServerGroup"]):
    """Groups of servers."""

    def visible_to(self, context: RequestContext) -> ServerGroupQuerySet:
        """Keep what exists for this caller: its project's, or all for an admin."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")


class ConsoleRecordingQuerySet(QuerySet["ConsoleRecording"]):
    """Recordings of consoles."""

    def visible_to(self, context: RequestContext) -> ConsoleRecordingQuerySet:
        """Keep what exists for this caller: its project's, or all for an admin."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")

    def named(self, words: str) -> ConsoleRecordingQuerySet:
        """Keep those of servers or of viewers whose name has these words."""
        return self.filter(Q(instance_name__icontains=words) | Q(user_name__icontains=words))


class MigrationQuerySet(QuerySet["Migration"]):
    """Migrations of servers."""

    def visible_to(self, context: RequestContext) -> MigrationQuerySet:
        """Keep what exists for this caller: its project's, or all for an admin."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")

    def live(self) -> MigrationQuerySet:
        """Keep those that are not decided."""
        return self.filter(status__in=sorted(LIVE))
