"""What pages show of networks, routers and floating IPs, and what forms about them offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.listing import Listing
from dashboard.components.status import Badge
from instances.manager import InstanceManager
from network import states
from network.manager import NetworkManager, PortManager, RouterManager, SubnetManager

if TYPE_CHECKING:
    from network.models import FloatingIp, Network, Router

Choices = Sequence[tuple[str, str]]
#: So many are offered to choose among.
OFFERED = 200

_NETWORK = {
    states.ACTIVE: Badge("Up", "success", "check"),
    states.DOWN: Badge("Switched off", "neutral", "player-stop"),
}
_ROUTER = {
    states.ACTIVE: Badge("Up", "success", "check"),
    states.ALLOCATING: Badge("Waits for a host", "warning", "clock"),
}
OFF = Badge("Switched off", "neutral", "player-stop")
_FLOATING = {
    states.ACTIVE: Badge("In use", "success", "check"),
    states.DOWN: Badge("Free", "neutral", "clock"),
}


def called(row: Network | Router) -> str:
    """Return its name, or the id of one that has none."""
    return row.name or str(row.id)


def network_badge(network: Network) -> Badge:
    """Return what a network is."""
    return _NETWORK[network.status]


def router_badge(router: Router) -> Badge:
    """Return what a router is."""
    return _ROUTER[router.status] if router.admin_state_up else OFF


def floating_badge(floating: FloatingIp) -> Badge:
    """Return whether a floating IP leads anywhere."""
    return _FLOATING[floating.status]


def outside_of(context: RequestContext) -> Choices:
    """Return the networks that lead outside."""
    return _networks(context, Q(external=True))


def subnets_of(context: RequestContext) -> Choices:
    """Return the project's own subnets that a router can join, each with its network's name."""
    own = Q(project_id=context.project_id, network__external=False) & ~Q(gateway_ip="")
    found = SubnetManager(context).list(Listing(where=own, limit=OFFERED)).rows
    return [(str(one.id), f"{one.network.name or one.network.id} · {one.cidr}") for one in found]


def routers_of(context: RequestContext) -> Choices:
    """Return the project's routers."""
    own = Listing(where=Q(project_id=context.project_id), limit=OFFERED)
    return [(str(one.id), one.name or str(one.id)) for one in RouterManager(context).list(own).rows]


def cards_of(context: RequestContext) -> Choices:
    """Return the network cards of the project's servers that a floating IP may lead to."""
    own = Q(project_id=context.project_id, device_owner__startswith="compute:")
    ports = PortManager(context).list(Listing(where=own, limit=OFFERED)).rows
    names = InstanceManager(context).names([port.device_id for port in ports])
    return [
        (port.id, f"{names.get(port.device_id, port.device_id)} · {address.ip_address}")
        for port in ports
        for address in port.addresses[:1]
        if ":" not in address.ip_address
    ]


def _networks(context: RequestContext, where: Q) -> Choices:
    found = NetworkManager(context).list(Listing(where=where, limit=OFFERED)).rows
    return [(str(one.id), one.name or str(one.id)) for one in found]


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a floating IP leads: a server by its name, else a port."""

    text: str
    server_id: str = ""


def goals_of(context: RequestContext, floating: Sequence[FloatingIp]) -> Mapping[str, Goal]:
    """Return by floating IP where each leads; one query for the names of all servers."""
    devices = {one.fixed_port.device_id for one in floating if one.fixed_port}
    names = InstanceManager(context).names([*devices]) if devices else {}
    found: dict[str, Goal] = {}
    for one in floating:
        port = one.fixed_port
        if port is not None and port.device_id in names:
            found[str(one.id)] = Goal(names[port.device_id], port.device_id)
        elif port is not None:
            found[str(one.id)] = Goal(port.name or f"port {port.id}")
        elif forwards := one.port_forwardings.all():
            found[str(one.id)] = Goal(f"{len(forwards)} forwarded port{'s' * (len(forwards) > 1)}")
    return found
