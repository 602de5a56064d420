"""IPv6 in the real kernel: guests get their addresses each way, routers join their networks."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from network.drivers.linuxbridge import namespaces
from network.drivers.linuxbridge.port_chains import link_local
from network.objects import (
    DhcpOption,
    FixedAddress,
    HostRoute,
    NetworkWiring,
    PortWiring,
    SubnetWiring,
)
from network.routers.objects import RouterRef, RouterWiring
from tests.builders.demo_image import demo_image
from tests.builders.ports import allow, free_egress, make_network, make_port, make_subnet6, new_id
from tests.host.network import dhcp6
from tests.host.network.bench import KernelBench
from tests.host.network.conftest import MakeGuest
from tests.host.network.guests import ask_dns, frames_until
from tests.host.network.six import addresses, default_route, wake
from tests.host.network.waiting import appears

pytestmark = pytest.mark.host
OPEN = (*free_egress(), allow(ethertype="IPv6"))


def six(mode: str, start: str = "fd05", **overrides: Any) -> SubnetWiring:
    values = {
        "cidr": f"{start}::/64",
        "gateway_ip": f"{start}::1",
        "dhcp_server_ip": f"{start}::1",
        "ipv6_ra_mode": mode,
        "ipv6_address_mode": mode,
    }
    return make_subnet6(**values | overrides)


def made_by(mac: str, subnet: SubnetWiring) -> str:
    """Return the address that a MAC makes on a subnet."""
    return subnet.cidr.partition("::")[0] + str(link_local(mac)).removeprefix("fe80")


def slaac_port(network: NetworkWiring, **overrides: Any) -> PortWiring:
    """Return a port with the address that its guest will make itself on each subnet."""
    port = make_port(network, "fd05::11", rules=OPEN, **overrides)
    fixed = tuple(
        FixedAddress(subnet_id=subnet.id, ip_address=made_by(port.mac, subnet))
        for subnet in network.subnets
        if subnet.ip_version == 6
    )
    return port.model_copy(update={"addresses": fixed})


def test_guests_make_themselves_addresses(bench: KernelBench, make_guest: MakeGuest) -> None:
    """Prefix, way out and MTU come by router advertisements; others reach the guest, also by its name."""
    subnet = six("slaac")
    network = make_network(subnets=(subnet,), mtu=1400)
    port, other = slaac_port(network), slaac_port(network, hostname="web")
    one = make_guest(port, configure=False)
    two = make_guest(other, configure=False)
    wake(one)
    wake(two)
    for guest in (one, two):
        appears(lambda guest=guest: addresses(guest) == {made_by(guest.port.mac, subnet)})
    assert default_route(one)["gateway"].startswith("fe80::")
    assert one.inside(lambda: namespaces.read_sysctl("net/ipv6/conf/eth0/mtu")) == "1400"
    assert one.reaches(made_by(other.mac, subnet))
    assert one.reaches("fd05::1")
    answer = [IPv6Address(made_by(other.mac, subnet)).packed]
    assert ask_dns(one, "fd05::1", "web.cloudweb.internal", kind=28) == (0, answer)


def test_guests_ask_by_dhcp(bench: KernelBench, make_guest: MakeGuest) -> None:
    """Stateful: the address is the port's own by its MAC. Stateless: what an address does not say."""
    stateful, stateless = six("dhcpv6-stateful"), six("dhcpv6-stateless", "fd06")
    network = make_network(subnets=(stateful,))
    one = make_guest(make_port(network, "fd05::77", rules=OPEN), configure=False)
    wake(one)
    address, options = dhcp6.lease(one)
    assert address == "fd05::77"
    own = DhcpOption(name="dns-server", value="fd05::53", ip_version=6)
    special = make_port(network, "fd05::78", rules=OPEN, dhcp_options=(own,))
    asking = make_guest(special, configure=False)
    wake(asking)
    answered, told = dhcp6.lease(asking)
    assert (answered, told[dhcp6.DNS]) == ("fd05::78", IPv6Address("fd05::53").packed)
    assert dhcp6.lease(one)[1][dhcp6.DNS] == options[dhcp6.DNS]  # it is nobody else's
    assert options[dhcp6.DNS] == socket.inet_pton(socket.AF_INET6, "fd05::1")
    appears(lambda: bool(default_route(one)))
    assert addresses(one) == set()  # it is told not to make itself one
    network = make_network(subnets=(stateless,))
    port = make_port(network, "fd06::1", rules=OPEN)
    made = FixedAddress(subnet_id=stateless.id, ip_address=made_by(port.mac, stateless))
    two = make_guest(port.model_copy(update={"addresses": (made,)}), configure=False)
    wake(two)
    appears(lambda: addresses(two) == {made.ip_address})
    told = dhcp6.information(two)
    assert told[dhcp6.DNS] == socket.inet_pton(socket.AF_INET6, "fd06::1")


def test_the_demo_guest_gets_both_kinds_of_addresses(
    bench: KernelBench, make_guest: MakeGuest, tmp_path: Path
) -> None:
    """The real guest: one address it makes itself, the other it is given; it is reached at both."""
    made, given = six("slaac"), six("dhcpv6-stateful", "fd06")
    network = make_network(subnets=(made, given))
    port = make_port(network, "fd05::1", rules=OPEN)
    port = port.model_copy(
        update={
            "addresses": (
                FixedAddress(subnet_id=made.id, ip_address=made_by(port.mac, made)),
                FixedAddress(subnet_id=given.id, ip_address="fd06::77"),
            )
        }
    )
    bench.agent.plug(port)
    image, console, pid_file = demo_image(), tmp_path / "console", tmp_path / "pid"
    pid = process.start_detached(
        "qemu-system-x86_64", "-accel", "tcg", "-m", "128", "-nodefaults", "-display", "none",
        "-serial", f"file:{console}", "-kernel", str(image / "vmlinuz"),
        "-initrd", str(image / "initrd.img"), "-append", "console=ttyS0 quiet nometa",
        "-netdev", f"tap,id=n,ifname={port.tap},script=no,downscript=no",
        "-device", f"virtio-net-pci,netdev=n,mac={port.mac}",
        log=tmp_path / "qemu", pid_file=pid_file,
    )  # fmt: skip
    try:
        for address in (f"{made_by(port.mac, made)}/64", "fd06::77/128"):
            line = f"demo-guest: eth0 {address}".encode()
            appears(lambda line=line: console.exists() and line in console.read_bytes(), timeout=90)
        near = slaac_port(make_network(id=network.id, subnets=(made,)))
        other = make_guest(near.model_copy(update={"network": network}), configure=False)
        wake(other)
        own = made_by(near.mac, made)
        appears(lambda: addresses(other) == {own})
        assert other.reaches(made_by(port.mac, made))
        assert other.reaches("fd06::77")
    finally:
        process.stop(pid, exe="qemu-system-x86_64")


def leg(network: NetworkWiring, router_id: str, *addresses: str) -> PortWiring:
    """Return a router's port with an address of each subnet."""
    fixed = tuple(
        FixedAddress(subnet_id=subnet.id, ip_address=address)
        for subnet, address in zip(network.subnets, addresses, strict=True)
    )
    values = {"router_id": router_id, "device_id": router_id, "port_security": False, "rules": ()}
    return make_port(network, addresses[0], addresses=fixed, **values)


def test_a_router_joins_networks_and_leads_outside_untranslated(
    bench: KernelBench, make_guest: MakeGuest
) -> None:
    """Guests hear of it from itself; several subnets by one port; nobody outside sends as one inside."""
    first = six("slaac", "fd05", routed=True, dhcp_server_ip="fd05::2")
    second = six("slaac", "fd07", routed=True, dhcp_server_ip="fd07::2")
    left = make_network(subnets=(first, second))
    right = make_network(
        subnets=(six("dhcpv6-stateful", "fd06", routed=True, dhcp_server_ip="fd06::2"),)
    )
    outside = make_network(subnets=(six("", "fd99"),))
    router_id = new_id()
    gateway = leg(outside, router_id, "fd99::50")
    router = RouterWiring(
        id=router_id,
        project_id="p1",
        revision=1,
        interfaces=(
            leg(left, router_id, "fd05::1", "fd07::1"),
            leg(right, router_id, "fd06::1"),
        ),
        gateway=gateway,
        next_hops=("fd99::1",),
        routes=(HostRoute(destination="fd88::/48", nexthop="fd06::11"),),
    )
    bench.agent.routers.ensure(router)
    one = make_guest(slaac_port(left), configure=False)
    make_guest(make_port(right, "fd06::11", rules=OPEN))
    stranger = make_guest(make_port(outside, "fd99::60", rules=OPEN, port_security=False))
    wake(one)
    appears(lambda: addresses(one) == {made_by(one.port.mac, first), made_by(one.port.mac, second)})
    appears(lambda: bool(default_route(one)))
    own = made_by(one.port.mac, first)
    assert default_route(one)["gateway"] == str(link_local(router.interfaces[0].mac))
    assert one.reaches("fd06::11", source=own)
    for prefix in ("fd05::/64", "fd06::/64"):
        stranger.ip("-6", "route", "add", prefix, "via", "fd99::50")
    assert stranger.reaches(own)  # security groups decide, not the router
    assert one.reaches("fd99::60", source=own)
    stranger.ip("addr", "add", "fd06::66/128", "dev", "eth0", "nodad")
    assert not stranger.pings(own, source="fd06::66")
    with (
        stranger.packet_socket() as raw
    ):  # whoever knew the address by another card learns of this one
        fixed = (gateway.addresses[0].model_copy(update={"ip_address": "fd99::51"}),)
        moved = gateway.model_copy(update={"addresses": fixed, "revision": 2})
        bench.agent.routers.ensure(router.model_copy(update={"revision": 2, "gateway": moved}))
        frames_until(raw, IPv6Address("fd99::51").packed + b"\x02\x01")
    bench.driver._routers._advertiser(router_id)._process.halt()
    assert router_id in bench.driver.broken_routers()
    bench.agent.routers.repair()
    assert router_id not in bench.driver.broken_routers()
    bench.agent.routers.delete(RouterRef(id=router_id, revision=2, ports=()))
