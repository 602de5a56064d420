"""Both IP versions together: no address is had twice and none is lost, whatever comes, changes and goes."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cloudweb.addresses import parse_address
from network import ipam
from network.exceptions.ports import IpAddressGenerationFailure, MacAddressInUse
from network.manager import PortManager, SubnetManager
from network.models import FreeRange, Network, Port, PortAddress, Subnet
from tests.builders.networks import make_context, make_network, make_port, make_subnet
from tests.builders.threads import at_once

pytestmark = pytest.mark.both_databases
SLAAC = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
STATEFUL = {"ipv6_ra_mode": "dhcpv6-stateful", "ipv6_address_mode": "dhcpv6-stateful"}


def check_books(network: Network) -> None:
    """Pools are what is free and what is held, by number: a /64 is not written out."""
    for subnet in Subnet.objects.filter(network=network):
        pools = [
            (int(parse_address(pool["start"])), int(parse_address(pool["end"])))
            for pool in subnet.allocation_pools
        ]
        held = [
            int(parse_address(text))
            for text in PortAddress.objects.filter(subnet=subnet).values_list(
                "ip_address", flat=True
            )
        ]
        assert len(held) == len({*held})
        rows = FreeRange.objects.filter(subnet=subnet)
        free = sorted((int(row.first, 16), int(row.last, 16)) for row in rows)
        assert all(before[1] < after[0] for before, after in itertools.pairwise(free))
        inside = [one for one in held if any(first <= one <= last for first, last in pools)]
        assert not any(first <= one <= last for one in held for first, last in free)
        size = sum(last - first + 1 for first, last in free)
        assert size + len(inside) == ipam.pool_size(subnet)
        if subnet.is_self_addressing:
            made = {
                ipam.self_made_address(subnet, mac)
                for mac in Port.objects.filter(network=network).values_list(
                    "mac_address", flat=True
                )
            }
            assert {int(parse_address(text)) for text in made} == {*held}


class AnySequence(TestCase):
    """Ports, MAC addresses and subnets that come and go in any order."""

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["take", "take", "release", "mac", "slaac", "no slaac"]),
                st.integers(0, 9),
            ),
            max_size=14,
        )
    )
    def test_nothing_is_had_twice_and_nothing_is_lost(self, steps: list[tuple[str, int]]) -> None:
        context = make_context()
        network = make_network(context)
        make_subnet(network, cidr="10.0.0.0/29")
        make_subnet(network, cidr="fd01::/125", **STATEFUL)
        ports: list[Any] = []
        subnets = SubnetManager(context)
        for action, number in steps:
            made = Subnet.objects.filter(network=network, ipv6_ra_mode="slaac").first()
            if action == "take":
                with contextlib.suppress(IpAddressGenerationFailure):
                    ports.append(make_port(network, context))
            elif action == "release" and ports:
                PortManager(context).delete(ports.pop(number % len(ports)).id)
            elif action == "mac" and ports:
                with contextlib.suppress(MacAddressInUse):
                    changed = {"mac_address": f"fa:16:3e:00:00:0{number}"}
                    PortManager(context).update(ports[number % len(ports)].id, **changed)
            elif action == "slaac" and made is None:
                make_subnet(network, context, cidr="fd02::/64", **SLAAC)
            elif action == "no slaac" and made is not None:
                subnets.delete(made.id)
            check_books(network)
        for port in ports:
            PortManager(context).delete(port.id)
        check_books(network)


@pytest.mark.django_db(transaction=True)
def test_sixteen_at_once_by_both_versions() -> None:
    """Thirteen addresses of one version for sixteen ports, and a subnet of self-made ones comes meanwhile."""
    context = make_context()
    network = make_network(context)
    make_subnet(network, cidr="10.0.0.0/28")
    make_subnet(network, cidr="fd01::/124", **STATEFUL)
    calls: list[Any] = [lambda: make_port(network, context) for _ in range(16)]
    found = at_once([*calls, lambda: make_subnet(network, context, cidr="fd02::/64", **SLAAC)])
    assert {type(one) for one in found} == {Port, Subnet, IpAddressGenerationFailure}
    assert sum(isinstance(one, Port) for one in found) == 13
    SubnetManager(context.system()).address_ports()
    check_books(network)
