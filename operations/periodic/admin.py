"""Operators' page of all periodic tasks: how often, on which host, how the last run went."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django_celery_beat import models as beat

from cloudweb.admin import ManagedAdmin, Values, ValuesFilter, pill, row_action
from cloudweb.database.clock import now
from cloudweb.exceptions import CloudwebError
from cloudweb.periodic import LONGEST, SHORTEST
from operations.models import PeriodicTask
from operations.periodic.manager import PeriodicTaskManager

CONTROL_PLANE = "control plane"
# Their rows follow ours, for beat to read; two lists of the same would be one too many.
for _model in (
    beat.PeriodicTask,
    beat.IntervalSchedule,
    beat.CrontabSchedule,
    beat.SolarSchedule,
    beat.ClockedSchedule,
):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class PeriodicTaskForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """What an operator sets."""

    every = forms.IntegerField(
        min_value=SHORTEST, max_value=LONGEST, required=False, label="Interval (seconds)"
    )

    class Meta:
        model = PeriodicTask
        fields = ("every", "paused")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "every" in self.fields:
            self.fields[
                "every"
            ].help_text = f"Empty: every {self.instance.default_every} seconds, as its code says."


class PlaceFilter(ValuesFilter):
    """The hosts, and the control plane."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Name it."""
        for choice in super().choices(changelist):
            named = choice["display"] == "(none)"
            yield {**choice, "display": CONTROL_PLANE if named else choice["display"]}


class StateFilter(admin.SimpleListFilter):
    """Those that run, rest, or failed the last time."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer them."""
        return [("running", "running"), ("paused", "paused"), ("failed", "failed")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PeriodicTask]
    ) -> QuerySet[PeriodicTask]:
        """Keep those of the chosen state."""
        states = {
            "running": Q(lease_until__gt=now()),
            "paused": Q(paused=True),
            "failed": Q(error_at__isnull=False, error_at__gte=F("ended_at")),
        }
        return queryset.filter(states.get(self.value() or "", Q()))


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(ManagedAdmin):
    """All periodic tasks, of the control plane and of hosts; changes go through the manager."""

    form = PeriodicTaskForm
    can_change = True
    list_display = (
        "task",
        "place",
        "often",
        "state",
        "last_run",
        "took",
        "last_error",
        "next_run",
    )
    list_filter = (StateFilter, ("host", PlaceFilter))
    search_fields = ("name", "=host", "does")
    actions = ("run_now", "pause", "go_on")
    readonly_fields = (
        "name",
        "place",
        "does",
        "often",
        "state",
        "last_run",
        "took",
        "runs",
        "error",
        "error_at",
        "next_run",
    )
    fields = ("every", "paused", *readonly_fields)
    change_form_template = "admin/operations/periodictask/change_form.html"

    def update(self, request: HttpRequest, row: PeriodicTask, values: Values) -> None:
        """Write by the manager; what changed is in the row already."""
        manager = PeriodicTaskManager(self.context(request))
        manager.change(row.pk, every=row.every, paused=row.paused)

    @admin.display(description="task", ordering="name")
    def task(self, row: PeriodicTask) -> SafeString:
        """Name it, and say what it does."""
        return format_html("{}<br><small>{}</small>", row.name, row.does)

    @admin.display(description="where", ordering="host")
    def place(self, row: PeriodicTask) -> str:
        """Name the host, or the control plane."""
        return row.host or CONTROL_PLANE

    @admin.display(description="every", ordering="default_every")
    def often(self, row: PeriodicTask) -> SafeString:
        """Show the interval in force, and whether an operator chose it."""
        text = _span(row.interval)
        if row.every is None or row.every == row.default_every:
            return format_html("{}", text)
        return format_html('<b title="the code says {}">{}</b>', _span(row.default_every), text)

    @admin.display(description="state")
    def state(self, row: PeriodicTask) -> SafeString:
        """Show what it does now, and else how the last run went."""
        if row.owner:
            is_held = row.lease_until is not None and row.lease_until > now()
            return pill("running", good=None) if is_held else pill("died", good=False)
        if row.paused:
            return pill("paused", good=None)
        if row.asked > row.answered:
            return pill("asked for", good=None)
        if row.ended_at is None:
            return pill("not run yet", good=None)
        failed = row.error_at is not None and row.error_at >= row.ended_at
        return pill("failed" if failed else "well", good=not failed)

    @admin.display(description="last run", ordering="started_at")
    def last_run(self, row: PeriodicTask) -> SafeString | str:
        """Show when it last began."""
        return _ago(row.started_at)

    @admin.display(description="took", ordering="seconds")
    def took(self, row: PeriodicTask) -> str:
        """Show how long the last run that ended took."""
        if row.seconds is None:
            return ""
        return f"{row.seconds:.3g} s" if row.seconds >= 1 else f"{row.seconds * 1000:.0f} ms"

    @admin.display(description="last error", ordering="error_at")
    def last_error(self, row: PeriodicTask) -> SafeString | str:
        """Show what last went wrong, and when."""
        if not row.error:
            return ""
        short = row.error if len(row.error) <= 80 else f"{row.error[:79]}…"
        return format_html('<span title="{}">{}</span> ({})', row.error, short, _ago(row.error_at))

    @admin.display(description="next run", ordering="next_at")
    def next_run(self, row: PeriodicTask) -> SafeString | str:
        """Show when it is due."""
        if row.paused or row.next_at is None:
            return ""
        if row.next_at <= now():
            return "now"
        return _at(row.next_at, f"in {_until(row.next_at)}")

    run_now = row_action(
        "Run now", "will run now", lambda context, row: PeriodicTaskManager(context).run_now(row.id)
    )
    pause = row_action(
        "Pause",
        "paused",
        lambda context, row: PeriodicTaskManager(context).pause(row.id, paused=True),
    )
    go_on = row_action(
        "Go on",
        "go on",
        lambda context, row: PeriodicTaskManager(context).pause(row.id, paused=False),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the button of one task's page."""
        view = self.admin_site.admin_view(self.run_one)
        name = "operations_periodictask_run"
        return [path("<path:object_id>/run", view, name=name), *super().get_urls()]

    def run_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Do what the button says, then show the task."""
        url = reverse("admin:operations_periodictask_change", args=[object_id])
        if request.method == "POST":
            try:
                PeriodicTaskManager(self.context(request)).run_now(object_id)
                self.message_user(request, "It will run now.")
            except CloudwebError as error:
                self.message_user(request, error.message, level="error")
        return HttpResponseRedirect(url)


def _span(seconds: int) -> str:
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {word}"
    return f"{seconds} s"


def _ago(moment: datetime | None) -> SafeString | str:
    if moment is None:
        return ""
    seconds = (now() - moment).total_seconds()
    text = f"{max(0, seconds):.0f} s" if seconds < 60 else timesince(moment, depth=1)
    return _at(moment, f"{text} ago")


def _at(moment: datetime, text: str) -> SafeString:
    return format_html('<span title="{}">{}</span>', f"{moment:%Y-%m-%d %H:%M:%S}", text)


def _until(moment: datetime) -> str:
    seconds = (moment - now()).total_seconds()
    return f"{max(1, seconds):.0f} s" if seconds < 60 else timeuntil(moment, depth=1)
