"""The operators' page of guests: the agent in each, its version, when it was heard last."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, pill, row_action
from cloudweb.database.clock import now
from databases.admin.instances import SILENT
from databases.guest.version import VERSION
from databases.manager.guests import GuestManager
from databases.models import GuestAgent


@admin.register(GuestAgent)
class GuestAgentAdmin(ManagedAdmin):
    """The agents of all databases; their keys are shown to nobody."""

    actions = ("revoke",)
    list_display = ("instance", "project", "agent", "heard", "reported_at", "key_until")
    list_filter = ("version",)
    search_fields = ("instance__name", "instance__id", "instance__project_id", "version")
    ordering = ("reported_at",)
    fields = readonly_fields = (
        "instance", "project", "agent", "heard", "reported_at", "enrolled_at", "token_until", "key_until",
        "mailbox_number", "word_number", "report",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[GuestAgent]:
        """Read along whose they are."""
        rows: QuerySet[GuestAgent] = super().get_queryset(request)
        return rows.select_related("instance")

    @admin.display(description="project", ordering="instance__project_id")
    def project(self, row: GuestAgent) -> str:
        """Return whose it is."""
        return row.instance.project_id

    @admin.display(description="agent", ordering="version")
    def agent(self, row: GuestAgent) -> SafeString:
        """Return its version; grey until it updates itself to the control plane's."""
        return pill(row.version or "not enrolled", good=row.version == VERSION or None)

    @admin.display(description="heard", ordering="reported_at")
    def heard(self, row: GuestAgent) -> SafeString:
        """Tell whether it reports."""
        if row.reported_at is None:
            return pill("never", good=None)
        lately = now() - row.reported_at < SILENT
        return pill("lately" if lately else "silent", good=lately)

    revoke = row_action(
        "Believe it nothing any more",
        "known no longer",
        lambda context, row: GuestManager(context).revoke(str(row.instance_id)),
        warning="Their keys count for nothing from now on. The databases serve, but nothing can be done to "
        "them any more but to delete them.",
    )
