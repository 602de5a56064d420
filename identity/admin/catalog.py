"""The catalog in the operator's console."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin, Values
from identity.manager import CatalogManager
from identity.models import Endpoint, Region, Service


@admin.register(Service)
class ServiceAdmin(EditableAdmin):
    """The APIs of the cloud; the software brings them."""

    list_display = ("type", "name", "id", "enabled")
    search_fields = ("type", "name", "id")


@admin.register(Region)
class RegionAdmin(EditableAdmin):
    """Places; settings name ours."""

    list_display = ("id", "description", "created_at")


@admin.register(Endpoint)
class EndpointAdmin(EditableAdmin):
    """Where services answer; ``{base}`` stands for the cloud's own address."""

    can_change = True
    list_display = ("service", "interface", "region", "url", "enabled")
    list_filter = ("service", "interface", "enabled")
    list_select_related = ("service", "region")
    fields = ("service", "region", "interface", "url", "enabled")
    readonly_fields = ("service", "region", "interface")

    def update(self, request: HttpRequest, row: Endpoint, values: Values) -> None:
        """Change its URL, or take it out of the catalog."""
        CatalogManager(self.context(request)).update_endpoint(row.pk, **values)
