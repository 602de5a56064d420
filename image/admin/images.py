"""Images: what they are, where their data is, what was done with them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, ShownInline, ValuesFilter, pill, row_action
from image import states
from image.changes import Change
from image.manager import ImageManager
from image.models import Image, ImageMember, ImageProperty, ImageTag


class TagInline(ShownInline):
    """The words on an image."""

    model = ImageTag


class PropertyInline(ShownInline):
    """The custom properties of an image."""

    model = ImageProperty


class MemberInline(ShownInline):
    """The projects an image is shared with."""

    model = ImageMember
    fields = readonly_fields = ("project_id", "status", "created_at", "updated_at")


def _set(label: str, done: str, name: str, value: object) -> Any:
    change = Change("replace", name, value)
    return row_action(
        label, done, lambda context, image: ImageManager(context).update(image.id, [change])
    )


@admin.register(Image)
class ImageAdmin(ManagedAdmin):
    """All images of all projects."""

    list_display = (
        "label", "state", "visibility", "protected", "disk_format", "file_size", "kept_in",
        "project_id", "created_at",
    )  # fmt: skip
    list_filter = (
        "status", "visibility", "protected", "os_hidden", ("disk_format", ValuesFilter),
    )  # fmt: skip
    search_fields = ("name", "id", "project_id", "os_hash_value")
    ordering = NEWEST_FIRST
    inlines = (MemberInline, TagInline, PropertyInline)
    fieldsets = (
        (None, {"fields": ("id", "name", "project_id", "state", "work")}),
        ("Use", {"fields": ("visibility", "protected", "os_hidden", "min_disk", "min_ram")}),
        (
            "Data",
            {
                "fields": (
                    "disk_format", "container_format", "file_size", "disk_size", "kept_in",
                    "store_key", "checksum", "os_hash_algo", "os_hash_value",
                )
            },
        ),
        (
            "Uploads and imports",
            {
                "fields": (
                    "upload_id", "upload_seen_at", "import_source", "importing_to", "failed_import",
                )
            },
        ),
        ("Times", {"fields": ("created_at", "updated_at")}),
    )  # fmt: skip
    actions = (
        "publish", "make_private", "protect", "unprotect", "deactivate", "reactivate",
        "delete_images",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        """Leave out what is deleted."""
        return Image.objects.all().live()

    @admin.display(description="status", ordering="status")
    def state(self, image: Image) -> SafeString:
        """Show the status, green where servers can boot from it."""
        good = {states.ACTIVE: True, states.DEACTIVATED: False, states.KILLED: False}
        return pill(image.status, good=good.get(image.status))

    @admin.display(description="name", ordering="name")
    def label(self, image: Image) -> str:
        """Show the name, or the id of an image that has none."""
        return image.name or str(image.id)

    @admin.display(description="stores")
    def kept_in(self, image: Image) -> str:
        """Show which stores have the data."""
        return ", ".join(image.stores) or "none"

    @admin.display(description="work")
    def work(self, image: Image) -> SafeString:
        """Lead to the imports, copies and deletions of the image."""
        url = reverse("admin:operations_operation_changelist")
        return format_html('<a href="{}?q={}">Operations on this image</a>', url, image.id)

    @admin.display(description="size of the disk")
    def disk_size(self, image: Image) -> str:
        """Show how large the disk is for a guest."""
        return filesizeformat(image.virtual_size) if image.virtual_size else "unknown"

    @admin.display(description="size", ordering="size")
    def file_size(self, image: Image) -> str:
        """Show the size of the data as people read it."""
        return filesizeformat(image.size) if image.has_data else "none yet"

    publish = _set("Publish: every project can use it", "published", "visibility", "public")
    make_private = _set(
        "Make private: only its project can use it", "made private", "visibility", "private"
    )
    protect = _set("Protect against deletion", "protected", "protected", True)
    unprotect = _set("Allow deletion", "no longer protected", "protected", False)
    deactivate = row_action(
        "Deactivate: withhold the data",
        "deactivated",
        lambda context, image: ImageManager(context).deactivate(image.id),
    )
    reactivate = row_action(
        "Reactivate",
        "reactivated",
        lambda context, image: ImageManager(context).reactivate(image.id),
    )
    delete_images = row_action(
        "Delete the selected images and their data",
        "deleted",
        lambda context, image: ImageManager(context).delete(image.id),
    )
