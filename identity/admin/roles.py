"""Roles in the operator's console."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin, Values
from identity.manager import RoleManager
from identity.models import Role


@admin.register(Role)
class RoleAdmin(EditableAdmin):
    """Named sets of rights; those the product brings are immutable."""

    can_add = True
    can_change = True
    can_delete = True
    list_display = ("name", "id", "immutable", "description")
    search_fields = ("name", "id")
    fields = ("name", "description", "immutable")

    def create(self, request: HttpRequest, values: Values) -> Role:
        """Create it."""
        return RoleManager(self.context(request)).create(**values)

    def update(self, request: HttpRequest, row: Role, values: Values) -> None:
        """Change it."""
        RoleManager(self.context(request)).update(row.pk, **values)

    def remove(self, request: HttpRequest, row: Role) -> None:
        """Delete it and take it from everyone."""
        RoleManager(self.context(request)).delete(row.pk)
