"""Which servers a caller sees, and how they are filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import QuerySet

from cloudweb.context import RequestContext

if TYPE_CHECKING:
    from instances.models import Instance  # noqa: F401


class InstanceQuerySet(QuerySet["Instance"]):
    """Servers."""

    def alive(self) -> InstanceQuerySet:
        """Leave out the deleted ones."""
        return self.exclude(vm_state="deleted")

    def visible_to(self, context: RequestContext) -> InstanceQuerySet:
        """Keep what exists for this caller: its project's, or all for an admin."""
        return self if context.is_admin else self.filter(project_id=context.project_id or "")
