"""Routers in the real kernel: between networks, to the outside and back, and what is cut when it changes."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

import pytest

from network.drivers.linuxbridge import namespaces, nft
from network.drivers.linuxbridge.config import METADATA_ADDRESS
from network.objects import HostRoute, NetworkWiring, PortWiring
from network.routers.objects import FloatingWiring, ForwardingWiring, RouterRef, RouterWiring
from tests.builders.ports import (
    allow,
    free_egress,
    make_network,
    make_port,
    make_subnet,
    new_id,
    port_ref,
)
from tests.host.network.bench import KernelBench, make_flat_network
from tests.host.network.conftest import MakeGuest
from tests.host.network.guests import Guest, answering, frames_until, udp_frame

pytestmark = pytest.mark.host


@dataclass
class World:
    """Two networks of a tenant, the provider's, and a router between them."""

    bench: KernelBench
    make_guest: MakeGuest
    left: NetworkWiring
    right: NetworkWiring
    outside: NetworkWiring
    router: RouterWiring

    def guest(self, network: NetworkWiring, number: int, **overrides: Any) -> Guest:
        values = {"rules": (*free_egress(), allow()), **overrides}
        return self.make_guest(make_port(network, _address(network, number), **values))

    def change(self, **changes: Any) -> None:
        revision = self.router.revision + 1
        self.router = self.router.model_copy(update={"revision": revision, **changes})
        self.bench.agent.routers.ensure(self.router)

    def floating(self, number: int, guest: Guest) -> FloatingWiring:
        return FloatingWiring(floating_ip=_address(self.outside, number), fixed_ip=guest.address)


def _address(network: NetworkWiring, number: int) -> str:
    return network.subnets[0].cidr.rpartition(".")[0] + f".{number}"


def _routed(start: str) -> NetworkWiring:
    subnet = make_subnet(
        cidr=f"{start}.0/24", gateway_ip=f"{start}.1", dhcp_server_ip=f"{start}.2", routed=True
    )
    return make_network(subnets=(subnet,))


def _leg(network: NetworkWiring, number: int, router_id: str) -> PortWiring:
    return make_port(
        network,
        _address(network, number),
        router_id=router_id,
        port_security=False,
        rules=(),
        device_id=router_id,
    )


@pytest.fixture
def world(bench: KernelBench, make_guest: MakeGuest) -> World:
    left, right, outside = _routed("10.5.0"), _routed("10.6.0"), make_flat_network()
    router_id = new_id()
    router = RouterWiring(
        id=router_id,
        project_id="p1",
        revision=1,
        interfaces=(_leg(left, 1, router_id), _leg(right, 1, router_id)),
        gateway=_leg(outside, 50, router_id),
        next_hops=(_address(outside, 1),),
    )
    bench.agent.routers.ensure(router)
    return World(bench, make_guest, left, right, outside, router)


def seen_by(server: Guest, client: Guest, port: int, *, at: str = "") -> str:
    """Return the address that a server sees when a client connects."""
    listener = server.inside(lambda: socket.create_server(("", port)))
    with listener:
        listener.settimeout(10)
        goal = (at or server.address, port)
        with client.inside(lambda: socket.create_connection(goal, timeout=10)):
            connection, peer = listener.accept()
            connection.close()
    return str(peer[0])


def test_it_joins_networks_and_leads_outside_by_its_own_address(world: World) -> None:
    left, right = world.guest(world.left, 11), world.guest(world.right, 11)
    stranger = world.guest(world.outside, 60)
    assert left.reaches(right.address)
    assert seen_by(right, left, 8001) == left.address
    assert seen_by(stranger, left, 8002) == _address(world.outside, 50)
    stranger.ip("route", "add", world.left.subnets[0].cidr, "via", _address(world.outside, 50))
    assert not stranger.pings(left.address)  # nobody outside gets in unasked
    world.change(snat=False)
    assert stranger.reaches(left.address)
    assert seen_by(left, stranger, 8003) == stranger.address


def test_what_means_the_same_outside_is_not_translated(world: World) -> None:
    left, right = world.guest(world.left, 11), world.guest(world.right, 11)
    stranger = world.guest(world.outside, 60)
    router = _address(world.outside, 50)
    for network in (world.left, world.right):
        stranger.ip("route", "add", network.subnets[0].cidr, "via", router)
    world.change(untranslated=(world.left.subnets[0].cidr,))
    assert seen_by(stranger, left, 8001) == left.address
    assert seen_by(left, stranger, 8002) == stranger.address
    assert seen_by(stranger, right, 8003) == router
    assert not stranger.pings(right.address)
    world.change(untranslated=())
    assert not stranger.pings(left.address)
    assert seen_by(stranger, left, 8004) == router


def test_floating_ips_lead_in_out_and_round(world: World) -> None:
    one, two = world.guest(world.left, 11), world.guest(world.left, 12)
    stranger = world.guest(world.outside, 60)
    first, second = world.floating(70, one), world.floating(71, two)
    world.change(floating=(first, second))
    assert stranger.reaches(first.floating_ip)
    assert seen_by(one, stranger, 8001, at=first.floating_ip) == stranger.address
    assert seen_by(stranger, one, 8002) == first.floating_ip
    assert seen_by(two, one, 8003, at=second.floating_ip) == first.floating_ip
    world.change(floating=(second,))
    assert not stranger.pings(first.floating_ip)
    assert seen_by(stranger, one, 8004) == _address(world.outside, 50)


def test_a_floating_ip_that_moves_takes_its_connections_along(world: World) -> None:
    one, two = world.guest(world.left, 11), world.guest(world.right, 11)
    stranger = world.guest(world.outside, 60)
    floating = world.floating(70, one)
    world.change(floating=(floating,))
    assert stranger.reaches(floating.floating_ip)
    goal = (floating.floating_ip, 8001)
    with one.serving(8001, text="one"), two.serving(8001, text="two"):
        listener = one.inside(lambda: socket.create_server(("", 8002)))
        with listener:
            open_goal = (floating.floating_ip, 8002)
            old = stranger.inside(lambda: socket.create_connection(open_goal, timeout=10))
            server, _ = listener.accept()
            world.change(floating=(world.floating(70, two),))
            with old, server:
                old.sendall(b"x")
                server.settimeout(1)
                with pytest.raises(TimeoutError):
                    server.recv(1)  # what was open leads nowhere
        with stranger.inside(lambda: socket.create_connection(goal, timeout=10)) as fresh:
            fresh.settimeout(10)
            assert fresh.recv(16) == b"two\n"


def test_ports_are_forwarded_and_others_are_not(world: World) -> None:
    one, two = world.guest(world.left, 11), world.guest(world.right, 11)
    stranger = world.guest(world.outside, 60)
    shared = _address(world.outside, 70)
    world.change(
        forwardings=(
            ForwardingWiring(
                floating_ip=shared,
                protocol="tcp",
                first=80,
                last=80,
                fixed_ip=one.address,
                fixed_first=8080,
                fixed_last=8080,
            ),
            ForwardingWiring(
                floating_ip=shared,
                protocol="tcp",
                first=2000,
                last=2003,
                fixed_ip=two.address,
                fixed_first=3000,
                fixed_last=3003,
            ),
        )
    )
    with one.serving(8080), two.serving(3002):
        assert stranger.connects(shared, 80)
        assert stranger.connects(shared, 2002)
        assert not stranger.connects(shared, 8080)
        assert not stranger.connects(shared, 3002)


def test_metadata_is_asked_by_way_of_the_router_too(world: World) -> None:
    guest = world.guest(world.left, 11)
    names = world.bench.config.names(world.left.id)
    listener = namespaces.inside(
        names.namespace, lambda: socket.create_server((METADATA_ADDRESS, 80))
    )
    with listener, answering(listener, "metadata"):
        assert guest.connects(METADATA_ADDRESS, 80)  # its only route is the router's


def test_routes_are_those_told(world: World) -> None:
    hop = world.guest(world.right, 11, port_security=False)
    hop.ip("addr", "add", "10.99.0.1/32", "dev", "lo")
    guest = world.guest(world.left, 11)
    world.change(routes=(HostRoute(destination="10.99.0.0/24", nexthop=hop.address),))
    assert guest.reaches("10.99.0.1")
    world.change(routes=())
    assert not guest.pings("10.99.0.1")


def test_nobody_sends_by_a_router_from_where_he_is_not(world: World) -> None:
    """Also one whose own card is not looked at: what he forges stays on his own network."""
    forger = world.guest(world.left, 11, port_security=False)
    victim, target = world.guest(world.right, 11), world.guest(world.right, 12)
    assert forger.reaches(target.address)
    with target.packet_socket() as seen:
        gateway = _mac_of(world, forger)
        with forger.packet_socket() as raw:
            for source, word in ((victim.address, b"forged"), (forger.address, b"honest")):
                raw.send(
                    udp_frame(
                        source_mac=forger.mac,
                        target_mac=gateway,
                        source=source,
                        target=target.address,
                        sport=7,
                        dport=7,
                        payload=word,
                    )
                )
        before = frames_until(seen, b"honest")
    assert not [frame for frame in before if b"forged" in frame]


def _mac_of(world: World, guest: Guest) -> bytes:
    """Return the MAC address of the router's leg on a guest's network."""
    (port,) = (one for one in world.router.interfaces if one.network.id == guest.port.network.id)
    return bytes.fromhex(port.mac.replace(":", ""))


def test_switched_off_it_passes_nothing(world: World) -> None:
    left, right = world.guest(world.left, 11), world.guest(world.right, 11)
    assert left.reaches(right.address)
    world.change(admin_up=False)
    assert not left.pings(right.address)
    world.change(admin_up=True)
    assert left.reaches(right.address)


def test_it_is_brought_back_whatever_was_taken_from_it(world: World) -> None:
    left, right = world.guest(world.left, 11), world.guest(world.right, 11)
    name = world.bench.config.router_namespace(world.router.id)
    namespaces.delete(name)
    world.bench.agent.repair()
    assert left.reaches(right.address)
    nft.delete(("inet", "cloudweb"), namespace=name)
    world.bench.agent.repair()
    assert nft.tables("cloudweb", namespace=name)
    world.bench.restart()
    assert left.reaches(right.address)


def test_it_goes_without_a_trace_and_may_be_told_so_twice(world: World) -> None:
    refs = tuple(port_ref(port) for port in world.router.ports)
    ref = RouterRef(id=world.router.id, revision=world.router.revision, ports=refs)
    older = ref.model_copy(update={"revision": 0})
    world.bench.agent.routers.delete(older)
    assert world.bench.driver.routers() == [world.router.id]
    for _ in range(2):
        world.bench.agent.routers.delete(ref)
        assert not world.bench.census()
        assert not world.bench.driver.routers()
