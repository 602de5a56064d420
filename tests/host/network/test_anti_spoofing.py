"""What a guest forges is dropped where it enters."""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import IPv6Address

import pytest

from cloudweb import process
from network.drivers.linuxbridge import namespaces
from network.drivers.linuxbridge.port_chains import link_local
from network.objects import FixedAddress
from tests.builders.ports import (
    allow,
    free_egress,
    make_network,
    make_port,
    make_subnet,
    make_subnet6,
)
from tests.host.network.bench import KernelBench
from tests.host.network.conftest import MakeGuest
from tests.host.network.guests import Guest, arp_frame, checksum, frames_until, udp_frame

pytestmark = pytest.mark.host
OPEN = (*free_egress(), allow(), allow(ethertype="IPv6"))
FORGED = b"this frame was forged"
HONEST = b"this frame was honest"
OTHER_MAC = b"\x02\x00\x00\x00\x00\x99"


def pair(make_guest: MakeGuest) -> tuple[Guest, Guest]:
    network = make_network()
    return (
        make_guest(make_port(network, "10.5.0.11", rules=OPEN)),
        make_guest(make_port(network, "10.5.0.12", rules=OPEN)),
    )


def honest(guest: Guest) -> bytes:
    return udp(guest, payload=HONEST)


def udp(guest: Guest, **overrides: object) -> bytes:
    values: dict[str, object] = {
        "source_mac": guest.mac,
        "source": guest.address,
        "target": "10.5.0.12",
        "sport": 5000,
        "dport": 5000,
        "payload": FORGED,
        **overrides,
    }
    return udp_frame(**values)  # type: ignore[arg-type]


def tagged(frame: bytes) -> bytes:
    return frame[:12] + b"\x81\x00\x00\x05" + frame[12:]


FORGERIES: dict[str, Callable[[Guest], bytes]] = {
    "another MAC": lambda guest: udp(guest, source_mac=OTHER_MAC),
    "another address": lambda guest: udp(guest, source="10.5.0.77"),
    "the gateway's address": lambda guest: udp(guest, source="10.5.0.1"),
    "no address": lambda guest: udp(guest, source="0.0.0.0"),
    "a DHCP server": lambda guest: udp(guest, sport=67, dport=68),
    "a DHCP client asking its neighbours": lambda guest: udp(
        guest, source="0.0.0.0", target="255.255.255.255", sport=68, dport=67
    ),
    "a VLAN tag": lambda guest: tagged(udp(guest)),
    "another protocol": lambda guest: b"\xff" * 6 + guest.mac + b"\x88\xcc" + FORGED * 3,
    "ARP for another address": lambda guest: (
        arp_frame(source_mac=guest.mac, sender_mac=guest.mac, sender="10.5.0.1", target="10.5.0.12")
        + FORGED
    ),
    "ARP for another MAC": lambda guest: (
        arp_frame(
            source_mac=guest.mac, sender_mac=OTHER_MAC, sender="10.5.0.11", target="10.5.0.12"
        )
        + FORGED
    ),
    "ARP from another MAC": lambda guest: (
        arp_frame(
            source_mac=OTHER_MAC, sender_mac=guest.mac, sender="10.5.0.11", target="10.5.0.12"
        )
        + FORGED
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_frame_does_not_arrive(make_guest: MakeGuest, forgery: str) -> None:
    liar, victim = pair(make_guest)
    with victim.packet_socket() as listening, liar.packet_socket() as raw:
        raw.send(FORGERIES[forgery](liar))
        raw.send(honest(liar))
        seen = frames_until(listening, HONEST)
    assert not [frame for frame in seen if FORGED in frame]


def test_the_gateways_address_cannot_be_taken(make_guest: MakeGuest) -> None:
    liar, victim = pair(make_guest)
    victim.inside(lambda: namespaces.write_sysctl("net/ipv4/neigh/eth0/locktime", "0"))
    assert victim.reaches("10.5.0.1")
    liar.ip("addr", "add", "10.5.0.1/24", "dev", "eth0")
    with victim.packet_socket() as listening, liar.packet_socket() as raw:
        raw.send(
            arp_frame(
                source_mac=liar.mac, sender_mac=liar.mac, sender="10.5.0.1", target="10.5.0.12"
            )
        )
        raw.send(honest(liar))
        frames_until(listening, HONEST)
    assert liar.port.mac not in victim.ip("neigh", "show", "10.5.0.1")
    assert victim.reaches("10.5.0.1")


def test_the_bridge_does_not_learn_a_forged_mac(make_guest: MakeGuest) -> None:
    """Else the gateway's frames would be led to the liar though none of its own arrive anywhere."""
    liar, victim = pair(make_guest)
    with victim.packet_socket() as listening, liar.packet_socket() as raw:
        raw.send(udp(liar, source_mac=OTHER_MAC))
        raw.send(honest(liar))
        frames_until(listening, HONEST)
    learnt = process.run("bridge", "fdb", "show", "brport", liar.port.tap).text
    assert liar.port.mac in learnt
    assert OTHER_MAC.hex(":") not in learnt


def test_an_allowed_pair_may_be_used(make_guest: MakeGuest) -> None:
    network = make_network()
    port = make_port(network, "10.5.0.11", rules=OPEN)
    port = port.model_copy(update={"allowed_pairs": ((port.mac, "10.5.0.64/26"),)})
    one, two = make_guest(port), make_guest(make_port(network, "10.5.0.12", rules=OPEN))
    one.ip("addr", "add", "10.5.0.70/24", "dev", "eth0")
    one.ip("addr", "add", "10.5.0.40/24", "dev", "eth0")
    assert one.reaches("10.5.0.12", source="10.5.0.70")
    assert not one.pings("10.5.0.12", source="10.5.0.40")
    assert two.reaches("10.5.0.70")


def icmp6(guest: Guest, kind: int, body: bytes, source: str) -> bytes:
    """Return an ICMPv6 frame to all nodes."""
    ends = IPv6Address(source).packed + IPv6Address("ff02::1").packed
    message = struct.pack("!BBH", kind, 0, 0) + body
    total = checksum(ends + struct.pack("!IHBB", len(message), 0, 0, 58) + message)
    message = struct.pack("!BBH", kind, 0, total) + body
    head = struct.pack("!IHBB", 6 << 28, len(message), 58, 255)
    return b"\x33\x33\x00\x00\x00\x01" + guest.mac + b"\x86\xdd" + head + ends + message


def advertisement(target: str) -> bytes:
    return b"\x20\0\0\0" + IPv6Address(target).packed + FORGED


@pytest.mark.parametrize("forgery", ["router", "neighbour", "address", "redirect"])
def test_forged_ipv6_does_not_arrive(
    bench: KernelBench, make_guest: MakeGuest, forgery: str
) -> None:
    network = make_network(subnets=(make_subnet(), make_subnet6()))
    port = make_port(network, "fd05::11", rules=OPEN)
    four = FixedAddress(subnet_id=network.subnets[0].id, ip_address="10.5.0.11")
    liar = make_guest(port.model_copy(update={"addresses": (*port.addresses, four)}))
    victim = make_guest(make_port(network, "10.5.0.12", rules=OPEN))
    own = str(link_local(port.mac))
    frame = {
        "router": icmp6(liar, 134, bytes(12) + FORGED, own),
        "neighbour": icmp6(liar, 136, advertisement("fd05::1"), own),
        "address": icmp6(liar, 128, bytes(4) + FORGED, "fd05::77"),
        "redirect": icmp6(liar, 137, bytes(36) + FORGED, own),
    }[forgery]
    with victim.packet_socket() as listening, liar.packet_socket() as raw:
        raw.send(frame)
        raw.send(udp(liar, source="10.5.0.11", payload=HONEST))
        seen = frames_until(listening, HONEST)
        assert not [found for found in seen if FORGED in found]
        raw.send(icmp6(liar, 136, advertisement("fd05::11"), own))
        raw.send(udp(liar, source="10.5.0.11", payload=HONEST))
        assert [found for found in frames_until(listening, HONEST) if FORGED in found]
