"""What a router does not translate: an address of one scope means the same on both sides of it.

Pools of others than the scope's own project do not count: whoever may name a shared scope could say of any
address that it is known outside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from django.db.models import F

from network.models import PortAddress, Router, SubnetPool


def untranslated(router_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """Return, by router, its IPv4 blocks inside that are of the address scope of its gateway's subnet; one query."""
    rows = PortAddress.objects.filter(
        port__router_port__router__in=router_ids,
        subnet__ip_version=4,
        subnet__subnet_pool__address_scope__project_id=F("subnet__subnet_pool__project_id"),
    )
    inside: defaultdict[UUID, set[tuple[UUID, str]]] = defaultdict(set)
    outside: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for router, is_gateway, cidr, scope in rows.values_list(
        "port__router_port__router",
        "port__router_port__is_gateway",
        "subnet__cidr",
        "subnet__subnet_pool__address_scope",
    ):
        if is_gateway:
            outside[router].add(scope)
        else:
            inside[router].add((scope, cidr))
    return {
        router: sorted(cidr for scope, cidr in inside[router] if scope in scopes)
        for router, scopes in outside.items()
    }


def routers_of(pool: SubnetPool) -> list[UUID]:
    """Return the routers with a port on a subnet of a pool: it is in another scope now."""
    rows = Router.objects.filter(router_ports__port__addresses__subnet__subnet_pool=pool)
    return [*rows.order_by("id").values_list("id", flat=True).distinct()]
