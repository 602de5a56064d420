"""All trunks of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, ShownInline, ValuesFilter, pill, row_action
from network import states
from network.manager import TrunkManager
from network.models import Subport, Trunk

GOOD = {states.ACTIVE: True, states.DEGRADED: False, states.ERROR: False}


class SubportInline(ShownInline):
    """The ports that a trunk carries."""

    model = Subport
    fields = ("segmentation_id", "port", "port_status")
    readonly_fields = ("port_status",)

    @admin.display(description="status")
    def port_status(self, subport: Subport) -> str:
        """Show whether it is on its host."""
        return subport.port.status


@admin.register(Trunk)
class TrunkAdmin(ManagedAdmin):
    """Trunks, where they are and what they carry."""

    ordering = NEWEST_FIRST
    list_display = (
        "__str__", "id", "state", "port", "host", "subport_count", "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("status", ("port__host", ValuesFilter))
    list_select_related = ("port",)
    search_fields = ("name", "id", "port__id", "subports__port__id", "project_id")
    inlines = (SubportInline,)
    actions = ("delete_trunks",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the subports along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(subport_total=Count("subports", distinct=True))
        return counted

    @admin.display(description="status")
    def state(self, trunk: Trunk) -> SafeString:
        """Show whether all that it carries is on the host."""
        return pill(trunk.status, good=GOOD.get(trunk.status))

    @admin.display(description="host", ordering="port__host")
    def host(self, trunk: Trunk) -> str:
        """Show the host of the server whose card it is."""
        return trunk.port.host

    @admin.display(description="subports", ordering="subport_total")
    def subport_count(self, trunk: Any) -> int:
        """Show how many ports it carries."""
        return int(trunk.subport_total)

    delete_trunks = row_action(
        "Delete the selected trunks",
        "deleted",
        lambda context, row: TrunkManager(context).delete(row.id),
    )
