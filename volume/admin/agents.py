"""Volume agents: which hosts need a look, and why."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, bullets, pill
from operations import services
from volume.manager import AgentManager
from volume.models import Agent


class NeedsALook(admin.SimpleListFilter):
    """Hosts whose agent reports something."""

    title = "needs a look"
    parameter_name = "look"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer yes and no."""
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Agent]) -> QuerySet[Agent]:
        """Keep those that do, or those that do not."""
        fine: dict[str, list[str]] = {"problems": [], "strays": [], "unknown": []}
        if self.value() == "yes":
            return queryset.exclude(**fine)
        return queryset.filter(**fine) if self.value() == "no" else queryset


@admin.register(Agent)
class AgentAdmin(ManagedAdmin):
    """Hosts with volumes, and what they cannot put right by themselves."""

    can_delete = True
    list_display = ("host", "state", "health", "changed_at")
    list_filter = (NeedsALook,)
    search_fields = ("host",)
    ordering = ("host",)
    fields = ("host", "state", "problem_list", "stray_list", "unknown_list", "changed_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        """Tell along who is up."""
        rows: QuerySet[Agent] = super().get_queryset(request)
        is_up = When(host__in=services.up_hosts("volume"), then=Value(True))
        return rows.annotate(seems_up=Case(is_up, default=Value(False)))

    @admin.display(description="state")
    def state(self, agent: Agent) -> SafeString:
        """Tell whether it reports."""
        up = bool(getattr(agent, "seems_up", False))
        return pill("up" if up else "down", good=up)

    @admin.display(description="health")
    def health(self, agent: Agent) -> SafeString:
        """Count what needs a look."""
        strays = [*agent.strays, *agent.unknown]
        found = [
            f"{len(rows)} {name}{'' if len(rows) == 1 else 's'}"
            for name, rows in (("problem", agent.problems), ("stray", strays))
            if rows
        ]
        return pill(", ".join(found) or "fine", good=not found)

    @admin.display(description="problems")
    def problem_list(self, agent: Agent) -> SafeString | str:
        """Show each in the host's own words."""
        return bullets([(text,) for text in agent.problems])

    @admin.display(description="belongs to no volume")
    def stray_list(self, agent: Agent) -> SafeString | str:
        """Show each file, or image: an operator decides what becomes of it."""
        return bullets([(text,) for text in agent.strays])

    @admin.display(description="known to no row")
    def unknown_list(self, agent: Agent) -> SafeString | str:
        """Show what is ours by its name, and nobody's in the database."""
        return bullets([(text,) for text in agent.unknown])

    def remove(self, request: HttpRequest, row: Any) -> None:
        """Forget the agent."""
        AgentManager(self.context(request)).delete(row.id)
