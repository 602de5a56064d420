"""The operators' page of differences."""

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
from reconciliation.kinds import kinds
from reconciliation.manager import DifferenceManager
from reconciliation.models import Difference


class Which(admin.SimpleListFilter):
    """Those that are found now, or (without a word) no others."""

    title = "which"
    parameter_name = "which"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer what was, and what was seen once."""
        return [("gone", "Gone"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        """Call what is shown without a word by what it is."""
        first, *others = super().choices(changelist)
        return [{**first, "display": "Found now"}, *others]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Difference]
    ) -> QuerySet[Difference]:
        """Keep those."""
        if self.value() == "all" or request.resolver_match.kwargs:  # type: ignore[union-attr]
            return queryset
        if self.value() == "gone":
            return queryset.exclude(gone_at=None)
        return queryset & Difference.objects.confirmed()


@admin.register(Difference)
class DifferenceAdmin(ManagedAdmin):
    """What is not as it is written down; none is the healthy reading."""

    actions = ("heal", "leave")
    list_display = ("what", "host", "sentence", "first_seen", "becomes")
    list_filter = (Which, "kind", "host")
    search_fields = ("=subject", "=held", "host", "sentence")
    ordering = ("-first_seen", "-id")
    fields = (
        "what", "host", "subject", "sentence", "remedy", "becomes", "operation", "tries", "error",
        "sightings", "first_seen", "last_seen", "gone_at", "facts",
    )  # fmt: skip
    readonly_fields = fields

    heal = row_action(
        "Heal now",
        "being healed",
        lambda context, row: DifferenceManager(context).heal(row.id),
        warning="What the row says is done at once. What nobody knows of is deleted for good.",
    )
    leave = row_action(
        "Leave as it is",
        "left as they are",
        lambda context, row: DifferenceManager(context).leave(row.id),
    )

    @admin.display(description="difference", ordering="kind")
    def what(self, row: Difference) -> str:
        """Name the kind."""
        kind = kinds().get(row.kind)
        return kind.title if kind else row.kind

    @admin.display(description="what heals it")
    def remedy(self, row: Difference) -> str:
        """Say what is done."""
        kind = kinds().get(row.kind)
        return kind.remedy if kind else "-"

    @admin.display(description="becomes")
    def becomes(self, row: Difference) -> SafeString:
        """Say what happens to it, and when."""
        if row.gone_at:
            return pill("gone", good=True)
        if row.error:
            return pill(f"not healed: {row.error[:80]}", good=False)
        if row.left:
            return pill("left as it is", good=None)
        if row.heal_at is None:
            return pill("waits for an operator", good=False)
        return pill(f"healed after {row.heal_at:%Y-%m-%d %H:%M} UTC", good=None)

    @admin.display(description="operation")
    def operation(self, row: Difference) -> SafeString | str:
        """Lead to what heals it, or tried to last."""
        for found in operations_of("difference", str(row.id)):
            url = reverse("admin:operations_operation_change", args=[found.id])
            return format_html('<a href="{}">{}</a>', url, found.kind)
        return "-"
