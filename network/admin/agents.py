"""Network agents: which hosts need a look, and why."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, Count, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, bullets, pill, row_action
from network.manager import AgentManager
from network.models import Agent, Router
from operations import services


class NeedsALook(admin.SimpleListFilter):
    """Hosts whose agent reports a problem or a stray."""

    title = "needs a look"
    parameter_name = "look"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer yes and no."""
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Agent]) -> QuerySet[Agent]:
        """Keep those that do, or those that do not."""
        fine: dict[str, list[str]] = {"problems": [], "strays": []}
        if self.value() == "yes":
            return queryset.exclude(**fine)
        return queryset.filter(**fine) if self.value() == "no" else queryset


def _keeping(label: str, done: str, *, takes: bool) -> Any:
    return row_action(
        label,
        done,
        lambda context, row: AgentManager(context).update(str(row.id), takes_routers=takes),
    )


@admin.register(Agent)
class AgentAdmin(ManagedAdmin):
    """Network agents with what they cannot put right by themselves."""

    list_display = (
        "host", "state", "health", "networks", "ports", "routers", "reach", "driver", "reported_at",
    )  # fmt: skip
    list_filter = (NeedsALook, "takes_routers", "driver")
    search_fields = ("host",)
    ordering = ("host",)
    actions = ("take_routers", "keep_routers_away")
    fields = (
        "host", "state", "driver", "networks", "ports", "routers", "reach", "problem_list", "stray_list", "reported_at",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        """Tell along who is up."""
        rows: QuerySet[Agent] = super().get_queryset(request)
        is_up = When(host__in=services.up_hosts("network"), then=Value(True))
        mine = Router.objects.filter(host=OuterRef("host")).order_by().values("host")
        return rows.annotate(
            seems_up=Case(is_up, default=Value(False)),
            router_total=Coalesce(Subquery(mine.annotate(n=Count("id")).values("n")), 0),
        )

    @admin.display(description="state")
    def state(self, agent: Agent) -> SafeString:
        """Tell whether it reports."""
        up = bool(getattr(agent, "seems_up", False))
        return pill("up" if up else "down", good=up)

    @admin.display(description="health")
    def health(self, agent: Agent) -> SafeString:
        """Count what needs a look."""
        found = [
            f"{len(rows)} {name}{'' if len(rows) == 1 else 's'}"
            for name, rows in (("problem", agent.problems), ("stray", agent.strays))
            if rows
        ]
        return pill(", ".join(found) or "fine", good=not found)

    @admin.display(description="routers", ordering="router_total")
    def routers(self, agent: Any) -> str:
        """Show how many there are, and that there shall be none."""
        return f"{agent.router_total}{'' if agent.takes_routers else ', kept away'}"

    @admin.display(description="reaches other hosts by")
    def reach(self, agent: Agent) -> str:
        """Show by what types of networks, where, and on which wires."""
        where = {"vxlan": agent.tunnel_address, "vlan": ", ".join(agent.physical_networks)}
        found = [
            f"{name} ({where[name]})" if where.get(name) else name for name in agent.network_types
        ]
        return "; ".join(found) or "-"

    take_routers = _keeping("Let routers be on the selected hosts", "open to routers", takes=True)
    keep_routers_away = _keeping(
        "Keep routers from the selected hosts: those there go elsewhere",
        "kept free of routers",
        takes=False,
    )

    @admin.display(description="problems")
    def problem_list(self, agent: Agent) -> SafeString | str:
        """Show each in the host's own words."""
        return bullets([(text,) for text in agent.problems])

    @admin.display(description="strays")
    def stray_list(self, agent: Agent) -> SafeString | str:
        """Show each tap that no record explains: an operator decides what becomes of it."""
        rows = [
            (one.get("tap", ""), one.get("id", ""), one.get("network_id", ""))
            for one in agent.strays
        ]
        return bullets(rows, "{}: port {}, network {}")
