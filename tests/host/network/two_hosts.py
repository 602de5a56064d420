"""Two hosts on one kernel: a namespace for each, with agent and driver of its own, and a wire between them."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cloudweb import process
from network.drivers.linuxbridge import namespaces
from network.objects import (
    ForwardingEntry,
    ForwardingTable,
    NetworkPicture,
    NetworkWiring,
    PortStatus,
    PortWiring,
)
from network.routers.objects import RouterRef, RouterWiring
from tests.builders.ports import port_ref
from tests.host.network.bench import KernelBench
from tests.host.network.guests import Guest

T = TypeVar("T")
UNDERLAY_MTU = 1600


class Host:
    """A namespace that stands for a machine; all that its agent does is done in it."""

    def __init__(self, directory: Path, name: str, address: str, number: int) -> None:
        self.name, self.address = name, address
        namespaces.ensure(name)
        self.ip("link", "set", "under0", "up", "mtu", str(UNDERLAY_MTU))
        self.ip("addr", "add", f"{address}/24", "dev", "under0")
        self.ip("link", "set", "wire0", "up")
        self.directory, self.way_out = directory / name, _way_out(number)
        self.guests: list[Guest] = []
        self.bench = self.inside(
            lambda: KernelBench(
                self.directory,
                way_out=self.way_out,
                tunnel=address,
                interfaces={"physnet": "wire0"},
            )
        )

    @property
    def agent(self) -> Any:
        return self.bench.agent

    def inside(self, action: Callable[[], T]) -> T:
        return namespaces.inside(self.name, action)

    def ip(self, *words: str) -> str:
        return process.run("ip", "-n", self.name, *words).text

    def run(self, *words: str) -> str:
        return process.run(*namespaces.command(self.name, *words)).text

    def plug(self, port: PortWiring) -> PortStatus:
        return self.inside(lambda: self.agent.plug(port))

    def refresh(self, picture: NetworkPicture) -> Any:
        return self.inside(lambda: self.agent.refresh(picture))

    def restart(self) -> None:
        """Let a new process take over."""
        self.inside(self.bench.restart)

    def unplug(self, port: PortWiring) -> None:
        self.inside(lambda: self.agent.unplug(port_ref(port)))

    def repair(self) -> None:
        self.inside(self.agent.repair)

    def route(self, router: RouterWiring) -> None:
        self.inside(lambda: self.agent.routers.ensure(router))

    def drop_router(self, router: RouterWiring) -> None:
        refs = tuple(port_ref(port) for port in router.ports)
        ref = RouterRef(id=router.id, revision=router.revision, ports=refs)
        self.inside(lambda: self.agent.routers.delete(ref))

    def guest(self, port: PortWiring, *, configure: bool = True) -> Guest:
        """Plug a port with a guest behind it; its name is its own, addresses may be there twice."""
        guest = self.inside(lambda: Guest(port, configure=configure))
        self.guests.append(guest)
        self.plug(port)
        return guest

    def close(self) -> None:
        for guest in self.guests:
            guest.close()
        self.inside(self.bench.close)
        namespaces.delete(self.name)


class Pair:
    """Two hosts, and what the control plane would tell them."""

    def __init__(self, directory: Path) -> None:
        draw = random.SystemRandom().randrange(100_000)
        names = [f"host-{draw}-{one}" for one in "ab"]
        for name in names:
            namespaces.ensure(name)
        for wire in ("under0", "wire0"):
            other = ("peer", "name", wire, "netns", names[1])
            process.run("ip", "-n", names[0], "link", "add", wire, "type", "veth", *other)
        self.hosts = [
            Host(directory, name, f"192.168.77.{place}", place)
            for place, name in enumerate(names, start=1)
        ]
        self.places: dict[str, dict[str, ForwardingEntry]] = {}
        self.generations: dict[str, int] = {}

    @property
    def one(self) -> Host:
        return self.hosts[0]

    @property
    def two(self) -> Host:
        return self.hosts[1]

    def guest(self, host: Host, port: PortWiring, *, configure: bool = True) -> Guest:
        """Plug a port on a host, and tell both where it is."""
        guest = host.guest(port, configure=configure)
        self.place(host, port)
        return guest

    def place(self, host: Host, *ports: PortWiring) -> None:
        """Say that ports are on a host."""
        for port in ports:
            places = self.places.setdefault(port.network.id, {})
            places[port.mac] = ForwardingEntry(
                mac=port.mac,
                addresses=tuple(one.ip_address for one in port.addresses),
                endpoint=host.address,
            )
        for network_id in {port.network.id for port in ports}:
            self.tell(network_id)

    def tell(self, network_id: str) -> None:
        table = self.table(network_id)
        for host in self.hosts:
            host.refresh(NetworkPicture(id=network_id, ports=(), forwarding=table))

    def table(self, network_id: str) -> ForwardingTable:
        self.generations[network_id] = self.generations.get(network_id, 0) + 1
        entries = tuple(self.places.get(network_id, {}).values())
        return ForwardingTable(
            network_id=network_id, generation=self.generations[network_id], entries=entries
        )

    def clear(self) -> None:
        """Take all networks from both; the hosts stay."""
        for host in self.hosts:
            for router_id in host.bench.driver.routers():
                ref = RouterRef(id=router_id, revision=2**31)
                host.inside(lambda host=host, ref=ref: host.agent.routers.delete(ref))
            for guest in host.guests:
                guest.close()
                host.unplug(guest.port)
            host.guests.clear()
            assert not host.inside(host.bench.driver.segments)

    def close(self) -> None:
        for host in self.hosts:
            host.close()


def _way_out(number: int) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network((int(ipaddress.IPv4Address("198.19.0.0")) + number * 256, 24))


def fdb_of(host: Host, network: NetworkWiring) -> Sequence[str]:
    """Return the forwarding entries of a network's tunnel, without the device's own."""
    wire = host.bench.config.names(network.id).wire
    lines = host.run("bridge", "fdb", "show", "dev", wire).splitlines()
    return sorted(line for line in lines if not ("master" in line and "permanent" in line))
