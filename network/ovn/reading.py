"""Reads from our tables what OVN shall have of some networks and routers, in a fixed number of queries."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from cloudweb.addresses import canonical_block, parse_block
from network import states
from network.members import own_block
from network.models import (
    FloatingIp,
    Network,
    Port,
    PortAddress,
    PortForwarding,
    PortSecurityGroup,
    Router,
    RouterPort,
    SecurityGroupRule,
    Subnet,
    Subport,
)
from network.objects import PortQos
from network.ovn.facts import (
    FloatingFacts,
    ForwardingFacts,
    LegFacts,
    NetworkFacts,
    PortFacts,
    RouterFacts,
    RuleFacts,
    SubnetFacts,
)
from network.qos import address_limits, meanings, policy_of
from network.routers.scopes import untranslated
from network.rule_meaning import protocol_number

T = TypeVar("T")
K = TypeVar("K")
#: Ports with these owners are no guest's: what they stand for is somebody else's row.
NOT_OF_GUESTS = (*states.ROUTER_OWNERS, states.DHCP_OWNER, states.FLOATING_OWNER)


@dataclass
class _Kept:
    """All rows that some networks are made from, by what they belong to."""

    subnets: Mapping[UUID, Sequence[SubnetFacts]]
    ports: Mapping[UUID, Sequence[Port]]
    addresses: Mapping[UUID, Sequence[tuple[UUID, str]]]
    groups: Mapping[UUID, Sequence[UUID]]
    rules: Mapping[UUID, Sequence[RuleFacts]]
    joined: Mapping[UUID, Collection[UUID]]
    carried: Mapping[UUID, tuple[UUID, int]]
    qos: Mapping[UUID, PortQos]
    blocks: defaultdict[tuple[UUID, UUID], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )


def read_networks(ids: Collection[UUID]) -> list[NetworkFacts]:
    """Return those of these networks that there are."""
    networks = list(Network.objects.filter(id__in=ids)) if ids else []
    if not networks:
        return []
    joined = _joined(ids)
    around = set().union(ids, *joined.values())
    around_ports = Port.objects.filter(network__in=around).select_related("network")
    ports = _by(around_ports, lambda port: port.network_id)
    near = [port.id for found in ports.values() for port in found]
    groups = _pairs(
        PortSecurityGroup.objects.filter(port__network__in=around)
        .order_by("id")
        .values_list("port", "security_group")
    )
    mine = {port.id for network_id in ids for port in ports.get(network_id, ())}
    used = {group for port_id in mine for group in groups.get(port_id, ())}
    kept = _Kept(
        subnets=_subnets(ids),
        ports=ports,
        addresses=_addresses(around) if near else {},
        groups=groups,
        rules=_rules(used),
        joined=joined,
        qos=meanings(policy_of(port) for network_id in ids for port in ports.get(network_id, ())),
        carried=_carried([port for network_id in ids for port in ports.get(network_id, ())]),
    )
    _note_members(kept)
    return [_network(network, kept) for network in networks]


def read_routers(ids: Collection[UUID], *, hosts: Sequence[str] = ()) -> list[RouterFacts]:
    """Return those of these routers that there are; ``hosts`` may be gateways'."""
    routers = list(Router.objects.filter(id__in=ids)) if ids else []
    if not routers:
        return []
    parts = _by(
        RouterPort.objects.filter(router__in=ids).select_related("port", "network"),
        lambda part: part.router_id,
    )
    networks = {part.network_id for found in parts.values() for part in found}
    held = _pairs(
        (port_id, (subnet_id, address))
        for port_id, subnet_id, address in PortAddress.objects.filter(
            port__router_port__router__in=ids
        )
        .order_by("id")
        .values_list("port", "subnet", "ip_address")
    )
    subnets = {one.id: one for found in _subnets(networks).values() for one in found}
    floating = _by(
        FloatingIp.objects.filter(router__in=ids).select_related("port").order_by("created_at"),
        lambda one: one.router_id,
    )
    forwardings = _by(
        PortForwarding.objects.filter(floating_ip__router__in=ids)
        .select_related("floating_ip")
        .order_by("created_at", "id"),
        lambda one: one.floating_ip.router_id,
    )
    same = untranslated(ids)
    held_to = [row.qos_policy_id for row in routers]
    held_to += [one.qos_policy_id for found in floating.values() for one in found]
    known = meanings(held_to)
    return [
        _router(
            router,
            [_leg(part, held.get(part.port_id, ()), subnets) for part in parts.get(router.id, ())],
            {part.port_id for part in parts.get(router.id, ()) if part.is_gateway},
            floating.get(router.id, ()),
            forwardings.get(router.id, ()),
            hosts=_preferred(router.id, hosts),
            same=same.get(router.id, ()),
            known=known,
        )
        for router in routers
    ]


def _network(network: Network, kept: _Kept) -> NetworkFacts:
    ports = [
        _port(port, kept)
        for port in kept.ports.get(network.id, ())
        if port.device_owner not in NOT_OF_GUESTS
    ]
    groups = {group for port in ports for group in port.groups}
    rules = {group: kept.rules.get(group, ()) for group in groups}
    named = {rule.remote_group for found in rules.values() for rule in found if rule.remote_group}
    return NetworkFacts(
        id=network.id,
        revision=network.revision,
        name=network.name,
        mtu=network.mtu,
        domain=network.dns_domain.rstrip(".") or "cloudweb.internal",
        up=network.admin_state_up,
        wire=network.physical_network if network.strategy.has_wire else "",
        tag=network.segmentation_id if network.strategy.has_wire else None,
        subnets=kept.subnets.get(network.id, ()),
        ports=ports,
        rules=rules,
        members={group: sorted(_members(network.id, group, kept)) for group in named},
    )


def _carried(ports: Iterable[Port]) -> dict[UUID, tuple[UUID, int]]:
    """Return, by port, which one carries it and by which VLAN."""
    inside = [port.id for port in ports if port.trunk_role == states.SUBPORT]
    rows = Subport.objects.filter(port__in=inside)
    columns = rows.values_list("port", "trunk__port", "segmentation_id")
    return {port: (parent, tag) for port, parent, tag in (columns if inside else ())}


def _port(port: Port, kept: _Kept) -> PortFacts:
    parent, tag = kept.carried.get(port.id, (None, None))
    policy = policy_of(port)
    return PortFacts(
        id=port.id,
        revision=port.revision,
        mac=port.mac_address,
        addresses=kept.addresses.get(port.id, ()),
        pairs=[
            (pair["mac_address"], canonical_block(pair["ip_address"]))
            for pair in port.allowed_address_pairs
        ],
        secured=port.port_security_enabled,
        up=port.admin_state_up,
        host=port.host,
        moving_to=str(port.binding_profile.get(states.GOES_TO) or ""),
        hostname=port.hostname,
        groups=kept.groups.get(port.id, ()),
        parent=parent,
        tag=tag,
        qos=kept.qos.get(policy) if policy is not None else None,
        options=[
            (option["opt_name"], option["opt_value"], option.get("ip_version", 4))
            for option in port.extra_dhcp_opts
            if option.get("opt_value") is not None
        ],
    )


def _note_members(kept: _Kept) -> None:
    """Note by network and group which blocks its members send from."""
    for network_id, ports in kept.ports.items():
        for port in ports:
            own = kept.addresses.get(port.id, ())
            if not own:
                continue  # who has no address sends from nowhere, and so do its pairs
            blocks = {own_block(address) for _, address in own}
            blocks |= {canonical_block(pair["ip_address"]) for pair in port.allowed_address_pairs}
            for group in kept.groups.get(port.id, ()):
                kept.blocks[network_id, group] |= blocks


def _members(network_id: UUID, group: UUID, kept: _Kept) -> set[str]:
    around = {network_id, *kept.joined.get(network_id, ())}
    return {block for one in around for block in kept.blocks.get((one, group), ())}


def _joined(ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """Return, by network, those that a router joins to it."""
    interfaces = RouterPort.objects.filter(is_gateway=False)
    rows = interfaces.filter(
        router__in=interfaces.filter(network__in=ids).values("router")
    ).values_list("router", "network")
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for networks in _pairs(rows).values():
        for network_id in networks:
            found[network_id].update(networks)
    return found


def _addresses(networks: Collection[UUID]) -> Mapping[UUID, Sequence[tuple[UUID, str]]]:
    rows = PortAddress.objects.filter(port__network__in=networks).order_by("id")
    return _pairs(
        (port_id, (subnet_id, address))
        for port_id, subnet_id, address in rows.values_list("port", "subnet", "ip_address")
    )


def _subnets(networks: Collection[UUID]) -> Mapping[UUID, Sequence[SubnetFacts]]:
    served = dict(
        PortAddress.objects.filter(
            port__network__in=networks, port__device_owner=states.DHCP_OWNER
        ).values_list("subnet", "ip_address")
    )
    rows = Subnet.objects.filter(network__in=networks).order_by("created_at", "id")
    return _pairs(
        (
            row.network_id,
            SubnetFacts(
                id=row.id,
                revision=row.revision,
                version=row.ip_version,
                cidr=row.cidr,
                gateway=row.gateway_ip,
                dhcp=row.enable_dhcp,
                server=served.get(row.id, ""),
                dns=tuple(row.dns_nameservers),
                routes=[(route["destination"], route["nexthop"]) for route in row.host_routes],
                ra_mode=row.ipv6_ra_mode,
                address_mode=row.ipv6_address_mode,
            ),
        )
        for row in rows
    )


def _rules(groups: Collection[UUID]) -> Mapping[UUID, Sequence[RuleFacts]]:
    rows = SecurityGroupRule.objects.filter(security_group__in=groups)
    rows = rows.select_related("remote_address_group", "security_group").order_by(
        "created_at", "id"
    )
    return _pairs(
        (
            row.security_group_id,
            RuleFacts(
                id=row.id,
                direction=row.direction,
                version=4 if row.ethertype == "IPv4" else 6,
                protocol=protocol_number(row.protocol, row.ethertype),
                port_min=row.port_range_min,
                port_max=row.port_range_max,
                prefix=canonical_block(row.remote_ip_prefix) if row.remote_ip_prefix else "",
                remote_group=row.remote_group_id,
                blocks=_blocks(row),
                stateful=row.security_group.stateful,
            ),
        )
        for row in (rows if groups else ())
    )


def _blocks(rule: SecurityGroupRule) -> Sequence[str] | None:
    group = rule.remote_address_group
    if group is None:
        return None
    return [block for block in group.addresses if (":" in block) == (rule.ethertype == "IPv6")]


def _router(
    router: Router,
    legs: Sequence[tuple[UUID, LegFacts]],
    gateways: Collection[UUID],
    floating: Sequence[FloatingIp],
    forwardings: Sequence[PortForwarding],
    *,
    hosts: Sequence[str],
    same: Sequence[str],
    known: Mapping[UUID, PortQos],
) -> RouterFacts:
    gateway = next((leg for port_id, leg in legs if port_id in gateways), None)
    outer = gateway.addresses if gateway is not None else ()
    outside = {subnet.gateway for subnet in gateway.subnets} - {""} if gateway is not None else ()
    return RouterFacts(
        id=router.id,
        revision=router.revision,
        name=router.name,
        up=router.admin_state_up,
        snat=router.enable_snat,
        legs=[leg for port_id, leg in legs if port_id not in gateways],
        gateway=gateway,
        next_hops=sorted(outside),
        routes=[(route["destination"], route["nexthop"]) for route in router.routes],
        floating=[
            FloatingFacts(
                id=one.id,
                revision=one.revision,
                address=one.floating_ip_address,
                fixed=one.fixed_ip_address,
                port_id=one.fixed_port_id,
                mac=one.port.mac_address,
            )
            for one in floating
            if one.fixed_port_id is not None
        ],
        forwardings=[
            ForwardingFacts(
                floating_id=one.floating_ip_id,
                address=one.floating_ip.floating_ip_address,
                protocol=one.protocol,
                first=one.external_first,
                last=one.external_last,
                fixed=one.internal_ip_address,
                fixed_first=one.internal_first,
                fixed_last=one.internal_last,
                port_id=one.internal_port_id,
            )
            for one in forwardings
        ],
        hosts=hosts,
        untranslated=same,
        limits=address_limits(
            router, floating, [one.partition("/")[0] for one in outer], known=known
        ),
    )


def _leg(
    part: RouterPort,
    held: Sequence[tuple[UUID, str]],
    subnets: Mapping[UUID, SubnetFacts],
) -> tuple[UUID, LegFacts]:
    known = [(subnets[subnet_id], address) for subnet_id, address in held if subnet_id in subnets]
    leg = LegFacts(
        port_id=part.port_id,
        network_id=part.network_id,
        mac=part.port.mac_address,
        addresses=[f"{address}/{parse_block(subnet.cidr).prefixlen}" for subnet, address in known],
        subnets=[subnet for subnet, _ in known],
        mtu=part.network.mtu,
    )
    return part.port_id, leg


def _preferred(router_id: UUID, hosts: Sequence[str]) -> list[str]:
    """Return hosts in an order that is the router's own, so that routers are spread over them."""
    return sorted(hosts, key=lambda host: hashlib.sha256(router_id.bytes + host.encode()).digest())


def _by(rows: Iterable[T], key: Any) -> dict[Any, list[T]]:
    found: defaultdict[Any, list[T]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(found)


def _pairs(rows: Iterable[tuple[K, T]]) -> dict[K, list[T]]:
    found: defaultdict[K, list[T]] = defaultdict(list)
    for key, one in rows:
        found[key].append(one)
    return dict(found)
