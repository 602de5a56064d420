"""Networks, subnets, ports and groups in the database, made by their managers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from cloudweb.context import RequestContext
from network.manager import (
    AgentManager,
    NetworkManager,
    PortManager,
    RbacPolicyManager,
    SecurityGroupManager,
    SegmentRangeManager,
    SubnetManager,
    SubnetPoolManager,
    TrunkManager,
)
from network.models import (
    Agent,
    Network,
    Port,
    RbacPolicy,
    SecurityGroup,
    SegmentRange,
    Subnet,
    SubnetPool,
    Trunk,
)
from network.models.standard import Standard
from network.objects import NetworkInventory
from tests.builders.compute import make_service

IMPLIED = {
    "reader": frozenset({"reader"}),
    "member": frozenset({"reader", "member"}),
    "manager": frozenset({"reader", "member", "manager"}),
    "admin": frozenset({"reader", "member", "manager", "admin"}),
}


def make_context(role: str = "member", *, project_id: str | None = None) -> RequestContext:
    """Return a caller with this role, in a project of its own unless one is said."""
    return RequestContext(
        user_id=uuid.uuid4().hex,
        user_name=role,
        project_id=project_id or uuid.uuid4().hex,
        roles=IMPLIED[role],
    )


def make_network(context: RequestContext | None = None, **overrides: Any) -> Network:
    """Return a network of the caller's project."""
    return NetworkManager(context or make_context()).create(**{"name": "net", **overrides})


def make_subnet(
    network: Network | None = None, context: RequestContext | None = None, **overrides: Any
) -> Subnet:
    """Return a subnet, on a new network unless one is said."""
    context = context or RequestContext.system(
        project_id=network.project_id if network else uuid.uuid4().hex
    )
    network = network or make_network(context)
    return SubnetManager(context).create(
        **{"network_id": network.id, "cidr": "10.0.0.0/24", **overrides}
    )


def make_port(network: Network, context: RequestContext | None = None, **overrides: Any) -> Port:
    """Return a port of the network's project."""
    context = context or RequestContext.system(project_id=network.project_id)
    return PortManager(context).create(**{"network_id": network.id, **overrides})


def make_trunk(context: RequestContext, *, subports: int = 0) -> Trunk:
    """Return a trunk of a port with so many subports, all on networks of their own."""
    ports = [make_port(make_network(context), context) for _ in range(subports + 1)]
    said = [
        {"port_id": port.id, "segmentation_id": number}
        for number, port in enumerate(ports[1:], start=1)
    ]
    return TrunkManager(context).create(port_id=ports[0].id, sub_ports=said)


def make_group(context: RequestContext, **overrides: Any) -> SecurityGroup:
    """Return a security group of the caller's project."""
    return SecurityGroupManager(context).create(**{"name": "web", **overrides})


def make_pool(context: RequestContext, **overrides: Any) -> SubnetPool:
    """Return a pool of the caller's project that gives /26."""
    values = {"name": "plan", "prefixes": ["10.128.0.0/16"], "default_prefixlen": 26}
    return SubnetPoolManager(context).create(**values | overrides)


def share(row: Standard, context: RequestContext | None = None, **overrides: Any) -> RbacPolicy:
    """Let another project, or whom the overrides say, use something."""
    context = context or RequestContext.system(project_id=row.project_id)
    noun = str(row._meta.verbose_name).replace(" ", "_")
    values = {
        "object_type": "subnetpool" if noun == "subnet_pool" else noun,
        "object_id": row.id,
        "action": "access_as_shared",
        "target_project": uuid.uuid4().hex,
    }
    return RbacPolicyManager(context).create(**values | overrides)


def make_agent(host: str, *, capabilities: Sequence[str] = (), **seen: Any) -> Agent:
    """Return a host's network agent that has reported; ``seen`` is about its service."""
    make_service("network", host, **seen)
    AgentManager(RequestContext.system()).report(
        {host: NetworkInventory(driver="FakeNetworkDriver", capabilities=tuple(capabilities))}
    )
    return Agent.objects.get(host=host)


def make_range(**overrides: Any) -> SegmentRange:
    """Return a range of numbers of VXLANs, everybody's."""
    values = {"kind": "vxlan", "minimum": 1, "maximum": 4000, **overrides}
    return SegmentRangeManager(RequestContext.system()).create(**values)
