"""Security groups as OVN has them: for each network a group of its ports, with their rules as ACLs.

A group has ports on several networks, and on another the same address is somebody else; so who is in a
remote group is a set for each network, with those that routers join to it (as ``network.members`` has it).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from cloudweb.addresses import parse_block
from network.ovn.facts import NetworkFacts, RuleFacts
from network.ovn.rows import Row, network_key, port_key
from network.ovn.texts import symbol
from network.ovn_names import METADATA_ADDRESS
from network.protocols import ICMP, ICMPV6

#: OVN takes the ACL of the highest priority.
FORBIDDEN, ALLOWED, DROPPED = 1003, 1002, 1001
TCP, UDP, SCTP = 6, 17, 132
PORTED = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}

#: What all guests may send, whatever their groups say; and what none may: the answers of servers that are
#: OVN's alone. (Priority, match, action, options.)
_OF_ALL: Sequence[tuple[str, int, str, str, Mapping[str, str]]] = (
    ("dhcp", ALLOWED, "ip4 && udp.src == 68 && udp.dst == 67", "allow", {}),
    ("dhcp6", ALLOWED, "ip6 && udp.src == 546 && udp.dst == 547", "allow", {}),
    (
        "metadata",
        ALLOWED,
        f"ip4.dst == {METADATA_ADDRESS} && tcp.dst == 80",
        "allow-related",
        {},
    ),
    ("server", FORBIDDEN, "ip4 && udp.src == 67", "drop", {}),
    ("server6", FORBIDDEN, "ip6 && udp.src == 547", "drop", {}),
    # neighbour discovery passes the first stage of ACLs unseen; the second sees it
    ("adverts", FORBIDDEN, "icmp6.type == 134", "drop", {"apply-after-lb": "true"}),
)


def group_rows(network: NetworkFacts) -> Iterator[Row]:
    """Give the port groups of a network's ports, their ACLs, and the sets that these name."""
    secured = [port for port in network.ports if port.secured]
    members: defaultdict[UUID, list[str]] = defaultdict(list)
    for port in secured:
        for group in port.groups:
            members[group].append(port_key(network.id, port.id))
    if secured:
        yield from _all(network, [port_key(network.id, port.id) for port in secured])
    named = {
        rule.remote_group
        for group in members
        for rule in network.rules.get(group, ())
        if rule.remote_group is not None
    }
    for group in sorted(named):
        yield from _sets(network, group)
    for group in sorted(members):
        key = f"{network_key(network.id)}/group/{group}"
        name = symbol("sg", group, network.id)
        yield Row(
            "Port_Group",
            key,
            columns={"name": name, "external_ids": {}},
            refers={"ports": ("Logical_Switch_Port", members[group])},
        )
        for rule in network.rules.get(group, ()):
            match = rule_match(rule, name, network.id)
            if match is not None:
                yield Row(
                    "ACL",
                    f"{key}/rule/{rule.id}",
                    parent=key,
                    columns={
                        "direction": _direction(rule),
                        "priority": ALLOWED,
                        "match": match,
                        "action": "allow-related" if rule.stateful else "allow-stateless",
                        "options": {},
                        "external_ids": {},
                    },
                )


def _all(network: NetworkFacts, ports: Sequence[str]) -> Iterator[Row]:
    """Give what holds for all secured ports: nothing passes but what some group lets pass."""
    key, name = f"{network_key(network.id)}/secured", symbol("secured", network.id)
    yield Row(
        "Port_Group",
        key,
        columns={"name": name, "external_ids": {}},
        refers={"ports": ("Logical_Switch_Port", ports)},
    )
    drops = [
        ("from-lport", "out", f"inport == @{name} && ip"),
        ("to-lport", "in", f"outport == @{name} && ip"),
    ]
    wanted: list[tuple[str, int, str, str, str, dict[str, str]]]
    wanted = [(part, DROPPED, way, match, "drop", {}) for way, part, match in drops]
    wanted += [
        (part, priority, "from-lport", f"inport == @{name} && {match}", action, {**options})
        for part, priority, match, action, options in _OF_ALL
    ]
    for part, priority, way, match, action, options in wanted:
        yield Row(
            "ACL",
            f"{key}/{part}",
            parent=key,
            columns={
                "direction": way,
                "priority": priority,
                "match": match,
                "action": action,
                "options": options,
                "external_ids": {},
            },
        )


def _sets(network: NetworkFacts, group: UUID) -> Iterator[Row]:
    found: dict[int, list[str]] = {4: [], 6: []}
    for block in network.members.get(group, ()):
        parsed = parse_block(block)
        is_one = parsed.prefixlen == parsed.max_prefixlen
        found[parsed.version].append(str(parsed.network_address) if is_one else str(parsed))
    for version, blocks in found.items():
        yield Row(
            "Address_Set",
            f"{network_key(network.id)}/members/{group}/{version}",
            columns={
                "name": symbol(f"in{version}", group, network.id),
                "addresses": blocks,
                "external_ids": {},
            },
        )


def _direction(rule: RuleFacts) -> str:
    return "to-lport" if rule.direction == "ingress" else "from-lport"


def rule_match(rule: RuleFacts, group: str, network_id: UUID) -> str | None:
    """Return what a rule accepts, in OVN's words; None where OVN has no words for it, which accepts nothing."""
    inward = rule.direction == "ingress"
    ip = f"ip{rule.version}"
    parts = [f"{'outport' if inward else 'inport'} == @{group}"]
    end = f"{ip}.{'src' if inward else 'dst'}"
    block = parse_block(rule.prefix) if rule.prefix else None
    if rule.remote_group is not None:
        parts.append(f"{end} == ${symbol(f'in{rule.version}', rule.remote_group, network_id)}")
    elif rule.blocks is not None:
        if not rule.blocks:
            return None
        parts.append(f"{end} == {{{', '.join(str(parse_block(one)) for one in rule.blocks)}}}")
    elif block is not None and block.version != rule.version:
        return None
    elif block is not None and block.prefixlen:
        parts.append(f"{end} == {block}")
    else:
        parts.append(ip)
    traffic = _traffic(rule)
    return None if traffic is None else " && ".join([*parts, *traffic])


def _traffic(rule: RuleFacts) -> list[str] | None:
    first, last = rule.port_min, rule.port_max
    if rule.protocol is None:
        return []
    if rule.protocol in (ICMP, ICMPV6):
        if (rule.protocol == ICMP) != (rule.version == 4):
            return None
        name = "icmp4" if rule.version == 4 else "icmp6"
        found = [name]
        found += [] if first is None else [f"{name}.type == {first}"]
        found += [] if last is None else [f"{name}.code == {last}"]
        return found
    name = PORTED.get(rule.protocol, "")
    if not name:
        return None if first is not None else [f"ip.proto == {rule.protocol}"]
    if first is None:
        return [name]
    if last is None or first == last:
        return [f"{name}.dst == {first}"]
    return [f"{name}.dst >= {first}", f"{name}.dst <= {last}"]
