"""Routers and floating IPs in the database, made by their managers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from cloudweb.context import RequestContext
from network.manager import FloatingIpManager, RouterManager
from network.manager.router_gateway import Gateway
from network.models import FloatingIp, Network, Router, Subnet
from tests.builders.networks import make_network, make_subnet

OUTSIDE = "172.24.4.0/24"


def make_external(
    context: RequestContext | None = None, *, cidr: str = OUTSIDE, **overrides: Any
) -> Network:
    """Return a provider's external network with one subnet."""
    context = context or RequestContext.system(project_id=uuid.uuid4().hex)
    values = {"kind": "flat", "physical_network": "public", "external": True, **overrides}
    network = make_network(context, **values)
    make_subnet(network, context, cidr=cidr)
    return network


def make_router(
    context: RequestContext,
    *,
    subnets: Iterable[Subnet] = (),
    external: Network | None = None,
    **overrides: Any,
) -> Router:
    """Return a router of the caller's project, with interfaces on subnets and a gateway."""
    manager = RouterManager(context)
    gateway = Gateway(external.id) if external is not None else None
    router = manager.create(name="r1", gateway=gateway, **overrides)
    for subnet in subnets:
        manager.add_interface(router.id, subnet_id=subnet.id)
    return manager.get(router.id)


def make_floating_ip(context: RequestContext, external: Network, **overrides: Any) -> FloatingIp:
    """Return a floating IP of the caller's project."""
    return FloatingIpManager(context).create(floating_network_id=external.id, **overrides)
