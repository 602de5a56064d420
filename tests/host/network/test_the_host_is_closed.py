"""What guests reach of their host: DHCP, DNS, metadata, ICMP; and what their servers may there."""

from __future__ import annotations

import contextlib
import pwd
import socket
from pathlib import Path

import pytest

from cloudweb import process
from network.drivers.linuxbridge import nft
from tests.builders.ports import make_network, make_port
from tests.builders.strangers import as_user, open_to
from tests.host.network.bench import KernelBench, make_flat_network
from tests.host.network.conftest import MakeGuest
from tests.host.network.guests import Guest, answering, ask_dns, dhcp

pytestmark = pytest.mark.host


def reached(guest: Guest, address: str) -> dict[str, bool]:
    """Return which of a service over TCP, one over UDP, and ping a guest reaches on the host.

    The services are made for this, as any of the host's would be that listens on all addresses.
    """
    found = {}
    with socket.create_server((address, 0)) as listener, answering(listener, "hello"):
        found["tcp"] = guest.connects(*listener.getsockname())
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        served.bind((address, 0))
        asking = stack.enter_context(
            guest.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        )
        asking.sendto(b"hello", served.getsockname())
        found["ping"] = guest.reaches(address)  # sent later, so what came before it is there
        served.settimeout(0.2)
        try:
            found["udp"] = served.recv(16) == b"hello"
        except TimeoutError:
            found["udp"] = False
    return found


def test_the_hosts_services_are_closed_to_guests(bench: KernelBench, make_guest: MakeGuest) -> None:
    network, flat = make_network(), make_flat_network()
    inner = make_guest(make_port(network, "10.5.0.11"))
    gateway = str(flat.subnets[0].gateway_ip)
    outer = make_guest(make_port(flat, f"{gateway.removesuffix('.1')}.11"))
    way_out = str(bench.driver._slots.take(network.id).host)
    closed = {"tcp": False, "udp": False, "ping": True}
    assert reached(inner, way_out) == closed
    assert reached(outer, gateway) == closed
    # what they are there for still answers
    assert dhcp(outer)[0]
    assert ask_dns(outer, gateway, "nobody.cloudweb.internal") == (3, [])
    # a table that somebody flushed is missed and comes back
    assert not bench.driver.broken()
    nft.delete(("inet", bench.config.table))
    assert {*bench.driver.broken()} == {network.id, flat.id}
    bench.agent.repair()
    assert not bench.driver.broken()
    assert reached(inner, way_out) == closed


def test_a_network_without_a_way_out_closes_the_host_all_the_same(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    flat = make_flat_network(nat=False)
    gateway = str(flat.subnets[0].gateway_ip)
    guest = make_guest(make_port(flat, f"{gateway.removesuffix('.1')}.11"))
    assert reached(guest, gateway) == {"tcp": False, "udp": False, "ping": True}


def test_the_dhcp_server_is_nobody(bench: KernelBench, make_guest: MakeGuest) -> None:
    guest = make_guest(make_port(make_network(), "10.5.0.11"), configure=False)
    server = bench.driver._dhcp(guest.port.network.id)
    main = server.pid()
    assert main is not None
    family = [main, *_children(main)]
    for pid in family:
        status = Path(f"/proc/{pid}/status").read_text()
        uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
        assert "0" not in uids, (pid, status)
    uid = int(uids[0])
    gid = pwd.getpwuid(uid).pw_gid
    # it works: a lease, its milestone, a port that comes later (SIGHUP), names
    assert dhcp(guest)[0]
    later = make_guest(make_port(guest.port.network, "10.5.0.12", hostname="db"), configure=False)
    assert server.pid() == main
    assert dhcp(later)[0]
    # of what the host keeps it reads its own files; others do not read those
    assert not open_to(uid, bench.directory, gid=gid)
    told = server.shared / "hosts"
    assert "10.5.0.12" in as_user(uid, "cat", str(told), gid=gid).text
    assert as_user(12345, "cat", str(told)).returncode != 0
    assert as_user(uid, "touch", str(server.shared / "other"), gid=gid).returncode != 0
    bench.agent.delete_everything()
    assert not server.shared.exists()


def _children(pid: int) -> list[int]:
    found = process.run("pgrep", "-P", str(pid), check=False).text.split()
    return [int(word) for word in found]
