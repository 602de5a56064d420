"""Projects in the operator's console."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from identity.admin.editable import EditableAdmin, Values
from identity.manager import ProjectManager
from identity.models import Project


@admin.register(Project)
class ProjectAdmin(EditableAdmin):
    """Tenants; one that holds things cannot be deleted."""

    can_add = True
    can_change = True
    can_delete = True
    list_display = ("name", "id", "domain", "enabled", "created_at")
    list_filter = ("enabled", "domain")
    list_select_related = ("domain",)
    search_fields = ("name", "id")
    fields = ("name", "domain", "parent", "description", "enabled", "immutable")
    autocomplete_fields = ("parent",)

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> list[str]:
        """Keep an existing project where it is."""
        return ["domain", "parent"] if obj else []

    def create(self, request: HttpRequest, values: Values) -> Project:
        """Create it."""
        parent = values["parent"]
        return ProjectManager(self.context(request)).create(
            name=values["name"],
            domain_id=values["domain"].pk,
            parent_id=parent.pk if parent else None,
            description=values["description"],
            enabled=values["enabled"],
            immutable=values["immutable"],
        )

    def update(self, request: HttpRequest, row: Project, values: Values) -> None:
        """Change it."""
        ProjectManager(self.context(request)).update(row.pk, **values)

    def remove(self, request: HttpRequest, row: Project) -> None:
        """Delete it if it is empty."""
        ProjectManager(self.context(request)).delete(row.pk)
