"""Failures: dead hosts, what proves it, what was on them and where it is now."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, bullets, pill
from compute.models import Claim, HostFailure


@admin.register(HostFailure)
class HostFailureAdmin(ManagedAdmin):
    """Failures of hosts, the newest first."""

    list_display = (
        "host",
        "state",
        "proof",
        "reason",
        "user_id",
        "silent_at",
        "proved_at",
        "returned_at",
        "were_there",
    )
    list_filter = ("proof",)
    search_fields = ("host", "reason", "user_id")
    fields = (*list_display, "places")
    readonly_fields = fields

    @admin.display(description="state", ordering="returned_at")
    def state(self, row: HostFailure) -> SafeString:
        """Return whether it is dead still."""
        return pill("dead" if row.returned_at is None else "came back", good=bool(row.returned_at))

    @admin.display(description="servers then")
    def were_there(self, row: HostFailure) -> SafeString:
        """Count what was on it, with a link to what is there now."""
        servers = reverse("admin:instances_instance_changelist")
        return format_html(
            '<a href="{}?{}">{}</a>', servers, urlencode({"host": row.host}), len(row.servers)
        )

    @admin.display(description="where they are now")
    def places(self, row: HostFailure) -> SafeString | str:
        """Say of each server where its place is."""
        claims = Claim.objects.filter(instance_id__in=row.servers).select_related("host")
        found = {str(claim.instance_id): claim.host.name for claim in claims}
        return bullets([(key, found.get(key, "on no host")) for key in row.servers], "{}: {}")
