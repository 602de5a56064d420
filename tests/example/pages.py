"""Shelves: list, take down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Listing
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Action, Asked, Column, Empty, Field
from dashboard.views.list_page import ListPage
from tests.example.manager import ShelfManager

if TYPE_CHECKING:
    from tests.example.models import Shelf


def _take_down(context: RequestContext, key: str) -> None:
    ShelfManager(context).delete(key)


TAKE_DOWN = Action(
    name="take_down",
    text="Take down",
    icon="trash",
    policy="database:shelves:delete",
    effect=_take_down,
    done="{} was taken down.",
    warning="What lies on it falls.",
    warning_all="What lies on them falls.",
    harm=True,
)


class Shelves(ListPage):
    """The shelves of the project."""

    section = route = "shelves"
    title, nouns = "Shelves", ("shelf", "shelves")
    columns = (
        Column("Name", lambda shelf: cells.strong(shelf.name), sort="name"),
        Column("Status", lambda shelf: cells.plain(shelf.status)),
        Column(
            "Created", lambda shelf: cells.ago(shelf.created_at), sort="created_at", falling=True
        ),
    )
    order = "-created_at"
    search = (Field("q", "Find by name", live=True),)
    actions = (TAKE_DOWN,)
    empty = Empty("box", "No shelves yet", "They are made over the API.")

    def find(self, asked: Asked) -> Rows[Shelf]:
        """Ask the manager."""
        return ShelfManager(self.context).list(
            Listing(
                where=Q(name__icontains=asked.q) if asked.q else Q(),
                order=asked.columns(last="id"),
                marker=asked.marker,
                limit=asked.limit,
            )
        )

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return the names behind ids, as far as the user may see them."""
        page = ShelfManager(self.context).list(Listing(where=Q(id__in=[*filter(as_uuid, keys)])))
        return {str(shelf.id): shelf.name for shelf in page.rows}
