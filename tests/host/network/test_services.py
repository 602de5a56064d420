"""DHCP, DNS and the way out, on the real kernel with the real dnsmasq."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from cloudweb import process
from cloudweb.driver import Unguarded
from network.agent import NetworkAgent
from network.drivers.linuxbridge import LinuxBridgeDriver, namespaces, nft
from network.objects import DhcpOption, HostRoute
from tests.builders.ports import allow, free_egress, make_network, make_port, make_subnet, port_ref
from tests.host.network.bench import KernelBench, make_flat_network
from tests.host.network.conftest import MakeGuest
from tests.host.network.guests import answering, ask_dns, dhcp
from tests.host.network.waiting import appears

pytestmark = pytest.mark.host


@contextmanager
def outside(prefix: str) -> Iterator[tuple[str, str, str]]:
    """Give the host another wire: its own address there, a machine's, and that machine's namespace."""
    name, link = f"outside-{prefix}", f"x{prefix}"
    near, far = "198.51.100.1", "198.51.100.2"
    namespaces.ensure(name)
    try:
        process.run("ip", "link", "add", link, "type", "veth", "peer", "eth0", "netns", name)
        process.run("ip", "addr", "add", f"{near}/30", "dev", link)
        process.run("ip", "link", "set", link, "up")
        process.run("ip", "-n", name, "addr", "add", f"{far}/30", "dev", "eth0")
        process.run("ip", "-n", name, "link", "set", "eth0", "up")
        namespaces.write_sysctl(f"net/ipv4/conf/{link}/forwarding", "1")
        yield near, far, name
    finally:
        namespaces.delete(name)


def address(options: dict[int, bytes], code: int) -> str:
    return str(IPv4Address(options[code]))


def test_dhcp_hands_out_the_ports_address_with_its_options(make_guest: MakeGuest) -> None:
    subnet = make_subnet(host_routes=(HostRoute(destination="10.9.0.0/16", nexthop="10.5.0.2"),))
    network = make_network(mtu=1400, subnets=(subnet,))
    guest = make_guest(make_port(network, "10.5.0.23", hostname="web"), configure=False)
    options = dhcp(guest)
    assert address(options, 0) == "10.5.0.23"
    assert address(options, 1) == "255.255.255.0"
    assert address(options, 3) == "10.5.0.1"
    assert address(options, 6) == "10.5.0.1"
    assert options[12] == b"web"
    assert options[15] == b"cloudweb.internal"
    assert int.from_bytes(options[26]) == 1400
    gateway = IPv4Address("10.5.0.1").packed
    routes = bytes((32, 169, 254, 169, 254)) + gateway
    routes += bytes((16, 10, 9)) + IPv4Address("10.5.0.2").packed + b"\0" + gateway
    assert options[121] == routes


def test_a_port_has_options_of_its_own(make_guest: MakeGuest) -> None:
    own = (DhcpOption(name="dns-server", value="192.0.2.53"), DhcpOption(name="router", value=""))
    network = make_network()
    special = make_guest(make_port(network, dhcp_options=own), configure=False)
    plain = make_guest(make_port(network, "10.5.0.12"), configure=False)
    told, usual = dhcp(special), dhcp(plain)
    assert (told[6], 3 in told) == (socket.inet_aton("192.0.2.53"), False)
    assert (usual[6], 3 in usual) == (socket.inet_aton("10.5.0.1"), True)


def test_dhcp_works_without_any_rule_and_for_ports_that_come_later(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    network = make_network()
    one = make_guest(make_port(network, "10.5.0.11", rules=()), configure=False)
    assert address(dhcp(one), 0) == "10.5.0.11"
    two = make_guest(make_port(network, "10.5.0.12", rules=()), configure=False)
    assert address(dhcp(two), 0) == "10.5.0.12"
    assert address(dhcp(one), 0) == "10.5.0.11"


def test_an_address_passes_to_the_next_port_at_once(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    network = make_network()
    make_guest(make_port(network, "10.5.0.10"))
    first = make_guest(make_port(network, "10.5.0.11"), configure=False)
    assert address(dhcp(first), 0) == "10.5.0.11"
    bench.agent.unplug(port_ref(first.port))
    second = make_guest(make_port(network, "10.5.0.11"), configure=False)
    assert address(dhcp(second), 0) == "10.5.0.11"


def test_the_first_lease_is_a_milestone_told_once(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    guest = make_guest(make_port(make_network(), "10.5.0.11"), configure=False)
    assert not bench.agent.milestones()
    dhcp(guest)
    seen = bench.driver._dhcp(guest.port.network.id).shared / "seen"
    appears(lambda: any(seen.iterdir()))
    (milestone,) = bench.agent.milestones()
    assert (milestone.port_id, milestone.kind) == (guest.port.id, "dhcp")
    bench.agent.forget_milestones([milestone])
    bench.agent.plug(make_port(guest.port.network, "10.5.0.12"))
    dhcp(guest)
    assert not bench.agent.milestones()


def test_dns_knows_the_networks_guests(make_guest: MakeGuest) -> None:
    network = make_network()
    guest = make_guest(make_port(network, "10.5.0.11", hostname="web"))
    make_guest(make_port(network, "10.5.0.12", hostname="db"))
    for name in ("db", "db.cloudweb.internal"):
        assert ask_dns(guest, "10.5.0.1", name) == (0, [IPv4Address("10.5.0.12").packed])
    assert ask_dns(guest, "10.5.0.1", "db.cloudweb.internal", kind=28) == (0, [])
    assert ask_dns(guest, "10.5.0.1", "nobody.cloudweb.internal") == (3, [])


def test_dnsmasq_is_adopted_and_started_again_when_it_died(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    guest = make_guest(make_port(make_network(), "10.5.0.11"), configure=False)
    server = bench.driver._dhcp(guest.port.network.id)
    pid = server.pid()
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)
    bench.restart()
    assert server.pid() == pid
    (server.directory / "pid").unlink()
    assert server.pid() == pid
    os.kill(pid, signal.SIGKILL)
    appears(lambda: not process.is_running(pid, exe="dnsmasq"))
    bench.restart()
    assert server.pid() not in (None, pid)
    assert address(dhcp(guest), 0) == "10.5.0.11"


def test_dnsmasqs_helper_is_brought_back_when_it_died(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    guest = make_guest(make_port(make_network(), "10.5.0.11"), configure=False)
    server = bench.driver._dhcp(guest.port.network.id)
    pid = server.pid()
    assert not bench.driver.broken()
    (helper,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(helper), signal.SIGKILL)
    appears(lambda: list(bench.driver.broken()) == [guest.port.network.id])
    assert server.pid() == pid  # without it no lease would be told, in silence
    bench.agent.repair()
    assert not bench.driver.broken()
    assert address(dhcp(guest), 0) == "10.5.0.11"
    appears(lambda: [one.port_id for one in bench.driver.milestones()] == [guest.port.id])


def test_ports_come_and_go_without_a_new_server_until_an_address_comes_again(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    network = make_network()
    stays = make_guest(make_port(network, "10.5.0.11", hostname="stays"))
    server = bench.driver._dhcp(network.id)
    pid = server.pid()
    gone = make_port(network, "10.5.0.12", hostname="gone")
    bench.agent.plug(gone)
    appears(lambda: ask_dns(stays, "10.5.0.1", "gone")[0] == 0)
    bench.agent.unplug(port_ref(gone))
    appears(lambda: ask_dns(stays, "10.5.0.1", "gone")[0] != 0)
    late = make_guest(make_port(network, "10.5.0.13"), configure=False)
    assert address(dhcp(late), 0) == "10.5.0.13"
    assert server.pid() == pid
    again = make_guest(make_port(network, "10.5.0.12"), configure=False)
    assert server.pid() not in (None, pid)
    assert address(dhcp(again), 0) == "10.5.0.12"


def test_what_vanishes_behind_our_back_is_brought_back_by_a_repair(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    network = make_network()
    guest = make_guest(make_port(network, "10.5.0.11"))
    other = make_guest(make_port(network, "10.5.0.12"))
    names = bench.config.names(network.id)
    assert not bench.driver.broken()
    nft.delete(("inet", names.filters))
    assert guest.reaches("10.5.0.12")
    bench.agent.repair()
    assert not guest.pings("10.5.0.12")
    pid = bench.driver._dhcp(network.id).pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    appears(lambda: bool(bench.driver.broken()))
    bench.agent.repair()
    assert address(dhcp(other), 0) == "10.5.0.12"
    assert not bench.driver.broken()


def test_a_guest_reaches_beyond_the_host_by_nat(bench: KernelBench, make_guest: MakeGuest) -> None:
    network = make_network()
    guest = make_guest(make_port(network, "10.5.0.11"))
    with outside(bench.config.prefix) as (near, far, beyond):
        listener = namespaces.inside(beyond, lambda: socket.create_server((far, 0)))
        with listener:
            asking = guest.inside(lambda: socket.create_connection(listener.getsockname(), 2))
            accepted, peer = listener.accept()
            with asking, accepted:
                assert peer[0] == near


def test_damaged_slots_are_read_from_the_kernel(bench: KernelBench, make_guest: MakeGuest) -> None:
    gone, network = make_network(), make_network()
    first = make_port(gone, "10.5.0.11")
    bench.agent.plug(first)
    guest = make_guest(make_port(network, "10.5.0.12"))
    slot = bench.driver._slots.take(network.id)
    bench.agent.unplug(port_ref(first))  # the network's own number is not the next free one
    (bench.directory / "driver" / "slots.json").write_bytes(b"\xff")
    driver = LinuxBridgeDriver(bench.directory / "driver", "h1", config=bench.config)
    (problem,) = NetworkAgent(driver, bench.directory / "agent").init_host()
    assert "slots.json was damaged" in problem
    assert driver._slots.take(network.id) == slot
    assert guest.reaches(str(slot.host))


def test_a_gateway_off_its_subnet(bench: KernelBench, make_guest: MakeGuest) -> None:
    subnet = make_subnet(gateway_ip="10.9.0.1", dhcp_server_ip="10.5.0.2")
    guest = make_guest(make_port(make_network(subnets=(subnet,)), "10.5.0.11"), configure=False)
    options = dhcp(guest)
    assert (address(options, 3), address(options, 54)) == ("10.9.0.1", "10.5.0.2")
    assert options[121].startswith(bytes((32, 10, 9, 0, 1, 0, 0, 0, 0)))
    guest.ip("addr", "add", "10.5.0.11/24", "dev", "eth0")
    guest.ip("route", "add", "10.9.0.1/32", "dev", "eth0")
    guest.ip("route", "add", "default", "via", "10.9.0.1")
    slot = bench.driver._slots.take(guest.port.network.id)
    assert guest.reaches("10.9.0.1")
    assert guest.reaches(str(slot.host))


def test_a_network_without_nat_has_no_way_out(bench: KernelBench, make_guest: MakeGuest) -> None:
    network = make_network(nat=False)
    guest = make_guest(make_port(network, "10.5.0.11"))
    slot = bench.driver._slots.take(network.id)
    assert guest.reaches("10.5.0.1")
    assert not guest.pings(str(slot.host))
    bench.agent.plug(
        guest.port.model_copy(
            update={"network": network.model_copy(update={"nat": True, "revision": 2})}
        )
    )
    assert guest.reaches(str(slot.host))


def test_the_gateway_offers_guests_its_services_and_no_more(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    network = make_network()
    guest = make_guest(make_port(network, "10.5.0.11"))
    inside = bench.config.names(network.id).namespace
    listener = namespaces.inside(inside, lambda: socket.create_server(("10.5.0.1", 8080)))
    with listener, answering(listener, "hello"):
        assert not guest.connects("10.5.0.1", 8080)
    assert guest.reaches("10.5.0.1")


def test_flat_network(bench: KernelBench, make_guest: MakeGuest) -> None:
    """The host is the gateway: it reaches guests as their groups allow, and filters hold there too."""
    network = make_flat_network()
    gateway = str(network.subnets[0].gateway_ip)
    start = gateway.removesuffix(".1")
    open_, closed = f"{start}.11", f"{start}.12"
    rules = (*free_egress(), allow("tcp", port_min=22))
    guest = make_guest(make_port(network, open_, rules=rules, hostname="web"))
    shut = make_guest(make_port(network, closed))
    assert address(dhcp(guest), 0) == open_
    assert ask_dns(guest, gateway, "web")[1] == [IPv4Address(open_).packed]
    assert guest.reaches(gateway)
    assert process.run("ping", "-c1", "-W1", open_, check=False).returncode != 0
    with guest.serving(22), guest.serving(80), shut.serving(22):
        socket.create_connection((open_, 22), 2).close()
        for place in ((open_, 80), (closed, 22)):
            with pytest.raises(OSError, match="timed out"):
                socket.create_connection(place, 0.5)
        assert shut.connects(open_, 22)
        assert not shut.connects(open_, 80)
    guest.ip("addr", "add", f"{start}.99/24", "dev", "eth0")
    assert not guest.pings(gateway, source=f"{start}.99")


def test_a_real_tap_is_made_for_the_hypervisor(bench: KernelBench) -> None:
    port = make_port(make_network(mtu=1400))
    assert bench.agent.plug(port).up
    shown = process.run("ip", "-d", "link", "show", port.tap).text
    assert "tun type tap" in shown
    assert "vnet_hdr on persist on" in shown
    assert "mtu 1400" in shown
    assert f"master {bench.config.names(port.network.id).bridge}" in shown


@pytest.mark.parametrize("name", ["lo", "a-name-that-is-far-too-long", "../x"])
def test_an_interface_that_is_not_the_ports_is_left_alone(bench: KernelBench, name: str) -> None:
    port = make_port(make_network())
    bench.driver.unplug(port_ref(port).model_copy(update={"tap": name}), work=Unguarded())
    process.run("ip", "link", "show", "lo")
