"""Routers do not translate between subnets of one IPv4 address scope; nobody makes himself part of one."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.manager import AddressScopeManager, SubnetPoolManager
from network.models import AddressScope, Network, Router, Subnet
from network.ovn.reading import read_routers
from network.ovn.routers import router_rows
from network.routers.resolution import described
from tests.builders.networks import make_network, make_pool, make_subnet
from tests.builders.routers import make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
OPERATOR = RequestContext.system(project_id=uuid.uuid4().hex)


@pytest.fixture
def scope() -> AddressScope:
    return AddressScopeManager(OPERATOR).create(name="house", ip_version=4, shared=True)


@pytest.fixture
def external(scope: AddressScope) -> Network:
    pool = make_pool(OPERATOR, prefixes=["172.24.0.0/16"], address_scope_id=scope.id)
    values = {"kind": "flat", "physical_network": "public", "external": True}
    network = make_network(OPERATOR, **values)
    make_subnet(network, OPERATOR, cidr="172.24.4.0/24", subnet_pool_id=pool.id)
    return network


def cut(context: RequestContext, pool: Any, cidr: str) -> Subnet:
    """Return a subnet of a network of the caller's, of a pool."""
    network = make_network(context)
    return make_subnet(network, context, cidr=cidr, subnet_pool_id=pool and pool.id)


def untranslated(router: Router) -> tuple[tuple[str, ...], set[str]]:
    """Return what hosts are told of it, and what OVN is told to translate."""
    told = described(Router.objects.complete().get(id=router.id)).untranslated
    (facts,) = read_routers([router.id])
    assert tuple(facts.untranslated) == told
    rows = [row for row in router_rows(facts) if row.table == "NAT"]
    return told, {str(row.columns["logical_ip"]) for row in rows}


def test_one_scope_on_both_sides_is_passed_on_as_it_is(
    context: RequestContext, scope: AddressScope, external: Network
) -> None:
    pools = SubnetPoolManager(OPERATOR)
    other = AddressScopeManager(OPERATOR).create(name="other", ip_version=4, shared=True)
    house = make_pool(OPERATOR, prefixes=["10.1.0.0/16"], address_scope_id=scope.id, shared=True)
    strange = make_pool(OPERATOR, prefixes=["10.2.0.0/16"], address_scope_id=other.id, shared=True)
    own = make_pool(context, prefixes=["10.3.0.0/16"], address_scope_id=scope.id)
    subnets = [
        cut(context, house, "10.1.7.0/24"),
        cut(context, strange, "10.2.7.0/24"),
        cut(context, own, "10.3.7.0/24"),  # a tenant's own word is no proof
        cut(context, None, "10.4.7.0/24"),
    ]
    router = make_router(context, subnets=subnets, external=external)
    translated = {"10.2.7.0/24", "10.3.7.0/24", "10.4.7.0/24"}
    assert untranslated(router) == (("10.1.7.0/24",), translated)

    before = Router.objects.get(id=router.id).wiring_revision
    pools.update(strange.id, address_scope_id=scope.id)
    assert Router.objects.get(id=router.id).wiring_revision > before  # its host is told
    assert untranslated(router)[0] == ("10.1.7.0/24", "10.2.7.0/24")
    pools.update(house.id, address_scope_id=None)
    assert untranslated(router)[0] == ("10.2.7.0/24",)


def test_subnets_that_get_into_a_pool_are_of_its_scope_at_once(
    scope: AddressScope, external: Network
) -> None:
    house = make_pool(OPERATOR, prefixes=["10.1.0.0/16"], address_scope_id=scope.id)
    subnet = cut(OPERATOR, None, "10.9.0.0/24")
    router = make_router(OPERATOR, subnets=[subnet], external=external)
    assert untranslated(router) == ((), {"10.9.0.0/24"})
    before = Router.objects.get(id=router.id).wiring_revision
    SubnetPoolManager(OPERATOR).onboard_network_subnets(house.id, subnet.network_id)
    assert Router.objects.get(id=router.id).wiring_revision > before
    assert untranslated(router) == (("10.9.0.0/24",), set())


def test_a_router_without_a_gateway_has_nothing_to_translate(
    context: RequestContext, scope: AddressScope
) -> None:
    house = make_pool(OPERATOR, prefixes=["10.1.0.0/16"], address_scope_id=scope.id, shared=True)
    router = make_router(context, subnets=[cut(context, house, "10.1.7.0/24")])
    assert untranslated(router) == ((), set())
