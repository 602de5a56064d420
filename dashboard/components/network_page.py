"""What the page of a network shows of its subnets and ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.listing import Listing
from dashboard.components.status import Badge
from instances.manager import InstanceManager
from network import states
from network.manager import IpAvailabilityManager, PortManager, RouterManager
from network.manager.ip_availability import PoolSpace

if TYPE_CHECKING:
    from network.models import Network, Subnet
    from network.rows import PortRow

#: So many ports are shown on the page.
SHOWN = 100
#: More addresses than anybody counts.
COUNTLESS = 1_000_000

_PORT = {
    states.ACTIVE: Badge("Up", "success", "check"),
    states.BUILD: Badge("Building", "info", "loader-2", busy=True),
    states.DOWN: Badge("Down", "neutral", "player-stop"),
    states.ERROR: Badge("Error", "danger", "alert-triangle"),
}
_OWNED = {
    states.DHCP_OWNER: "DHCP",
    states.FLOATING_OWNER: "Floating IP",
    states.SUBPORT_OWNER: "In a trunk",
}
_MODES = {
    "slaac": "Servers make their own (SLAAC)",
    "dhcpv6-stateless": "Servers make their own, DNS by DHCPv6",
    "dhcpv6-stateful": "By DHCPv6",
}


@dataclass(frozen=True, slots=True)
class SubnetLine:
    """A subnet; ``space`` is None where what is free is its owner's to know, or nothing is given out."""

    subnet: Subnet
    given: str
    space: PoolSpace | None

    @property
    def free(self) -> str:
        """Say how many addresses are left."""
        if self.space is None:
            return ""
        if self.space.free > COUNTLESS:
            return "more than a million free"
        return f"{self.space.free:,} of {self.space.size:,} free"

    @property
    def percent(self) -> int:
        """How much is taken."""
        if self.space is None or not self.space.size:
            return 100
        return round(100 * (self.space.size - self.space.free) / self.space.size)

    @property
    def tone(self) -> str:
        """Amber from three quarters on, red when all is taken."""
        if self.space is not None and not self.space.free:
            return "danger"
        return "warning" if self.percent >= 75 else "info"


@dataclass(frozen=True, slots=True)
class PortLine:
    """A port: whose it is, and where that leads."""

    row: PortRow
    text: str
    url: str
    badge: Badge


def subnet_lines(
    context: RequestContext, network: Network, *, counted: bool
) -> Sequence[SubnetLine]:
    """Return the network's subnets, oldest first; ``counted``: with what is free."""
    spaces = IpAvailabilityManager(context).pools(network.id) if counted else {}
    subnets = sorted(network.subnets.all(), key=lambda one: (one.created_at, one.id))
    return [
        SubnetLine(one, _given(one), None if one.is_self_addressing else spaces.get(one.id))
        for one in subnets
    ]


def _given(subnet: Subnet) -> str:
    """Say how servers get their addresses."""
    if subnet.ip_version == 4:
        return "By DHCP" if subnet.enable_dhcp else "Set by hand in servers"
    mode = subnet.ipv6_address_mode or subnet.ipv6_ra_mode
    return _MODES.get(mode, "Set by hand in servers")


def port_lines(context: RequestContext, network: Network) -> tuple[Sequence[PortLine], bool]:
    """Return the ports of the project's, newest first, and whether there are more than are shown."""
    asked = Listing(where=Q(network=network.id), order=("-created_at", "-id"), limit=SHOWN)
    found = PortManager(context).list(asked)
    servers = _named(
        context, [row for row in found.rows if row.device_owner.startswith("compute:")]
    )
    routers = _routers(
        context, [row for row in found.rows if row.device_owner in states.ROUTER_OWNERS]
    )
    lines = []
    for row in found.rows:
        name = servers.get(row.device_id) or routers.get(row.device_id)
        route = "server" if row.device_id in servers else "router"
        text = name or _OWNED.get(row.device_owner) or row.device_id or "Nothing yet"
        url = reverse(route, args=[row.device_id]) if name else ""
        lines.append(PortLine(row, text, url, _PORT[row.status]))
    return lines, found.more


def _named(context: RequestContext, rows: Sequence[PortRow]) -> Mapping[str, str]:
    ids = {row.device_id for row in rows}
    return InstanceManager(context).names([*ids]) if ids else {}


def _routers(context: RequestContext, rows: Sequence[PortRow]) -> Mapping[str, str]:
    ids = {row.device_id for row in rows}
    if not ids:
        return {}
    found = RouterManager(context).list(Listing(where=Q(id__in=ids))).rows
    return {str(one.id): one.name or str(one.id) for one in found}
