"""Routers: list, make, join networks, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Action, Asked, Column, Empty, Field, Tool
from dashboard.components.networks import (
    called,
    outside_of,
    router_badge,
    routers_of,
    subnets_of,
)
from dashboard.forms.networks import JoinForm, NewRouterForm
from dashboard.views.box import Box
from dashboard.views.list_page import ListPage
from dashboard.views.networks import listing_of, names_of
from network import states
from network.manager import RouterManager
from network.manager.router_gateway import Gateway

if TYPE_CHECKING:
    from network.models import Router


def _delete(context: RequestContext, router_id: str) -> None:
    RouterManager(context).delete_with_interfaces(router_id)


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="network:routers:delete",
    effect=_delete,
    done="{} was deleted.",
    warning="The networks it joins are parted. Floating IPs that lead through it must be released first.",
    warning_all="The networks they join are parted. Floating IPs that lead through them must be released first.",
    harm=True,
)


class Routers(ListPage):
    """The project's routers, newest first."""

    section = route = "routers"
    template = "dashboard/routers/list.html"
    title, nouns = "Routers", ("router", "routers")
    about = "They join networks, and lead outside and back"
    columns = (
        Column("Name", lambda one: cells.named(url_of(one), called(one)), sort="name"),
        Column(
            "Status",
            lambda one: cells.status(router_badge(one)),
            sort="admin_state_up",
            css="col-status",
            unlabelled=True,
        ),
        Column("Outside", lambda one: cells.lines(_addresses(one, outside=True)), css="mono"),
        Column("Joins", lambda one: cells.lines(_addresses(one, outside=False)), css="mono"),
        Column("Created", lambda one: cells.ago(one.created_at), sort="created_at", falling=True),
    )
    order = "-created_at"
    search = (Field("q", "Find by name or ID", live=True),)
    actions = (DELETE,)
    tools = (
        Tool(
            "Join a network", "join_network", "network", "network:routers:add_interface",
            box="join-box", main=False,
        ),
        Tool("Create router", "new_router", policy="network:routers:create", box="new-box"),
    )  # fmt: skip
    empty = Empty(
        "router",
        "No routers yet",
        "A router joins your networks, and leads to the outside: floating IPs need one.",
        "Your role in this project lets you look, not create.",
        "No router is like that",
    )
    pace = (2, 20)

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        return RouterManager(self.context).list(listing_of(asked))

    def name_of(self, row: Router) -> str:
        """Return the name, or the id of one that has none."""
        return called(row)

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        return names_of(RouterManager(self.context).list, keys)

    def is_busy(self, row: Router) -> bool:
        """Tell whether it waits for a host."""
        return row.status == states.ALLOCATING

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the forms in the boxes."""
        return super().facts(**{"new_form": self.new_form(), "join_form": self.join_form(), **more})

    def new_form(self, data: Any = None) -> NewRouterForm:
        """Return the form of a new one."""
        nowhere = ("", "Nowhere: it only joins networks")
        return NewRouterForm(data, offered={"outside": [*outside_of(self.context), nowhere]})

    def join_form(self, data: Any = None) -> JoinForm:
        """Return the form of a new interface."""
        offered = {"router": routers_of(self.context), "subnet": subnets_of(self.context)}
        return JoinForm(data, offered=offered, auto_id="join_%s")


class NewRouter(Box, Routers):
    """Make a router."""

    box = "new"

    def effect(self, said: dict[str, Any]) -> str:
        """Make it."""
        gateway = Gateway(said["outside"]) if said["outside"] else None
        RouterManager(self.context).create(name=said["name"], gateway=gateway)
        return f"{said['name']} was created."


class JoinNetwork(Box, Routers):
    """Give a router an interface."""

    box = "join"

    def effect(self, said: dict[str, Any]) -> str:
        """Join it."""
        RouterManager(self.context).add_interface(said["router"], subnet_id=said["subnet"])
        return "The network is joined."


def _addresses(router: Router, *, outside: bool) -> Sequence[str]:
    parts = [part for part in router.router_ports.all() if part.is_gateway is outside]
    return [row.ip_address for part in parts for row in part.port.addresses.all()]


def url_of(router: Router) -> str:
    """Return the address of its page."""
    return reverse("router", args=[router.id])
