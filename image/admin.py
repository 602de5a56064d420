"""Images for operators; every button calls the manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, pill
from cloudweb.exceptions import CloudwebError
from image import states
from image.changes import Change
from image.manager import ImageManager
from image.models import Image, ImageProperty, ImageTag

Effect = Callable[[ImageManager, Image], object]


def _setting(name: str, value: object) -> Effect:
    return lambda manager, image: manager.update(image.id, [Change("replace", name, value)])


class _Details(admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show only."""
        return False


class TagInline(_Details):
    """The words on an image."""

    model = ImageTag


class PropertyInline(_Details):
    """The custom properties of an image."""

    model = ImageProperty


@admin.register(Image)
class ImageAdmin(ManagedAdmin):
    """All images of all projects."""

    list_display = (
        "name", "id", "state", "visibility", "protected", "disk_format", "file_size",
        "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("status", "visibility", "protected", "os_hidden", "disk_format")
    search_fields = ("name", "id", "project_id", "os_hash_value")
    ordering = ("-created_at", "-id")
    inlines = (TagInline, PropertyInline)
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

    @admin.display(description="size", ordering="size")
    def file_size(self, image: Image) -> str:
        """Show the size of the data as people read it."""
        return filesizeformat(image.size) if image.has_data else "none yet"

    @admin.action(description="Publish: every project can use it")
    def publish(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Make the images public."""
        self._act(request, rows, "published", _setting("visibility", "public"))

    @admin.action(description="Make private: only its project can use it")
    def make_private(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Make the images private."""
        self._act(request, rows, "made private", _setting("visibility", "private"))

    @admin.action(description="Protect against deletion")
    def protect(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Forbid to delete the images."""
        self._act(request, rows, "protected", _setting("protected", True))

    @admin.action(description="Allow deletion")
    def unprotect(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Allow to delete the images."""
        self._act(request, rows, "no longer protected", _setting("protected", False))

    @admin.action(description="Deactivate: withhold the data")
    def deactivate(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Withhold the data of the images."""
        self._act(request, rows, "deactivated", lambda m, image: m.deactivate(image.id))

    @admin.action(description="Reactivate")
    def reactivate(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Give the data of the images out again."""
        self._act(request, rows, "reactivated", lambda m, image: m.reactivate(image.id))

    @admin.action(description="Delete the selected images and their data")
    def delete_images(self, request: HttpRequest, rows: QuerySet[Image]) -> None:
        """Delete the images."""
        self._act(request, rows, "deleted", lambda m, image: m.delete(image.id))

    def _act(self, request: HttpRequest, rows: QuerySet[Image], done: str, effect: Effect) -> None:
        """Do something to each image; tell how many it was done to and why not to the others."""
        manager, count = ImageManager(self.context(request)), 0
        for image in rows:
            try:
                effect(manager, image)
            except CloudwebError as error:
                self.message_user(request, f"{image}: {error.message}", messages.ERROR)
            else:
                count += 1
        if count:
            self.message_user(request, f"{count} {done}.", messages.SUCCESS)
