"""Routers on this host: each a namespace of its own, whose legs are wires to its networks' bridges."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.driver import DriverError, Work
from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.drivers.linuxbridge import namespaces, nft, texts
from network.drivers.linuxbridge.advertising import Advertiser
from network.drivers.linuxbridge.announcing import announce
from network.drivers.linuxbridge.config import METADATA_ADDRESS, BridgeConfig
from network.drivers.linuxbridge.gateway import server_address
from network.drivers.linuxbridge.limits import ensure_leg_limits, is_leg_limited
from network.drivers.linuxbridge.links import Links
from network.drivers.linuxbridge.router_table import TABLE, addresses_outside, router_table
from network.objects import PortWiring
from network.routers.objects import AddressLimit, RouterWiring, leg_name

OUR_ROUTES = 98  # rtm_protocol: nobody else's
FIRST_TABLE = 1000  # of the routes to each interface's metadata server


class Routers:
    """The namespaces; the wires are the ports' (``LinuxBridgeDriver.plug``)."""

    def __init__(self, directory: Path, config: BridgeConfig) -> None:
        self._directory, self._config = directory / "routers", config
        self._limited: dict[str, tuple[str, Sequence[AddressLimit]]] = {}  # leg outside, its limits

    def ensure(self, router: RouterWiring, *, work: Work) -> None:
        """Make addresses, routes and the table be as told, then cut what they no longer allow."""
        name = self._config.router_namespace(router.id)
        text = router_table(router)
        work.checkpoint()
        self._home(router.id).mkdir(parents=True, exist_ok=True)
        self.ensure_namespace(router.id)
        nft.apply(text, namespace=name)
        work.checkpoint()
        namespaces.inside(name, lambda: _inside(router))
        self._limit(router, name)
        self._advertiser(router.id).ensure(router, namespace=name)
        self._cut(router, name)

    def ensure_namespace(self, router_id: str) -> None:
        """Make the router's namespace be there: it comes before its ports."""
        name = self._config.router_namespace(router_id)
        self._home(router_id).mkdir(parents=True, exist_ok=True)
        if not namespaces.exists(name):
            namespaces.ensure(name)

    def delete(self, router_id: str, *, work: Work) -> None:
        """Make the router absent, with whatever wires it still has."""
        work.checkpoint()
        self._advertiser(router_id).stop()
        namespaces.delete(self._config.router_namespace(router_id))
        self._limited.pop(router_id, None)
        shutil.rmtree(self._home(router_id), ignore_errors=True)

    def ids(self) -> Sequence[str]:
        """Return the routers of which there is anything here."""
        if not self._directory.exists():
            return ()
        return sorted(entry.name for entry in self._directory.iterdir())

    def broken(self) -> Sequence[str]:
        """Return the routers without their namespace, table or server."""
        return [router_id for router_id in self.ids() if self._is_broken(router_id)]

    def _is_broken(self, router_id: str) -> bool:
        name = self._config.router_namespace(router_id)
        if not namespaces.exists(name):
            return True
        if ("inet", TABLE) not in nft.tables(TABLE, namespace=name):
            return True
        if self._advertiser(router_id).is_dead():
            return True
        leg, limits = self._limited.get(router_id, ("", ()))
        return bool(limits) and not namespaces.inside(name, lambda: _holds(leg, limits))

    def _limit(self, router: RouterWiring, name: str) -> None:
        """Hold addresses outside to their limits; buckets that are right already keep what waits in them."""
        if router.gateway is None:
            self._limited.pop(router.id, None)
            return
        now = leg_name(router.gateway.id), router.limits
        known = self._limited.pop(router.id, None)
        namespaces.inside(name, lambda: _ensure_limits(*now, same=known == now))
        self._limited[router.id] = now

    def _cut(self, router: RouterWiring, name: str) -> None:
        """End the connections that lead, or were translated, as is no longer told."""
        path, now = self._home(router.id) / "applied.json", _translations(router)
        was = read_record(path, _parse)
        if was == now:
            return
        gone = sorted(
            address for address, leads in (was or {}).items() if now.get(address) != leads
        )
        if shutil.which("conntrack"):
            for address in gone:
                for side in ("--orig-dst", "--reply-dst"):
                    words = ("conntrack", "-D", "-f", "ipv4", side, address)
                    process.run(*namespaces.command(name, *words), check=False)
        write_atomically(path, json.dumps(now, sort_keys=True))

    def _advertiser(self, router_id: str) -> Advertiser:
        return Advertiser(self._home(router_id) / "announced")

    def _home(self, router_id: str) -> Path:
        self._config.router_namespace(router_id)  # what is no id is no path either
        return self._directory / router_id


def _ensure_limits(leg: str, limits: Sequence[AddressLimit], *, same: bool) -> None:
    with Links.open() as links:
        if (limits and not same) or not is_leg_limited(links, leg, limits):
            ensure_leg_limits(links, leg, limits)


def _holds(leg: str, limits: Sequence[AddressLimit]) -> bool:
    with Links.open() as links:
        return is_leg_limited(links, leg, limits)


def _inside(router: RouterWiring) -> None:
    """Make the namespace of the calling thread the router's."""
    namespaces.write_sysctl("net/ipv6/conf/default/accept_ra", "0")
    namespaces.write_sysctl("net/ipv4/conf/all/send_redirects", "0")
    namespaces.write_sysctl("net/ipv4/ip_forward", "1")
    namespaces.write_sysctl("net/ipv6/conf/all/forwarding", "1")
    with Links.open() as links:
        for port in router.ports:
            leg = leg_name(port.id)
            namespaces.write_sysctl(f"net/ipv4/conf/{leg}/send_redirects", "0")
            # What comes by a leg must be from where the router would send its answer by that leg (RFC 3704).
            namespaces.write_sysctl(f"net/ipv4/conf/{leg}/rp_filter", "1")
            namespaces.write_sysctl(f"net/ipv6/conf/{leg}/accept_dad", "0")
            links.ensure(leg, mtu=port.network.mtu, up=router.admin_up)
            wanted = [*_addresses(port)]
            if port is router.gateway:
                wanted += [f"{address}/32" for address in addresses_outside(router)]
            announce(leg, links.ensure_addresses(leg, wanted))
        if router.admin_up:
            outside = leg_name(router.gateway.id) if router.gateway is not None else None
            for version in (4, 6):
                routes = _routes(router, version)
                links.ensure_routes(routes, version=version, protocol=OUR_ROUTES, near=outside)
            links.ensure_ways_by_link(
                _metadata_ways(router), protocol=OUR_ROUTES, first=FIRST_TABLE
            )


def _addresses(port: PortWiring) -> Iterable[str]:
    """Yield the port's addresses with the lengths of their subnets."""
    lengths = {subnet.id: texts.block(subnet.cidr).prefixlen for subnet in port.network.subnets}
    for address in port.addresses:
        if address.subnet_id not in lengths:
            raise DriverError("A router's port is on a subnet that is not told.", detail=port.id)
        yield f"{texts.address(address.ip_address)}/{lengths[address.subnet_id]}"


def _routes(router: RouterWiring, version: int) -> dict[str, str]:
    """Return the next hop of each destination of an IP version."""
    found: dict[str, str] = {}
    for text in router.next_hops:
        if texts.address(text).version == version:
            found.setdefault("0.0.0.0/0" if version == 4 else "::/0", text)
    for route in router.routes:
        block, hop = texts.block(route.destination), texts.address(route.nexthop)
        if block.version == version:
            found[str(block)] = str(hop)
    return found


def _metadata_ways(router: RouterWiring) -> dict[str, tuple[str, str]]:
    """Return by leg where a question for metadata goes that a guest sent to its gateway."""
    found: dict[str, tuple[str, str]] = {}
    for port in router.interfaces:
        mine = {address.subnet_id for address in port.addresses}
        for subnet in port.network.subnets:
            server = server_address(subnet)
            if subnet.id in mine and subnet.ip_version == 4 and server is not None:
                own = {address.ip_address for address in port.addresses}
                if server not in own:
                    found[leg_name(port.id)] = (f"{METADATA_ADDRESS}/32", server)
    return found


def _translations(router: RouterWiring) -> dict[str, list[str]]:
    """Return what each address outside stands for."""
    found: dict[str, list[str]] = {}
    for one in router.floating:
        found.setdefault(str(texts.address(one.floating_ip)), []).append(one.fixed_ip)
    for each in router.forwardings:
        found.setdefault(str(texts.address(each.floating_ip)), []).append(each.model_dump_json())
    if router.gateway is not None:
        for address in router.gateway.addresses:
            if texts.address(address.ip_address).version == 4:
                found.setdefault(address.ip_address, []).append("snat" if router.snat else "open")
    return {address: sorted(leads) for address, leads in found.items()}


def _parse(kept: Any) -> Mapping[str, list[str]]:
    found = {str(address): [str(one) for one in leads] for address, leads in kept.items()}
    for address in found:
        socket.inet_aton(address)
    return found
