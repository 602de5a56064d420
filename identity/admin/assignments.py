"""Who has which role where, in the operator's console."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin, Values
from identity.manager import AssignmentManager
from identity.models import Assignment


@admin.register(Assignment)
class AssignmentAdmin(EditableAdmin):
    """Grants: given and taken, never changed."""

    can_add = True
    can_delete = True
    list_display = ("user", "role", "project", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "role", "project")
    search_fields = ("user__name", "project__name")
    fields = ("user", "project", "role")
    autocomplete_fields = ("user", "project", "role")

    def create(self, request: HttpRequest, values: Values) -> Assignment:
        """Give the role."""
        ids = {f"{name}_id": values[name].pk for name in ("user", "project", "role")}
        return AssignmentManager(self.context(request)).grant(**ids)

    def remove(self, request: HttpRequest, row: Assignment) -> None:
        """Take the role away."""
        AssignmentManager(self.context(request)).withdraw(
            user_id=row.user_id, project_id=row.project_id, role_id=row.role_id
        )
