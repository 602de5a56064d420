"""Ranges of the numbers of networks, with what is used and free of each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, bar, bullets, row_action
from network.manager import SegmentRangeManager
from network.models import Network, SegmentRange

#: So many networks of a range are named.
NAMED = 200


@admin.register(SegmentRange)
class SegmentRangeAdmin(ManagedAdmin):
    """Ranges; ``openstack network segment range create`` makes one."""

    ordering = ("kind", "physical_network", "minimum")
    list_display = (
        "__str__", "id", "kind", "physical_network", "minimum", "maximum", "use", "whose",
        "default", "created_at",
    )  # fmt: skip
    list_filter = ("kind", "default", "shared")
    search_fields = ("name", "id", "physical_network", "project_id")
    fields = (
        "name", "description", "kind", "physical_network", "minimum", "maximum", "use", "whose",
        "default", "networks", "created_at",
    )  # fmt: skip
    readonly_fields = fields
    actions = ("delete_ranges",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the numbers in use along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        within = Network.objects.filter(
            kind=OuterRef("kind"),
            physical_network=OuterRef("physical_network"),
            segmentation_id__gte=OuterRef("minimum"),
            segmentation_id__lte=OuterRef("maximum"),
        )
        counted = within.order_by().values("kind").annotate(number=Count("id")).values("number")
        told: QuerySet[Any] = rows.annotate(used_total=Coalesce(Subquery(counted), 0))
        return told

    @admin.display(description="used", ordering="used_total")
    def use(self, row: Any) -> SafeString:
        """Show how many of its numbers networks have."""
        size = len(row.numbers)
        free = size - row.used_total
        return bar(row.used_total, size, f"{row.used_total} of {size}, {free} free")

    @admin.display(description="whose", ordering="project_id")
    def whose(self, row: SegmentRange) -> str:
        """Show the project it is for."""
        return row.project_id or "everybody's"

    @admin.display(description="networks")
    def networks(self, row: SegmentRange) -> SafeString | str:
        """Show which networks have which numbers."""
        found = Network.objects.filter(
            kind=row.kind,
            physical_network=row.physical_network,
            segmentation_id__range=(row.minimum, row.maximum),
        )
        named = found.order_by("segmentation_id")[:NAMED]
        return bullets(
            [(str(one.segmentation_id), str(one), one.project_id) for one in named],
            "{}: {} of {}",
        )

    delete_ranges = row_action(
        "Delete the selected ranges",
        "deleted",
        lambda context, row: SegmentRangeManager(context).delete(row.id),
    )
