"""The hop that stops a packet, case by case: a world of two networks, a router and an outside, changed in one place."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from network import states
from network.objects import HostRoute, NetworkWiring, PortWiring, Segment, TrunkPlace
from network.routers.objects import FloatingWiring, ForwardingWiring, RouterWiring
from network.trace.asking import Look
from network.trace.facts import (
    FloatingFacts,
    Observed,
    OnHost,
    Packet,
    PortFacts,
    RouterFacts,
    Trace,
)
from network.trace.follow import from_outside, from_port
from network.trace.objects import PortLook, Sighting, WayLook
from tests.builders.ports import (
    allow,
    free_egress,
    from_group,
    make_network,
    make_port,
    make_subnet,
)

TCP, ICMP = 6, 1
HERE = OnHost(host="h1")
GROUP, VXLAN = "g1", Segment(network_type="vxlan", segmentation_id=7)


def network_of(start: str, **overrides: Any) -> NetworkWiring:
    subnet = make_subnet(cidr=f"{start}.0/24", gateway_ip=f"{start}.1")
    return make_network(subnets=(subnet,), **overrides)


def port_of(network: NetworkWiring, address: str, **overrides: Any) -> PortWiring:
    return make_port(network, address, **{"device_id": "s1", **overrides})


@dataclass
class Cloud:
    """Facts in memory; the tenant is p1, and somebody else has 10.5.0.66."""

    ports: dict[str, PortFacts] = field(default_factory=dict)  # by address
    router_facts: RouterFacts | None = None
    floating_ips: dict[str, FloatingFacts] = field(default_factory=dict)
    outside: NetworkWiring = field(
        default_factory=lambda: network_of("172.24.4", kind="flat", project_id="ops")
    )
    member_blocks: Collection[str] = ("10.5.0.11/32",)
    is_distributed: bool = False
    asked: list[tuple[str, Look]] = field(default_factory=list)
    seen: Callable[[str, Look], Observed | None] = lambda host, about: None

    def sees(self, project_id: str) -> bool:
        return project_id == "p1"

    def endpoint(self, host: str) -> str:
        return f"192.0.2.{host[1:]}"

    def look(self, host: str, about: Look) -> Observed | None:
        self.asked.append((host, about))
        return self.seen(host, about)

    def port_at(self, network_id: str, address: str) -> PortFacts | None:
        found = self.ports.get(address)
        return found if found is not None and found.wiring.network.id == network_id else None

    def router(self, router_id: str) -> RouterFacts | None:
        return self.router_facts

    def floating(self, network_id: str, address: str) -> FloatingFacts | None:
        return self.floating_ips.get(address)

    def external(self, address: str) -> NetworkWiring | None:
        return self.outside if address.startswith("172.24.4.") else None

    def members(self, group_id: str, network_id: str) -> Collection[str]:
        return self.member_blocks

    def put(self, wiring: PortWiring, **facts: Any) -> None:
        address = wiring.addresses[0].ip_address
        values = {"name": f"n-{address}", "groups": ["web"], "seen": HERE, **facts}
        self.ports[address] = PortFacts(wiring=wiring, **values)

    def change(self, address: str, *, seen: OnHost | None = None, **wiring: Any) -> None:
        facts = self.ports[address]
        self.ports[address] = replace(
            facts, wiring=facts.wiring.model_copy(update=wiring), seen=seen or facts.seen
        )

    def change_router(self, *, seen: OnHost | None = None, **wiring: Any) -> None:
        facts = self.router_facts
        assert facts is not None
        self.router_facts = replace(
            facts, wiring=facts.wiring.model_copy(update=wiring), seen=seen or facts.seen
        )


def cloud() -> Cloud:
    """Return left (10.5.0.0/24) and right (10.6.0.0/24), joined and led outside, all on one host."""
    made = Cloud()
    left, right = network_of("10.5.0"), network_of("10.6.0")
    rules = (*free_egress(), allow("tcp", port_min=22, port_max=22), allow("icmp"))
    made.put(port_of(left, "10.5.0.11", rules=rules))
    made.put(port_of(left, "10.5.0.12", rules=rules))
    made.put(port_of(left, "10.5.0.66", rules=rules, project_id="p2"))
    made.put(port_of(right, "10.6.0.11", rules=rules))
    made.put(port_of(made.outside, "172.24.4.60", rules=rules, project_id="p1"))
    legs = [
        port_of(network, address, router_id="r", project_id=project, rules=(), port_security=False)
        for network, address, project in (
            (left, "10.5.0.1", "p1"), (right, "10.6.0.1", "p1"), (made.outside, "172.24.4.50", ""),
        )
    ]  # fmt: skip
    for leg in legs[:2]:
        made.put(leg, owner=states.INTERFACE_OWNER)
    made.put(legs[2], owner=states.GATEWAY_OWNER)
    made.router_facts = RouterFacts(
        wiring=RouterWiring(
            id="r",
            project_id="p1",
            revision=1,
            interfaces=(legs[0], legs[1]),
            gateway=legs[2],
            next_hops=("172.24.4.1",),
            floating=(FloatingWiring(floating_ip="172.24.4.70", fixed_ip="10.5.0.11"),),
            forwardings=(
                ForwardingWiring(
                    floating_ip="172.24.4.71", protocol="tcp", first=2200, last=2200,
                    fixed_ip="10.5.0.12", fixed_first=22, fixed_last=22,
                ),
            ),
        ),
        name="r1",
        seen=HERE,
    )  # fmt: skip
    for address, router in (("172.24.4.70", "r"), ("172.24.4.71", "r"), ("172.24.4.72", "")):
        made.floating_ips[address] = FloatingFacts(f"f-{address}", "p1", address, router)
    made.floating_ips["172.24.4.73"] = FloatingFacts("f", "p2", "172.24.4.73", "r9")
    return made


def send(world: Cloud, source: str, destination: str, protocol: int = TCP, port: int = 22) -> Trace:
    return from_port(world, world.ports[source], Packet(source, destination, protocol, port))


def enter(world: Cloud, destination: str, port: int = 22, protocol: int = TCP) -> Trace:
    packet = Packet("203.0.113.1", destination, protocol, port)
    return from_outside(world, world.outside, packet, name="public")


def subnets_of(world: Cloud, address: str, **changes: Any) -> NetworkWiring:
    network = world.ports[address].wiring.network
    return network.model_copy(update={"subnets": (network.subnets[0].model_copy(update=changes),)})


def without_members(world: Cloud) -> None:
    world.change("10.5.0.12", rules=(), group_rules=(from_group(GROUP, "tcp"),))
    world.member_blocks = ("10.5.0.12/32",)


def left(world: Cloud) -> Trace:
    return send(world, "10.5.0.11", "10.5.0.12")


def across(world: Cloud) -> Trace:
    return send(world, "10.5.0.11", "10.6.0.11")


Case = tuple[Callable[[Cloud], Any], Callable[[Cloud], Trace], str, str]
#: What was changed, what is sent, the verdict, and the kind of the hop that it ends at.
CASES: dict[str, Case] = {
    "on one wire": (lambda c: None, left, "reaches", "destination"),
    "by a router": (lambda c: None, across, "reaches", "destination"),
    "out": (lambda c: None, lambda c: send(c, "10.5.0.11", "8.8.8.8"), "reaches", "outside"),
    "in by a floating IP": (lambda c: None, lambda c: enter(c, "172.24.4.70"), "reaches", "destination"),
    "in by a forwarding": (
        lambda c: None, lambda c: enter(c, "172.24.4.71", 2200), "reaches", "destination",
    ),
    "to a server outside": (lambda c: None, lambda c: enter(c, "172.24.4.60"), "reaches", "destination"),
    "round by a floating IP": (
        lambda c: None, lambda c: send(c, "10.6.0.11", "172.24.4.70"), "reaches", "destination",
    ),
    "to the router": (
        lambda c: None, lambda c: send(c, "10.5.0.11", "10.5.0.1", ICMP), "reaches", "router",
    ),
    "to metadata": (
        lambda c: None, lambda c: send(c, "10.5.0.11", "169.254.169.254", TCP, 80), "reaches",
        "metadata",
    ),
    "the sender's port is off": (
        lambda c: c.ports.update({"10.5.0.11": replace(c.ports["10.5.0.11"], admin_up=False)}),
        left, "stopped", "port",
    ),
    "the network is off": (
        lambda c: c.ports.update({"10.5.0.11": replace(c.ports["10.5.0.11"], network_up=False)}),
        left, "stopped", "network",
    ),
    "the sender is on no host": (lambda c: c.change("10.5.0.11", seen=OnHost()), left, "stopped", "port"),
    "its host is down": (
        lambda c: c.change("10.5.0.11", seen=replace(HERE, host_up=False)), left, "stopped", "host",
    ),
    "it is not plugged": (
        lambda c: c.change("10.5.0.11", seen=replace(HERE, there=False)), left, "stopped", "port",
    ),
    "the host is behind": (
        lambda c: c.change("10.5.0.11", seen=replace(HERE, current=False)), left, "unknown", "revision",
    ),
    "a forged address": (
        lambda c: None,
        lambda c: from_port(c, c.ports["10.5.0.11"], Packet("10.5.0.99", "10.5.0.12", TCP, 22)),
        "stopped", "anti_spoofing",
    ),
    "an allowed address": (
        lambda c: c.change("10.5.0.11", allowed_pairs=(("fa:16:3e:00:00:01", "10.5.0.96/28"),)),
        lambda c: from_port(c, c.ports["10.5.0.11"], Packet("10.5.0.99", "10.5.0.12", TCP, 22)),
        "reaches", "destination",
    ),
    "no rule out": (lambda c: c.change("10.5.0.11", rules=()), left, "stopped", "security_groups"),
    "no rule in": (
        lambda c: None, lambda c: send(c, "10.5.0.11", "10.5.0.12", TCP, 80), "stopped",
        "security_groups",
    ),
    "another prefix": (
        lambda c: c.change("10.5.0.12", rules=(allow("tcp", remotes=("10.9.0.0/16",)),)), left,
        "stopped", "security_groups",
    ),
    "a member": (
        lambda c: c.change("10.5.0.12", rules=(), group_rules=(from_group(GROUP, "tcp"),)), left,
        "reaches", "destination",
    ),
    "no member": (without_members, left, "stopped", "security_groups"),
    "stateless, answers let out": (
        lambda c: c.change("10.5.0.12", stateless=True), left, "reaches", "destination",
    ),
    "stateless, answers kept in": (
        lambda c: c.change(
            "10.5.0.12", stateless=True, rules=(allow("tcp", port_min=22, port_max=22),)
        ),
        left, "stopped", "security_groups",
    ),
    "stateless, answers kept out": (
        lambda c: c.change("10.5.0.11", stateless=True), left, "stopped", "security_groups",
    ),
    "stateless, pings answered": (
        lambda c: c.change("10.5.0.11", stateless=True),
        lambda c: send(c, "10.5.0.11", "10.5.0.12", ICMP), "reaches", "destination",
    ),
    "no filter": (
        lambda c: c.change("10.5.0.12", port_security=False, rules=()), left, "reaches", "destination",
    ),
    "pings of another type": (
        lambda c: c.change("10.5.0.12", rules=(allow("icmp", port_min=0, port_max=0),)),
        lambda c: send(c, "10.5.0.11", "10.5.0.12", ICMP), "stopped", "security_groups",
    ),
    "no gateway": (
        lambda c: c.change("10.5.0.11", network=subnets_of(c, "10.5.0.11", gateway_ip=None)),
        across, "stopped", "next_hop",
    ),
    "a host route to nobody": (
        lambda c: c.change(
            "10.5.0.11",
            network=subnets_of(
                c, "10.5.0.11",
                host_routes=(HostRoute(destination="10.6.0.0/16", nexthop="10.5.0.77"),),
            ),
        ),
        across, "stopped", "next_hop",
    ),
    "a host route to a guest": (
        lambda c: c.change(
            "10.5.0.11",
            network=subnets_of(
                c, "10.5.0.11",
                host_routes=(HostRoute(destination="10.6.0.0/16", nexthop="10.5.0.12"),),
            ),
        ),
        across, "unknown", "next_hop",
    ),
    "no router": (lambda c: c.ports.pop("10.5.0.1"), across, "stopped", "gateway"),
    "no router, but out": (
        lambda c: c.ports.pop("10.5.0.1"), lambda c: send(c, "10.5.0.11", "8.8.8.8"), "reaches",
        "outside",
    ),
    "the router is off": (lambda c: c.change_router(admin_up=False), across, "stopped", "router"),
    "the router waits for a host": (
        lambda c: c.change_router(seen=OnHost()), across, "stopped", "router",
    ),
    "the router's host is down": (
        lambda c: c.change_router(seen=replace(HERE, host_up=False)), across, "stopped", "router",
    ),
    "the router is elsewhere": (
        lambda c: c.change_router(seen=OnHost(host="h2")), across, "stopped", "wire",
    ),
    "the router is another's": (
        lambda c: c.change_router(project_id="p2"), across, "unknown", "router",
    ),
    "the router does not join them": (
        lambda c: c.change_router(
            interfaces=c.router_facts.wiring.interfaces[:1], gateway=None, next_hops=()  # type: ignore[union-attr]
        ),
        across, "stopped", "router",
    ),
    "a TCP connection to the router": (
        lambda c: None, lambda c: send(c, "10.5.0.11", "10.5.0.1"), "stopped", "router",
    ),
    "a floating IP that leads nowhere": (
        lambda c: None, lambda c: enter(c, "172.24.4.72"), "stopped", "floating_ip",
    ),
    "a floating IP of others": (
        lambda c: None, lambda c: enter(c, "172.24.4.73"), "unknown", "destination",
    ),
    "an address of nobody outside": (
        lambda c: None, lambda c: enter(c, "172.24.4.99"), "unknown", "destination",
    ),
    "a port that is not forwarded": (
        lambda c: None, lambda c: enter(c, "172.24.4.71", 22), "stopped", "port_forwarding",
    ),
    "outside, and no rule": (
        lambda c: None, lambda c: enter(c, "172.24.4.70", 80), "stopped", "security_groups",
    ),
    "nobody there": (
        lambda c: None, lambda c: send(c, "10.5.0.11", "10.5.0.99"), "stopped", "destination",
    ),
    "a port of others": (
        lambda c: None, lambda c: send(c, "10.5.0.11", "10.5.0.66"), "unknown", "destination",
    ),
    "two hosts, one wire each": (
        lambda c: c.change("10.5.0.12", seen=OnHost(host="h2")), left, "stopped", "wire",
    ),
    "the receiver is not plugged": (
        lambda c: c.change("10.5.0.12", seen=replace(HERE, there=False)), left, "stopped", "port",
    ),
    "answers go elsewhere": (
        lambda c: c.change("10.6.0.11", network=subnets_of(c, "10.6.0.11", gateway_ip="10.6.0.254")),
        across, "stopped", "answer",
    ),
    "answers go nowhere": (
        lambda c: c.change("10.6.0.11", network=subnets_of(c, "10.6.0.11", gateway_ip=None)),
        across, "stopped", "answer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_packet_is_followed_to_where_it_ends(name: str) -> None:
    change, action, verdict, kind = CASES[name]
    world = cloud()
    change(world)
    trace = action(world)
    place = trace.stopped_at
    end = trace.hops[-1 if place is None else place]
    assert (trace.verdict, end.kind) == (verdict, kind), [hop.text for hop in trace.hops]
    assert (place is None) == (verdict == "reaches")
    if verdict == "stopped":
        assert end.remedy


def test_two_hosts_on_a_wire_that_spans_them() -> None:
    world = cloud()
    network = world.ports["10.5.0.11"].wiring.network.model_copy(update={"segment": VXLAN})
    for address in ("10.5.0.11", "10.5.0.12"):
        world.change(address, network=network)
    world.change("10.5.0.12", seen=OnHost(host="h2"))
    assert left(world).verdict == "reaches"


AT = datetime(2026, 1, 2, tzinfo=UTC)
EAST = OnHost(host="h2", at=AT)


def spanning() -> Cloud:
    """Return the cloud with left over two hosts: 10.5.0.12 is on h2."""
    world = cloud()
    network = world.ports["10.5.0.11"].wiring.network.model_copy(update={"segment": VXLAN})
    for address in ("10.5.0.11", "10.5.0.12"):
        world.change(address, network=network)
    world.change("10.5.0.12", seen=EAST, mac="fa:16:3e:00:00:02")
    return world


def told(look: Look, **but: bool | None) -> list[Sighting]:
    """Return what a host says of a thing that is as it should be, except for these kinds."""
    if isinstance(look, PortLook):
        kinds, about = ["tap", "card", "filters"], look.port_id
        kinds += ["lease"] if look.leases else []
    else:
        kinds = ["way"] if isinstance(look, WayLook) else ["router"]
        about = look.mac if isinstance(look, WayLook) else look
    direction = look.direction if isinstance(look, PortLook) else ""
    return [
        Sighting(kind=one, about=about, passes=but.get(one, True), source="s", detail=f"d-{one}",
                 direction=direction if one == "filters" else "",
                 dropped=3 if one == "filters" and one in but else None)
        for one in kinds
    ]  # fmt: skip


def seen_with(host: str, kind: type, **but: bool | None) -> Callable[[str, Look], Observed]:
    """Return what all hosts say, with something wrong about a kind of thing on one."""
    return lambda where, look: Observed(
        AT, told(look, **(but if where == host and isinstance(look, kind) else {}))
    )


#: On which host what is not as it should be, what is sent, the verdict, the hop it ends at, and words in it.
SEEN: dict[str, tuple[tuple[str, type, dict[str, bool | None]], Callable[[Cloud], Trace], str, str, str]] = {
    "all is well": (("", str, {}), left, "reaches", "destination", "handed to"),
    "the sender's tap": (("h1", PortLook, {"tap": False}), left, "stopped", "tap", "n-10.5.0.11"),
    "the sender's card": (("h1", PortLook, {"card": False}), left, "stopped", "card", "n-10.5.0.11"),
    "the sender's filters": (
        ("h1", PortLook, {"filters": False}), left, "stopped", "filters", "3 packets from it",
    ),
    "the sender's lease": (("h1", PortLook, {"lease": None}), left, "unknown", "lease", "DHCP"),
    "the way there": (("h1", WayLook, {"way": False}), left, "stopped", "way", "way to port n-10.5.0.12"),
    "the way back": (("h2", WayLook, {"way": False}), left, "stopped", "way", "what sends to port"),
    "the receiver's tap": (("h2", PortLook, {"tap": False}), left, "stopped", "tap", "n-10.5.0.12"),
    "the receiver's filters": (
        ("h2", PortLook, {"filters": False}), left, "stopped", "filters", "3 packets to it",
    ),
    "filters that nobody understands": (
        ("h2", PortLook, {"filters": None}), left, "unknown", "filters", "cannot be told",
    ),
    "the router": (("h1", str, {"router": False}), across, "stopped", "router", "not whole"),
}  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_what_hosts_see_is_named_where_it_stops_a_packet(name: str) -> None:
    (host, kind, but), action, verdict, end_kind, words = SEEN[name]
    world = spanning()
    world.seen = seen_with(host, kind, **but)
    trace = action(world)
    end = trace.hops[-1 if trace.stopped_at is None else trace.stopped_at]
    assert (trace.verdict, end.kind) == (verdict, end_kind), [hop.text for hop in trace.hops]
    assert words in end.text
    if verdict != "reaches":
        assert (end.source, end.at, end.host) == ("observed", AT, host)
        assert f"d-{end.kind}" in end.detail
        assert "d-" not in end.text
        assert end.remedy


def test_a_host_that_does_not_answer_is_a_hop_that_says_so() -> None:
    world = spanning()
    silent = Observed(AT, problem="did not answer in time")
    world.seen = lambda host, look: silent if host == "h2" else Observed(AT, told(look))
    trace = left(world)
    hops = [hop for hop in trace.hops if hop.passes is None]
    assert [(hop.kind, hop.host) for hop in hops] == [("observation", "h2")]  # once
    assert trace.verdict == "unknown"
    assert trace.hops[-1].kind == "destination"


def test_hosts_are_asked_where_a_packet_passes_them_and_for_that_packet() -> None:
    world = spanning()
    left(world)
    sender, receiver = (world.ports[f"10.5.0.1{number}"].wiring for number in (1, 2))
    ports = [(host, look) for host, look in world.asked if isinstance(look, PortLook)]
    assert [(host, look.port_id, look.direction) for host, look in ports] == [
        ("h1", sender.id, "egress"), ("h2", receiver.id, "ingress"),
    ]  # fmt: skip
    first = ports[0][1]
    assert (first.to_mac, first.to_port, first.port) == (receiver.mac, receiver.id, 22)
    assert [(host, look.mac, look.endpoint) for host, look in world.asked if isinstance(look, WayLook)] == [
        ("h1", receiver.mac, "192.0.2.2"), ("h2", sender.mac, "192.0.2.1"),
    ]  # fmt: skip


def test_of_a_port_in_a_trunk_its_carrier_is_named() -> None:
    world = cloud()
    world.change("10.5.0.11", carried=TrunkPlace(port_id="p9", tap="tap9", segmentation_id=7))
    left(world)
    (look, *_) = [look for _, look in world.asked if isinstance(look, PortLook)]
    assert (look.carrier, look.carrier_tap) == ("p9", "tap9")
    assert look.tap == world.ports["10.5.0.11"].wiring.tap


def test_the_gateway_of_a_vlan_is_on_the_providers_wire() -> None:
    world = cloud()
    vlan = Segment(network_type="vlan", segmentation_id=7, physical_network="dc")
    network = world.ports["10.5.0.11"].wiring.network.model_copy(update={"segment": vlan})
    world.change("10.5.0.11", network=network)
    del world.ports["10.5.0.1"]
    trace = send(world, "10.5.0.11", "10.200.0.9")
    assert (trace.verdict, trace.hops[-1].kind) == ("reaches", "outside")
    assert "provider" in trace.hops[-1].text


def test_where_networks_are_on_all_hosts_nothing_is_on_another() -> None:
    world = cloud()
    world.is_distributed = True
    world.change("10.5.0.12", seen=EAST)
    world.change_router(seen=OnHost(everywhere=True))
    assert (left(world).verdict, across(world).verdict) == ("reaches", "reaches")
    del world.ports["10.5.0.1"]
    trace = send(world, "10.5.0.11", "8.8.8.8")
    assert (trace.verdict, trace.hops[-1].kind) == ("stopped", "gateway")


def test_what_is_anothers_is_not_told_apart_from_what_is_not_there() -> None:
    world = cloud()
    taken, free = enter(world, "172.24.4.73"), enter(world, "172.24.4.99")
    said = [
        [hop.text.replace(one.packet.destination, "X") for hop in one.hops] for one in (taken, free)
    ]
    assert said[0] == said[1]
    world.asked.clear()
    to_another = send(world, "10.5.0.11", "10.5.0.66")
    assert {look.to_port for _, look in world.asked if isinstance(look, PortLook)} == {""}
    for trace in (taken, to_another):
        assert all(
            hop.id in ("", world.outside.id) or "10.5.0.66" not in hop.name for hop in trace.hops
        )
        assert "p2" not in str(trace)


def test_a_way_in_a_circle_ends() -> None:
    world = cloud()
    world.change_router(routes=(HostRoute(destination="10.99.0.0/16", nexthop="10.6.0.1"),))
    trace = send(world, "10.5.0.11", "10.99.0.1")
    assert (trace.verdict, trace.hops[-1].kind) == ("stopped", "loop")


def test_the_narrowest_route_is_the_one_that_is_named() -> None:
    world = cloud()
    wide, narrow = "10.96.0.0/12", "10.99.0.0/16"
    world.change_router(
        routes=(
            HostRoute(destination=wide, nexthop="10.5.0.12"),
            HostRoute(destination=narrow, nexthop="10.6.0.11"),
        )
    )
    texts = [hop.text for hop in send(world, "10.5.0.11", "10.99.0.1").hops]
    assert f"Its route {narrow} leads to 10.6.0.11." in texts


def test_what_means_the_same_outside_leaves_as_it_is() -> None:
    world = cloud()

    def leaves(source: str) -> str:
        hops = send(world, source, "8.8.8.8").hops
        return next(hop.text for hop in hops if hop.kind == "snat").partition(":")[0]

    world.change_router(untranslated=("10.6.0.0/24", "10.5.0.0/28"))
    assert {source: leaves(source) for source in ("10.6.0.11", "10.5.0.11", "10.5.0.12")} == {
        "10.6.0.11": "It leaves as 10.6.0.11",
        "10.5.0.11": "It leaves as floating IP 172.24.4.70.",
        "10.5.0.12": "It leaves as 10.5.0.12",
    }
    world.change_router(untranslated=())
    assert leaves("10.6.0.11") == "It leaves as the router's address 172.24.4.50."
