"""Drains: hosts that are being emptied, how far that is, and what stays there and why."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import ManagedAdmin, Values, bar, bullets, pill, row_action
from instances.manager import HostDrainManager
from instances.models import HostDrain
from instances.models.host_drain import DrainState


class DrainForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Which host, and why."""

    class Meta:
        model = HostDrain
        fields = ("host", "reason")


@admin.register(HostDrain)
class HostDrainAdmin(ManagedAdmin):
    """Drains, the newest first."""

    form = DrainForm
    can_add = True
    actions = ("put_back", "try_again")
    list_display = ("host", "status", "progress", "stays", "reason", "user_id", "created_at")
    list_filter = ("state",)
    search_fields = ("host", "reason")
    shown = (*list_display, "updated_at", "ended_at", "why_they_stay")

    def get_fields(self, request: HttpRequest, obj: HostDrain | None = None) -> Any:
        """Ask for the host; show the rest."""
        return ("host", "reason") if obj is None else self.shown

    def get_readonly_fields(self, request: HttpRequest, obj: HostDrain | None = None) -> Any:
        """Nothing of what is there is changed."""
        return () if obj is None else self.shown

    def create(self, request: HttpRequest, values: Values) -> HostDrain:
        """Drain a host."""
        manager = HostDrainManager(self.context(request))
        return manager.drain(values["host"], reason=values["reason"])

    @admin.display(description="state", ordering="state")
    def status(self, row: HostDrain) -> SafeString:
        """Return how far it is."""
        good = {DrainState.DRAINED: not row.stuck, DrainState.ENDED: None}
        return pill(row.get_state_display(), good=good.get(DrainState(row.state)))

    @admin.display(description="moved")
    def progress(self, row: HostDrain) -> SafeString:
        """Return a bar."""
        words = f"{len(row.moved)} of {len(row.servers)}"
        if row.moving:
            words += f", {len(row.moving)} under way"
        return bar(len(row.moved), len(row.servers), words)

    @admin.display(description="stay")
    def stays(self, row: HostDrain) -> int:
        """Count those that cannot move."""
        return len(row.stuck)

    @admin.display(description="servers that stay, and why")
    def why_they_stay(self, row: HostDrain) -> SafeString | str:
        """Name each."""
        return bullets(sorted(row.stuck.items()), "{}: {}")

    put_back = row_action(
        "Put back: place servers there again",
        "put back; what moved stays where it is",
        lambda context, row: HostDrainManager(context).undrain(row.host),
    )
    try_again = row_action(
        "Try again what could not move",
        "being emptied again",
        lambda context, row: HostDrainManager(context).drain(row.host, reason=row.reason),
    )
