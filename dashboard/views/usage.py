"""Usage: what the project's servers used in a month."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.safestring import SafeString

from cloudweb.database.clock import now
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Asked, Column, Empty, Field
from dashboard.templatetags.pages import mib, moment
from dashboard.views.list_page import BadSearch, ListPage
from instances.manager.usage import ServerUse, UsageManager, Window

#: So many months back there is a button.
OFFERED = 6
MIB_IN_GIB = 1024


class Figure(NamedTuple):
    """One sum of the month."""

    text: str
    icon: str
    number: str
    unit: str


class Month(NamedTuple):
    """A month, of UTC."""

    year: int
    number: int

    @classmethod
    def named(cls, word: str) -> Month:
        """Return the month of a word as ``2026-11``; raise BadSearch for none, and for one to come."""
        this = cls.of(now())
        if not word:
            return this
        try:
            found = cls.of(datetime.datetime.strptime(word, "%Y-%m").replace(tzinfo=datetime.UTC))
        except ValueError as error:
            raise BadSearch("Month: it is written like 2026-11.") from error
        if found > this:
            raise BadSearch("Month: it has not begun yet.")
        return found

    @classmethod
    def of(cls, at: datetime.datetime) -> Month:
        """Return the month of a time."""
        at = at.astimezone(datetime.UTC)
        return cls(at.year, at.month)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def text(self) -> str:
        """What people call it."""
        return f"{calendar.month_name[self.number]} {self.year}"

    def back(self, months: int) -> Month:
        """Return the month so many before."""
        years, number = divmod(self.year * 12 + self.number - 1 - months, 12)
        return Month(years, number + 1)

    def window(self) -> Window:
        """Return its time, as far as it has passed."""
        start = datetime.datetime(self.year, self.number, 1, tzinfo=datetime.UTC)
        after = self.back(-1)
        end = datetime.datetime(after.year, after.number, 1, tzinfo=datetime.UTC)
        return Window.of(start, min(end, now()))


def _hours(value: float) -> str:
    return f"{value:,.1f}"


def _name(use: ServerUse) -> SafeString:
    if use.ended_at is not None:
        return cells.strong(use.name)
    return cells.named(reverse("server", args=[use.id]), use.name)


def _size(use: ServerUse) -> SafeString:
    size = f"{use.vcpus} vCPU, {mib(use.ram)}, {use.disk} GiB disk"
    return cells.two_lines(use.flavor, size)


def _until(use: ServerUse) -> SafeString | str:
    return (
        moment(use.ended_at, "full", "quiet nowrap") if use.ended_at else cells.plain("still there")
    )


class Usage(ListPage):
    """The servers that were there in a month, those that are gone too, and the sums of all."""

    section = route = "usage"
    template = "dashboard/usage.html"
    title, nouns = "Usage", ("server", "servers")
    about = "What {project}'s servers used in a month of UTC, those that are gone, too"
    columns = (
        Column("Server", _name, sort="name"),
        Column("Size", _size),
        Column(
            "From",
            lambda use: moment(use.started_at, "full", "quiet nowrap"),
            sort="launched_at",
            falling=True,
        ),
        Column("Until", _until),
        Column("Hours", lambda use: _hours(use.hours), css="num"),
        Column("vCPU hours", lambda use: _hours(use.hours * use.vcpus), css="num"),
        Column("Memory GiB hours", lambda use: _hours(use.hours * use.ram / MIB_IN_GIB), css="num"),
        Column("Disk GiB hours", lambda use: _hours(use.hours * use.disk), css="num"),
    )
    order = "name"
    search = (Field("q", "Find by name", live=True),)
    empty = Empty(
        "chart-bar",
        "Nothing was used in this month",
        "Servers count from their first start until they are deleted, stopped or not: "
        "their place is kept for them.",
        not_found="No server of this month is called that",
        try_else="Try fewer letters, or another month.",
    )
    limit = 50

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager; raise BadSearch for what is no month."""
        return UsageManager(self.context).find(
            Month.named(self.word()).window(),
            words=asked.q,
            order=asked.columns(last="id"),
            limit=asked.limit,
            marker=asked.marker,
        )

    def word(self) -> str:
        """Return the month as the address has it."""
        return self.request.GET.get("month", "")[:16]

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the months, and the sums of the one that is shown."""
        this = Month.of(now())
        try:
            shown = Month.named(self.word())
        except BadSearch:
            shown = this
        months = [this.back(number) for number in range(OFFERED)]
        return super().facts(
            **{
                "month": shown,
                "months": [
                    (one, self.address(month=str(one), after="", before=""), one == shown)
                    for one in (months if shown in months else [*months, shown])
                ],
                "figures": self.figures(shown),
                "hidden": {"month": str(shown)},
                "whole": self.address(q="", after="", before=""),
                **more,
            }
        )

    def figures(self, month: Month) -> Sequence[Figure]:
        """Return the sums."""
        total = UsageManager(self.context).total(month.window())
        return (
            Figure("Servers", "server-2", _hours(total.hours), "hours"),
            Figure("vCPUs", "cpu", _hours(total.vcpus), "vCPU hours"),
            Figure("Memory", "device-sd-card", _hours(total.ram / MIB_IN_GIB), "GiB hours"),
            Figure("Disk", "database", _hours(total.disk), "GiB hours"),
        )

    def _words(self) -> Iterator[str]:
        yield "month"
        yield from super()._words()
