"""Servers: the list, and what the buttons do."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import NotFound
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Page as Rows
from cloudweb.patterns import Pattern
from dashboard.components import cells
from dashboard.components.lists import Action, Asked, Choice, Column, Empty, Field, Offer, Tool
from dashboard.components.servers import Row, rows_of
from dashboard.templatetags.pages import mib
from dashboard.views.list_page import ListPage
from dashboard.views.page import Page
from instances.actions import ACTIONS, InstanceAction
from instances.manager import InstanceManager
from instances.manager.listing import Filters

#: The choices above the list -> status words of the API.
STATUSES = {
    "running": ("ACTIVE", "REBOOT", "HARD_REBOOT", "RESCUE"),
    "stopped": ("SHUTOFF",),
    "paused": ("PAUSED", "SUSPENDED"),
    "resized": ("RESIZE", "VERIFY_RESIZE", "REVERT_RESIZE"),
    "shelved": ("SHELVED", "SHELVED_OFFLOADED"),
    "building": ("BUILD", "REBUILD"),
    "error": ("ERROR",),
}
#: What is looked up among addresses, not names.
_ADDRESS = re.compile(r"(\d{1,3}\.){2}[\d.]*|[0-9a-f]*:[0-9a-f:]*")


COLUMNS = (
    Column(
        "Name",
        lambda row: cells.named(reverse("server", args=[row.instance.id]), row.instance.name),
        sort="display_name",
    ),
    Column(
        "Status",
        lambda row: cells.status(row.badge),
        sort="vm_state",
        css="col-status",
        unlabelled=True,
    ),
    Column("Address", lambda row: cells.lines([one.ip for one in row.addresses]), css="mono"),
    Column(
        "Size",
        lambda row: cells.two_lines(
            row.instance.flavor_name, f"{row.instance.vcpus} vCPU · {mib(row.instance.ram)}"
        ),
    ),
    Column(
        "Created", lambda row: cells.ago(row.instance.created_at), sort="created_at", falling=True
    ),
)


class Servers(ListPage):
    """The project's servers, newest first."""

    section = route = "servers"
    title, about, nouns = "Servers", "The virtual machines of {project}", ("server", "servers")
    columns, order = COLUMNS, "-created_at"
    search = (Field("q", "Find by name, address or ID", live=True),)
    choices = (
        Choice("status", "Status", {"": "All", **{one: one.capitalize() for one in STATUSES}}),
    )
    tools = (Tool("Launch server", "launch", policy="compute:servers:create"),)
    empty = Empty(
        "server-2",
        "No servers yet",
        "Launch one: it is up in under a minute.",
        "Your role in this project lets you look, not launch.",
        "No server is like that",
        "Try a part of its name, or another status.",
    )
    pace = (2, 15)

    def every_action(self) -> Sequence[Action]:
        """Return what the records have buttons for that need nothing else."""
        return [
            _action(record)
            for record in ACTIONS.values()
            if record.button and not record.button.page
        ]

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        wanted = Filters(
            **_searched(asked.q), statuses=STATUSES.get(asked.chosen.get("status", ""), ())
        )
        manager = InstanceManager(self.context)
        return manager.list(wanted, limit=asked.limit, marker=asked.marker, sort=asked.order)

    def rows(self, found: Sequence[Any]) -> Sequence[Row]:
        """Add badges, addresses and buttons."""
        return rows_of(self.context, found)

    def key_of(self, row: Row) -> str:
        """Return the server's id."""
        return str(row.instance.id)

    def name_of(self, row: Row) -> str:
        """Return the server's name."""
        return row.instance.name

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        return InstanceManager(self.context).names(keys)

    def is_busy(self, row: Row) -> bool:
        """Tell whether something is being done to it."""
        return row.busy

    def offers_of(self, row: Row) -> Sequence[Offer]:
        """Return its buttons, enabled as its state allows."""
        return [
            Offer(
                _action(ACTIONS[one.name]),
                one.enabled,
                reverse(one.face.page, args=[row.instance.id]) if one.face.page else "",
            )
            for one in row.buttons
        ]


def _action(record: InstanceAction) -> Action:
    button = record.button
    assert button is not None
    return Action(
        name=record.name,
        text=button.label,
        icon=button.icon,
        policy=record.policy,
        effect=lambda context, key: record.done_by(InstanceManager(context), key),
        done=button.done,
        warning=button.warning,
        warning_all=button.warning_all,
        mild=button.mild,
        harm=button.ends,
    )


def _searched(words: str | None) -> dict[str, Any]:
    """Return the filter behind what was typed: an id, a part of an address, a part of the name."""
    if words is None:
        return {}
    if as_uuid(words):
        return {"ids": (words,)}
    if _ADDRESS.fullmatch(words.lower()):
        return {"addresses": (Pattern(re.escape(words.lower()), field="q"),)}
    return {"name": words}


class ServerAction(Page):
    """A button of a server's own page."""

    section = "servers"

    def post(self, request: HttpRequest, server_id: uuid.UUID, action: str) -> HttpResponse:
        """Do it; what the state does not allow is said in a toast."""
        manager, key, wanted = InstanceManager(self.context), str(server_id), ACTIONS.get(action)
        if wanted is None or wanted.button is None or wanted.button.page:
            raise NotFound
        name = manager.get(server_id).name
        wanted.done_by(manager, key)
        button = wanted.button
        back = reverse("servers") if button.ends else reverse("server", args=[server_id])
        return self.done(button.done.format(name), back)
