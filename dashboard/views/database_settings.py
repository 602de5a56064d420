"""Settings of databases: configurations that several can take, and what one has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Listing
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.databases import (
    OFFERED,
    database_badge,
    kind_of,
    settings_of,
    versions_of,
)
from dashboard.components.lists import Action, Asked, Column, Empty, Field, Tool
from dashboard.forms.databases import ConfigureForm, NewConfigurationForm, SettingsForm
from dashboard.views.box import Box
from dashboard.views.database import DatabasePage
from dashboard.views.list_page import ListPage
from dashboard.views.page import Page
from databases.manager import (
    ConfigurationManager,
    DatabaseInstanceManager,
    DatastoreManager,
)


class DatabaseSettings(DatabasePage):
    """What a database is set to, and what each parameter means."""

    tab, template = "database_settings", "dashboard/databases/settings.html"
    boxes = "dashboard/databases/settings_boxes.html"

    def facts(self) -> dict[str, Any]:
        """Add the parameters."""
        of = self.database.configuration
        settings = settings_of(self.context, self.database.version, of)
        return {
            **super().facts(),
            "configuration": of,
            "chosen": [one for one in settings if one.value],
            "others": [one for one in settings if not one.value],
        }

    def forms(self) -> dict[str, Any]:
        """Add which settings it takes."""
        return {**super().forms(), "configure_form": self.configure_form()}

    def configure_form(self, data: Any = None) -> ConfigureForm:
        """Return the form of a configuration."""
        fits = Listing(where=Q(version=self.database.version_id), limit=OFFERED)
        found = ConfigurationManager(self.context).list(fits).rows
        offered = [("", "The datastore's own"), *((str(one.id), one.name) for one in found)]
        said = {"configuration": str(self.database.configuration_id or "")}
        return ConfigureForm(
            data, offered={"configuration": offered}, initial=said, auto_id="configure_%s"
        )


class ConfigureDatabase(Box, DatabaseSettings):
    """Let it take the settings of a configuration, or its own again."""

    box = "configure"

    def effect(self, said: dict[str, Any]) -> str:
        """Start it."""
        manager = DatabaseInstanceManager(self.context)
        manager.configure(self.key, said["configuration"] or None)
        return f"{self.database.name} takes the settings."


def _delete(context: RequestContext, key: str) -> None:
    ConfigurationManager(context).delete(key)


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="database:configurations:delete",
    effect=_delete,
    done="{} was deleted.",
    warning="No database can take them any more.",
    warning_all="No database can take them any more.",
    harm=True,
)


class Configurations(ListPage):
    """The project's settings of databases, newest first."""

    section, route = "databases", "configurations"
    template = "dashboard/databases/configurations.html"
    title, nouns = "Settings of databases", ("group of settings", "groups of settings")
    about = "Written once, taken by as many databases as you like"
    columns = (
        Column(
            "Name",
            lambda row: cells.named(reverse("configuration", args=[row.id]), row.name),
            sort="name",
        ),
        Column("For", lambda row: cells.plain(kind_of(row.version))),
        Column("Settings", lambda row: str(len(row.values)), css="num"),
        Column("What for", lambda row: cells.quiet(row.description)),
        Column("Created", lambda row: cells.ago(row.created_at), sort="created_at", falling=True),
    )
    order = "-created_at"
    search = (Field("q", "Find by name or ID", live=True),)
    actions = (DELETE,)
    tools = (
        Tool(
            "New settings",
            "new_configuration",
            policy="database:configurations:create",
            box="new-box",
        ),
    )
    empty = Empty(
        "settings",
        "No settings yet",
        "Databases run with the datastore's own. Write down what should be otherwise, and let them take it.",
        "Your role in this project lets you look, not write settings.",
        "No settings are like that",
    )

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        where = Q()
        if asked.q is not None:
            found = as_uuid(asked.q)
            where = Q(id=found) if found else Q(name__icontains=asked.q)
        listing = Listing(
            where=where, order=asked.columns(last="id"), marker=asked.marker, limit=asked.limit
        )
        return ConfigurationManager(self.context).list(listing)

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        ids = [key for one in keys if (key := as_uuid(one))]
        found = ConfigurationManager(self.context).list(Listing(where=Q(id__in=ids)))
        return {str(one.id): one.name for one in found.rows}

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the form in the box."""
        return super().facts(**{"new_form": self.new_form(), **more})

    def new_form(self, data: Any = None) -> NewConfigurationForm:
        """Return the form of new settings."""
        return NewConfigurationForm(data, offered={"version": versions_of(self.context)})


class NewConfiguration(Box, Configurations):
    """Begin settings; what they are is filled in on their page."""

    box = "new"
    made = ""

    def effect(self, said: dict[str, Any]) -> str:
        """Write them down, empty."""
        version = DatastoreManager(self.context).version(said["version"])
        made = ConfigurationManager(self.context).create(
            name=said["name"],
            description=said["description"],
            values={},
            datastore=str(version.datastore_id),
            version=str(version.id),
        )
        self.made = str(made.id)
        return f"{made.name} is made. Fill in what should be otherwise."

    def home(self) -> str:
        """Go on to their page."""
        return reverse("configuration", args=[self.made]) if self.made else super().home()


class ConfigurationPage(Page):
    """One group of settings: each parameter with its meaning, what it may be, and its value."""

    section = "databases"

    @cached_property
    def configuration(self) -> Any:
        """Find it; raise ConfigurationNotFound."""
        return ConfigurationManager(self.context).get(str(self.kwargs["configuration_id"]))

    def get(self, request: HttpRequest, configuration_id: object) -> HttpResponse:
        """Show it."""
        return self._show(self._form())

    def post(self, request: HttpRequest, configuration_id: object) -> HttpResponse:
        """Write it down; databases that have it take it at once."""
        form = self._form(request.POST)
        if form.is_valid():
            try:
                ConfigurationManager(self.context).update(
                    str(self.configuration.id), values=form.values, replace=True
                )
            except CloudwebError as error:
                form.refuse(error)
            else:
                return self.done(
                    f"{self.configuration.name} is saved.",
                    reverse("configuration", args=[self.configuration.id]),
                )
        return self._show(form, status=422)

    @cached_property
    def _settings(self) -> Any:
        return settings_of(self.context, self.configuration.version, self.configuration)

    def _form(self, data: Any = None) -> SettingsForm:
        return SettingsForm(data, settings=self._settings)

    def _show(self, form: SettingsForm, *, status: int = 200) -> HttpResponse:
        having = ConfigurationManager(self.context).instances(str(self.configuration.id))
        return self.render(
            "dashboard/databases/configuration.html",
            status=status,
            configuration=self.configuration,
            kind=kind_of(self.configuration.version),
            form=form,
            lines=[(one, form[one.row.name]) for one in self._settings],
            having=[(one, database_badge(one)) for one in having],
            may_update=self.may("database:configurations:update"),
        )
