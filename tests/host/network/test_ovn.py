"""OVN end to end: our tables, its databases, two hosts with a switch each in user space, one cloud for all tests.

What is shown here does not depend on the kernel's datapath; that one is not in every kernel.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv6Address
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.rpc import Order
from network import states, strategies
from network.drivers.linuxbridge.namespaces import read_sysctl
from network.manager import (
    PathTraceManager,
    PortForwardingManager,
    PortManager,
    SecurityGroupRuleManager,
)
from network.manager.path_trace import End
from network.manager.port_forwarding import Ports
from network.models import Agent, Network, Port, Subnet
from network.objects import PortWiring
from network.ovn import conf
from network.ovn.northbound import Northbound
from network.ovn.writer import DRIVER, Writer
from network.resolution import port_wirings
from network.strategies.geneve import Geneve
from tests.builders.networks import (
    make_agent,
    make_context,
    make_group,
    make_network,
    make_port,
    make_subnet,
)
from tests.builders.ovn import needs_ovn
from tests.builders.qos import make_qos_policy
from tests.builders.routers import make_external, make_floating_ip, make_router
from tests.host.network import dhcp6
from tests.host.network.guests import arp_frame, ask_dns, dhcp, udp_frame
from tests.host.network.ovn_lab import Lab, LabGuest, LabHost, ovn_lab, soon
from tests.host.network.real_guests import RealGuest, hypervisors, name_at
from tests.host.network.six import addresses, default_route, wake
from tests.infrastructure import PATIENCE, scratch

#: Beside a frame a VLAN is told (``packet(7)``).
VLAN_VALID = 0x10
pytestmark = [needs_ovn, pytest.mark.host, pytest.mark.django_db]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with scratch("ovn") as home, ovn_lab(home) as running:
        running.boot("h1", "h2", "h3")
        yield running


class World:
    """The writer, and whoever is on the hosts in this test."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        living = [host for host in lab.hosts.values() if host.is_up]
        self.one, self.two = living[-1], living[0]
        self.northbound = Northbound(lab.northbound.remote)
        self.writer = Writer(self.northbound)
        self.guests: list[LabGuest] = []
        self.plugged: list[tuple[LabHost, PortWiring]] = []

    def settle(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.writer.step() or not self.writer.is_settled:
            assert time.monotonic() < deadline, "the writer never came to rest"
            if not self.writer.is_settled:
                self.northbound.wait(0.02)

    def port(self, host: LabHost, network: Network, address: str, **said: Any) -> Port:
        """Return a port that the control plane has given to a host."""
        context = RequestContext.system(project_id=network.project_id)
        fixed = [{"ip_address": address}]
        said = {"hostname": f"vm-{address.split('.')[-1]}", **said}
        return self.give(host, make_port(network, context, fixed_ips=fixed, **said))

    def give(self, host: LabHost, port: Port) -> Port:
        """Give a port to a host, as the control plane does."""
        Port.objects.filter(id=port.id).update(host=host.name, applied_revision=1)
        self.settle()
        return Port.objects.get(id=port.id)

    def guest(self, host: LabHost, network: Network, address: str, **said: Any) -> LabGuest:
        """Return a guest with a port of its own on a host, up."""
        return self.up(host, self.port(host, network, address, **said))

    def up(self, host: LabHost, port: Port, *, addresses: bool = True) -> LabGuest:
        """Return a guest with this port, up; without ``addresses`` it has yet to get them."""
        guest = host.guest(port, addresses=addresses)
        self.guests.append(guest)
        guest.await_up()
        return guest

    def plug(self, host: LabHost, port: Port) -> PortWiring:
        """Plug a port whose guest comes later."""
        (wiring,) = port_wirings([port.id])
        host.ask("plug", port=wiring.dump())
        self.plugged.append((host, wiring))
        return wiring

    def close(self) -> None:
        for guest in self.guests:
            guest.unplug()
        for host, wiring in self.plugged:
            host.unplug(wiring)
        self.northbound.close()
        for table in ("logical_switch", "logical_router", "port_group", "dhcp_options", "dns",
                      "address_set", "load_balancer"):  # fmt: skip
            self.lab.northbound.ask("--all", "destroy", table)


@pytest.fixture
def world(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("NETWORK_BACKEND", "ovn")
    monkeypatch.setitem(strategies.STRATEGIES, "isolated", Geneve())
    made = World(lab)
    yield made
    made.close()


def networked(cidr: str = "10.0.0.0/24") -> tuple[Network, Subnet]:
    context = make_context()
    network = make_network(context)
    return network, make_subnet(network, context, cidr=cidr)


@contextlib.contextmanager
def echoing(guest: LabGuest, port: int) -> Iterator[None]:
    """Send back what comes on connections to a guest, while the block runs."""
    listener = guest.inside(lambda: socket.create_server(("", port)))

    def answer(line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            while said := line.recv(64):
                line.sendall(said)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=[listener.accept()[0]], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def soon_connected(guest: LabGuest, address: str, port: int) -> socket.socket:
    """Return a connection, which may be let in a moment from now."""
    found: list[socket.socket] = []

    def connected() -> bool:
        with contextlib.suppress(OSError):
            found.append(guest.inside(lambda: socket.create_connection((address, port), timeout=1)))
        return bool(found)

    assert soon(connected)
    return found[0]


def is_open(line: socket.socket, *, patience: float = 20.0) -> bool:
    """Tell whether what is sent on a connection comes back in time."""
    line.settimeout(patience)
    try:
        line.sendall(b"x")
        return bool(line.recv(1))
    except OSError:
        return False


def drained(raw: socket.socket) -> list[bytes]:
    """Return all frames that have come."""
    raw.settimeout(0.2)
    seen = []
    with contextlib.suppress(TimeoutError):
        while True:
            seen.append(raw.recv(65_536))
    return seen


def tagged(raw: socket.socket) -> Iterator[tuple[bytes, int | None]]:
    """Yield of what was on a wire who sent it, and its VLAN: the kernel takes the tag off and tells it beside."""
    raw.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while True:
            frame, told, _, _ = raw.recvmsg(2048, 64)
            status, _, _, _, _, number, _ = struct.unpack("=IIIHHHH", told[0][2][:20])
            yield frame[6:12], number & 0x0FFF if status & VLAN_VALID else None


def ask_metadata(path: str) -> bytes:
    """Ask as a guest does; return the answer's beginning."""
    with socket.create_connection(("169.254.169.254", 80), timeout=PATIENCE) as line:
        line.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        return line.recv(1024)


def router_advertisement(mac: bytes) -> bytes:
    """Return a frame that says to all that its sender is their router."""
    source = b"\xfe\x80" + bytes(6) + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
    target = b"\xff\x02" + bytes(13) + b"\x01"
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    total = sum(struct.unpack("!28H", source + target + struct.pack("!II", len(body), 58) + body))
    total = (total & 0xFFFF) + (total >> 16)
    body = body[:2] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + body[4:]
    head = struct.pack("!IHBB", 0x60000000, len(body), 58, 255) + source + target
    return b"\x33\x33\0\0\0\x01" + mac + b"\x86\xdd" + head + body


def is_advertisement(frame: bytes) -> bool:
    """Tell whether a frame says that somebody is a router (ICMPv6, type 134)."""
    return frame[12:14] == b"\x86\xdd" and (frame[20], frame[54]) == (58, 134)


def test_guests_of_a_network_reach_each_other_over_both_hosts_and_nobody_else_with_their_addresses(
    world: World,
) -> None:
    mine, theirs = networked()[0], networked()[0]
    assert mine.mtu == 1500 - 58
    mine_here = world.guest(world.one, mine, "10.0.0.10")
    mine_there = world.guest(world.two, mine, "10.0.0.11")
    theirs_here = world.guest(world.one, theirs, "10.0.0.10")
    theirs_there = world.guest(world.two, theirs, "10.0.0.12")
    assert mine_here.reaches("10.0.0.11")
    assert theirs_there.reaches("10.0.0.10")
    assert not mine_here.pings("10.0.0.12")
    assert not theirs_here.pings("10.0.0.11")
    # as many bytes as the wire between hosts takes
    assert mine_here.pings("10.0.0.11", size=mine.mtu - 28)
    mine_here.ip("addr", "add", "10.0.0.99/24", "dev", "eth0")
    assert not mine_here.pings("10.0.0.11", source="10.0.0.99")
    mine_here.ip("link", "set", "eth0", "address", "fa:16:3e:ff:ff:ff")
    assert not mine_here.pings("10.0.0.11")
    inventory = mine_there.host.ask
    assert soon(lambda: inventory("inventory")["problems"] == [])


@pytest.mark.timeout(400)
def test_real_guests_reach_their_project_s_on_the_other_host_and_nobody_else_s(
    world: World,
) -> None:
    mine, theirs = networked()[0], networked()[0]
    here = world.port(world.one, mine, "10.0.0.10", hostname="mine-here")
    there = world.port(world.two, mine, "10.0.0.11")
    # addresses of both layers are there twice
    same = world.port(
        world.two, theirs, "10.0.0.10", hostname="theirs", mac_address=here.mac_address
    )
    with hypervisors() as on_hosts:

        def boot(host: LabHost, port: Port, **said: tuple[str, ...]) -> RealGuest:
            wiring = world.plug(host, port)
            return RealGuest(on_hosts.on(host.name, host.inside), wiring, offloads=False, **said)

        boot(world.one, here)
        sees = boot(world.two, there, friends=("10.0.0.10",))
        assert sees.seen() == ["10.0.0.10 is mine-here"]
        assert boot(world.two, same, strangers=("10.0.0.11",)).seen() == []
        for network, name in ((mine, "mine-here"), (theirs, "theirs")):
            neighbour = world.guest(world.one, network, "10.0.0.13")
            assert name_at(neighbour, "10.0.0.10") == name


def test_rules_act_within_two_seconds_also_on_open_connections_and_groups_follow_members(
    world: World,
) -> None:
    network, _ = networked()
    context = RequestContext.system(project_id=network.project_id)
    web, friends = make_group(context), make_group(context, name="friends")
    server = world.guest(world.one, network, "10.0.0.10", security_group_ids=[web.id])
    client = world.guest(world.two, network, "10.0.0.11", security_group_ids=[friends.id])
    let_in = {
        "security_group_id": web.id, "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
        "port_range_min": 80, "port_range_max": 80, "remote_group_id": friends.id,
    }  # fmt: skip
    with echoing(server, 80):
        assert not client.connects("10.0.0.10", 80)
        rule = SecurityGroupRuleManager(context).create(**let_in)
        world.settle()
        line = soon_connected(client, "10.0.0.10", 80)
        assert is_open(line)
        SecurityGroupRuleManager(context).delete(rule.id)
        at = time.monotonic()
        world.settle()
        while is_open(line, patience=0.2):
            pass
        took = time.monotonic() - at - 0.2
        print(f"a withdrawn rule acted after {took:.2f} s")
        assert took < 2
        SecurityGroupRuleManager(context).create(**let_in)
        world.settle()
        assert is_open(soon_connected(client, "10.0.0.10", 80))
        PortManager(context).update(client.port.id, security_group_ids=[])
        world.settle()
        assert soon(lambda: not client.connects("10.0.0.10", 80))


def test_a_group_without_state_lets_no_answer_pass_by_itself_and_what_is_sent_is_marked(
    world: World,
) -> None:
    network, _ = networked()
    context = RequestContext.system(project_id=network.project_id)
    bare = make_group(context, stateful=False)
    for rule in [*bare.rules.filter(direction="egress")]:
        SecurityGroupRuleManager(context).delete(rule.id)
    gold = make_qos_policy(context, dscp=26)
    server = world.guest(world.one, network, "10.0.0.10", security_group_ids=[bare.id])
    said = {"port_security_enabled": False, "qos_policy_id": gold.id}
    client = world.guest(world.two, network, "10.0.0.11", **said)
    let_in = {"security_group_id": bare.id, "ethertype": "IPv4", "protocol": "icmp"}
    SecurityGroupRuleManager(context).create(**let_in, direction="ingress")
    world.settle()
    marks: list[int] = []
    raw = server.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
    with raw:
        raw.settimeout(0.5)

        def arrives() -> bool:
            client.pings("10.0.0.10")
            with contextlib.suppress(TimeoutError):
                marks.append(raw.recv(2048)[1] >> 2)
            return bool(marks)

        assert soon(arrives)  # it goes in, and its answer does not come out
    assert marks == [26]
    assert not client.pings("10.0.0.10")
    SecurityGroupRuleManager(context).create(**let_in, direction="egress")
    world.settle()
    assert soon(lambda: client.pings("10.0.0.10"))


def test_what_a_guest_sends_and_gets_is_held_to_its_policy(world: World) -> None:
    """Of three times as much as may pass what passes arrives, within a seventh of the rate."""
    network, _ = networked()
    context = RequestContext.system(project_id=network.project_id)
    limited = make_qos_policy(context, egress=2000, ingress=4000)
    group = make_group(context)
    SecurityGroupRuleManager(context).create(
        security_group_id=group.id, direction="ingress", ethertype="IPv4", protocol="udp"
    )
    said = {"security_group_ids": [group.id]}
    slow = world.guest(world.one, network, "10.0.0.10", qos_policy_id=limited.id, **said)
    free = world.guest(world.two, network, "10.0.0.11", **said)
    assert soon(lambda: slow.pings("10.0.0.11") or poured(slow, free, "10.0.0.11", kbps=100) > 0)
    found = {
        "egress": poured(slow, free, "10.0.0.11", kbps=6000),
        "ingress": poured(free, slow, "10.0.0.10", kbps=12000),
    }
    print("kbit/s that passed:", found)
    assert abs(found["egress"] / 2000 - 1) < 0.15
    assert abs(found["ingress"] / 4000 - 1) < 0.15


def poured(source: LabGuest, target: LabGuest, address: str, *, kbps: int) -> float:
    """Send at a rate and return in kbit/s what of it arrives; the first second, with its burst, does not count."""
    size, seconds = 1200, 5.0
    gap = size * 8 / (kbps * 1000)
    sink = target.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    tap = source.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    arrived: list[float] = []
    with sink, tap:
        sink.bind(("", 9009))
        sink.settimeout(1.0)

        def drain() -> None:
            with contextlib.suppress(OSError):
                while sink.recv(2048):
                    arrived.append(time.monotonic())

        reader = threading.Thread(target=drain)
        reader.start()
        start = time.monotonic()
        while (moment := time.monotonic()) < start + seconds:
            tap.sendto(b"x" * size, (address, 9009))
            time.sleep(max(0.0, gap - (time.monotonic() - moment)))
        end = time.monotonic()
        reader.join()
    counted = sum(start + 1 <= at <= end for at in arrived)
    return counted * (size + 28) * 8 / (end - start - 1) / 1000


def test_dhcp_dns_and_metadata_are_answered_and_nobody_else_answers_in_their_place(
    world: World,
) -> None:
    network, _ = networked()
    own = {
        "bootfile-name": "pxelinux.0",
        "tftp-server-address": "192.0.2.7",
        "252": "http://wpad/x",
    }
    options = [{"opt_name": name, "opt_value": value} for name, value in own.items()]
    guest = world.guest(world.one, network, "10.0.0.10", extra_dhcp_opts=options)
    other = world.guest(world.two, network, "10.0.0.11")
    leased = dhcp(guest)
    assert leased[0] == bytes((10, 0, 0, 10))
    assert [leased[code] for code in (67, 150, 252)] == [
        b"pxelinux.0", bytes((192, 0, 2, 7)), b"http://wpad/x",
    ]  # fmt: skip
    assert not {67, 150, 252} & dhcp(other).keys()
    assert int.from_bytes(leased[26]) == network.mtu
    assert bytes((32, 169, 254, 169, 254)) in leased[121]  # the way to metadata, RFC 3442
    assert leased[12].decode() == "vm-10"
    code, (answer,) = ask_dns(guest, "10.0.0.2", "vm-11.cloudweb.internal")
    assert (code, answer[-4:]) == (0, bytes((10, 0, 0, 11)))
    guest.ip("route", "add", "169.254.169.254", "via", "10.0.0.2")  # as DHCP says
    # whoever asks the API is known by port and address; there is none here, so it is away
    assert b"503" in guest.inside(lambda: ask_metadata("/latest/meta-data/"))[:20]
    # a server of one's own is not heard
    with other.packet_socket() as raw, guest.packet_socket() as heard:
        raw.send(udp_frame(source_mac=other.mac, source="10.0.0.11", target="255.255.255.255",
                           sport=67, dport=68, payload=b"forged"))  # fmt: skip
        raw.send(router_advertisement(other.mac))
        raw.send(arp_frame(source_mac=other.mac, sender_mac=other.mac, sender="10.0.0.1",
                           target="10.0.0.10"))  # fmt: skip
        assert guest.reaches("10.0.0.11")
        seen = drained(heard)
    assert not [frame for frame in seen if b"forged" in frame or is_advertisement(frame)]
    assert not [
        frame for frame in seen if frame[12:14] == b"\x08\x06" and frame[28:32] == b"\n\0\0\1"
    ]


def test_guests_get_addresses_of_ipv6_in_each_way(world: World) -> None:
    """A router advertises; DHCPv6 gives the address, or tells what an address does not say; names are known."""
    context = RequestContext.system(project_id=make_context().project_id)
    ways = {"slaac": "fd05", "dhcpv6-stateful": "fd06", "dhcpv6-stateless": "fd07"}
    subnets = {
        mode: make_subnet(
            make_network(context), context, cidr=f"{start}::/64", dns_nameservers=["fd00::53"],
            ipv6_ra_mode=mode, ipv6_address_mode=mode,
        )
        for mode, start in ways.items()
    }  # fmt: skip
    make_router(context, subnets=subnets.values())

    def placed(mode: str, host: LabHost) -> LabGuest:
        port = make_port(subnets[mode].network, context, hostname=host.name)
        guest = world.up(host, world.give(host, port), addresses=False)
        wake(guest)
        return guest

    made, other = placed("slaac", world.one), placed("slaac", world.two)
    given, told = placed("dhcpv6-stateful", world.one), placed("dhcpv6-stateless", world.two)
    for guest in (made, other, told):
        assert soon(lambda guest=guest: addresses(guest) == {guest.address})
        assert default_route(guest)["gateway"].startswith("fe80::")
    assert soon(lambda: made.reaches(other.address))
    assert made.inside(lambda: read_sysctl("net/ipv6/conf/eth0/mtu")) == str(made.port.network.mtu)
    server = IPv6Address("fd00::53").packed
    address, options = dhcp6.lease(given)
    assert (address, options[dhcp6.DNS]) == (given.address, server)
    assert soon(lambda: bool(default_route(given)))
    assert addresses(given) == set()  # it is told not to make itself one
    assert dhcp6.information(told)[dhcp6.DNS] == server
    name = f"{world.two.name}.cloudweb.internal"
    code, (answer,) = ask_dns(made, "fd05::1", name, kind=28)
    assert (code, answer[-16:]) == (0, IPv6Address(other.address).packed)


def test_a_vlan_is_one_wire_for_all_hosts_and_another_number_is_another_wire(world: World) -> None:
    """Switches in user space need no VLANs of the kernel's; what is on the provider's wire bears the number."""
    context = RequestContext.system(project_id=make_context().project_id)
    blue, green = (
        make_network(context, kind="vlan", physical_network="public", segmentation_id=number)
        for number in (120, 121)
    )
    for network in (blue, green):
        make_subnet(network, context, cidr="10.0.0.0/24")
    one, two = world.guest(world.one, blue, "10.0.0.10"), world.guest(world.two, blue, "10.0.0.11")
    world.guest(world.two, green, "10.0.0.12")
    with world.lab.wire_of(world.one) as raw:
        assert soon(lambda: one.reaches("10.0.0.11"))
        assert not one.pings("10.0.0.12")
        assert soon(lambda: two.reaches("10.0.0.10"))
        numbers = {number for mac, number in tagged(raw) if mac in (one.mac, two.mac)}
    assert numbers == {120}


def test_connections_live_through_databases_that_are_away_and_what_was_broken_by_hand_is_mended(
    world: World,
) -> None:
    network, _ = networked()
    context = RequestContext.system(project_id=network.project_id)
    group = make_group(context)
    rules = SecurityGroupRuleManager(context)
    port = {
        "security_group_id": group.id,
        "direction": "ingress",
        "ethertype": "IPv4",
        "protocol": "tcp",
    }
    rules.create(**port, port_range_min=80, port_range_max=80)
    server = world.guest(world.one, network, "10.0.0.10", security_group_ids=[group.id])
    client = world.guest(world.two, network, "10.0.0.11")
    with echoing(server, 80), echoing(server, 81):
        line = soon_connected(client, "10.0.0.10", 80)
        assert is_open(line)
        world.lab.stop_central()
        world.lab.northbound.stop()
        rules.create(**port, port_range_min=81, port_range_max=81)
        assert is_open(line)
        assert dhcp(client)[0] == bytes((10, 0, 0, 11))
        world.lab.northbound.start()
        world.lab.start_central()
        world.settle()
        assert is_open(soon_connected(client, "10.0.0.10", 81))
        assert is_open(line)
        server.host.run("ovs-vsctl", "del-port", "br-int", server.port.tap)
        assert not client.connects("10.0.0.10", 80)
        server.host.ask("repair")
        server.await_up()
        assert is_open(soon_connected(client, "10.0.0.10", 80))


def test_a_path_trace_names_what_was_broken_by_hand(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, _ = networked()
    source = world.guest(world.one, network, "10.0.0.10")
    goal = world.guest(world.two, network, "10.0.0.11")
    for host in (world.one, world.two):
        make_agent(host.name)
    Port.objects.filter(network=network).update(applied_revision=99)
    monkeypatch.setattr(conf, "NORTHBOUND", world.lab.northbound.remote)

    def ask_all(orders: Sequence[Order], *, timeout: float) -> list[Any]:
        hosts = world.lab.hosts
        return [hosts[one.host].ask("observe", question=one.payload.dump()) for one in orders]

    monkeypatch.setattr("network.trace.asking.ask_all", ask_all)
    manager = PathTraceManager(RequestContext.system(project_id=network.project_id))
    ends = End(port_id=source.port.id), End(port_id=goal.port.id)

    def await_end(*wanted: str) -> None:
        """Wait until a ping's way ends so: the verdict, the kind of the hop and what it is about."""
        deadline = time.monotonic() + 30
        while True:
            found = manager.create(source=ends[0], destination=ends[1], protocol=1)
            hop = found.hops[-1 if found.stopped_at is None else found.stopped_at]
            if (found.verdict, hop.kind, hop.id) == wanted:
                return
            assert time.monotonic() < deadline, (
                wanted,
                *((one.text, one.detail) for one in found.hops),
            )

    fine = ("reaches", "destination", goal.port.id)
    await_end(*fine)
    northbound = world.lab.northbound.ask
    drop = ("to-lport", "2000", f'outport == "{goal.port.id}"')
    harms: dict[str, tuple[Callable[[], object], Callable[[], object], LabGuest]] = {
        "tap": (
            lambda: goal.host.run("ovs-vsctl", "del-port", "br-int", goal.port.tap),
            lambda: goal.host.ask("repair"), goal,
        ),
        "flows": (
            lambda: northbound("acl-add", f"network-{network.id}", *drop, "drop"),
            lambda: northbound("acl-del", f"network-{network.id}"), source,
        ),
        "binding": (
            lambda: northbound("lsp-set-options", source.port.id, "requested-chassis=nobody"),
            world.settle, source,
        ),
    }  # fmt: skip
    for kind, (harm, mend, whose) in harms.items():
        harm()
        await_end("stopped", kind, whose.port.id)
        mend()
        await_end(*fine)


def test_a_router_joins_translates_and_leads_in_and_another_host_takes_over_when_its_own_dies(
    world: World,
) -> None:
    outside = make_external(cidr="203.0.113.0/24")
    for host in ("h1", "h2"):
        make_agent(host)
    Agent.objects.filter(host__in=("h1", "h2")).update(driver=DRIVER)
    network, subnet = networked()
    context = RequestContext.system(project_id=network.project_id)
    router = make_router(context, subnets=[subnet], external=outside)
    assert (router.host, router.status) == ("", states.ACTIVE)
    world.settle()
    gateway = f"cr-lrp-{router.gateway.port_id}"
    active = world.lab.gateway_host(gateway)
    stays = (
        world.one
    )  # a gateway host that hears nobody takes itself for cut off, so it takes a third
    group = make_group(context)
    SecurityGroupRuleManager(context).create(
        security_group_id=group.id, direction="ingress", ethertype="IPv4", protocol="tcp"
    )
    guest, behind = (
        world.guest(stays, network, address, security_group_ids=[group.id])
        for address in ("10.0.0.10", "10.0.0.11")
    )
    floating = make_floating_ip(context, outside, port_id=guest.port.id)
    shared = make_floating_ip(context, outside)
    PortForwardingManager(context).create(
        shared.id, protocol="tcp", internal_port_id=behind.port.id,
        internal_ip_address="10.0.0.11", internal=Ports(80, 80), external=Ports(8080, 8080),
    )  # fmt: skip
    world.settle()
    lab = world.lab
    with guest.serving(80), behind.serving(80), lab.serving(80):
        assert soon(lambda: lab.reaches(floating.floating_ip_address, 80))
        assert soon(lambda: lab.reaches(shared.floating_ip_address, 8080))
        assert guest.connects_soon("203.0.113.1", 80)
        assert behind.connects_soon("203.0.113.1", 80)
        at = lab.hosts[active].kill()
        assert behind.connects_soon("203.0.113.1", 80)
        took = time.monotonic() - at
        print(f"another gateway host took over after {took:.2f} s")
        assert took < 5
        # a floating IP is on its server's own host, and that lives
        assert lab.reaches(floating.floating_ip_address, 80)
    assert {active, lab.gateway_host(gateway)} == {"h1", "h2"}
