"""Who has which role where, in the operator's console."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin, Values
from identity.manager import AssignmentManager
from identity.manager.assignments import GrantTarget
from identity.models import Assignment


@admin.register(Assignment)
class AssignmentAdmin(EditableAdmin):
    """Grants: given and taken, never changed."""

    can_add = True
    can_delete = True
    list_display = ("holder", "role", "place", "reach")
    list_filter = ("role", "system", "inherited")
    list_select_related = ("user", "group", "role", "project", "domain")
    search_fields = ("user__name", "group__name", "project__name", "domain__name")
    fields = ("user", "group", "project", "domain", "system", "inherited", "role")
    autocomplete_fields = ("user", "group", "project", "domain", "role")

    @admin.display(description="who", ordering="user__name")
    def holder(self, row: Assignment) -> str:
        """Name the user or the group."""
        return str(row.user) if row.user else f"group {row.group}"

    @admin.display(description="where")
    def place(self, row: Assignment) -> str:
        """Name the project or the domain."""
        if row.system:
            return "the whole cloud"
        return f"project {row.project}" if row.project else f"domain {row.domain}"

    @admin.display(description="counts", ordering="inherited")
    def reach(self, row: Assignment) -> str:
        """Say whether it counts there or below."""
        return "in the projects below" if row.inherited else "there"

    def create(self, request: HttpRequest, values: Values) -> Assignment:
        """Give the role."""
        return AssignmentManager(self.context(request)).grant(
            _target({name: values[name] for name in PARTS}), role_id=values["role"].pk
        )

    def remove(self, request: HttpRequest, row: Assignment) -> None:
        """Take the role away."""
        AssignmentManager(self.context(request)).withdraw(
            _target({name: getattr(row, name) for name in PARTS}), role_id=row.role_id
        )


PARTS = ("user", "group", "project", "domain", "system", "inherited")


def _target(values: Values) -> GrantTarget:
    ids = {
        f"{name}_id": values[name].pk if values[name] else None
        for name in ("user", "group", "project", "domain")
    }
    return GrantTarget(**ids, system=values["system"], inherited=values["inherited"])
