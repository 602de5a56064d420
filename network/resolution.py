"""What a host is told about ports: rows become PortWiring, with everything resolved.

No router joins networks, so the members of a remote group are those on the port's own network: the
same address on another network is somebody else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast
from uuid import UUID

from cloudweb.addresses import canonical_block, parse_address, parse_block
from network import conf, states
from network.models import Network, Port, PortAddress, SecurityGroupRule, Subnet
from network.models.network import NetworkKind
from network.objects import (
    FixedAddress,
    HostRoute,
    NetworkWiring,
    PortRef,
    PortWiring,
    SecurityRule,
    SubnetWiring,
    tap_name,
)

#: (group, network) -> addresses of the members there, in CIDR form
Members = Mapping[tuple[UUID, UUID], Sequence[str]]


@dataclass
class _Facts:
    """All rows that the wirings of some ports are made from."""

    subnets: defaultdict[UUID, list[Subnet]] = field(default_factory=lambda: defaultdict(list))
    dhcp: dict[UUID, str] = field(default_factory=dict)
    rules: defaultdict[UUID, list[SecurityGroupRule]] = field(
        default_factory=lambda: defaultdict(list)
    )
    members: defaultdict[tuple[UUID, UUID], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )


def port_ref(port: Port) -> PortRef:
    """Return what an order needs that takes the port away."""
    return PortRef(id=str(port.id), network_id=str(port.network_id), tap=tap_name(str(port.id)))


def port_wirings(port_ids: Iterable[UUID]) -> list[PortWiring]:
    """Return the wirings of these ports, in the order of their creation, in seven queries at most."""
    ports = list(Port.objects.complete().filter(id__in=list(port_ids)).order_by("created_at", "id"))
    facts = _gather(ports)
    networks = {port.network_id: _network(port.network, facts) for port in ports}
    return [_port(port, networks[port.network_id], facts) for port in ports]


def needs_dhcp_address(subnet: Subnet, network: Network) -> bool:
    """Tell whether the DHCP server needs an address of its own.

    It does unless the host holds a gateway's on the subnet.
    """
    if not subnet.enable_dhcp or (subnet.ip_version == 6 and not subnet.ipv6_address_mode):
        return False
    if network.kind != NetworkKind.ISOLATED or not subnet.gateway_ip:
        return True
    return parse_address(subnet.gateway_ip) not in parse_block(subnet.cidr)


def _gather(ports: Sequence[Port]) -> _Facts:
    facts = _Facts()
    networks = {port.network_id for port in ports}
    for subnet in Subnet.objects.filter(network__in=networks).order_by("created_at", "id"):
        facts.subnets[subnet.network_id].append(subnet)
    for subnet_id, address in PortAddress.objects.filter(
        port__network__in=networks, port__device_owner=states.DHCP_OWNER
    ).values_list("subnet_id", "ip_address"):
        facts.dhcp[subnet_id] = address
    groups = {
        membership.security_group_id
        for port in ports
        if port.port_security_enabled
        for membership in port.memberships.all()
    }
    if groups:
        _gather_rules(facts, groups, networks)
    return facts


def _gather_rules(facts: _Facts, groups: set[UUID], networks: set[UUID]) -> None:
    remote = set()
    rules = SecurityGroupRule.objects.filter(security_group__in=groups)
    for rule in rules.order_by("created_at", "id"):
        facts.rules[rule.security_group_id].append(rule)
        if rule.remote_group_id is not None:
            remote.add(rule.remote_group_id)
    if not remote:
        return
    members = Port.objects.filter(
        memberships__security_group__in=remote, network__in=networks, addresses__isnull=False
    ).values_list(
        "memberships__security_group_id",
        "network_id",
        "addresses__ip_address",
        "allowed_address_pairs",
    )
    for group_id, network_id, address, pairs in members:
        facts.members[group_id, network_id].add(canonical_block(address))
        facts.members[group_id, network_id].update(
            canonical_block(pair["ip_address"]) for pair in pairs
        )


def _network(network: Network, facts: _Facts) -> NetworkWiring:
    isolated = network.kind == NetworkKind.ISOLATED
    wiring = NetworkWiring(
        id=str(network.id),
        project_id=network.project_id,
        revision=network.wiring_revision,
        kind="isolated" if isolated else "flat",
        mtu=network.mtu,
        subnets=tuple(_subnet(subnet, network, facts) for subnet in facts.subnets[network.id]),
        nat=isolated or conf.FLAT_NAT,
    )
    domain = network.dns_domain.rstrip(".")
    return wiring.model_copy(update={"dns_domain": domain}) if domain else wiring


def _subnet(subnet: Subnet, network: Network, facts: _Facts) -> SubnetWiring:
    own = needs_dhcp_address(subnet, network)
    server = facts.dhcp.get(subnet.id) if own else subnet.gateway_ip
    return SubnetWiring(
        id=str(subnet.id),
        ip_version=cast(Literal[4, 6], subnet.ip_version),
        cidr=subnet.cidr,
        gateway_ip=subnet.gateway_ip or None,
        enable_dhcp=subnet.enable_dhcp,
        dhcp_server_ip=(server or None) if subnet.enable_dhcp else None,
        dns_nameservers=tuple(subnet.dns_nameservers),
        host_routes=tuple(HostRoute(**route) for route in subnet.host_routes),
    )


def _port(port: Port, network: NetworkWiring, facts: _Facts) -> PortWiring:
    groups = [membership.security_group_id for membership in port.memberships.all()]
    resolved = (
        _rule(rule, port.network_id, facts) for group in groups for rule in facts.rules[group]
    )
    return PortWiring(
        id=str(port.id),
        project_id=port.project_id,
        device_id=port.device_id,
        revision=port.wiring_revision,
        mac=port.mac_address,
        tap=tap_name(str(port.id)),
        hostname=port.hostname,
        addresses=tuple(
            FixedAddress(subnet_id=str(address.subnet_id), ip_address=address.ip_address)
            for address in port.addresses.all()
        ),
        allowed_pairs=tuple(
            (pair["mac_address"], canonical_block(pair["ip_address"]))
            for pair in port.allowed_address_pairs
        ),
        port_security=port.port_security_enabled,
        admin_up=port.admin_state_up and port.network.admin_state_up,
        rules=tuple(dict.fromkeys(rule for rule in resolved if rule is not None))
        if port.port_security_enabled
        else (),
        network=network,
    )


def _rule(rule: SecurityGroupRule, network_id: UUID, facts: _Facts) -> SecurityRule | None:
    remotes: tuple[str, ...] = ()
    version = 4 if rule.ethertype == "IPv4" else 6
    if rule.remote_group_id is not None:
        members = facts.members[rule.remote_group_id, network_id]
        remotes = tuple(sorted(m for m in members if parse_block(m).version == version))
        if not remotes:
            return None
    elif rule.remote_ip_prefix:
        remotes = (canonical_block(rule.remote_ip_prefix),)
    return SecurityRule(
        direction=cast(Literal["ingress", "egress"], rule.direction),
        ethertype=cast(Literal["IPv4", "IPv6"], rule.ethertype),
        protocol=rule.protocol.lower() or None,
        port_min=rule.port_range_min,
        port_max=rule.port_range_max,
        remotes=remotes,
    )
