"""Which project may use which shared image."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, pill, row_action
from image.manager import ImageMemberManager
from image.models import ImageMember
from image.sharing import ACCEPTED, SHARED


@admin.register(ImageMember)
class ImageMemberAdmin(ManagedAdmin):
    """Images that are shared with single projects, and what those said."""

    list_display = ("image", "owner", "project_id", "answer", "created_at", "updated_at")
    list_filter = ("status",)
    list_select_related = ("image",)
    search_fields = ("=project_id", "=image__id", "=image__project_id", "image__name")
    ordering = NEWEST_FIRST
    actions = ("withdraw",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what sleeps while its image is not shared."""
        return super().get_queryset(request).filter(image__visibility=SHARED)

    @admin.display(description="owner", ordering="image__project_id")
    def owner(self, member: ImageMember) -> str:
        """Show whose image it is."""
        return member.image.project_id

    @admin.display(description="status", ordering="status")
    def answer(self, member: ImageMember) -> SafeString:
        """Show what the project said, green where its lists show the image."""
        return pill(member.status, good=True if member.status == ACCEPTED else None)

    withdraw = row_action(
        "Share no longer",
        "withdrawn",
        lambda context, one: ImageMemberManager(context).delete(one.image_id, one.project_id),
    )
