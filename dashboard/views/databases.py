"""Databases: the list, and the form that launches one."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Listing
from cloudweb.listing import Page as Rows
from cloudweb.policy import check
from dashboard.components import cells
from dashboard.components.databases import (
    Offer,
    database_badge,
    is_busy,
    kind_of,
    offer_of,
    why_not,
    why_not_delete,
)
from dashboard.components.lists import Action, Asked, Choice, Column, Empty, Field, Tool
from dashboard.components.lists import Offer as Offered
from dashboard.forms.databases import LaunchDatabaseForm
from dashboard.views.list_page import ListPage
from dashboard.views.page import Page
from databases.manager import DatabaseInstanceManager, PointInTimeManager

if TYPE_CHECKING:
    from databases.models import DatabaseInstance

NARROWED = {
    "": (Q(), "All"),
    "sources": (Q(replica_of__isnull=True), "No replicas"),
    "error": (Q(fault_at__isnull=False), "Error"),
}


def _restart(context: RequestContext, key: str) -> None:
    DatabaseInstanceManager(context).restart(key)


def _delete(context: RequestContext, key: str) -> None:
    DatabaseInstanceManager(context).delete(key)


RESTART = Action(
    name="restart",
    text="Restart",
    icon="refresh",
    policy="database:instances:restart",
    effect=_restart,
    done="{} is being restarted.",
    warning="Its clients lose their connections and come back by themselves.",
    warning_all="Their clients lose their connections and come back by themselves.",
    mild=True,
)
DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="database:instances:delete",
    effect=_delete,
    done="{} is being deleted.",
    warning="What is in it is gone for good. Its backups stay.",
    warning_all="What is in them is gone for good. Their backups stay.",
    harm=True,
)


class Databases(ListPage):
    """The project's databases, newest first."""

    section = route = "databases"
    title, nouns = "Databases", ("database", "databases")
    about = "PostgreSQL and MariaDB, looked after by the cloud"
    columns = (
        Column("Name", lambda row: cells.named(url_of(row), row.name), sort="name"),
        Column(
            "Status",
            lambda row: cells.status(database_badge(row)),
            css="col-status",
            unlabelled=True,
        ),
        Column(
            "Datastore",
            lambda row: cells.two_lines(
                kind_of(row.version), "replica" if row.replica_of_id else ""
            ),
        ),
        Column(
            "Address",
            lambda row: cells.plain(row.addresses[0] if row.addresses else ""),
            css="mono",
        ),
        Column(
            "Volume",
            lambda row: f"{row.volume_size} GiB",
            sort="volume_size",
            falling=True,
            css="num nowrap",
        ),
        Column("Created", lambda row: cells.ago(row.created_at), sort="created_at", falling=True),
    )
    order = "-created_at"
    search = (Field("q", "Find by name or ID", live=True),)
    choices = (
        Choice("which", "Which databases", {key: text for key, (_, text) in NARROWED.items()}),
    )
    actions = (RESTART, DELETE)
    tools = (
        Tool("Backups", "database_backups", "folder", "database:backups:list", main=False),
        Tool("Settings", "configurations", "settings", "database:configurations:list", main=False),
        Tool("Launch database", "launch_database", policy="database:instances:create"),
    )
    empty = Empty(
        "database",
        "No databases yet",
        "Launch one: it runs in a server of its own that the cloud looks after, with backups and replicas.",
        "Your role in this project lets you look, not launch databases.",
        "No database is like that",
    )
    pace = (2, 20)

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        where, _ = NARROWED[asked.chosen.get("which", "")]
        if asked.q is not None:
            found = as_uuid(asked.q)
            where &= Q(id=found) if found else Q(name__icontains=asked.q)
        listing = Listing(
            where=where, order=asked.columns(last="id"), marker=asked.marker, limit=asked.limit
        )
        return DatabaseInstanceManager(self.context).list(listing)

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        return DatabaseInstanceManager(self.context).names(keys)

    def is_busy(self, row: DatabaseInstance) -> bool:
        """Tell whether something is being done to it."""
        return is_busy(row)

    def offers_of(self, row: DatabaseInstance) -> Sequence[Offered]:
        """Return what may be done; grey is what its state forbids now."""
        forbids = {RESTART.name: why_not(row), DELETE.name: why_not_delete(row)}
        return [Offered(action, not forbids[action.name]) for action in self.offered()]


class LaunchDatabase(Page):
    """The form, filled so that a name is all that is missing."""

    section = "databases"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        check(self.context, "database:instances:create")
        offer = offer_of(self.context)
        return self._show(offer, self._form(offer, initial=self._usual(offer)))

    @sensitive_variables("password")
    def post(self, request: HttpRequest) -> HttpResponse:
        """Launch; what is wrong is shown at its field."""
        offer = offer_of(self.context)
        form = self._form(offer, data=request.POST)
        if not form.is_valid():
            return self._show(offer, form, status=422)
        drawn = "" if form.cleaned_data["password"] else secrets.token_urlsafe(18)
        password = form.cleaned_data["password"] or drawn
        try:
            wanted = form.build_request(password=password)
            made = DatabaseInstanceManager(self.context).create(wanted)
        except CloudwebError as error:
            form.refuse(error)
            return self._show(offer, form, status=422)
        if not (drawn and wanted.users):
            return self.done(f"{made.name} is being built.", url_of(made))
        answer = self.render(
            "dashboard/databases/made.html",
            database=made,
            user=wanted.users[0].name,
            password=drawn,
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _form(self, offer: Offer, **options: Any) -> LaunchDatabaseForm:
        backups = [
            (str(one.id), f"{one.name} · {kind_of(one.version)} · {one.volume_size} GiB")
            for one in offer.backups
        ]
        settings = [
            (str(one.id), f"{one.name} · {kind_of(one.version)}") for one in offer.configurations
        ]
        offered = {
            "version": offer.versions,
            "flavor": [(card.id, card.name) for card in offer.flavors],
            "network": [(card.id, card.name) for card in offer.networks],
            "backup": [("", "Nothing: it is empty"), *backups],
            "configuration": [("", "The datastore's own"), *settings],
        }
        return LaunchDatabaseForm(offered=offered, **options)

    def _usual(self, offer: Offer) -> dict[str, Any]:
        """Return what most want: the default version, the smallest size that fits, a network of one's own."""
        asked = self.request.GET.get("backup", "")
        begins = next((one for one in offer.backups if str(one.id) == asked), None)
        source = as_uuid(self.request.GET.get("of", ""))
        point = self._point(source)
        if source and point:
            begins = next((one for one in offer.backups if one.instance_id == source), None)
        fitting = [card.id for card in offer.flavors if card.fits]
        private = [card.id for card in offer.networks if not card.shared]
        networks = [*private, *(card.id for card in offer.networks)]
        versions = [key for key, _ in offer.versions]
        return {
            "version": str(begins.version_id) if begins else next(iter(versions), None),
            "backup": str(begins.id) if begins and not point else "",
            "copy_of": source if point else "",
            "moment": local_of(point.latest) if point and point.latest else "",
            "flavor": next(iter(fitting), None),
            "size": begins.volume_size if begins else 5,
            "network": next(iter(networks), None),
        }

    def _point(self, source: object) -> MomentRange | None:
        """Return the moments of a database that one can go back to; raise DatabaseInstanceNotFound."""
        key = as_uuid(str(source or ""))
        if key is None:
            return None
        found = PointInTimeManager(self.context).of_instance(str(key))
        return (
            MomentRange(found.earliest, found.latest) if found.earliest and found.latest else None
        )

    def _show(self, offer: Offer, form: LaunchDatabaseForm, *, status: int = 200) -> HttpResponse:
        chosen = {name: form[name].value() or "" for name in ("version", "flavor", "network")}
        more = any(form[name].errors or form[name].value() for name in ("backup", "configuration"))
        return self.render(
            "dashboard/databases/launch.html",
            status=status,
            form=form,
            point=self._point(form["copy_of"].value()),
            offer=offer,
            chosen=chosen,
            more=more,
        )


@dataclass(frozen=True, slots=True)
class MomentRange:
    """The first and the last moment that one can go back to; fields and sliders have whole seconds."""

    earliest: datetime
    latest: datetime

    @property
    def first(self) -> int:
        """The first whole second after the first moment, in Unix time."""
        return math.ceil(self.earliest.timestamp())

    @property
    def last(self) -> int:
        """The second of the last moment, in Unix time."""
        return math.floor(self.latest.timestamp())

    @property
    def least(self) -> str:
        """The first one as a field has it."""
        return local_of(datetime.fromtimestamp(self.first, UTC))

    @property
    def most(self) -> str:
        """The last one as a field has it."""
        return local_of(self.latest)


def local_of(moment: datetime) -> str:
    """Return a moment (UTC) as a field of the kind ``datetime-local`` has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def url_of(database: DatabaseInstance) -> str:
    """Return where a database's page is."""
    return reverse("database", args=[database.id])
