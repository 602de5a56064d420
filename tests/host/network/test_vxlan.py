"""Networks over two hosts by VXLAN: who reaches whom, who does not, and what heals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from network.objects import NetworkWiring, PortWiring, Segment
from tests.builders.ports import (
    allow,
    free_egress,
    make_network,
    make_port,
    make_subnet,
    make_subnet6,
)
from tests.host.network.two_hosts import Pair

pytestmark = pytest.mark.host
ALL = (*free_egress(), allow(), allow(ethertype="IPv6"))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.close()


def spanning(number: int, **overrides: Any) -> NetworkWiring:
    values: dict[str, Any] = {
        "segment": Segment(network_type="vxlan", segmentation_id=number),
        "mtu": 1500,
        "subnets": (make_subnet(), make_subnet6()),
    }
    return make_network(**{**values, **overrides})


def port(network: NetworkWiring, number: int, **overrides: Any) -> PortWiring:
    return make_port(network, f"10.5.0.{number}", **{"rules": ALL, **overrides})


def test_guests_of_one_network_reach_each_other_and_those_of_another_do_not(pair: Pair) -> None:
    mine, theirs = spanning(1000), spanning(1001)
    one = pair.guest(pair.one, port(mine, 11))
    two = pair.guest(pair.two, port(mine, 12))
    pair.guest(pair.two, port(theirs, 13))
    other = pair.guest(pair.one, port(theirs, 11))
    assert one.reaches(two.address)
    assert two.reaches(one.address)
    assert not one.pings("10.5.0.13")
    assert not other.pings("10.5.0.12")
    assert other.reaches("10.5.0.13")
