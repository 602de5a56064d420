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
    list_display = ("name", "id", "enabled", "created_at")
    search_fields = ("name", "id")
    fields = ("name", "description", "enabled")

    def create(self, request: HttpRequest, values: Values) -> Domain:
        """Create it; a new domain is enabled."""
        return DomainManager(self.context(request)).create(
            name=values["name"], description=values["description"]
        )

    def update(self, request: HttpRequest, row: Domain, values: Values) -> None:
        """Change it."""
        DomainManager(self.context(request)).update(row.pk, **values)
