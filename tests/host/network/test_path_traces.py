"""What real hosts see of a packet's way: each thing that somebody broke by hand is named, and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from network.drivers.linuxbridge.member_sets import set_names
from network.objects import PortWiring, Segment
from network.trace.objects import PathQuestion, PortLook, WayLook
from tests.builders.ports import free_egress, from_group, make_network, make_port, members, new_id
from tests.host.network.guests import Guest, dhcp
from tests.host.network.two_hosts import Host, Pair
from tests.host.network.waiting import appears

pytestmark = pytest.mark.host
VXLAN = Segment(network_type="vxlan", segmentation_id=4077)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.clear()
    made.close()


def look(
    source: PortWiring, goal: PortWiring, direction: Literal["egress", "ingress"], sent: str = ""
) -> PortLook:
    port = source if direction == "egress" else goal
    return PortLook(
        port_id=port.id, network_id=port.network.id, tap=port.tap, mac=port.mac,
        direction=direction, source=sent or source.addresses[0].ip_address,
        destination=goal.addresses[0].ip_address, protocol=17, port=85, leases=True,
    )  # fmt: skip


def seen(host: Host, question: PathQuestion) -> dict[str, bool | None]:
    answer = host.inside(lambda: host.agent.observe(question))
    return {one.kind: one.passes for one in answer.sightings}


def test_what_was_broken_by_hand_is_named(pair: Pair) -> None:
    network, group = make_network(segment=VXLAN), new_id()
    source = make_port(network, "10.5.0.11", rules=free_egress())
    goal = make_port(
        network, "10.5.0.12", rules=(), group_rules=(from_group(group, "udp", port_min=85, port_max=85),),
        groups=(members(network, group, 1, "10.5.0.11/32"),),
    )  # fmt: skip
    one: Guest = pair.guest(pair.one, source, configure=False)
    pair.guest(pair.two, goal)
    tables = {host: host.bench.config.names(network.id) for host in pair.hosts}
    sender = PathQuestion(
        ports=(look(source, goal, "egress"),),
        ways=(WayLook(network_id=network.id, mac=goal.mac, endpoint=pair.two.address),),
    )
    receiver = PathQuestion(ports=(look(source, goal, "ingress"),))
    fine = {"tap": True, "card": True, "filters": True}
    assert seen(pair.one, sender) == {**fine, "lease": None, "way": True}
    assert seen(pair.two, receiver) == {**fine, "lease": None}
    assert dhcp(one)
    # the server's helper notes a lease a moment after the guest has it
    appears(lambda: seen(pair.one, sender)["lease"] is True)
    spoofed = PathQuestion(ports=(look(source, goal, "egress", "10.5.0.99"),))
    assert seen(pair.one, spoofed)["filters"] is False
    (member, *_) = set_names(group, 4)
    wire, table = tables[pair.one].wire, tables[pair.two].filters
    harms: dict[str, tuple[Callable[[], object], Host, PathQuestion, dict[str, bool | None]]] = {
        "a member of the group": (
            lambda: pair.two.run("nft", "delete", "element", "inet", table, member, "{ 10.5.0.11 }"),
            pair.two, receiver, {"filters": False},
        ),
        "the element that leads to a port's chain": (
            lambda: pair.two.run(
                "nft", "delete", "element", "bridge", table, "receivers", f'{{ "{goal.tap}" }}'
            ),
            pair.two, receiver, {"filters": False},
        ),
        "the filters": (
            lambda: pair.two.run("nft", "delete", "table", "inet", table),
            pair.two, receiver, {"filters": None},
        ),
        "the forwarding entry": (
            lambda: pair.one.run("bridge", "fdb", "del", goal.mac, "dev", wire, "self"),
            pair.one, sender, {"way": False},
        ),
        "the forwarding entry's end": (
            lambda: pair.one.run(
                "bridge", "fdb", "replace", goal.mac, "dev", wire, "dst", "192.168.77.200", "self"
            ),
            pair.one, sender, {"way": False},
        ),
        "the tunnel": (lambda: pair.one.ip("link", "set", wire, "down"), pair.one, sender, {"way": False}),
        "the tap's place": (
            lambda: pair.one.ip("link", "set", source.tap, "nomaster"), pair.one, sender, {"tap": False},
        ),
        "the tap": (
            lambda: pair.one.ip("link", "set", source.tap, "down"), pair.one, sender, {"tap": False},
        ),
    }  # fmt: skip
    for what, (harm, host, question, wrong) in harms.items():
        before = seen(host, question)
        assert set(before.values()) <= {True, None}, what
        harm()
        after = seen(host, question)
        changed = {kind for kind in after if after[kind] is not before.get(kind, True)}
        assert {kind: after[kind] for kind in changed & {*wrong}} == wrong, (what, after)
        assert changed <= {*wrong, "card"}, (what, after)
        host.restart()  # a new process makes all as it was told


def test_dropped_packets_are_counted(pair: Pair) -> None:
    network = make_network()
    source = make_port(network, "10.5.0.11", rules=free_egress())
    goal = make_port(network, "10.5.0.12", rules=())
    one = pair.guest(pair.one, source)
    pair.guest(pair.one, goal)
    question = PathQuestion(ports=(look(source, goal, "ingress"),))

    def dropped() -> int:
        answer = pair.one.inside(lambda: pair.one.agent.observe(question))
        return sum(sight.dropped or 0 for sight in answer.sightings)

    before = dropped()  # what a guest's kernel says by itself is dropped, too
    assert not one.pings("10.5.0.12")
    assert dropped() > before
