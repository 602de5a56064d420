"""Domains in the operator's console."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin, Values
from identity.manager import DomainManager
from identity.models import Domain


@admin.register(Domain)
class DomainAdmin(EditableAdmin):
    """Name spaces; disabling one voids its tokens."""

    can_add = True
    can_change = True
    can_delete = True
    list_display = ("name", "id", "enabled", "created_at")
    search_fields = ("name", "id")
    fields = ("name", "description", "enabled", "immutable")

    def create(self, request: HttpRequest, values: Values) -> Domain:
        """Create it."""
        return DomainManager(self.context(request)).create(
            name=values["name"],
            description=values["description"],
            enabled=values["enabled"],
            immutable=values["immutable"],
        )

    def update(self, request: HttpRequest, row: Domain, values: Values) -> None:
        """Change it."""
        DomainManager(self.context(request)).update(row.pk, **values)

    def remove(self, request: HttpRequest, row: Domain) -> None:
        """Delete a disabled one with its users and empty projects."""
        DomainManager(self.context(request)).delete(row.pk)
