"""A network as OVN has it: a switch with its ports, what DHCP and DNS answer on it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from uuid import UUID

from cloudweb.addresses import parse_address, parse_block
from network.ovn.dhcp_options import with_own
from network.ovn.facts import NetworkFacts, PortFacts, SubnetFacts
from network.ovn.limits import port_rules
from network.ovn.rows import Row, network_key, port_key
from network.ovn.texts import domain_name, listed, quoted, routes
from network.ovn_names import METADATA_ADDRESS, metadata_mac, metadata_port

LEASE = "43200"


def switch_rows(network: NetworkFacts, *, dns_servers: Sequence[str] = ()) -> Iterator[Row]:
    """Give all rows of a network but those of its groups."""
    key = network_key(network.id)
    yield Row(
        "Logical_Switch",
        key,
        columns={
            "name": f"network-{network.id}",
            "other_config": {"mcast_snoop": "false", "vlan-passthru": "false"},
            "external_ids": {
                "cloudweb-revision": str(network.revision),
                "cloudweb-name": network.name,
            },
        },
        refers={"dns_records": ("DNS", [f"{key}/dns"] if _records(network) else [])},
    )
    if network.wire:
        yield _wire(network)
    yield from _metadata(network)
    yield from _answers(network, dns_servers)
    if records := _records(network):
        yield Row("DNS", f"{key}/dns", columns={"records": records, "external_ids": {}})
    for port in network.ports:
        yield _port(network, port)
        yield from port_rules(network, port)


def _answers(network: NetworkFacts, dns_servers: Sequence[str]) -> Iterator[Row]:
    """Give what DHCP answers on each subnet, and to those ports that have options of their own."""
    subnets = {subnet.id: subnet for subnet in network.subnets}
    answers = {
        subnet.id: options
        for subnet in network.subnets
        if subnet.dhcp and (options := _dhcp(network, subnet, dns_servers))
    }
    for subnet_id, options in answers.items():
        yield _answer(_answer_key(network, subnet_id), subnets[subnet_id], options)
    for port in network.ports:
        for version in {version for _, _, version in port.options}:
            subnet = _served(port, subnets, answers, version)
            if subnet is not None:
                own = with_own(answers[subnet.id], port.options, version=version)
                yield _answer(_answer_key(network, subnet.id, port), subnet, own)


def _answer(key: str, subnet: SubnetFacts, options: Mapping[str, str]) -> Row:
    return Row(
        "DHCP_Options",
        key,
        columns={
            "cidr": subnet.cidr,
            "options": options,
            "external_ids": {"cloudweb-revision": str(subnet.revision)},
        },
    )


def _answer_key(network: NetworkFacts, subnet_id: UUID, port: PortFacts | None = None) -> str:
    own = "" if port is None else f"/of/{port.id}"
    return f"{network_key(network.id)}/dhcp/{subnet_id}{own}"


def _wire(network: NetworkFacts) -> Row:
    key = network_key(network.id)
    return Row(
        "Logical_Switch_Port",
        f"{key}/wire",
        parent=key,
        columns={
            "name": f"wire-{network.id}",
            "type": "localnet",
            "addresses": ["unknown"],
            "options": {"network_name": network.wire},
            "tag_request": [] if network.tag is None else [network.tag],
            "tag": [] if network.tag is None else [network.tag],
            "external_ids": {},
        },
    )


def _metadata(network: NetworkFacts) -> Iterator[Row]:
    served = [subnet.server for subnet in network.subnets if subnet.version == 4 and subnet.server]
    if served:
        key = network_key(network.id)
        yield Row(
            "Logical_Switch_Port",
            f"{key}/metadata",
            parent=key,
            columns={
                "name": metadata_port(str(network.id)),
                "type": "localport",
                "addresses": [" ".join((metadata_mac(str(network.id)), *served))],
                "options": {},
                "external_ids": {},
            },
        )


def _dhcp(
    network: NetworkFacts, subnet: SubnetFacts, dns_servers: Sequence[str]
) -> Mapping[str, str]:
    """Return what a subnet's DHCP answers; nothing where guests make their addresses alone."""
    mac = metadata_mac(str(network.id))
    names = [
        server
        for server in subnet.dns or dns_servers
        if parse_address(server).version == subnet.version
    ]
    domain = domain_name(network.domain)
    if subnet.version == 6:
        if not subnet.address_mode or subnet.address_mode == "slaac":
            return {}
        options = {"server_id": mac}
        if names:
            options["dns_server"] = listed(names)
        if domain:
            options["domain_search"] = quoted(domain)
        if subnet.address_mode == "dhcpv6-stateless":
            options["dhcpv6_stateless"] = "true"
        return options
    server = subnet.gateway or subnet.server
    if not server:
        return {}
    if not names:
        names = [subnet.server or server]  # OVN answers the names that it knows at any address
    ways = [*subnet.routes]
    if subnet.server:
        ways.append((f"{METADATA_ADDRESS}/32", subnet.server))
    options = {
        "server_id": server,
        "server_mac": mac,
        "lease_time": LEASE,
        "mtu": str(network.mtu),
        "dns_server": listed(names),
    }
    if subnet.gateway:
        options["router"] = subnet.gateway
    if ways:  # whoever reads these ignores the router
        ways += [("0.0.0.0/0", subnet.gateway)] if subnet.gateway else []
        options["classless_static_route"] = routes(ways)
    if domain:
        options["domain_name"] = quoted(domain)
    return options


def _records(network: NetworkFacts) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for port in network.ports:
        name = domain_name(f"{port.hostname}.{network.domain}" if network.domain else port.hostname)
        if port.hostname and name and port.addresses:
            found[name] = " ".join(address for _, address in port.addresses)
    return found


def _port(network: NetworkFacts, port: PortFacts) -> Row:
    own = [address for _, address in port.addresses]
    subnets = {subnet.id: subnet for subnet in network.subnets}
    addresses = [" ".join((port.mac, *own))]
    options: dict[str, str] = {}
    if port.host:
        options["requested-chassis"] = port.host
    if (
        port.host and port.moving_to
    ):  # both may have it; the other is let in by the guest's own word
        options["requested-chassis"] = f"{port.host},{port.moving_to}"
        options["activation-strategy"] = "rarp"
    name = domain_name(port.hostname)
    if name:
        options["hostname"] = quoted(name)
    return Row(
        "Logical_Switch_Port",
        port_key(network.id, port.id),
        parent=network_key(network.id),
        columns={
            "name": str(port.id),
            "type": "",
            "addresses": addresses if port.secured else [*addresses, "unknown"],
            "port_security": _security(port, own) if port.secured else [],
            "enabled": [port.up and network.up],
            "parent_name": [] if port.parent is None else [str(port.parent)],
            "tag": [] if port.tag is None else [port.tag],
            "options": options,
            "external_ids": {"cloudweb-revision": str(port.revision)},
        },
        refers={
            f"dhcpv{version}_options": (
                "DHCP_Options",
                _answers_of(network, port, subnets, version),
            )
            for version in (4, 6)
        },
    )


def _served(
    port: PortFacts,
    subnets: Mapping[UUID, SubnetFacts],
    answered: Container[UUID],
    version: int,
) -> SubnetFacts | None:
    """Return the subnet of a port's first address of a version that DHCP answers for."""
    for subnet_id, _ in port.addresses:
        subnet = subnets.get(subnet_id)
        if subnet is not None and subnet.version == version and subnet_id in answered:
            return subnet
    return None


def _answers_of(
    network: NetworkFacts, port: PortFacts, subnets: Mapping[UUID, SubnetFacts], version: int
) -> Sequence[str]:
    """Return the key of the answers of DHCP for a port: its own, or its subnet's."""
    answered = [one.id for one in network.subnets if one.dhcp and _dhcp(network, one, ())]
    subnet = _served(port, subnets, answered, version)
    if subnet is None:
        return []
    has_own = version in {one for _, _, one in port.options}
    return [_answer_key(network, subnet.id, port if has_own else None)]


def _security(port: PortFacts, own: Sequence[str]) -> list[str]:
    """Return from which addresses a port may send; with any of IPv6 OVN adds the MAC address's link-local one."""
    by_mac: dict[str, list[str]] = {port.mac: [*own]}
    for mac, block in port.pairs:
        by_mac.setdefault(mac, []).append(_shortest(block))
    return [" ".join((mac, *dict.fromkeys(found))) for mac, found in by_mac.items()]


def _shortest(block: str) -> str:
    parsed = parse_block(block)
    return str(parsed.network_address) if parsed.prefixlen == parsed.max_prefixlen else str(parsed)
