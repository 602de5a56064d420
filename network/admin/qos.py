"""All QoS policies of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, ShownInline, row_action
from network.manager import QosPolicyManager
from network.models import QosPolicy, QosRule


class QosRuleInline(ShownInline):
    """What a policy holds traffic to."""

    model = QosRule
    fields = ("kind", "direction", "max_kbps", "max_burst_kbps", "dscp_mark")


def _shared(label: str, done: str, *, shared: bool) -> Any:
    return row_action(
        label, done, lambda context, row: QosPolicyManager(context).update(row.id, shared=shared)
    )


@admin.register(QosPolicy)
class QosPolicyAdmin(ManagedAdmin):
    """QoS policies, and how much is held to each."""

    ordering = NEWEST_FIRST
    list_display = (
        "name", "id", "rule_list", "networks_held", "ports_held", "shared", "is_default",
        "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("shared", "is_default")
    search_fields = ("name", "id", "project_id")
    inlines = (QosRuleInline,)
    actions = ("share", "unshare", "delete_policies")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count what is held to each along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.prefetch_related("rules").annotate(
            network_total=Count("networks", distinct=True),
            port_total=Count("ports", distinct=True),
        )
        return counted

    @admin.display(description="rules")
    def rule_list(self, policy: QosPolicy) -> str:
        """Show what it says."""
        return ", ".join(map(str, policy.rules.all()))

    @admin.display(description="networks", ordering="network_total")
    def networks_held(self, policy: Any) -> int:
        """Show how many networks are held to it."""
        return int(policy.network_total)

    @admin.display(description="ports", ordering="port_total")
    def ports_held(self, policy: Any) -> int:
        """Show how many ports are held to it themselves."""
        return int(policy.port_total)

    share = _shared("Share with all projects", "shared", shared=True)
    unshare = _shared("Keep to its project", "kept", shared=False)
    delete_policies = row_action(
        "Delete the selected policies",
        "deleted",
        lambda context, policy: QosPolicyManager(context).delete(policy.id),
    )
