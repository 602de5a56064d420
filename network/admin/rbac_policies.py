"""What projects let each other use."""

from __future__ import annotations

from django.contrib import admin

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, row_action
from network.manager import RbacPolicyManager
from network.models import RbacPolicy


@admin.register(RbacPolicy)
class RbacPolicyAdmin(ManagedAdmin):
    """RBAC policies."""

    ordering = NEWEST_FIRST
    list_display = (
        "object_type", "object_id", "action", "target_project", "id", "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("object_type", "action")
    search_fields = ("object_id", "id", "project_id", "target_project")
    actions = ("delete_policies",)

    delete_policies = row_action(
        "Stop sharing by the selected policies",
        "no longer shared",
        lambda context, row: RbacPolicyManager(context).delete(row.id),
    )
