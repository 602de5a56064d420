"""QoS in the real kernel: what is measured is what was said, in both directions, and somebody's hand is undone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudweb import process
from network.drivers.linuxbridge import namespaces
from network.drivers.linuxbridge.limits import HOLDER, limit_name
from network.drivers.linuxbridge.links import Links
from network.objects import BandwidthLimit, PortQos
from network.routers.objects import AddressLimit, leg_name
from tests.builders.ports import allow, free_egress, make_network, make_port, port_ref
from tests.host.network.bench import KernelBench
from tests.host.network.conftest import MakeGuest
from tests.host.network.guests import Guest
from tests.host.network.test_routers import World, world  # noqa: F401  a fixture

pytestmark = pytest.mark.host
WARM, LOOK = 0.3, 0.7  # seconds


def rate(sender: Guest, receiver: Guest, *, at: str = "") -> float:
    """Return how many kbit/s get from one guest to the other once the burst is through."""
    listener = receiver.inside(lambda: socket.create_server(("", 5001)))
    done = threading.Event()

    def send() -> None:
        goal = (at or receiver.address, 5001)
        with sender.inside(lambda: socket.create_connection(goal, timeout=10)) as connection:
            while not done.is_set():
                try:
                    connection.sendall(bytes(16384))
                except OSError:
                    return

    thread = threading.Thread(target=send)
    thread.start()
    with listener:
        listener.settimeout(10)
        connection, _ = listener.accept()
        with connection:
            _passed(connection, receiver, WARM)
            found = _passed(connection, receiver, LOOK)
            done.set()
    thread.join()
    return found


def _passed(connection: socket.socket, receiver: Guest, seconds: float) -> float:
    """Return how many kbit/s the kernel handed to the receiver meanwhile, frames whole, as buckets count."""
    counter = Path(f"/sys/class/net/{receiver.port.tap}/statistics/tx_bytes")
    start, before = time.monotonic(), int(counter.read_text())
    while time.monotonic() - start < seconds:
        connection.recv(65536)
    spent, count = time.monotonic() - start, int(counter.read_text()) - before
    return count * 8 / 1000 / spent


def limit(kbps: int) -> BandwidthLimit:
    return BandwidthLimit(max_kbps=kbps, burst_kbits=kbps // 20)


def is_close(measured: float, kbps: int) -> bool:
    return abs(measured - kbps) <= 0.15 * kbps


def healed(
    bench: KernelBench, break_it: Callable[[], object], is_there: Callable[[], bool]
) -> bool:
    """Tell whether the agent brings back what somebody took."""
    assert is_there()
    break_it()
    assert not is_there()
    bench.agent.repair()
    return is_there()


def test_a_port_is_held_to_its_limits_in_both_directions_and_healed(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    network, rules = make_network(), (*free_egress(), allow())
    free = make_guest(make_port(network, "10.5.0.12", rules=rules))
    qos = PortQos(egress=limit(8000), ingress=limit(20_000))
    port = make_port(network, "10.5.0.11", rules=rules, qos=qos)
    held = make_guest(port)
    assert "bandwidth_limit" in bench.agent.inventory().capabilities
    assert is_close(rate(held, free), 8000)
    assert is_close(rate(free, held), 20_000)
    with Links.open() as links:
        index = links.get(port.tap).index
    changed = port.model_copy(update={"revision": 2, "qos": PortQos(egress=limit(20_000))})
    bench.agent.plug(changed)
    assert is_close(rate(held, free), 20_000)
    assert rate(free, held) > 40_000

    def shaper() -> bool:
        with Links.open() as links:
            holder = links.find(limit_name(port.tap))
            return holder is not None and links.get(port.tap).index == index

    assert healed(bench, lambda: process.run("ip", "link", "del", limit_name(port.tap)), shaper)
    bench.restart()
    assert is_close(rate(held, free), 20_000)
    bench.agent.plug(changed.model_copy(update={"revision": 3, "qos": None}))
    assert not shaper()
    assert rate(held, free) > 40_000
    for one in (port, free.port):
        bench.agent.unplug(port_ref(one))
    assert not bench.census()


def test_what_a_port_sends_is_marked(bench: KernelBench, make_guest: MakeGuest) -> None:
    network, rules = make_network(), (*free_egress(), allow())
    marked = make_guest(make_port(network, rules=rules, qos=PortQos(dscp=46)))
    plain = make_guest(make_port(network, "10.5.0.12", rules=rules))
    assert marked.reaches(plain.address)

    def mark_seen(sender: Guest, receiver: Guest) -> int:
        listener = receiver.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with listener:
            listener.bind(("", 5002))
            listener.settimeout(10)
            listener.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
            with sender.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as card:
                card.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 8 << 2)
                card.sendto(b"x", (receiver.address, 5002))
            _, ((_, _, value),), _, _ = listener.recvmsg(64, 64)
        return value[0] >> 2

    assert (mark_seen(marked, plain), mark_seen(plain, marked)) == (46, 8)


def test_addresses_outside_are_held_to_theirs(world: World) -> None:  # noqa: F811
    guest, stranger = world.guest(world.left, 11), world.guest(world.outside, 60)
    floating = world.floating(70, guest)
    limits = (
        AddressLimit(address=floating.floating_ip, egress=limit(8000), ingress=limit(16_000)),
    )
    world.change(floating=(floating,), limits=limits)
    assert stranger.reaches(floating.floating_ip)
    assert is_close(rate(guest, stranger), 8000)
    assert is_close(rate(stranger, guest, at=floating.floating_ip), 16_000)
    assert world.router.gateway is not None
    leg = leg_name(world.router.gateway.id)
    name = world.bench.config.router_namespace(world.router.id)

    def qdisc_of(link: str) -> str:
        def look() -> str:
            with Links.open() as links:
                found = links.find(link)
                return found.qdisc if found is not None else ""

        return namespaces.inside(name, look)

    for link in (leg, HOLDER):
        words = namespaces.command(name, "tc", "qdisc", "del", "dev", link, "root")
        assert healed(
            world.bench,
            lambda words=words: process.run(*words),  # type: ignore[misc]
            lambda link=link: qdisc_of(link) == "htb",  # type: ignore[misc]
        )
    world.change(limits=())
    assert (qdisc_of(leg) != "htb", qdisc_of(HOLDER)) == (True, "")
    assert rate(guest, stranger) > 40_000
