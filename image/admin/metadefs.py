"""Metadata definitions: namespaces with what is in them, and what they are for."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin, ShownInline, row_action
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


def _set(label: str, done: str, **changes: object) -> Any:
    return row_action(
        label,
        done,
        lambda context, one: MetadefNamespaceManager(context).update(one.namespace, changes),
    )


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

    publish = _set("Publish: every project reads them", "published", visibility=PUBLIC)
    make_private = _set(
        "Make private: only its project reads it", "made private", visibility=PRIVATE
    )
    protect = _set("Protect against deletion", "protected", protected=True)
    unprotect = _set("Allow deletion", "no longer protected", protected=False)
    delete_namespaces = row_action(
        "Delete the selected namespaces and all that is in them",
        "deleted",
        lambda context, one: MetadefNamespaceManager(context).delete(one.namespace),
    )


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
