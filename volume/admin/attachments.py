"""Attachments that hang: a volume on its way in or out for longer than a while, or that failed on it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, pill, row_action
from operations.history import operations_of
from volume.manager import StuckAttachments
from volume.models import Attachment


class Hangs(admin.SimpleListFilter):
    """All of them, or (without a word) those that somebody should look at."""

    title = "which"
    parameter_name = "which"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer all besides."""
        return [("all", "All")]

    def choices(self, changelist: Any) -> Any:
        """Call what is shown without a word by what it is."""
        first, *others = super().choices(changelist)
        return [{**first, "display": "Stuck"}, *others]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Attachment]
    ) -> QuerySet[Attachment]:
        """Keep those that hang."""
        if self.value() == "all" or request.resolver_match.kwargs:  # type: ignore[union-attr]
            return queryset
        return queryset & Attachment.objects.hanging()


@admin.register(Attachment)
class AttachmentAdmin(ManagedAdmin):
    """Attachments of all projects; at first those that hang."""

    actions = ("force_detach",)
    list_display = (
        "volume",
        "state",
        "changed_at",
        "instance_id",
        "host",
        "operation",
        "project_id",
    )
    list_filter = (Hangs, "status", "by_server")
    list_select_related = ("volume",)
    search_fields = ("id", "instance_id", "volume__id", "host", "project_id")
    ordering = ("changed_at", "id")
    fields = (
        "id", "volume", "state", "changed_at", "instance_id", "host", "device", "mode", "by_server",
        "epoch", "operation", "project_id", "created_at", "attached_at",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description="status", ordering="status")
    def state(self, attachment: Attachment) -> SafeString:
        """Return its status."""
        failed = attachment.status.startswith("error")
        return pill(attachment.status, good=False if failed else None)

    @admin.display(description="operation")
    def operation(self, attachment: Attachment) -> SafeString | str:
        """Lead to what works on its server or volume now."""
        about = (("instance", attachment.instance_id), ("volume", attachment.volume_id))
        for kind, key in about:
            for found in operations_of(kind, str(key)):
                if found.is_live:
                    url = reverse("admin:operations_operation_change", args=[found.id])
                    return format_html('<a href="{}">{}</a>', url, found.kind)
        return ""

    force_detach = row_action(
        "Detach by force",
        "being detached",
        lambda context, row: StuckAttachments(context).force_detach(row.volume_id, row.id),
        warning="The volume's host cuts it off, whoever has it: a guest that writes to it then fails to.",
    )
