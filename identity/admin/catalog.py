"""The catalog in the operator's console."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin, Values
from identity.manager import (
    CatalogServiceManager,
    EndpointGroupManager,
    EndpointManager,
    RegionManager,
)
from identity.models import Endpoint, EndpointGroup, Region, Service


@admin.register(Service)
class ServiceAdmin(EditableAdmin):
    """The APIs of the cloud, those the software brings and those operators add."""

    can_add = True
    can_change = True
    can_delete = True
    list_display = ("type", "name", "id", "enabled")
    search_fields = ("type", "name", "id")
    fields = ("type", "name", "description", "enabled")

    def create(self, request: HttpRequest, values: Values) -> Service:
        """Create it."""
        return CatalogServiceManager(self.context(request)).create(**values)

    def update(self, request: HttpRequest, row: Service, values: Values) -> None:
        """Change it."""
        CatalogServiceManager(self.context(request)).update(row.pk, **values)

    def remove(self, request: HttpRequest, row: Service) -> None:
        """Remove it with its endpoints."""
        CatalogServiceManager(self.context(request)).delete(row.pk)


@admin.register(Region)
class RegionAdmin(EditableAdmin):
    """Places; settings name ours."""

    can_add = True
    can_change = True
    can_delete = True
    list_display = ("id", "parent", "description", "created_at")
    list_select_related = ("parent",)
    search_fields = ("id",)
    fields = ("id", "parent", "description")
    autocomplete_fields = ("parent",)

    def get_readonly_fields(self, request: HttpRequest, obj: Region | None = None) -> list[str]:
        """Keep an existing region's id."""
        return ["id"] if obj else []

    def create(self, request: HttpRequest, values: Values) -> Region:
        """Create it."""
        parent = values["parent"]
        return RegionManager(self.context(request)).create(
            values["id"],
            description=values["description"],
            parent_id=parent.pk if parent else None,
        )

    def update(self, request: HttpRequest, row: Region, values: Values) -> None:
        """Change it."""
        changes = dict(values)
        if "parent" in changes:
            parent = changes.pop("parent")
            changes["parent_id"] = parent.pk if parent else None
        RegionManager(self.context(request)).update(row.pk, **changes)

    def remove(self, request: HttpRequest, row: Region) -> None:
        """Remove it if nothing lies in it."""
        RegionManager(self.context(request)).delete(row.pk)


@admin.register(Endpoint)
class EndpointAdmin(EditableAdmin):
    """Where services answer; ``{base}`` stands for the cloud's own address."""

    can_add = True
    can_change = True
    can_delete = True
    list_display = ("service", "interface", "region", "url", "enabled")
    list_filter = ("service", "interface", "enabled")
    list_select_related = ("service", "region")
    search_fields = ("id", "url", "service__name", "service__type")
    fields = ("service", "region", "interface", "url", "enabled")

    def get_readonly_fields(self, request: HttpRequest, obj: Endpoint | None = None) -> list[str]:
        """Keep an existing endpoint with its service."""
        return ["service", "region", "interface"] if obj else []

    def create(self, request: HttpRequest, values: Values) -> Endpoint:
        """Create it."""
        region = values["region"]
        return EndpointManager(self.context(request)).create(
            service_id=values["service"].pk,
            region_id=region.pk if region else None,
            interface=values["interface"],
            url=values["url"],
            enabled=values["enabled"],
        )

    def update(self, request: HttpRequest, row: Endpoint, values: Values) -> None:
        """Change its URL, or take it out of the catalog."""
        EndpointManager(self.context(request)).update(row.pk, **values)

    def remove(self, request: HttpRequest, row: Endpoint) -> None:
        """Remove it."""
        EndpointManager(self.context(request)).delete(row.pk)


@admin.register(EndpointGroup)
class EndpointGroupAdmin(EditableAdmin):
    """Endpoints that some projects' catalogs have alone; ``openstack endpoint group`` makes them."""

    can_delete = True
    list_display = ("name", "description", "filters", "id")
    search_fields = ("name", "id")
    fields = ("name", "description", "filters", "projects")

    def remove(self, request: HttpRequest, row: EndpointGroup) -> None:
        """Remove it; its projects may see every endpoint again."""
        EndpointGroupManager(self.context(request)).delete(row.pk)
