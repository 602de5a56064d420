"""Pools: what is free, what is promised, up or down, enable and disable with a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, Values, ValuesFilter, bar, pill, row_action
from volume import conf
from volume.manager import PoolManager
from volume.models import Pool
from volume.querysets import is_up


class PoolForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """What an operator decides about a pool; the rest its host reports."""

    zone = forms.RegexField(r"^[^\s:/][^:/]*$", max_length=255)
    ratio = forms.FloatField(min_value=0.01, required=False)

    class Meta:
        model = Pool
        fields = ("zone", "ratio", "enabled", "disabled_reason")


@admin.register(Pool)
class PoolAdmin(ManagedAdmin):
    """Pools with their load."""

    form = PoolForm
    can_change = True
    can_delete = True
    actions = ("enable", "disable", "freeze", "thaw")
    list_display = ("full_name", "zone", "state", "status", "used", "promised", "driver", "health")
    list_filter = (("host", ValuesFilter), ("backend", ValuesFilter), "enabled", "frozen")
    search_fields = ("host", "backend", "name")
    ordering = ("host", "backend", "name")
    readonly_fields = (
        "full_name", "id", "state", "used", "promised", "driver", "protocol", "able", "storage_id",
        "problem", "frozen", "reported_at", "created_at",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("full_name", "id", "state", "zone", "enabled", "disabled_reason")}),
        ("Room", {"fields": ("used", "promised", "ratio", "frozen")}),
        (
            "What its host reports",
            {"fields": ("problem", "driver", "protocol", "able", "storage_id", "reported_at")},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pool]:
        """Add whether each pool's host is up, in the same statement."""
        up = Case(When(is_up(), then=Value(True)), default=Value(False))
        pools: QuerySet[Pool] = super().get_queryset(request)
        return pools.annotate(seems_up=up)

    @admin.display(description="state", ordering="seems_up")
    def state(self, pool: Pool) -> SafeString:
        """Return whether its host's agent reports."""
        up = bool(getattr(pool, "seems_up", False))
        return pill("up" if up else "down", good=up)

    @admin.display(description="status", ordering="enabled")
    def status(self, pool: Pool) -> SafeString:
        """Return what operators decided, and why."""
        words = "enabled" if pool.enabled else f"disabled {pool.disabled_reason}".strip()
        words = f"{words}, frozen" if pool.frozen else words
        return pill(words, good=(pool.enabled and not pool.frozen) or None)

    @admin.display(description="used")
    def used(self, pool: Pool) -> SafeString:
        """Return a bar of what is written."""
        taken = max(0.0, pool.total - pool.free)
        return bar(taken, pool.total, f"{taken:,.1f} of {pool.total:,.1f} GiB")

    @admin.display(description="promised")
    def promised(self, pool: Pool) -> SafeString:
        """Return a bar of what volumes may come to be."""
        limit = pool.total * (conf.OVERSUBSCRIPTION if pool.ratio is None else pool.ratio)
        return bar(pool.provisioned, limit, f"{pool.provisioned:,} of {limit:,.0f} GiB")

    @admin.display(description="health")
    def health(self, pool: Pool) -> SafeString:
        """Return what is the matter with it."""
        return pill(pool.problem or "fine", good=not pool.problem)

    @admin.display(description="capabilities")
    def able(self, pool: Pool) -> str:
        """Return what its driver can do beyond the least."""
        return ", ".join(pool.capabilities) or "none"

    def update(self, request: HttpRequest, row: Pool, values: Values) -> None:
        """Write the decisions by the manager; what changed is in the row already."""
        pools = PoolManager(self.context(request))
        pools.configure(row.id, zone=row.zone, ratio=row.ratio)
        if {"enabled", "disabled_reason"} & set(values):
            if row.enabled:
                pools.enable(row.id)
            else:
                pools.disable(row.id, reason=row.disabled_reason)

    def remove(self, request: HttpRequest, row: Any) -> None:
        """Forget the pool."""
        PoolManager(self.context(request)).delete(row.id)

    enable = row_action(
        "Enable: place volumes here again",
        "enabled: volumes may be placed there again",
        lambda context, pool: PoolManager(context).enable(pool.id),
    )
    disable = row_action(
        "Disable: place no further volumes here",
        "disabled: no further volumes are placed there, those there go on",
        lambda context, pool: PoolManager(context).disable(pool.id),
    )
    freeze = row_action(
        "Freeze: let nothing new come",
        "frozen",
        lambda context, pool: PoolManager(context).freeze(pool.id, frozen=True),
    )
    thaw = row_action(
        "Thaw: let volumes come again",
        "thawed",
        lambda context, pool: PoolManager(context).freeze(pool.id, frozen=False),
    )
