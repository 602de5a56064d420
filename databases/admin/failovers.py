"""The operators' page of failovers: why, what proved that the source was off, who took over, what waits for a human."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, pill
from databases.manager import DatabaseInstanceManager
from databases.models import DatabaseInstance, Failover
from databases.states import FailoverState

_GOOD = {FailoverState.DONE: True, FailoverState.FAILED: False}


class ReasonForm(ActionForm):
    """Actions of failovers, some of which take a reason."""

    reason = forms.CharField(required=False, max_length=255)
    force = forms.BooleanField(required=False, label="though its guest was heard just now")


@admin.register(Failover)
class FailoverAdmin(ManagedAdmin):
    """Failovers of all projects, the newest first."""

    action_form = ReasonForm
    actions = ("confirm_off",)
    list_display = (
        "source_name", "winner_name", "state_now", "automatic", "reason", "fenced_by", "last_word", "error",
        "project_id", "begun_at", "ended_at",
    )  # fmt: skip
    list_filter = ("state", "automatic")
    search_fields = ("source_name", "winner_name", "source_id", "winner_id", "project_id")
    fields = (
        *list_display, "source_id", "winner_id", "position", "operation", "confirmed_at", "confirmed_by",
        "confirmed_reason", "fenced_at", "to_follow", "to_stop", "called_off",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Failover]:
        """Read along when the guests of the sources were heard last."""
        rows: QuerySet[Failover] = super().get_queryset(request)
        sources = DatabaseInstance.objects.filter(id=OuterRef("source_id"))
        return rows.annotate(heard=Subquery(sources.values("reported_at")[:1]))

    @admin.display(description="source heard last")
    def last_word(self, row: Any) -> datetime | None:
        """Return when the guest of the source said something last."""
        heard: datetime | None = row.heard
        return heard

    @admin.display(description="state", ordering="state")
    def state_now(self, row: Failover) -> SafeString:
        """Return how far it is."""
        return pill(row.state, good=_GOOD.get(FailoverState(row.state)))

    @admin.action(description="Confirm that the old source is off: I looked (give the reason)")
    def confirm_off(self, request: HttpRequest, queryset: QuerySet[Failover]) -> None:
        """Take the operator's word for each, with the reason that was typed; where its guest speaks, by force alone."""
        manager = DatabaseInstanceManager(self.context(request))
        reason = request.POST.get("reason", "").strip()[:255]
        force = bool(request.POST.get("force"))
        done = "confirmed to be off: a replica may take over"
        self.act(
            request,
            queryset,
            done,
            lambda row: manager.confirm_off(str(row.source_id), reason=reason, force=force),
        )
