"""One database: its head on every tab, how to connect, history, sizes, and the buttons."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import NotFound
from dashboard.components.databases import (
    AUTHORITY_FILE,
    Choices,
    connection_of,
    database_badge,
    database_bars,
    flavor_cards,
    flavor_of,
    is_busy,
    kind_of,
    space_of,
    why_not,
    why_not_delete,
)
from dashboard.components.networks import called
from dashboard.forms.databases import (
    AccessForm,
    GrowDatabaseForm,
    RenameDatabaseForm,
    ResizeDatabaseForm,
    UpgradeDatabaseForm,
)
from dashboard.views.box import Box
from dashboard.views.detail_page import DetailPage, Press
from dashboard.views.page import Page
from databases.manager import DatabaseInstanceManager, DatastoreManager
from network.manager import NetworkManager

TABS = (
    ("database", "Overview", "list-details"),
    ("database_contents", "Databases and users", "users"),
    ("database_own_backups", "Backups", "folder"),
    ("database_replicas", "Replicas", "copy"),
    ("database_settings", "Settings", "settings"),
    ("database_size", "Size", "arrows-maximize"),
    ("database_logs", "Logs", "file-text"),
    ("database_history", "History", "history"),
)


class DatabasePage(DetailPage):
    """What every tab shows: the name, the state, the buttons, the fault.

    ``tab`` is its route, ``template`` what is live below the head, ``boxes`` are its dialogs; ``pace`` is how
    often it is looked at while nothing goes on.
    """

    section, noun = "databases", "database"
    tab: ClassVar[str] = "database"
    template: ClassVar[str] = "dashboard/databases/overview.html"
    boxes: ClassVar[str] = ""
    pace: ClassVar[int] = 15

    @cached_property
    def database(self) -> Any:
        """Find it; raise DatabaseInstanceNotFound."""
        return DatabaseInstanceManager(self.context).get(self.key)

    def facts(self) -> dict[str, Any]:
        """Return what the head of the page shows; a tab adds its own."""
        database = self.database
        busy = is_busy(database)
        return {
            "database": database,
            "badge": database_badge(database),
            "busy": busy,
            "every": 2 if busy else self.pace,
            "here": self.home(),
            "kind": kind_of(database.version),
            "tabs": [
                (text, reverse(name, args=[self.key]), icon, name == self.tab)
                for name, text, icon in TABS
            ],
            "part": self.template,
            "boxes": self.boxes,
            "why_not": why_not(database),
            "why_not_delete": why_not_delete(database),
            "may_update": self.may("database:instances:update"),
            "may_restart": self.may("database:instances:restart"),
            "may_delete": self.may("database:instances:delete"),
        }

    def forms(self) -> dict[str, Any]:
        """Return the forms of the boxes that every tab has."""
        return {"rename_form": self.rename_form()}

    def rename_form(self, data: Any = None) -> RenameDatabaseForm:
        """Return the form of its name."""
        return RenameDatabaseForm(data, initial={"name": self.database.name}, auto_id="rename_%s")

    def home(self) -> str:
        """Return the address of the tab."""
        return reverse(self.tab, args=[self.key])


class DatabaseOverview(DatabasePage):
    """How to connect, what it is, and what goes on."""

    boxes = "dashboard/databases/overview_boxes.html"

    def facts(self) -> dict[str, Any]:
        """Add the connection, the figures, and what was done last."""
        facts, manager = super().facts(), DatabaseInstanceManager(self.context)
        history, told = manager.history(self.key), manager.told(self.key)
        return {
            **facts,
            "connection": connection_of(self.database, tls=told.tls_until is not None),
            "tls_until": told.tls_until,
            "metrics": told.metrics,
            "flavor": flavor_of(self.context, self.database.flavor_id),
            "network": self._network(),
            "entry": history[0] if history else None,
            "upgrades": self.upgrades,
        }

    @cached_property
    def upgrades(self) -> Any:
        """Find the versions that its data can go to."""
        return DatastoreManager(self.context).upgrades(self.database.version)

    def forms(self) -> dict[str, Any]:
        """Add who may connect, and the newer versions."""
        more = {"access_form": self.access_form(), "upgrade_form": self.upgrade_form()}
        return {**super().forms(), **more}

    def upgrade_form(self, data: Any = None) -> UpgradeDatabaseForm:
        """Return the form of a newer version."""
        offered: dict[str, Choices] = {
            "version": [(str(one.id), one.name) for one in self.upgrades]
        }
        return UpgradeDatabaseForm(data, offered=offered, auto_id="upgrade_%s")

    def access_form(self, data: Any = None) -> AccessForm:
        """Return the form of where clients come from."""
        said = "\n".join(self.database.allowed_cidrs)
        first = {"cidrs": said, "require_tls": self.database.require_tls}
        return AccessForm(data, initial=first, auto_id="access_%s")

    def _network(self) -> Any:
        """Return the network it is on; None where that is not shown any more."""
        try:
            found = NetworkManager(self.context).get(str(self.database.network_id))
        except NotFound:
            return None
        return {"id": found.id, "name": called(found), "shared": found.is_shared}


class DatabaseAuthority(Page):
    """Who signed the certificates of the project's databases, as a file for their clients."""

    def get(self, request: HttpRequest, database_id: uuid.UUID) -> HttpResponse:
        """Send it."""
        text = DatabaseInstanceManager(self.context).tls(str(database_id)).authority
        response = HttpResponse(text, content_type="application/x-pem-file")
        response.headers["Content-Disposition"] = f'attachment; filename="{AUTHORITY_FILE}"'
        return response


class RenameDatabase(Box, DatabaseOverview):
    """Give it another name."""

    box = "rename"

    def effect(self, said: dict[str, Any]) -> str:
        """Write it down."""
        DatabaseInstanceManager(self.context).rename(self.key, name=said["name"])
        return f"It is called {said['name']} now."


class LetInDatabase(Box, DatabaseOverview):
    """Say from where clients come."""

    box = "access"

    def effect(self, said: dict[str, Any]) -> str:
        """Write it down."""
        DatabaseInstanceManager(self.context).set_access(
            self.key,
            is_public=self.database.is_public,
            allowed_cidrs=said["cidrs"],
            require_tls=said["require_tls"],
        )
        return "Who may connect is changed."


class UpgradeDatabase(Box, DatabaseOverview):
    """Have its data served by a newer version."""

    box = "upgrade"

    def effect(self, said: dict[str, Any]) -> str:
        """Start it."""
        DatabaseInstanceManager(self.context).upgrade(self.key, version=said["version"])
        return f"{self.database.name} is being upgraded."


class DatabaseHistory(DatabasePage):
    """Every operation with its steps, newest first."""

    tab, template = "database_history", "dashboard/databases/history.html"

    def facts(self) -> dict[str, Any]:
        """Add the operations."""
        entries = DatabaseInstanceManager(self.context).history(self.key)
        return {**super().facts(), "entries": entries}


class DatabaseSize(DatabasePage):
    """How large its server and its volume are, and become."""

    tab, template = "database_size", "dashboard/databases/size.html"
    boxes = "dashboard/databases/size_boxes.html"

    @cached_property
    def usage(self) -> Any:
        """What the quota has."""
        return database_bars(self.context)

    def facts(self) -> dict[str, Any]:
        """Add what it is now."""
        return {
            **super().facts(),
            "may_resize": self.may("database:instances:resize"),
            "flavor": flavor_of(self.context, self.database.flavor_id),
            "space": space_of(self.usage, own=self.database.volume_size),
        }

    def forms(self) -> dict[str, Any]:
        """Add the sizes."""
        more = {"resize_form": self.resize_form(), "grow_form": self.grow_form()}
        return {**super().forms(), **more, "flavors": self._others()}

    def resize_form(self, data: Any = None) -> ResizeDatabaseForm:
        """Return the form of another flavor."""
        offered: dict[str, Choices] = {"flavor": [(one.id, one.name) for one in self._others()]}
        return ResizeDatabaseForm(data, offered=offered, auto_id="resize_%s")

    def grow_form(self, data: Any = None) -> GrowDatabaseForm:
        """Return the form of a larger volume."""
        space = space_of(self.usage, own=self.database.volume_size)
        return GrowDatabaseForm(data, space=space, auto_id="grow_%s")

    def _others(self) -> Any:
        """Return what it can become: its server's disk does not shrink."""
        cards, now = flavor_cards(self.context, self.usage), self.database.flavor_id
        least = next((one.disk for one in cards if one.id == now), 0)
        return [one for one in cards if one.id != now and one.disk >= least]


class ResizeDatabase(Box, DatabaseSize):
    """Give its server another size."""

    box = "resize"

    def effect(self, said: dict[str, Any]) -> str:
        """Start it."""
        DatabaseInstanceManager(self.context).resize(self.key, flavor_id=said["flavor"])
        return f"{self.database.name} gets another size."


class GrowDatabase(Box, DatabaseSize):
    """Let its volume grow."""

    box = "grow"

    def effect(self, said: dict[str, Any]) -> str:
        """Start it."""
        DatabaseInstanceManager(self.context).resize_volume(self.key, size=said["size"])
        return f"Its volume grows to {said['size']} GiB."


class DatabaseAction(Press, DatabasePage):
    """The buttons that need no form."""

    DONE: ClassVar[dict[str, str]] = {
        "restart": "{} is being restarted.",
        "delete": "{} is being deleted.",
        "promote": "{} takes over from its source.",
        "eject": "A replica takes over from {}.",
        "detach_replica": "{} becomes a database of its own.",
    }

    def effect(self, **about: Any) -> str:
        """Do it."""
        action = about["action"]
        if action not in self.DONE:
            raise NotFound
        name = self.database.name
        getattr(DatabaseInstanceManager(self.context), action)(self.key)
        return self.DONE[action].format(name)
