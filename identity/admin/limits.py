"""Unified limits in the operator's console; what this cloud enforces is under quotas."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin, Values
from identity.manager import LimitManager, RegisteredLimitManager
from identity.manager.limits import WantedLimit
from identity.models import Limit, RegisteredLimit


@admin.register(RegisteredLimit)
class RegisteredLimitAdmin(EditableAdmin):
    """The resources that limits are kept for."""

    can_add = True
    can_change = True
    can_delete = True
    list_display = ("resource_name", "service", "region", "default_limit")
    list_select_related = ("service", "region")
    search_fields = ("resource_name", "service__name")
    fields = ("service", "region", "resource_name", "default_limit", "description")

    def get_readonly_fields(
        self, request: HttpRequest, obj: RegisteredLimit | None = None
    ) -> list[str]:
        """Keep an existing one with its resource."""
        return ["service", "region", "resource_name"] if obj else []

    def create(self, request: HttpRequest, values: Values) -> RegisteredLimit:
        """Register it."""
        region = values["region"]
        wanted = {
            "service_id": values["service"].pk,
            "region_id": region.pk if region else None,
            **{name: values[name] for name in ("resource_name", "default_limit", "description")},
        }
        return RegisteredLimitManager(self.context(request)).create([wanted])[0]

    def update(self, request: HttpRequest, row: RegisteredLimit, values: Values) -> None:
        """Change it."""
        RegisteredLimitManager(self.context(request)).update(row.pk, **values)

    def remove(self, request: HttpRequest, row: RegisteredLimit) -> None:
        """Remove it."""
        RegisteredLimitManager(self.context(request)).delete(row.pk)


@admin.register(Limit)
class LimitAdmin(EditableAdmin):
    """The limits of projects and domains that differ."""

    can_add = True
    can_change = True
    can_delete = True
    list_display = ("registered_limit", "project", "domain", "resource_limit")
    list_select_related = ("registered_limit", "project", "domain")
    search_fields = ("registered_limit__resource_name", "project__name", "domain__name")
    fields = ("registered_limit", "project", "domain", "resource_limit", "description")
    autocomplete_fields = ("registered_limit", "project", "domain")

    def get_readonly_fields(self, request: HttpRequest, obj: Limit | None = None) -> list[str]:
        """Keep an existing one with its owner and resource."""
        return ["registered_limit", "project", "domain"] if obj else []

    def create(self, request: HttpRequest, values: Values) -> Limit:
        """Set it."""
        registered, project, domain = (
            values[name] for name in ("registered_limit", "project", "domain")
        )
        wanted = WantedLimit(
            service_id=registered.service_id,
            region_id=registered.region_id,
            resource_name=registered.resource_name,
            resource_limit=values["resource_limit"],
            project_id=project.pk if project else None,
            domain_id=domain.pk if domain else None,
            description=values["description"],
        )
        return LimitManager(self.context(request)).create([wanted])[0]

    def update(self, request: HttpRequest, row: Limit, values: Values) -> None:
        """Change it."""
        LimitManager(self.context(request)).update(row.pk, **values)

    def remove(self, request: HttpRequest, row: Limit) -> None:
        """Remove it: what is registered holds again."""
        LimitManager(self.context(request)).delete(row.pk)
