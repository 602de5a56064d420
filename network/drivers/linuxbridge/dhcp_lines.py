"""What dnsmasq is told of a network, line by line: ranges, hosts, names, options. Pure texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from cloudweb.driver import DriverError
from network.dhcp_options import option_texts
from network.drivers.linuxbridge import texts
from network.drivers.linuxbridge.config import METADATA_ADDRESS
from network.drivers.linuxbridge.gateway import server_address
from network.objects import NetworkWiring, PortWiring, SubnetWiring

LEASE_SECONDS = 86_400
#: How often routers announce themselves, and for how long guests believe it; seconds.
ANNOUNCED_EACH, ANNOUNCED_FOR = 60, 180
LEAST_MTU = 1280  # below it there is no IPv6
#: dnsmasq's words for what its router advertisements say; a static range needs --enable-ra besides.
ANNOUNCED = {
    "slaac": "ra-only",
    "dhcpv6-stateless": "ra-stateless",
    "dhcpv6-stateful": "static",
}
_LABEL = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_DOMAIN = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?\Z")


def range_texts(served: Sequence[SubnetWiring]) -> Sequence[str]:
    """Return the ranges, each with its subnet's tag; static: nobody unknown gets an address.

    An IPv6 range is announced to guests unless a router of its own does that.
    """
    ranges = []
    for number, subnet in enumerate(served):
        network = texts.block(subnet.cidr)
        size = str(network.netmask) if network.version == 4 else str(network.prefixlen)
        mode = _range_mode(subnet, announced=not subnet.routed)
        if mode:
            ranges.append(f"set:s{number},{network.network_address},{mode},{size},{LEASE_SECONDS}s")
    return ranges


def router_range(number: int, subnet: SubnetWiring) -> str:
    """Return the range by which a router announces a subnet on its leg."""
    block, mode = texts.block(subnet.cidr), _range_mode(subnet, announced=True)
    return f"set:s{number},{block.network_address},{mode},{block.prefixlen},{LEASE_SECONDS}s"


def announcement_words(
    subnets: Sequence[SubnetWiring], mtus: Mapping[str, int], *, routes: bool
) -> Sequence[str]:
    """Return what dnsmasq is told of router advertisements: on which links, with which MTU.

    ``routes``: guests may take the announcer for a way to elsewhere.
    """
    six = [subnet for subnet in subnets if subnet.ip_version == 6 and subnet.ipv6_ra_mode]
    if not six:
        return ()
    lifetime = ANNOUNCED_FOR if routes else 0
    return (
        *(["--enable-ra"] if any(one.ipv6_ra_mode == "dhcpv6-stateful" for one in six) else []),
        *(
            f"--ra-param={link},mtu:{max(mtu, LEAST_MTU)},{ANNOUNCED_EACH},{lifetime}"
            for link, mtu in sorted(mtus.items())
        ),
    )


def _range_mode(subnet: SubnetWiring, *, announced: bool) -> str:
    """Return dnsmasq's word for how guests get their addresses; empty when it has no part in it."""
    if subnet.ip_version == 4:
        return "static"
    if announced and subnet.ipv6_ra_mode in ANNOUNCED:
        return ANNOUNCED[subnet.ipv6_ra_mode]
    return "static" if subnet.ipv6_address_mode.startswith("dhcpv6") else ""


def host_lines(served: Sequence[SubnetWiring], ports: Sequence[PortWiring]) -> Iterable[str]:
    """Return one line for each address; no tags (see ``DhcpServer``)."""
    subnets = {subnet.id for subnet in served if gives_addresses(subnet)}
    for port in ports:
        name = f",{port.hostname}" if _LABEL.match(port.hostname) else ""
        for address in port.addresses:
            if address.subnet_id in subnets:
                parsed = texts.address(address.ip_address)
                text = f"[{parsed}]" if parsed.version == 6 else str(parsed)
                yield f"{port.mac.lower()},{text}{name}"


def gives_addresses(subnet: SubnetWiring) -> bool:
    """Tell whether guests get their address of the subnet by DHCP."""
    return subnet.ip_version == 4 or subnet.ipv6_address_mode == "dhcpv6-stateful"


def name_lines(network: NetworkWiring, ports: Sequence[PortWiring]) -> Iterable[str]:
    """Return what DNS knows: every port by its host name, and by the name its address gives it."""
    domain = domain_of(network)
    for port in sorted(ports, key=lambda port: port.id):
        for address in port.addresses:
            parsed = texts.address(address.ip_address)
            label = port.hostname
            if not _LABEL.match(label):
                label = "host-" + str(parsed).replace(".", "-").replace(":", "-")
            # Who merely uses the network names nothing for its others: it might be anybody's domain.
            own = port.project_id == network.project_id and _DOMAIN.match(port.dns_domain)
            more = f" {label}.{port.dns_domain}" if own and port.dns_domain != domain else ""
            yield f"{parsed} {label}.{domain} {label}{more}"


def option_lines(network: NetworkWiring, served: Sequence[SubnetWiring]) -> Iterable[str]:
    """Return the options of each subnet: router, DNS, MTU and routes (RFC 3442 and its elder 249)."""
    for number, subnet in enumerate(served):
        if subnet.ip_version == 6:
            yield from six_options(number, network, subnet)
            continue
        server = texts.address(server_address(subnet) or "")
        gateway = texts.address(subnet.gateway_ip) if subnet.gateway_ip is not None else None
        far = gateway is not None and gateway not in texts.block(subnet.cidr)
        routes = [f"{gateway}/32,0.0.0.0"] if far else []  # first how to reach it: on this wire
        # A router is no server of ours: what it is asked for it sends back on the same wire.
        routes.append(f"{METADATA_ADDRESS}/32,{server if subnet.routed else gateway or server}")
        routes += [
            f"{texts.block(route.destination)},{texts.address(route.nexthop)}"
            for route in subnet.host_routes
        ]
        if gateway is not None:
            routes.append(f"0.0.0.0/0,{gateway}")
            yield f"tag:s{number},option:router,{gateway}"
        else:
            yield f"tag:s{number},option:router"
        servers = ",".join(_addresses(subnet.dns_nameservers)) or server
        yield f"tag:s{number},option:dns-server,{servers}"
        yield f"tag:s{number},option:mtu,{network.mtu}"
        yield f"tag:s{number},option:classless-static-route,{','.join(routes)}"
        yield f"tag:s{number},249,{','.join(routes)}"


def tag_of(port_id: str) -> str:
    """Return the tag of a port that has options of its own."""
    return "p" + "".join(char for char in port_id if char.isalnum())


def own_option_lines(port: PortWiring) -> Iterable[str]:
    """Return the options of one port; what the control plane would not have let in is left out."""
    for option in port.dhcp_options:
        try:
            found = option_texts(option.name, option.value, version=option.ip_version)
        except ValueError:
            continue
        for text in found:
            yield f"tag:{tag_of(port.id)},{text}"


def six_options(number: int, network: NetworkWiring, subnet: SubnetWiring) -> Iterable[str]:
    """Return an IPv6 subnet's options, which router advertisements carry too (RFC 8106)."""
    server = server_address(subnet)
    servers = _addresses(subnet.dns_nameservers) or _addresses([server] if server else [])
    if servers:
        yield f"tag:s{number},option6:dns-server,{','.join(f'[{one}]' for one in servers)}"
    yield f"tag:s{number},option6:domain-search,{domain_of(network)}"


def _addresses(found: Iterable[str]) -> Sequence[str]:
    return [str(texts.address(text)) for text in found]


def domain_of(network: NetworkWiring) -> str:
    """Return the network's DNS domain; raise DriverError for what is none."""
    domain = network.dns_domain.strip(".")
    if not _DOMAIN.match(domain):
        raise DriverError("The network's DNS domain is broken.", detail=repr(domain))
    return domain
