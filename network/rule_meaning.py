"""When two security group rules say the same."""

from __future__ import annotations

from cloudweb.addresses import canonical_block
from network.models import SecurityGroupRule
from network.protocols import ICMP, ICMPV6, PROTOCOLS


def protocol_number(protocol: str, ethertype: str = "IPv4") -> int | None:
    """Return a protocol's number, None for any; ``icmp`` in an IPv6 rule is ICMPv6.

    Raises ValueError for an unknown one.
    """
    if not protocol:
        return None
    number = PROTOCOLS.get(protocol.lower())
    if number is None:
        if not (protocol.isascii() and protocol.isdigit() and int(protocol[:4]) <= 255):
            raise ValueError(protocol)
        number = int(protocol)
    return ICMPV6 if number == ICMP and ethertype == "IPv6" else number


def normal_prefix(prefix: str) -> str:
    """Return a remote prefix as the network it means; empty stays empty."""
    return canonical_block(prefix) if prefix else ""


def meaning_of(rule: SecurityGroupRule) -> str:
    """Return the rule as one line, equal for rules that accept the same."""
    prefix = normal_prefix(rule.remote_ip_prefix)
    parts = (
        rule.direction,
        rule.ethertype,
        protocol_number(rule.protocol, rule.ethertype),
        rule.port_range_min,
        rule.port_range_max,
        "" if prefix in ("0.0.0.0/0", "::/0") else prefix,
        rule.remote_group_id or rule.remote_address_group_id or "",
    )
    return " ".join("-" if part in (None, "") else str(part) for part in parts)
