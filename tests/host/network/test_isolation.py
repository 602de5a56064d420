"""Two tenants with the same addresses on one host do not see each other."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from network.drivers.linuxbridge.links import Links
from tests.builders.ports import allow, free_egress, make_network, make_port
from tests.host.network.bench import KernelBench
from tests.host.network.conftest import MakeGuest
from tests.host.network.guests import udp_frame

pytestmark = pytest.mark.host
OPEN = (*free_egress(), allow())


def test_two_tenants_with_the_same_addresses(bench: KernelBench, make_guest: MakeGuest) -> None:
    red, blue = make_network(), make_network(project_id="p2")
    red_one = make_guest(make_port(red, "10.5.0.11", rules=OPEN))
    red_two = make_guest(make_port(red, "10.5.0.12", rules=OPEN))
    blue_one = make_guest(make_port(blue, "10.5.0.11", rules=OPEN))
    blue_two = make_guest(make_port(blue, "10.5.0.12", rules=OPEN))
    with red_two.serving(80, text="red"), blue_two.serving(80, text="blue"):
        for guest, word in ((red_one, b"red\n"), (blue_one, b"blue\n")):
            with guest.inside(lambda: socket.create_connection(("10.5.0.12", 80), 2)) as connection:
                assert connection.recv(64) == word


def test_an_address_of_another_tenant_is_nobody(bench: KernelBench, make_guest: MakeGuest) -> None:
    red, blue = make_network(), make_network(project_id="p2")
    one = make_guest(make_port(red, "10.5.0.11", rules=OPEN))
    make_guest(make_port(blue, "10.5.0.12", rules=OPEN))
    assert one.reaches("10.5.0.1")
    assert not one.pings("10.5.0.12")


def test_the_ways_out_lead_to_no_other_tenant(bench: KernelBench, make_guest: MakeGuest) -> None:
    red, blue = make_network(), make_network(project_id="p2")
    one = make_guest(make_port(red, "10.5.0.11", rules=OPEN))
    make_guest(make_port(blue, "10.5.0.12", rules=OPEN))
    slots = bench.driver._slots
    assert one.reaches(str(slots.take(red.id).host))
    assert not one.pings(str(slots.take(blue.id).inside))


def test_the_host_itself_is_not_on_the_tenants_wire(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    """A frame to the bridge's own MAC must not reach the host's stack."""
    network = make_network()
    guest = make_guest(make_port(network, rules=OPEN))
    bridge = bench.config.names(network.id).bridge
    with Links.open() as links:
        assert links.get(bridge).filtered
    mac = bytes.fromhex(
        Path(f"/sys/class/net/{bridge}/address").read_text().strip().replace(":", "")
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("0.0.0.0", 0))
        listening.settimeout(0.5)
        port = listening.getsockname()[1]
        with guest.packet_socket() as raw:
            raw.send(
                udp_frame(
                    source_mac=guest.mac,
                    source=guest.address,
                    target="255.255.255.255",
                    sport=4000,
                    dport=port,
                    payload=b"to the host",
                    target_mac=mac,
                )
            )
        with pytest.raises(TimeoutError):
            listening.recv(64)
