"""Volumes of all projects: where they are, who has them, what failed."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, ShownInline, ValuesFilter, pill, row_action
from volume import states
from volume.manager import VolumeManager
from volume.models import Attachment, Snapshot, Volume
from volume.states import VolumeStatus


class AttachmentInline(ShownInline):
    """The servers that have a volume."""

    model = Attachment
    fields = readonly_fields = (
        "id", "instance_id", "host", "device", "mode", "status", "epoch", "attached_at", "through",
    )  # fmt: skip

    @admin.display(description="through")
    def through(self, attachment: Attachment) -> str:
        """Return the host that serves a volume that was moved meanwhile; it must stay up."""
        return str(attachment.relay.get("host", ""))


class SnapshotInline(ShownInline):
    """What is kept of a volume."""

    model = Snapshot
    fields = readonly_fields = ("id", "name", "size", "status", "created_at")


@admin.register(Volume)
class VolumeAdmin(ManagedAdmin):
    """All volumes of all projects."""

    actions = ("set_available", "set_in_error", "force_delete")
    list_display = (
        "label", "state", "size", "volume_type", "pool", "attached", "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("status", "bootable", "encrypted", ("zone", ValuesFilter))
    search_fields = ("name", "id", "project_id")
    ordering = NEWEST_FIRST
    inlines = (AttachmentInline, SnapshotInline)
    fieldsets = (
        (None, {"fields": ("id", "name", "description", "project_id", "user_id", "state")}),
        ("Room", {"fields": ("size", "wanted_size", "volume_type", "pool", "zone", "format")}),
        ("Moves", {"fields": ("migration_status", "name_id")}),
        (
            "Use",
            {"fields": ("bootable", "multiattach", "encrypted", "read_only", "metadata")},
        ),
        (
            "Source",
            {"fields": ("image_id", "image_metadata", "snapshot_id", "source_volume_id")},
        ),
        ("Fault", {"fields": ("fault_message", "fault_detail", "fault_at")}),
        ("Times", {"fields": ("created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Volume]:
        """Read along what the list shows."""
        rows: QuerySet[Volume] = super().get_queryset(request)
        return rows.select_related("volume_type", "pool").prefetch_related("attachments")

    @admin.display(description="volume", ordering="name")
    def label(self, volume: Volume) -> str:
        """Return its name, or its id where it has none."""
        return volume.name or str(volume.id)

    @admin.display(description="status", ordering="status")
    def state(self, volume: Volume) -> SafeString:
        """Return its status."""
        failed = volume.status.startswith("error")
        return pill(
            volume.status, good=False if failed else volume.status in states.AT_REST or None
        )

    @admin.display(description="in servers")
    def attached(self, volume: Volume) -> int:
        """Return how many have it."""
        return len(volume.attachments.all())

    set_available = row_action(
        "Reset the status to available",
        "set to available",
        lambda context, volume: VolumeManager(context).reset_status(
            str(volume.id), status=VolumeStatus.AVAILABLE
        ),
        warning="Nothing is done about what the status said; be sure that nobody uses the volume.",
    )
    set_in_error = row_action(
        "Reset the status to error",
        "set to error",
        lambda context, volume: VolumeManager(context).reset_status(
            str(volume.id), status=VolumeStatus.ERROR
        ),
    )
    force_delete = row_action(
        "Delete, whatever the status",
        "being deleted",
        lambda context, volume: VolumeManager(context).delete(str(volume.id), force=True),
        warning="Volumes and their snapshots are deleted, whatever is being done to them.",
    )
