"""Networks over two hosts: who reaches whom, who does not, what is heard where, and what heals."""

from __future__ import annotations

import itertools
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.driver import DriverError
from network.drivers.linuxbridge import LinuxBridgeDriver, namespaces, nft
from network.drivers.linuxbridge.config import METADATA_ADDRESS
from network.objects import (
    FixedAddress,
    ForwardingEntry,
    GroupMembers,
    NetworkPicture,
    NetworkWiring,
    PortWiring,
    Segment,
)
from network.routers.objects import FloatingWiring, RouterWiring
from tests.builders.ports import (
    allow,
    free_egress,
    from_group,
    make_network,
    make_port,
    make_subnet,
    make_subnet6,
    new_id,
)
from tests.host.network.bench import make_config
from tests.host.network.guests import (
    BROADCAST,
    Guest,
    answering,
    arp_frame,
    dhcp,
    frames_until,
    udp_frame,
)
from tests.host.network.test_crashes import die_in
from tests.host.network.two_hosts import Host, Pair, fdb_of
from tests.host.network.waiting import appears

pytestmark = pytest.mark.host
ALL = (*free_egress(), allow(), allow(ethertype="IPv6"))
_NO_DHCP: dict[str, Any] = {"enable_dhcp": False, "dhcp_server_ip": None}
numbers = itertools.count(1000)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    made = Pair(tmp_path_factory.mktemp("hosts"))
    yield made
    made.close()


@pytest.fixture
def pair(hosts: Pair) -> Iterator[Pair]:
    """Two hosts without a network."""
    yield hosts
    hosts.clear()


def spanning(**overrides: Any) -> NetworkWiring:
    values: dict[str, Any] = {
        "segment": Segment(network_type="vxlan", segmentation_id=next(numbers)),
        "mtu": 1500,
        "subnets": (make_subnet(**_NO_DHCP), make_subnet6(**_NO_DHCP)),
    }
    return make_network(**{**values, **overrides})


def port(network: NetworkWiring, number: int, **overrides: Any) -> PortWiring:
    start = network.subnets[0].cidr.rpartition(".")[0]
    return make_port(network, f"{start}.{number}", **{"rules": ALL, **overrides})


def heard(listener: Guest, act: Callable[[], object], sender: Guest) -> list[bytes]:
    """Return the frames a guest gets of what happens, until an honest one of the sender's."""
    with listener.packet_socket() as seen:
        act()
        with sender.packet_socket() as raw:
            raw.send(_word(sender, listener, b"the honest end"))
        return frames_until(seen, b"the honest end")


def _word(sender: Guest, listener: Guest, payload: bytes, **overrides: Any) -> bytes:
    values: dict[str, Any] = {
        "source_mac": sender.mac,
        "target_mac": listener.mac,
        "source": sender.address,
        "target": listener.address,
        "sport": 7,
        "dport": 7,
        "payload": payload,
    }
    return udp_frame(**{**values, **overrides})


def test_guests_reach_their_own_network_on_both_hosts_and_nobody_else_has_their_addresses(
    pair: Pair,
) -> None:
    mine, theirs = spanning(), spanning()
    one, two = pair.guest(pair.one, port(mine, 11)), pair.guest(pair.two, port(mine, 12))
    other = pair.guest(pair.one, port(theirs, 11))
    same = pair.guest(pair.two, port(theirs, 13))
    assert one.reaches(two.address)
    assert two.reaches(one.address)
    assert other.reaches(same.address)
    assert not one.pings(same.address)
    assert not other.pings(two.address)
    whole = one.ip("-4", "route", "get", two.address)
    assert "via" not in whole
    big = ("ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", "1472", two.address)
    assert " 0% packet loss" in namespaces_run(one, *big)  # all of what the network's MTU says


def namespaces_run(guest: Guest, *words: str) -> str:
    return process.run(*namespaces.command(guest.namespace, *words), check=False).text


def test_questions_for_neighbours_are_answered_where_they_are_asked(pair: Pair) -> None:
    network = spanning()
    one, two = (pair.guest(host, both(network, at)) for at, host in enumerate(pair.hosts, start=11))
    assert one.reaches("fd05::12")

    def ask() -> None:
        one.ip("neigh", "flush", "dev", "eth0")
        assert one.reaches("10.5.0.12")
        assert one.reaches("fd05::12")

    seen = [frame for frame in heard(two, ask, one) if frame[6:12] == one.mac]
    assert [frame for frame in seen if frame[12:14] == b"\x08\x00"]
    assert not [frame for frame in seen if frame[:6] == BROADCAST]
    assert not [frame for frame in seen if frame[:2] == b"\x33\x33" and frame[54:55] == b"\x87"]
    pair.places[network.id][two.port.mac] = _entry(pair.two, two.port, roams=True)
    pair.tell(network.id)
    seen = heard(two, ask, one)  # he may have other addresses, so he is asked himself
    assert [frame for frame in seen if frame[:6] == BROADCAST and frame[6:12] == one.mac]


def both(network: NetworkWiring, number: int) -> PortWiring:
    """Return a port with an address of either version."""
    four, six = network.subnets
    addresses = (
        FixedAddress(subnet_id=four.id, ip_address=f"10.5.0.{number}"),
        FixedAddress(subnet_id=six.id, ip_address=f"fd05::{number}"),
    )
    return port(network, number, addresses=addresses)


def test_nothing_forged_comes_over(pair: Pair) -> None:
    network = spanning()
    one, two = pair.guest(pair.one, port(network, 11)), pair.guest(pair.two, port(network, 12))
    third = pair.guest(pair.two, port(network, 13))

    def forge() -> None:
        with one.packet_socket() as raw:
            raw.send(_word(one, two, b"forged MAC", source_mac=third.mac))
            raw.send(_word(one, two, b"forged IP", source=third.address))
            raw.send(_word(one, two, b"forged DHCP", source=one.address, sport=67, dport=68))
            raw.send(
                arp_frame(
                    source_mac=one.mac,
                    sender_mac=one.mac,
                    sender=third.address,
                    target=two.address,
                )
            )
            raw.send(_router_advertisement(one))

    seen = heard(two, forge, one)
    claimed = socket.inet_aton(third.address)
    # what the guest's own kernel says of itself meanwhile (groups, its addresses) is honest
    assert not [
        frame
        for frame in seen
        if b"forged" in frame
        or (frame[6:12] == one.mac and (_is_advertisement(frame) or frame[28:32] == claimed))
    ]


def test_only_routers_are_heard_as_routers(pair: Pair) -> None:
    gateway = make_subnet6(routed=True, **_NO_DHCP)
    network = spanning(subnets=(make_subnet(**_NO_DHCP), gateway))
    two = pair.guest(pair.two, port(network, 12))
    leg = make_port(network, "fd05::1", port_security=False, rules=())
    router = pair.guest(pair.one, leg, configure=False)
    free = pair.guest(pair.one, port(network, 13, port_security=False, rules=()))

    def advertise() -> None:
        for guest in (free, router):
            with guest.packet_socket() as raw:
                raw.send(_router_advertisement(guest))

    seen = heard(two, advertise, free)
    assert {frame[6:12] for frame in seen if _is_advertisement(frame)} == {router.mac}


def _is_advertisement(frame: bytes) -> bool:
    """Whether a router says of itself that it is one (ICMPv6 type 134, to a group)."""
    return frame[:2] == b"\x33\x33" and frame[54:55] == b"\x86"


def _router_advertisement(guest: Guest) -> bytes:
    body = b"\x86\x00\x00\x00\x40\x00\x07\x08" + bytes(8)
    head = struct.pack("!IHBB", 0x60000000, len(body), 58, 255)
    source = b"\xfe\x80" + bytes(6) + bytes([guest.mac[0] ^ 2]) + guest.mac[1:3] + b"\xff\xfe"
    source += guest.mac[3:]
    ends = source + b"\xff\x02" + bytes(13) + b"\x01"
    return b"\x33\x33\x00\x00\x00\x01" + guest.mac + b"\x86\xdd" + head + ends + body


def test_each_host_serves_its_own_guests(pair: Pair) -> None:
    network = spanning(subnets=(make_subnet(),))
    one = pair.guest(pair.one, port(network, 11), configure=False)
    two = pair.guest(pair.two, port(network, 12))
    one.ip("addr", "add", f"{one.address}/24", "dev", "eth0")
    given: list[dict[int, bytes]] = []
    seen = heard(two, lambda: given.append(dhcp(one)), one)
    assert given[0][0] == socket.inet_aton(one.address)
    assert given[0][26] == struct.pack("!H", 1500)
    assert not [frame for frame in seen if b"\x63\x82\x53\x63" in frame]
    assert one.reaches("10.5.0.1")
    wire = pair.two.bench.config.names(network.id)
    with namespaces_socket(
        pair.two, wire.namespace
    ) as raw:  # the other host's gateway hears nothing
        one.ip("neigh", "flush", "dev", "eth0")
        assert one.reaches("10.5.0.1")
        assert two.reaches("10.5.0.1")
        frames = drained(raw)
    assert not [frame for frame in frames if frame[6:12] == one.mac]


def namespaces_socket(host: Host, namespace: str) -> socket.socket:
    def opened() -> socket.socket:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        raw.bind(("gw0", 0))
        raw.setblocking(False)
        return raw

    return host.inside(lambda: namespaces.inside(namespace, opened))


def drained(raw: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    while True:
        try:
            found.append(raw.recv(65_536))
        except BlockingIOError:
            return found


def test_groups_follow_members_on_the_other_host_and_rules_act_at_once(pair: Pair) -> None:
    network, group = spanning(), new_id()
    one = pair.guest(pair.one, port(network, 11))
    guarded = port(network, 12, rules=free_egress(), group_rules=(from_group(group, "icmp"),))
    two = pair.guest(pair.two, guarded)
    assert not one.pings(two.address)

    def members(generation: int, *blocks: str) -> None:
        told = GroupMembers(
            network_id=network.id, group_id=group, generation=generation, members=blocks
        )
        pair.two.refresh(NetworkPicture(id=network.id, ports=(), groups=(told,)))

    members(1, f"{one.address}/32")
    assert one.reaches(two.address)
    members(2)
    assert not one.pings(two.address)
    opened = guarded.model_copy(update={"revision": 2, "rules": ALL})
    pair.two.refresh(NetworkPicture(id=network.id, ports=(opened,)))
    assert one.reaches(two.address)


def test_who_is_not_known_to_have_ports_of_a_network_cannot_send_to_it(pair: Pair) -> None:
    network = spanning()
    one, two = pair.guest(pair.one, port(network, 11)), pair.guest(pair.two, port(network, 12))
    assert one.reaches(two.address)
    pair.one.ip("addr", "add", "192.168.77.99/24", "dev", "under0")
    inner = _word(one, two, b"forged from outside")
    number = network.segment and network.segment.segmentation_id
    packet = struct.pack("!II", 0x08000000, (number or 0) << 8)

    def send(source: str, payload: bytes) -> None:
        with pair.one.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as out:
            out.bind((source, 0))
            out.sendto(payload, (pair.two.address, 4789))

    seen = heard(two, lambda: send("192.168.77.99", packet + inner), one)
    assert not [frame for frame in seen if b"forged" in frame]
    known = packet + _word(one, two, b"from a host that is known")
    seen = heard(two, lambda: send(pair.one.address, known), one)
    assert [frame for frame in seen if b"from a host that is known" in frame]

    def by_the_gateway() -> None:  # a guest's packet leaves with its host's own address
        with one.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as out:
            out.sendto(packet + inner, (pair.two.address, 4789))

    seen = heard(two, by_the_gateway, one)
    assert not [frame for frame in seen if b"forged" in frame]
    assert not one.pings(pair.two.address)  # the wire between hosts is for tunnels alone


def test_what_vanishes_is_back_within_one_period(pair: Pair) -> None:
    network = spanning()
    one, two = pair.guest(pair.one, port(network, 11)), pair.guest(pair.two, port(network, 12))
    names, table = pair.one.bench.config.names(network.id), fdb_of(pair.one, network)
    harms: dict[str, Callable[[], object]] = {
        "device": lambda: pair.one.ip("link", "del", names.wire),
        "entries": lambda: pair.one.run("bridge", "fdb", "flush", "dev", names.wire, "self"),
        "neighbours": lambda: pair.one.ip(
            "neigh", "flush", "nud", "permanent", "dev", names.bridge
        ),
        "guard": lambda: pair.one.inside(
            lambda: nft.delete(("inet", f"{pair.one.bench.config.table}_tunnel"))
        ),
        "bridge": lambda: pair.one.ip("link", "del", names.bridge),
        "process": pair.one.restart,
    }
    listener = two.inside(lambda: socket.create_server(("", 8001)))
    goal = (two.address, 8001)
    with listener, one.inside(lambda: socket.create_connection(goal, timeout=20)) as talking:
        heard_by, _ = listener.accept()
        heard_by.settimeout(20)
        with heard_by:
            for what, harm in harms.items():
                harm()
                pair.one.repair()
                assert fdb_of(pair.one, network) == table, what
                talking.sendall(what.encode())  # the same connection all along
                assert heard_by.recv(64) == what.encode()
                assert pair.one.inside(pair.one.bench.driver.broken) == [], what


def test_killed_in_the_middle_of_a_change(pair: Pair) -> None:
    network = spanning()
    one = pair.guest(pair.one, port(network, 11))
    pair.guest(pair.two, port(network, 12))
    for command in itertools.count(0, 2):
        fresh = port(network, 20 + command)
        guest = pair.two.guest(fresh)
        pair.places[network.id][fresh.mac] = _entry(pair.two, fresh)
        table = pair.table(network.id)
        picture = NetworkPicture(id=network.id, ports=(), forwarding=table)
        died = die_in(lambda picture=picture: pair.one.refresh(picture), command=command)
        pair.one.restart()
        pair.two.refresh(picture)
        assert one.reaches(guest.address)
        if not died:
            break
    assert command > 1


def _entry(host: Host, one: PortWiring, *, roams: bool = False) -> ForwardingEntry:
    addresses = tuple(each.ip_address for each in one.addresses)
    return ForwardingEntry(mac=one.mac, addresses=addresses, endpoint=host.address, roams=roams)


def test_a_guest_on_its_way_is_reached_where_it_is_before_the_tables_say_so(pair: Pair) -> None:
    network = spanning()
    beside = pair.guest(pair.one, port(network, 11))
    goes = port(network, 12)
    there = pair.guest(pair.two, goes)
    assert beside.reaches(there.address)
    for here, to in ((pair.two, pair.one), (pair.one, pair.two)):
        came = _go(pair, there, to, beside)
        here.unplug(goes)
        pair.place(to, goes)
        assert beside.reaches(came.address)
        there = came


def _go(pair: Pair, there: Guest, to: Host, beside: Guest) -> Guest:
    """Let a guest run on another host; all is told that it goes there, not yet that it is there."""
    goes = there.port
    (here,) = {*pair.hosts} - {to}
    on_its_way = _entry(here, goes).model_copy(update={"goes_to": to.address})
    pair.places[goes.network.id][goes.mac] = on_its_way
    came = to.inside(lambda: Guest(goes, name=f"{goes.id[:6]}-{to.address[-1]}"))
    came.ip("link", "set", "eth0", "down")  # it does not run yet
    to.guests.append(came)
    to.plug(goes)
    pair.tell(goes.network.id)
    assert beside.reaches(there.address)
    there.ip("link", "set", "eth0", "down")
    came.ip("link", "set", "eth0", "up")
    appears(lambda: '"forwarding"' in to.run("bridge", "-j", "link", "show", "dev", goes.tap))
    with came.packet_socket() as raw:  # what QEMU says as soon as a guest runs: RARP
        raw.send(BROADCAST + came.mac + struct.pack("!HHHBBH", 0x8035, 1, 0x800, 6, 4, 3)
                 + (came.mac + bytes(4)) * 2 + bytes(18))  # fmt: skip
    assert beside.reaches(came.address)
    return came


def test_a_guest_that_came_and_died_before_the_tables_say_so_is_forgotten(pair: Pair) -> None:
    network = spanning()
    beside = pair.guest(pair.two, port(network, 11))
    goes = port(network, 12)
    there = pair.guest(pair.two, goes)
    came = _go(pair, there, pair.one, beside)
    came.ip("link", "set", "eth0", "down")
    appears(lambda: "NO-CARRIER" in pair.one.run("ip", "link", "show", "dev", goes.tap))
    pair.two.unplug(goes)
    pair.place(pair.one, goes)
    came.ip("link", "set", "eth0", "up")
    assert beside.reaches(came.address)


def test_a_router_on_one_host_serves_the_other_and_is_brought_there(pair: Pair) -> None:
    subnet = make_subnet(
        cidr="10.7.0.0/24", gateway_ip="10.7.0.1", dhcp_server_ip="10.7.0.2", routed=True
    )
    inside = spanning(subnets=(subnet,))
    wire = make_subnet(
        cidr="172.31.7.0/24", gateway_ip="172.31.7.1", dhcp_server_ip="172.31.7.2", routed=True
    )
    outside = make_network(
        kind="flat",
        subnets=(wire,),
        segment=Segment(network_type="flat", physical_network="physnet"),
        nat=False,
    )
    one, two = pair.guest(pair.one, port(inside, 11)), pair.guest(pair.two, port(inside, 12))
    stranger = pair.one.guest(port(outside, 60))
    router_id = new_id()
    legs = [
        make_port(network, address, router_id=router_id, device_id=router_id, **_FREE)
        for network, address in ((inside, "10.7.0.1"), (outside, "172.31.7.50"))
    ]
    router = RouterWiring(
        id=router_id,
        project_id="p1",
        revision=1,
        interfaces=(legs[0],),
        gateway=legs[1],
        floating=(FloatingWiring(floating_ip="172.31.7.70", fixed_ip=one.address),),
    )
    pair.two.route(router)
    pair.place(pair.two, legs[0])
    assert two.reaches("10.7.0.1")
    assert one.reaches("10.7.0.1")
    assert one.reaches(stranger.address)  # by the router's host, and back over the provider's wire
    assert stranger.reaches("172.31.7.70")
    names = pair.one.bench.config.names(inside.id)
    listener = pair.one.inside(
        lambda: namespaces.inside(
            names.namespace, lambda: socket.create_server((METADATA_ADDRESS, 80))
        )
    )
    with listener, answering(listener, "metadata"):  # of its own host, though it asks by the router
        assert one.connects(METADATA_ADDRESS, 80)
    start = time.monotonic()
    pair.two.drop_router(router)
    pair.one.route(router)
    pair.place(pair.one, legs[0])
    appears(lambda: two.pings(stranger.address) and stranger.pings("172.31.7.70"))
    print(f"\nrouter brought to another host in {time.monotonic() - start:.2f} s")


_FREE: dict[str, Any] = {"port_security": False, "rules": ()}


def test_a_flat_network_is_the_providers_wire_on_every_host(pair: Pair) -> None:
    wire = make_subnet(
        cidr="172.31.8.0/24", gateway_ip="172.31.8.1", dhcp_server_ip="172.31.8.2", routed=True
    )
    network = make_network(
        kind="flat",
        subnets=(wire,),
        segment=Segment(network_type="flat", physical_network="physnet"),
        nat=False,
    )
    one, two = pair.one.guest(port(network, 11)), pair.two.guest(port(network, 12))
    assert one.reaches(two.address)
    seen = heard(two, lambda: dhcp(one), one)
    assert not [frame for frame in seen if b"\x63\x82\x53\x63" in frame]
    for host, guest in ((pair.one, one), (pair.two, two)):
        guest.close()
        host.unplug(guest.port)
        host.guests.clear()
        assert "master" not in host.ip("link", "show", "wire0")


def test_what_an_operator_must_put_right_is_said(pair: Pair, tmp_path: Path) -> None:
    def said(**settings: Any) -> tuple[str, str, str]:
        config = make_config(**settings)
        driver = LinuxBridgeDriver(tmp_path / "driver", "h1", config=config)
        sentences = pair.one.inside(driver.joining_problems)
        types = pair.one.inside(lambda: driver.network_types)
        return pair.one.inside(lambda: driver.tunnel_address), " ".join(types), " ".join(sentences)

    assert said() == ("", "", "")
    assert said(tunnel=pair.one.address) == (pair.one.address, "vxlan", "")
    assert said(tunnel="under0") == (pair.one.address, "vxlan", "")
    lacking = {
        "198.51.100.9": "198.51.100.9 is not on this host",
        "nic9": "names nic9, which has no IPv4 address",
        "fd00::1": "fd00::1 is not an IPv4 address",
    }
    for tunnel, sentence in lacking.items():
        address, types, sentences = said(tunnel=tunnel)
        assert (address, types) == ("", "")
        assert sentence in sentences
    assert "names nic9 for rack" in said(interfaces={"rack": "nic9"})[2]
    pair.guest(pair.one, port(spanning(mtu=1600), 11))
    (sentence,) = pair.one.inside(pair.one.bench.driver.joining_problems)
    assert "under0 carries packets of 1600 bytes; a network here needs 1650" in sentence


def test_a_kernel_without_vlans_says_so(pair: Pair) -> None:
    network = make_network(
        segment=Segment(network_type="vlan", segmentation_id=7, physical_network="physnet")
    )
    if _has_vlans(pair.one):
        pytest.skip("this kernel has VLANs")

    one = port(network, 11)
    with pytest.raises(DriverError, match="8021q"):
        pair.one.plug(one)
    pair.one.unplug(one)


def _has_vlans(host: Host) -> bool:
    words = ("ip", "-n", host.name, "link", "add", "link", "under0", "name", "v9", "type", "vlan")
    done = process.run(*words, "id", "9", check=False).returncode == 0
    if done:
        host.ip("link", "del", "v9")
    return done
