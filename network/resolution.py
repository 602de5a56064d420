"""What a host is told about ports: rows become PortWiring, with everything resolved.

The members of a remote group are those on the port's own network and on those that a router joins to it:
elsewhere the same address is somebody else. A rule names the group; who is in it is told apart
(``members``), so what a port's wiring costs does not grow with them. For hosts of a release before that
the addresses are written into the rules (``literal``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from uuid import UUID

from cloudweb.addresses import canonical_block, parse_address, parse_block
from cloudweb.database.prepared import Given, Prepared
from network import conf, members, qos, states
from network.models import (
    Network,
    Port,
    PortAddress,
    PortSecurityGroup,
    SecurityGroupRule,
    Subnet,
    Subport,
)
from network.models.network import NetworkKind
from network.objects import (
    DhcpOption,
    FixedAddress,
    GroupRule,
    HostRoute,
    NetworkWiring,
    PortQos,
    PortRef,
    PortWiring,
    RaMode,
    SecurityRule,
    Segment,
    SubnetWiring,
    TrunkPlace,
    tap_name,
)

#: What a port of some groups accepts: rules about addresses, and rules about members.
Accepted = tuple[tuple[SecurityRule, ...], tuple[GroupRule, ...]]


_PORTS = Prepared(
    lambda: (
        Port.objects.filter(id__among=Given("ports"))
        .select_related("network")
        .order_by("created_at", "id")
    )
)
_ADDRESSES = Prepared(
    lambda: (
        PortAddress.objects.filter(port__among=Given("ports"))
        .order_by("id")
        .values_list("port", "subnet", "ip_address")
    )
)
_GROUPS = Prepared(
    lambda: (
        PortSecurityGroup.objects.filter(port__among=Given("ports"))
        .order_by("id")
        .values_list("port", "security_group", "security_group__stateful")
    )
)
_LEGS = Prepared(
    lambda: PortAddress.objects.filter(
        subnet=Given("subnet"),
        ip_address=Given("address"),
        port__device_owner=states.INTERFACE_OWNER,
    ).values_list("id", flat=True)
)
_SUBNETS = Prepared(
    lambda: Subnet.objects.filter(network__among=Given("networks")).order_by("created_at", "id")
)
_SERVED = Prepared(
    lambda: (
        PortAddress.objects.filter(
            port__network__among=Given("networks"),
            port__device_owner__in=(states.DHCP_OWNER, states.INTERFACE_OWNER),
        )
        .order_by("id")
        .values_list(
            "subnet", "ip_address", "subnet__gateway_ip", "port__device_owner", "port__host"
        )
    )
)
_RULES = Prepared(
    lambda: (
        SecurityGroupRule.objects.filter(security_group__among=Given("groups"))
        .select_related("remote_address_group")
        .order_by("created_at", "id")
    )
)

_CARRIED = Prepared(
    lambda: Subport.objects.filter(port__among=Given("ports")).values_list(
        "port", "trunk__port", "segmentation_id"
    )
)


@dataclass
class _Facts:
    """All rows that the wirings of some ports are made from."""

    addresses: defaultdict[UUID, list[FixedAddress]] = field(
        default_factory=lambda: defaultdict(list)
    )
    groups: defaultdict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    stateless: set[UUID] = field(default_factory=set)
    subnets: defaultdict[UUID, list[Subnet]] = field(default_factory=lambda: defaultdict(list))
    dhcp: dict[UUID, str] = field(default_factory=dict)
    routed: dict[UUID, str] = field(default_factory=dict)
    rules: defaultdict[UUID, list[SecurityGroupRule]] = field(
        default_factory=lambda: defaultdict(list)
    )
    members: Mapping[tuple[UUID, UUID], Mapping[int, Sequence[str]]] = field(default_factory=dict)
    qos: Mapping[UUID, PortQos] = field(default_factory=dict)
    carried: dict[UUID, TrunkPlace] = field(default_factory=dict)
    accepted: dict[tuple[object, ...], Accepted] = field(default_factory=dict)


def port_ref(port: Port) -> PortRef:
    """Return what an order needs that takes the port away."""
    return PortRef(id=str(port.id), network_id=str(port.network_id), tap=tap_name(str(port.id)))


def port_wirings(port_ids: Iterable[UUID], *, literal: bool = False) -> list[PortWiring]:
    """Return the wirings of these ports, in the order of their creation, in six queries at most.

    ``literal`` puts the members of remote groups into the rules too, at two more for each group and network.
    """
    wanted = list(port_ids)
    ports = _PORTS.rows(ports=wanted) if wanted else []
    facts = _gather(ports)
    if literal:
        facts.members = _members(ports, facts)
    networks: dict[tuple[UUID, str], NetworkWiring] = {}
    for port in ports:
        if (port.network_id, port.host) not in networks:
            networks[port.network_id, port.host] = _network(port.network, facts, port.host)
    return [
        _port(port, networks[port.network_id, port.host], facts, literal=literal) for port in ports
    ]


def network_wiring(network: Network) -> NetworkWiring:
    """Return a network as it shall be, whatever host it is on."""
    facts = _Facts()
    for subnet in _SUBNETS.rows(networks=[network.id]):
        facts.subnets[network.id].append(subnet)
    return _network(network, facts, "")


def needs_dhcp_address(subnet: Subnet, network: Network, *, fresh: bool = False) -> bool:
    """Tell whether the DHCP server needs an address of its own.

    It does unless the host holds a gateway's on the subnet; that of a router is the router's, and a ``fresh``
    subnet has none.
    """
    modes = subnet.ipv6_ra_mode, subnet.ipv6_address_mode
    if not subnet.enable_dhcp or (subnet.ip_version == 6 and not any(modes)):
        return False
    if not network.strategy.has_gateway or not subnet.gateway_ip:
        return True
    if parse_address(subnet.gateway_ip) not in parse_block(subnet.cidr):
        return True
    return not fresh and bool(_LEGS.rows(subnet=subnet.id, address=subnet.gateway_ip))


def _gather(ports: Sequence[Port]) -> _Facts:
    facts = _Facts()
    if not ports:
        return facts
    ids, networks = [port.id for port in ports], {port.network_id for port in ports}
    for port_id, subnet_id, address in _ADDRESSES.rows(ports=ids):
        fixed = FixedAddress(subnet_id=str(subnet_id), ip_address=address)
        facts.addresses[port_id].append(fixed)
    for port_id, group_id, stateful in _GROUPS.rows(ports=ids):
        facts.groups[port_id].append(group_id)
        if not stateful:
            facts.stateless.add(port_id)
    for subnet in _SUBNETS.rows(networks=networks):
        facts.subnets[subnet.network_id].append(subnet)
    for subnet_id, address, gateway, owner, host in _SERVED.rows(networks=networks):
        if owner == states.DHCP_OWNER:
            facts.dhcp[subnet_id] = address
        elif address == gateway:
            facts.routed[subnet_id] = host
    inside = [port.id for port in ports if port.trunk_role == states.SUBPORT]
    for port_id, parent_id, number in _CARRIED.rows(ports=inside) if inside else ():
        place = {"port_id": str(parent_id), "tap": tap_name(str(parent_id))}
        facts.carried[port_id] = TrunkPlace(**place, segmentation_id=number)
    facts.qos = qos.meanings(map(qos.policy_of, ports))
    groups = {
        group for port in ports if port.port_security_enabled for group in facts.groups[port.id]
    }
    if groups:
        for rule in _RULES.rows(groups=groups):
            facts.rules[rule.security_group_id].append(rule)
    return facts


def _members(
    ports: Sequence[Port], facts: _Facts
) -> dict[tuple[UUID, UUID], Mapping[int, Sequence[str]]]:
    remote = {rule.remote_group_id for rules in facts.rules.values() for rule in rules}
    wanted = {(group, port.network_id) for group in remote - {None} for port in ports if group}
    sets = members.ensure_sets(wanted)
    return {key: members.by_version(members.all_of(one)) for key, one in sets.items()}


def _network(network: Network, facts: _Facts, host: str) -> NetworkWiring:
    isolated = network.kind != NetworkKind.FLAT
    wiring = NetworkWiring(
        id=str(network.id),
        project_id=network.project_id,
        revision=network.wiring_revision,
        kind="isolated" if isolated else "flat",
        mtu=network.mtu,
        subnets=tuple(
            _subnet(subnet, network, facts, host) for subnet in facts.subnets[network.id]
        ),
        nat=isolated or conf.FLAT_NAT,
        segment=_segment(network),
    )
    domain = network.dns_domain.rstrip(".")
    return wiring.model_copy(update={"dns_domain": domain}) if domain else wiring


def _segment(network: Network) -> Segment | None:
    """Return what joins a network's wires on all hosts; nothing joins those of an isolated one."""
    if network.kind == NetworkKind.ISOLATED:
        return None
    return Segment(
        network_type=cast(Any, network.kind),
        segmentation_id=network.segmentation_id,
        physical_network=network.physical_network,
    )


def _subnet(subnet: Subnet, network: Network, facts: _Facts, host: str) -> SubnetWiring:
    server = facts.dhcp.get(subnet.id) or subnet.gateway_ip
    return SubnetWiring(
        id=str(subnet.id),
        ip_version=cast(Literal[4, 6], subnet.ip_version),
        cidr=subnet.cidr,
        gateway_ip=subnet.gateway_ip or None,
        enable_dhcp=subnet.enable_dhcp,
        dhcp_server_ip=(server or None) if subnet.enable_dhcp else None,
        dns_nameservers=tuple(subnet.dns_nameservers),
        host_routes=tuple(HostRoute(**route) for route in subnet.host_routes),
        routed=_is_routed(subnet, network, facts, host),
        ipv6_ra_mode=cast(RaMode, subnet.ipv6_ra_mode),
        ipv6_address_mode=cast(RaMode, subnet.ipv6_address_mode),
    )


def _is_routed(subnet: Subnet, network: Network, facts: _Facts, host: str) -> bool:
    """Tell whether the gateway's address is not this host's to hold.

    On a wire that all hosts share it is a router's, wherever that is, or the provider's.
    """
    strategy = network.strategy
    if strategy.spans_hosts:
        return subnet.id in facts.routed or not strategy.has_gateway
    return bool(host) and facts.routed.get(subnet.id) == host


def _port(port: Port, network: NetworkWiring, facts: _Facts, *, literal: bool) -> PortWiring:
    rules, group_rules = _accepted(port, facts, literal=literal)
    policy_id = qos.policy_of(port)
    return PortWiring(
        id=str(port.id),
        project_id=port.project_id,
        device_id=port.device_id,
        revision=port.wiring_revision,
        mac=port.mac_address,
        tap=tap_name(str(port.id)),
        hostname=port.hostname,
        dns_domain=port.dns_domain.rstrip("."),
        addresses=tuple(facts.addresses[port.id]),
        allowed_pairs=tuple(
            (pair["mac_address"], canonical_block(pair["ip_address"]))
            for pair in port.allowed_address_pairs
        ),
        port_security=port.port_security_enabled,
        admin_up=port.admin_state_up and port.network.admin_state_up,
        rules=rules,
        group_rules=group_rules,
        network=network,
        router_id=port.device_id if port.device_owner in states.ROUTER_OWNERS else "",
        dhcp_options=tuple(
            DhcpOption(
                name=option["opt_name"],
                value=option["opt_value"],
                ip_version=option.get("ip_version", 4),
            )
            for option in port.extra_dhcp_opts
            if option.get("opt_value") is not None
        ),
        qos=facts.qos.get(policy_id) if policy_id is not None else None,
        stateless=port.port_security_enabled and port.id in facts.stateless,
        carried=facts.carried.get(port.id),
    )


def _accepted(port: Port, facts: _Facts, *, literal: bool) -> Accepted:
    """Return the rules of a port, made once for all ports of the same groups on the same network."""
    if not port.port_security_enabled:
        return (), ()
    groups = tuple(facts.groups[port.id])
    key = (groups, port.network_id)
    if key not in facts.accepted:
        rules = [rule for group in groups for rule in facts.rules[group]]
        plain = [_rule(rule) for rule in rules if rule.remote_group_id is None and _means(rule)]
        named = [rule for rule in rules if rule.remote_group_id is not None]
        if literal:
            plain += [
                _rule(rule, remotes=remotes)
                for rule in named
                if rule.remote_group_id
                and (
                    remotes := facts.members[rule.remote_group_id, port.network_id][_version(rule)]
                )
            ]
        facts.accepted[key] = (
            tuple(dict.fromkeys(plain)),
            tuple(dict.fromkeys(map(_group_rule, named))),
        )
    return facts.accepted[key]


def _rule(rule: SecurityGroupRule, *, remotes: Sequence[str] = ()) -> SecurityRule:
    if rule.remote_address_group is not None:
        remotes = _addresses_of(rule)
    elif rule.remote_ip_prefix:
        remotes = (canonical_block(rule.remote_ip_prefix),)
    return SecurityRule(**_traffic(rule), remotes=tuple(remotes))


def _means(rule: SecurityGroupRule) -> bool:
    """Tell whether a rule accepts anybody: one about an address group without such addresses does not."""
    return rule.remote_address_group is None or bool(_addresses_of(rule))


def _addresses_of(rule: SecurityGroupRule) -> Sequence[str]:
    """Return the blocks of a rule's address group that are of its IP version."""
    group = rule.remote_address_group
    blocks = [] if group is None else group.addresses
    return [block for block in blocks if (":" in block) == (rule.ethertype == "IPv6")]


def _group_rule(rule: SecurityGroupRule) -> GroupRule:
    return GroupRule(**_traffic(rule), group_id=str(rule.remote_group_id))


def _traffic(rule: SecurityGroupRule) -> dict[str, Any]:
    return {
        "direction": rule.direction,
        "ethertype": rule.ethertype,
        "protocol": rule.protocol.lower() or None,
        "port_min": rule.port_range_min,
        "port_max": rule.port_range_max,
    }


def _version(rule: SecurityGroupRule) -> int:
    return 4 if rule.ethertype == "IPv4" else 6
