"""Volumes on offer, and what users were told of what failed."""

from __future__ import annotations

from django.contrib import admin

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, row_action
from volume.manager import TransferManager
from volume.models import Message, Transfer


@admin.register(Transfer)
class TransferAdmin(ManagedAdmin):
    """All offers; the key is nowhere."""

    ordering = NEWEST_FIRST
    list_display = ("name", "id", "volume", "with_snapshots", "project_id", "created_at")
    list_filter = ("with_snapshots",)
    list_select_related = ("volume",)
    search_fields = ("name", "id", "project_id")
    fields = ("id", "name", "volume", "with_snapshots", "project_id", "created_at")
    readonly_fields = fields
    actions = ("withdraw",)

    withdraw = row_action(
        "Offer the selected volumes no longer",
        "withdrawn",
        lambda context, row: TransferManager(context).withdraw(row.id),
    )


@admin.register(Message)
class MessageAdmin(ManagedAdmin):
    """What users were told."""

    ordering = NEWEST_FIRST
    list_display = (
        "text", "event_id", "resource_type", "resource_id", "request_id", "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("resource_type", "level")
    search_fields = ("text", "event_id", "resource_id", "request_id", "project_id")
