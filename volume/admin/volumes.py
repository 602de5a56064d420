"""Volumes of all projects: where they are, who has them, what failed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from cloudweb.admin import (
    NEWEST_FIRST,
    ManagedAdmin,
    ShownInline,
    Values,
    ValuesFilter,
    bullets,
    pill,
    row_action,
)
from cloudweb.context import RequestContext
from volume import states
from volume.manager import VolumeManager
from volume.manager.dependents import Dependent
from volume.models import Attachment, Pool, Snapshot, Volume
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


class MoveForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Where a volume shall be."""

    pool = forms.ModelChoiceField(
        Pool.objects.filter(enabled=True),
        required=False,
        help_text="Another one: the volume is moved there, in use or not, and stays usable meanwhile.",
    )

    class Meta:
        model = Volume
        fields = ("pool",)

    def clean_pool(self) -> Pool | None:
        """Return the pool; nothing is moved nowhere."""
        pool: Pool | None = self.cleaned_data["pool"]
        if pool is None and self.instance.pool_id is not None:
            raise forms.ValidationError("Say which pool.")
        return pool


@admin.register(Volume)
class VolumeAdmin(ManagedAdmin):
    """All volumes of all projects."""

    form = MoveForm
    can_change = True
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
        ("Room", {"fields": ("size", "wanted_size", "volume_type", "zone", "format")}),
        ("Where it is", {"fields": ("pool", "migration_status", "wanted_type", "name_id")}),
        ("What was made of it", {"fields": ("dependents",)}),
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

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Let where it is be chosen, and nothing else."""
        shown = (str(name) for _, part in self.fieldsets for name in part["fields"])
        return [name for name in shown if name != "pool"]

    def update(self, request: HttpRequest, row: Volume, values: Values) -> None:
        """Start moving it."""
        if row.pool is not None and "pool" in values:
            VolumeManager(self.context(request)).migrate(str(row.id), host=row.pool.full_name)

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

    @admin.display(description="what was made of it")
    def dependents(self, volume: Volume) -> SafeString | str:
        """Return backups, clones, and images, which are nothing without its snapshots."""
        found = VolumeManager(RequestContext.system()).dependents(str(volume.id))
        rows = [
            (one.noun, _address(one), one.name or one.id, one.status,
             ", needs its snapshot" if one.needs else "")
            for one in found
        ]  # fmt: skip
        return bullets(rows, '{} <a href="{}">{}</a> ({}{})')

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


def _address(one: Dependent) -> str:
    app = "image" if one.noun == "image" else "volume"
    return reverse(f"admin:{app}_{one.noun}_change", args=[one.id])
