"""What is free stays true whatever is taken, given back and re-cut; ports never share an address."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from network import ipam
from network.exceptions.ports import IpAddressAlreadyAllocated, IpAddressGenerationFailure
from network.manager import PortManager, SubnetManager
from network.models import FreeRange, PortAddress, Subnet
from tests.builders.networks import make_context, make_network, make_port, make_subnet

pytestmark = pytest.mark.both_databases


def free_addresses(subnet: Subnet) -> list[int]:
    """Return every address the ranges call free; fail when two ranges share one."""
    spans = sorted(
        (int(r.first, 16), int(r.last, 16)) for r in FreeRange.objects.filter(subnet=subnet)
    )
    found = [number for first, last in spans for number in range(first, last + 1)]
    assert len(found) == len(set(found)), "two free ranges overlap"
    return found


def pool_addresses(subnet: Subnet) -> set[int]:
    return {
        number
        for pool in Subnet.objects.get(id=subnet.id).allocation_pools
        for number in range(
            int(ipaddress.ip_address(pool["start"])), int(ipaddress.ip_address(pool["end"])) + 1
        )
    }


def held_addresses(subnet: Subnet) -> set[int]:
    return {
        int(ipaddress.ip_address(text))
        for text in PortAddress.objects.filter(subnet=subnet).values_list("ip_address", flat=True)
    }


def check_books(subnet: Subnet) -> None:
    assert set(free_addresses(subnet)) == pool_addresses(subnet) - held_addresses(subnet)


class AnySequence(TestCase):
    """Allocations, releases and new pools in any order."""

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        steps=st.lists(
            st.one_of(
                st.just(("take", 0)),
                st.tuples(st.just("exactly"), st.integers(2, 14)),
                st.tuples(st.just("release"), st.integers(0, 20)),
                st.tuples(st.just("pool"), st.integers(2, 14)),
            ),
            max_size=25,
        )
    )
    def test_free_is_pools_without_held(self, steps: list[tuple[str, int]]) -> None:
        context = make_context()
        network = make_network(context)
        subnet = make_subnet(network, cidr="10.0.0.0/28")
        ports: list[Any] = []
        for action, number in steps:
            if action == "release" and ports:
                PortManager(context).delete(ports.pop(number % len(ports)).id)
            elif action == "pool":
                pools = [{"start": f"10.0.0.{number}", "end": "10.0.0.14"}]
                SubnetManager(context).update(subnet.id, allocation_pools=pools)
            elif action in ("take", "exactly"):
                wish = [{"ip_address": f"10.0.0.{number}"}] if action == "exactly" else None
                with contextlib.suppress(IpAddressAlreadyAllocated, IpAddressGenerationFailure):
                    ports.append(make_port(network, context, fixed_ips=wish))
            check_books(subnet)
        for port in ports:
            PortManager(context).delete(port.id)
        check_books(subnet)


@pytest.mark.django_db
def test_a_full_subnet_says_so_and_has_room_again_after_a_release() -> None:
    context = make_context()
    network = make_network(context)
    subnet = make_subnet(network, cidr="10.0.0.0/29")
    ports = [make_port(network, context) for _ in range(5)]
    with pytest.raises(IpAddressGenerationFailure):
        make_port(network, context)
    PortManager(context).delete(ports[2].id)
    again = make_port(network, context)
    assert again.addresses.get().ip_address == "10.0.0.4"
    check_books(subnet)


@pytest.mark.django_db
@pytest.mark.parametrize("cidr", ["10.0.0.0/28", "10.0.0.0/16", "10.0.0.0/8", "fd00::/64"])
def test_an_allocation_costs_the_same_in_every_size(cidr: str) -> None:
    network = make_network()
    subnet = make_subnet(network, cidr=cidr)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            assert ipam.take_next(subnet)
    assert len(queries) == 10


@pytest.mark.django_db
def test_an_allocation_costs_the_same_when_many_are_taken() -> None:
    network = make_network()
    subnet = make_subnet(network, cidr="10.0.0.0/16")
    for number in range(3, 200, 2):
        ipam.take(subnet, ipaddress.ip_address(f"10.0.0.{number}"))
    for _ in range(99):
        ipam.take_next(subnet)
    with CaptureQueriesContext(connection) as queries:
        assert ipam.take_next(subnet) == "10.0.0.200"
    assert len(queries) == 2
