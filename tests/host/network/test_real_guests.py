"""Real guests on two hosts over VXLAN; each host is a namespace with a libvirtd of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from network.objects import NetworkWiring, PortWiring, Segment
from tests.builders.ports import allow, free_egress, make_network, make_port
from tests.host.network.real_guests import Hypervisors, RealGuest, hypervisors, name_at
from tests.host.network.two_hosts import Host, Pair

pytestmark = [pytest.mark.host, pytest.mark.timeout(400)]


def vxlan(number: int) -> NetworkWiring:
    segment = Segment(network_type="vxlan", segmentation_id=number)
    return make_network(segment=segment, mtu=1500)


def port(network: NetworkWiring, number: int, hostname: str, **overrides: object) -> PortWiring:
    rules = (*free_egress(), allow())
    return make_port(network, f"10.5.0.{number}", hostname=hostname, rules=rules, **overrides)


def test_real_guests_reach_their_project_s_on_the_other_host_over_vxlan_and_nobody_else_s(
    tmp_path: Path,
) -> None:
    pair = Pair(tmp_path)
    try:
        with hypervisors() as kvm:
            story(pair, kvm)
    finally:
        pair.close()


def story(pair: Pair, hypervisors: Hypervisors) -> None:
    def boot(host: Host, one: PortWiring, **said: tuple[str, ...]) -> RealGuest:
        host.plug(one)
        pair.place(host, one)
        return RealGuest(hypervisors.on(host.name, host.inside), one, **said)

    mine, theirs = vxlan(501), vxlan(502)
    here, there = port(mine, 11, "mine-here"), port(mine, 12, "mine-there")
    boot(pair.one, here)
    sees = boot(pair.two, there, friends=("10.5.0.11",))
    assert sees.seen() == ["10.5.0.11 is mine-here"]
    same = port(theirs, 11, "theirs", mac=here.mac)  # addresses of both layers are there twice
    assert boot(pair.two, same, strangers=("10.5.0.12",)).seen() == []
    for network, name in ((mine, "mine-here"), (theirs, "theirs")):
        neighbour = pair.guest(pair.one, port(network, 13, "neighbour"))
        assert name_at(neighbour, "10.5.0.11") == name
