"""Which hosts can serve which networks, by what their agents say of themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Network, IPv6Network
from uuid import UUID

from cloudweb.addresses import parse_address
from cloudweb.database.prepared import Given, Prepared
from network.models import Agent, Network
from network.models.network import NetworkKind
from network.strategies import STRATEGIES

IPNetwork = IPv4Network | IPv6Network
#: The kinds of networks that are another wire on each host.
OF_ONE_HOST = [kind for kind, strategy in STRATEGIES.items() if not strategy.spans_hosts]

_NEEDING = Prepared(
    lambda: (
        Network.objects.filter(id__among=Given("networks"))
        .exclude(kind=NetworkKind.ISOLATED)
        .values_list("kind", "physical_network")
    )
)


def hosts_on(network_ids: Iterable[UUID]) -> set[str] | None:
    """Return the hosts that can serve all of these networks; None where any can.

    A flat network that no host has an interface for ends on each of them, so any will do.
    """
    wanted = {*_NEEDING.rows(networks={*network_ids})}
    if not wanted:
        return None
    agents = [*Agent.objects.values_list("host", "network_types", "physical_networks")]
    found: set[str] | None = None
    for kind, wire in wanted:
        joined = {
            host
            for host, types, wires in agents
            if STRATEGIES[kind].is_joined_by(types, wires, wire)
        }
        if joined or kind != NetworkKind.FLAT:
            found = joined if found is None else found & joined
    return found


def hosts_within(addresses: IPNetwork) -> set[str]:
    """Return the hosts whose address among hosts (``NETWORK_TUNNEL``) is one of these."""
    told = Agent.objects.exclude(tunnel_address="").values_list("host", "tunnel_address")
    return {host for host, address in told if parse_address(address) in addresses}


def hosts_without_routers() -> Collection[str]:
    """Return the hosts that operators keep routers from."""
    return {*Agent.objects.filter(takes_routers=False).values_list("host", flat=True)}
