"""Metadata definitions: namespaces with what is in them, and what they are for."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin, ShownInline
from image.manager.metadefs import MetadefNamespaceManager
from image.models import (
    MetadefAssociation,
    MetadefNamespace,
    MetadefObject,
    MetadefProperty,
    MetadefResourceType,
    MetadefTag,
)
from image.sharing import PRIVATE, PUBLIC


class PropertyInline(ShownInline):
    """The properties that a namespace defines."""

    model = MetadefProperty
    fields = readonly_fields = ("name", "schema")


class ObjectInline(ShownInline):
    """The objects that a namespace defines."""

    model = MetadefObject
    fields = readonly_fields = ("name", "description", "required", "properties")


class TagInline(ShownInline):
    """The tags that a namespace proposes."""

    model = MetadefTag
    fields = readonly_fields = ("name",)


class AssociationInline(ShownInline):
    """What a namespace is for."""

    model = MetadefAssociation
    fields = readonly_fields = ("resource_type", "prefix", "properties_target")


@admin.register(MetadefNamespace)
class MetadefNamespaceAdmin(ManagedAdmin):
    """Named sets of definitions; the API's metadefs write them."""

    list_display = (
        "namespace", "display_name", "visibility", "protected", "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("visibility", "protected", "associations__resource_type")
    search_fields = ("namespace", "display_name", "=project_id")
    ordering = ("namespace",)
    inlines = (AssociationInline, PropertyInline, ObjectInline, TagInline)
    actions = ("publish", "make_private", "protect", "unprotect", "delete_namespaces")

    @admin.action(description="Publish: every project reads them")
    def publish(self, request: HttpRequest, rows: QuerySet[MetadefNamespace]) -> None:
        """Make the namespaces public."""
        self._set(request, rows, "published", visibility=PUBLIC)

    @admin.action(description="Make private: only its project reads it")
    def make_private(self, request: HttpRequest, rows: QuerySet[MetadefNamespace]) -> None:
        """Make the namespaces private."""
        self._set(request, rows, "made private", visibility=PRIVATE)

    @admin.action(description="Protect against deletion")
    def protect(self, request: HttpRequest, rows: QuerySet[MetadefNamespace]) -> None:
        """Forbid to delete the namespaces."""
        self._set(request, rows, "protected", protected=True)

    @admin.action(description="Allow deletion")
    def unprotect(self, request: HttpRequest, rows: QuerySet[MetadefNamespace]) -> None:
        """Allow to delete the namespaces."""
        self._set(request, rows, "no longer protected", protected=False)

    @admin.action(description="Delete the selected namespaces and all that is in them")
    def delete_namespaces(self, request: HttpRequest, rows: QuerySet[MetadefNamespace]) -> None:
        """Delete the namespaces."""
        manager = MetadefNamespaceManager(self.context(request))
        self.act(request, rows, "deleted", lambda one: manager.delete(one.namespace))

    def _set(
        self, request: HttpRequest, rows: QuerySet[MetadefNamespace], done: str, **changes: object
    ) -> None:
        manager = MetadefNamespaceManager(self.context(request))
        self.act(request, rows, done, lambda one: manager.update(one.namespace, changes))


@admin.register(MetadefResourceType)
class MetadefResourceTypeAdmin(ManagedAdmin):
    """Kinds of things that definitions are for; there as long as a namespace names them."""

    list_display = ("name", "namespaces", "created_at")
    search_fields = ("name",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MetadefResourceType]:
        """Count the namespaces along."""
        return MetadefResourceType.objects.annotate(used=Count("associations"))

    @admin.display(description="namespaces", ordering="used")
    def namespaces(self, kind: MetadefResourceType) -> int:
        """Show how many namespaces are for this."""
        return int(kind.used)  # type: ignore[attr-defined]  # the annotation above
