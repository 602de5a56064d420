"""What new security groups have in them."""

from __future__ import annotations

from django.contrib import admin

from cloudweb.admin import ManagedAdmin, row_action
from network.manager import DefaultRuleManager
from network.models import DefaultSecurityGroupRule


@admin.register(DefaultSecurityGroupRule)
class DefaultRuleAdmin(ManagedAdmin):
    """Default security group rules."""

    ordering = ("created_at", "id")
    list_display = (
        "__str__", "id", "port_range_min", "port_range_max", "remote_ip_prefix", "of_members",
        "used_in_default_sg", "used_in_non_default_sg",
    )  # fmt: skip
    list_filter = ("direction", "used_in_default_sg", "used_in_non_default_sg")
    search_fields = ("id", "protocol", "remote_ip_prefix")
    actions = ("delete_rules",)

    delete_rules = row_action(
        "Leave the selected rules out of new groups",
        "removed",
        lambda context, row: DefaultRuleManager(context).delete(row.id),
    )
