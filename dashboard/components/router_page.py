"""What the page of a router shows of what it joins and leads through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.listing import Listing
from dashboard.components.networks import (
    OFFERED,
    Choices,
    Goal,
    called,
    floating_badge,
    goals_of,
)
from dashboard.components.status import Badge
from network.manager import FloatingIpManager, NetworkManager, SubnetManager

if TYPE_CHECKING:
    from network.models import FloatingIp, Network, Router, RouterPort

#: So many floating IPs are shown on the page.
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Joint:
    """A port of the router: its network and addresses there, each with its subnet's block."""

    port_id: str
    network_id: str
    name: str
    addresses: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Through:
    """A floating IP that leads through the router: as a whole to its goal, or by ``forwards``."""

    floating: FloatingIp
    badge: Badge
    goal: Goal | None
    forwards: Sequence[str]


def joints(context: RequestContext, router: Router) -> tuple[Joint | None, Sequence[Joint]]:
    """Return where it leads, None for nowhere, and what it joins."""
    parts = router.router_ports.all()
    where = Q(id__in={one.network_id for one in parts})
    found = NetworkManager(context).list(Listing(where=where)).rows if parts else ()
    networks = {one.id: one for one in found}
    gateway = router.gateway
    inner = [_joint(one, networks.get(one.network_id)) for one in parts if not one.is_gateway]
    outer = _joint(gateway, networks.get(gateway.network_id)) if gateway is not None else None
    return outer, inner


def _joint(part: RouterPort, network: Network | None) -> Joint:
    """Return a port; of a network that is not seen any more, the id alone."""
    blocks = {one.id: one.cidr for one in network.subnets.all()} if network is not None else {}
    held = part.port.addresses.all()
    return Joint(
        str(part.port_id),
        str(part.network_id) if network is not None else "",
        called(network) if network is not None else str(part.network_id),
        [(row.ip_address, blocks.get(row.subnet_id, "")) for row in held],
    )


def through(context: RequestContext, router: Router) -> Sequence[Through]:
    """Return the floating IPs that lead through it, newest first."""
    asked = Listing(where=Q(router=router.id), order=("-created_at", "-id"), limit=SHOWN)
    found = FloatingIpManager(context).list(asked).rows
    goals = goals_of(context, [one for one in found if one.fixed_port_id])
    return [
        Through(one, floating_badge(one), goals.get(str(one.id)), _forwards(one)) for one in found
    ]


def _forwards(floating: FloatingIp) -> Sequence[str]:
    """Say which of its ports lead where."""
    rows = sorted(
        floating.port_forwardings.all(), key=lambda one: (one.protocol, one.external_first)
    )
    return [
        f"{one.protocol.upper()} {_span(one.external_first, one.external_last)} \N{RIGHTWARDS ARROW} "
        f"{one.internal_ip_address} port {_span(one.internal_first, one.internal_last)}"
        for one in rows
    ]


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}\N{EN DASH}{last}"


def joinable(context: RequestContext, inner: Sequence[Joint]) -> Choices:
    """Return the project's subnets that it does not join yet."""
    joined = {(one.network_id, block) for one in inner for _, block in one.addresses}
    own = Q(project_id=context.project_id, network__external=False) & ~Q(gateway_ip="")
    found = SubnetManager(context).list(Listing(where=own, limit=OFFERED)).rows
    return [
        (str(one.id), f"{called(one.network)} · {one.cidr}")
        for one in found
        if (str(one.network_id), one.cidr) not in joined
    ]
