"""The networks a cloud has from its first minute; safe to run again."""

from __future__ import annotations

from typing import Any

from cloudweb.context import RequestContext
from network.manager import NetworkManager, SubnetManager
from network.models import Network, SegmentRange, Subnet
from network.models.network import NetworkKind
from network.segments import default_ranges, tenant_kinds

PUBLIC = "public"
DEMO = "demo"
PUBLIC_CIDR = "172.24.4.0/24"
DEMO_CIDR = "10.20.0.0/24"


def ensure_public_network(
    *,
    project_id: str,
    cidr: str = PUBLIC_CIDR,
    gateway_ip: str | None = None,
    pool: tuple[str, str] | None = None,
    dns_nameservers: tuple[str, ...] = (),
    physical_network: str = PUBLIC,
) -> Network:
    """Make the provider's shared network, owned by the operator's project, unless it is there.

    ``pool`` is (first, last) for servers, all of the block if not said; the gateway is the first
    host address if not said. A network that is there is left as its operator made it.
    """
    context = RequestContext.system(project_id=project_id)
    network = Network.objects.filter(
        kind=NetworkKind.FLAT, physical_network=physical_network
    ).first()
    if network is None:
        network = NetworkManager(context).create(
            name=PUBLIC,
            description="The provider's network, shared by all projects",
            kind=NetworkKind.FLAT,
            physical_network=physical_network,
            shared=True,
            external=True,
            is_default=True,
        )
    if not Subnet.objects.filter(network=network).exists():
        gateway: dict[str, Any] = {} if gateway_ip is None else {"gateway_ip": gateway_ip}
        pools = None if pool is None else [{"start": pool[0], "end": pool[1]}]
        SubnetManager(context).create(
            network_id=network.id,
            name=PUBLIC,
            cidr=cidr,
            allocation_pools=pools,
            dns_nameservers=dns_nameservers,
            **gateway,
        )
    return network


def ensure_default_ranges() -> None:
    """Make the ranges of numbers be those that settings name; networks keep the numbers they have.

    Raises ImproperlyConfigured for settings that say what cannot be.
    """
    tenant_kinds()
    for row in SegmentRange.objects.filter(default=True):
        if (row.kind, row.physical_network, row.minimum, row.maximum) not in default_ranges():
            row.delete()
    for kind, wire, minimum, maximum in default_ranges():
        SegmentRange.objects.get_or_create(
            default=True,
            kind=kind,
            physical_network=wire,
            minimum=minimum,
            maximum=maximum,
            defaults={"name": f"{kind} of settings", "shared": True, "project_id": ""},
        )


def ensure_demo_network(project_id: str, *, cidr: str = DEMO_CIDR) -> Network:
    """Make an isolated network with DHCP for a project's first server, unless it is there."""
    context = RequestContext.system(project_id=project_id)
    network = Network.objects.filter(project_id=project_id, name=DEMO).first()
    if network is None:
        network = NetworkManager(context).create(name=DEMO, description="For a first server")
    if not Subnet.objects.filter(network=network).exists():
        SubnetManager(context).create(network_id=network.id, name=DEMO, cidr=cidr)
    return network
