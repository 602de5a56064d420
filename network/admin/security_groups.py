"""All security groups of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, ShownInline, row_action
from network.manager import SecurityGroupManager
from network.models import SecurityGroup, SecurityGroupRule


class RuleInline(ShownInline):
    """What a group accepts."""

    model = SecurityGroupRule
    fk_name = "security_group"
    fields = (
        "direction", "ethertype", "protocol", "port_range_min", "port_range_max",
        "remote_ip_prefix", "remote_group", "remote_address_group",
    )  # fmt: skip


@admin.register(SecurityGroup)
class SecurityGroupAdmin(ManagedAdmin):
    """Security groups."""

    ordering = NEWEST_FIRST
    list_display = ("name", "id", "rule_count", "member_count", "project_id", "created_at")
    list_filter = ("is_default",)
    search_fields = ("name", "id", "project_id")
    inlines = (RuleInline,)
    actions = ("delete_groups",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count rules and members along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(
            rule_total=Count("rules", distinct=True),
            member_total=Count("memberships", distinct=True),
        )
        return counted

    @admin.display(description="rules", ordering="rule_total")
    def rule_count(self, group: Any) -> int:
        """Show how many rules there are."""
        return int(group.rule_total)

    @admin.display(description="ports", ordering="member_total")
    def member_count(self, group: Any) -> int:
        """Show how many ports are members."""
        return int(group.member_total)

    delete_groups = row_action(
        "Delete the selected groups",
        "deleted",
        lambda context, group: SecurityGroupManager(context).delete(group.id),
    )
