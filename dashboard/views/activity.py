"""Activity: who changed what in the project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit.forms import SearchForm
from audit.manager import RecordManager
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.activity import KINDS, Done, done_of
from dashboard.components.lists import Asked, Choice, Column, Empty, Field
from dashboard.components.names import names_of
from dashboard.views.list_page import BadSearch, ListPage


class Activity(ListPage):
    """The project's part of the audit log, newest first; role reader is enough."""

    section = route = "activity"
    title, nouns = "Activity", ("record", "records")
    about = "Who changed what in {project}, and what was refused"
    columns = (
        Column("What", lambda row: cells.strong(row.text)),
        Column("Target", "dashboard/activity/target.html"),
        Column("Outcome", "dashboard/activity/outcome.html", css="col-outcome"),
        Column(
            "User",
            lambda row: cells.plain(row.record.user_name or row.record.user_id),
            css="col-user",
        ),
        Column("From", "dashboard/activity/origin.html"),
        Column("When", "dashboard/activity/when.html", sort="created_at", falling=True),
    )
    order = "-created_at"
    search = (
        Field("user", "User name"),
        Field("target_id", "Id of a server, image …", "text", "mono"),
        Field("since", "From", "date"),
        Field("until", "To", "date"),
    )
    choices = (
        Choice("kind", "Kind", {name: text for name, (text, _) in KINDS.items()}, narrows=True),
    )
    empty = Empty(
        "history",
        "No changes yet",
        "Every change in this project is written here: who made it, from where, and how it ended.",
        not_found="Nothing found",
        try_else="Nothing in this project is like that. Try fewer words, other days or another kind.",
    )
    limit = 50

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the audit log; raise BadSearch for what cannot be read."""
        form = SearchForm(asked.words)
        if not form.is_valid():
            raise BadSearch(*_problems(form))
        wanted = form.to_filter(**KINDS[asked.chosen.get("kind", "")][1])
        return RecordManager(self.context).list(
            wanted, limit=asked.limit, marker=asked.marker, order=asked.columns(last="id")
        )

    def rows(self, found: Sequence[Any]) -> Sequence[Done]:
        """Add what became of each, and the names of what it was done to."""
        return done_of(found, names=names_of(self.context, found))

    def key_of(self, row: Done) -> str:
        """Return the record's id."""
        return str(row.record.id)

    def name_of(self, row: Done) -> str:
        """Return what was done."""
        return row.text


def _problems(form: SearchForm) -> Sequence[str]:
    return [
        f"{form.fields[name].label or name.capitalize()}: {text}"
        if name in form.fields
        else str(text)
        for name, texts in form.errors.items()
        for text in texts
    ]
