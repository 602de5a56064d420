"""Images: what they are, where their data is, what was done with them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, ShownInline, ValuesFilter, pill
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
    ordering = ("-created_at", "-id")
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

    @admin.action(description="Publish: every project can use it")
    def publish(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Make the images public."""
        self._set(request, rows, "published", "visibility", "public")

    @admin.action(description="Make private: only its project can use it")
    def make_private(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Make the images private."""
        self._set(request, rows, "made private", "visibility", "private")

    @admin.action(description="Protect against deletion")
    def protect(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Forbid to delete the images."""
        self._set(request, rows, "protected", "protected", True)

    @admin.action(description="Allow deletion")
    def unprotect(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Allow to delete the images."""
        self._set(request, rows, "no longer protected", "protected", False)

    @admin.action(description="Deactivate: withhold the data")
    def deactivate(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Withhold the data of the images."""
        manager = ImageManager(self.context(request))
        self.act(request, rows, "deactivated", lambda image: manager.deactivate(image.id))

    @admin.action(description="Reactivate")
    def reactivate(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Give the data of the images out again."""
        manager = ImageManager(self.context(request))
        self.act(request, rows, "reactivated", lambda image: manager.reactivate(image.id))

    @admin.action(description="Delete the selected images and their data")
    def delete_images(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Delete the images."""
        manager = ImageManager(self.context(request))
        self.act(request, rows, "deleted", lambda image: manager.delete(image.id))

    def _set(
        self, request: HttpRequest, rows: QuerySet[Image], done: str, name: str, value: object
    ) -> None:
        manager, change = ImageManager(self.context(request)), Change("replace", name, value)
        self.act(request, rows, done, lambda image: manager.update(image.id, [change]))
