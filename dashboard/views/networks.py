"""Networks: list, make, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property

from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Listing
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Action, Asked, Column, Empty, Field, Offer, Tool
from dashboard.components.networks import called, network_badge, outside_of
from dashboard.forms.networks import NewNetworkForm
from dashboard.views.box import Box
from dashboard.views.list_page import ListPage
from network.manager import NetworkManager
from network.manager.private_network import PrivateNetworkManager

if TYPE_CHECKING:
    from network.models import Network


def _delete(context: RequestContext, network_id: str) -> None:
    NetworkManager(context).delete(network_id)


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="network:networks:delete",
    effect=_delete,
    done="{} was deleted.",
    warning="Its subnets go with it. It must have no servers and no router any more.",
    warning_all="Their subnets go with them. They must have no servers and no routers any more.",
    harm=True,
)


def searched(words: str | None) -> Q:
    """Return the condition behind what was typed: an id, or a part of the name."""
    if words is None:
        return Q()
    found = as_uuid(words)
    return Q(id=found) if found else Q(name__icontains=words)


class Networks(ListPage):
    """Own networks, shared ones, and those that lead outside."""

    section = route = "networks"
    template = "dashboard/networks/list.html"
    title, about, nouns = "Networks", "What {project}'s servers talk over", ("network", "networks")
    columns = (
        Column("Name", lambda one: cells.named(url_of(one), called(one)), sort="name"),
        Column(
            "Status",
            lambda one: cells.status(network_badge(one)),
            sort="admin_state_up",
            css="col-status",
            unlabelled=True,
        ),
        Column(
            "Addresses",
            lambda one: cells.lines([subnet.cidr for subnet in one.subnets.all()]),
            css="mono",
        ),
        Column("Whose", lambda one: _whose(one)),
        Column("Created", lambda one: cells.ago(one.created_at), sort="created_at", falling=True),
    )
    order = "-created_at"
    search = (Field("q", "Find by name or ID", live=True),)
    actions = (DELETE,)
    tools = (
        Tool(
            "Private network with internet", "private_network", "world", "network:networks:create",
            main=False, posts=True,
        ),
        Tool("Create network", "new_network", policy="network:networks:create", box="new-box"),
    )  # fmt: skip
    empty = Empty(
        "network",
        "No networks yet",
        "Create one for servers that only talk to each other, or with a way in from outside.",
        "Your role in this project lets you look, not create.",
        "No network is like that",
    )

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        return NetworkManager(self.context).list(listing_of(asked))

    def name_of(self, row: Network) -> str:
        """Return the name, or the id of one that has none."""
        return called(row)

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        return names_of(NetworkManager(self.context).list, keys)

    def offers_of(self, row: Network) -> Sequence[Offer]:
        """Return what its owner may do."""
        return super().offers_of(row) if row.project_id == self.context.project_id else ()

    @cached_property
    def outside(self) -> Sequence[tuple[str, str]]:
        """The networks that lead outside."""
        return outside_of(self.context)

    def offered_tools(self) -> Sequence[Tool]:
        """Return the buttons: where nothing leads outside, no network can."""
        may_lead = self.may("network:routers:create") and self.outside
        return [tool for tool in super().offered_tools() if may_lead or not tool.posts]

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the form in the box."""
        return super().facts(**{"new_form": self.new_form(), **more})

    def new_form(self, data: Any = None) -> NewNetworkForm:
        """Return the form, with the networks that lead outside."""
        nowhere = ("", "No; its servers get out all the same")
        ways = [(key, f"By floating IPs of {name}") for key, name in self.outside]
        return NewNetworkForm(data, offered={"outside": [nowhere, *ways]})


class NewNetwork(Box, Networks):
    """Make a network with its subnet, and with a router if wanted."""

    box = "new"

    def effect(self, said: dict[str, Any]) -> str:
        """Make it."""
        PrivateNetworkManager(self.context).create(
            name=said["name"], cidr=said["cidr"], outside=said["outside"] or None
        )
        return f"{said['name']} was created."


class PrivateNetwork(Networks):
    """One click: a network with a subnet, and a router that leads outside."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Lead back to the list."""
        return HttpResponseRedirect(self.home())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make them."""
        made = PrivateNetworkManager(self.context).create_with_internet()
        return self.done(f"{made.name} was created, and a router that leads outside.", self.home())


def listing_of(asked: Asked, where: Q | None = None) -> Listing:
    """Return what the address of a list asks of a manager of network."""
    return Listing(
        where=(searched(asked.q) if where is None else where),
        order=asked.columns(last="id"),
        marker=asked.marker,
        limit=asked.limit,
    )


def names_of(read: Any, keys: Sequence[str]) -> Mapping[str, str]:
    """Return the names of rows that a manager lists, by their ids."""
    known = [found for key in keys if (found := as_uuid(key))]
    rows = read(Listing(where=Q(id__in=known))).rows
    return {str(row.id): row.name or str(row.id) for row in rows}


def _whose(network: Network) -> str:
    if network.external:
        return "the provider's, leads outside"
    if network.shared:
        return "shared with all projects"
    return "shared with this project" if network.is_shared else "this project's"


def url_of(network: Network) -> str:
    """Return the address of its page."""
    return reverse("network", args=[network.id])
