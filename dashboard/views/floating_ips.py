"""Floating IPs: list, take, lead to a server, let go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Listing
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Action, Asked, Column, Empty, Field, Offer, Tool
from dashboard.components.networks import Goal, cards_of, floating_badge, goals_of, outside_of
from dashboard.forms.networks import LeadForm, NewFloatingIpForm
from dashboard.views.box import Box
from dashboard.views.list_page import ListPage
from dashboard.views.networks import listing_of
from network.manager import FloatingIpManager

if TYPE_CHECKING:
    from network.models import FloatingIp


def _release(context: RequestContext, key: str) -> None:
    FloatingIpManager(context).update(key, port_id=None)


def _delete(context: RequestContext, key: str) -> None:
    FloatingIpManager(context).delete(key)


RELEASE = Action(
    name="release",
    text="Release",
    icon="arrow-back-up",
    policy="network:floating_ips:update",
    effect=_release,
    done="{} was released.",
    warning="Connections by it are cut. The address stays the project's.",
    warning_all="Connections by them are cut. The addresses stay the project's.",
    mild=True,
)
DELETE = Action(
    name="delete",
    text="Give back",
    icon="trash",
    policy="network:floating_ips:delete",
    effect=_delete,
    done="{} was given back.",
    warning="Somebody else may get the address.",
    warning_all="Others may get the addresses.",
    harm=True,
)


@dataclass(frozen=True, slots=True)
class FloatingRow:
    """A floating IP, and where it leads."""

    floating: FloatingIp
    goal: Goal | None


def _goal(row: FloatingRow) -> str:
    if row.goal is None:
        return cells.NOTHING
    if row.goal.server_id:
        return cells.named(reverse("server", args=[row.goal.server_id]), row.goal.text)
    return cells.plain(row.goal.text)


class FloatingIps(ListPage):
    """The project's floating IPs."""

    section = route = "floating_ips"
    template = "dashboard/floating_ips/list.html"
    title, nouns = "Floating IPs", ("floating IP", "floating IPs")
    about = "Addresses outside that lead to servers on networks of your own"
    columns = (
        Column(
            "Address",
            lambda row: cells.strong(row.floating.floating_ip_address),
            sort="floating_ip_address",
            css="mono",
        ),
        Column(
            "Status",
            lambda row: cells.status(floating_badge(row.floating)),
            css="col-status",
            unlabelled=True,
        ),
        Column("Leads to", _goal),
        Column("By", lambda row: cells.quiet(row.floating.fixed_ip_address, "mono")),
        Column(
            "Since", lambda row: cells.ago(row.floating.created_at), sort="created_at", falling=True
        ),
    )
    order = "-created_at"
    search = (Field("q", "Find by address or ID", live=True),)
    actions = (RELEASE, DELETE)
    tools = (
        Tool(
            "Lead to a server", "lead_floating_ip", "arrow-right", "network:floating_ips:update",
            box="lead-box", main=False,
        ),
        Tool("Take an address", "new_floating_ip", policy="network:floating_ips:create", box="new-box"),
    )  # fmt: skip
    empty = Empty(
        "world",
        "No floating IPs yet",
        "Take an address and lead it to a server whose network a router joins to the outside.",
        "Your role in this project lets you look, not take addresses.",
        "No floating IP is like that",
    )

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        where = Q()
        if asked.q is not None:
            found = as_uuid(asked.q)
            where = Q(id=found) if found else Q(floating_ip_address__contains=asked.q)
        return FloatingIpManager(self.context).list(listing_of(asked, where))

    def rows(self, found: Sequence[Any]) -> Sequence[FloatingRow]:
        """Add where each leads."""
        goals = goals_of(self.context, found)
        return [FloatingRow(one, goals.get(str(one.id))) for one in found]

    def key_of(self, row: FloatingRow) -> str:
        """Return the id."""
        return str(row.floating.id)

    def name_of(self, row: FloatingRow) -> str:
        """Return the address."""
        return row.floating.floating_ip_address

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        known = [found for key in keys if (found := as_uuid(key))]
        rows = FloatingIpManager(self.context).list(Listing(where=Q(id__in=known))).rows
        return {str(row.id): row.floating_ip_address for row in rows}

    def offers_of(self, row: FloatingRow) -> Sequence[Offer]:
        """Return what may be done; what leads nowhere cannot be released."""
        leads = row.floating.fixed_port_id is not None
        return [Offer(action, leads or action is not RELEASE) for action in self.offered()]

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the forms in the boxes."""
        return super().facts(**{"new_form": self.new_form(), "lead_form": self.lead_form(), **more})

    def new_form(self, data: Any = None) -> NewFloatingIpForm:
        """Return the form of a new one."""
        nobody = ("", "Nobody yet")
        offered = {"outside": outside_of(self.context), "port": [nobody, *cards_of(self.context)]}
        return NewFloatingIpForm(data, offered=offered)

    def lead_form(self, data: Any = None) -> LeadForm:
        """Return the form of where one leads."""
        rows = FloatingIpManager(self.context).list(Listing(limit=200)).rows
        own = [(str(one.id), one.floating_ip_address) for one in rows]
        offered = {"floating_ip": own, "port": cards_of(self.context)}
        return LeadForm(data, offered=offered, auto_id="lead_%s")


class NewFloatingIp(Box, FloatingIps):
    """Take an address, and lead it to a server if one is said."""

    box = "new"

    def effect(self, said: dict[str, Any]) -> str:
        """Take it."""
        made = FloatingIpManager(self.context).create(
            floating_network_id=said["outside"], port_id=said["port"] or None
        )
        return f"{made.floating_ip_address} is the project's."


class LeadFloatingIp(Box, FloatingIps):
    """Lead an address to a server."""

    box = "lead"

    def effect(self, said: dict[str, Any]) -> str:
        """Lead it there."""
        manager = FloatingIpManager(self.context)
        found = manager.update(said["floating_ip"], port_id=said["port"])
        return f"{found.floating_ip_address} leads there now."
