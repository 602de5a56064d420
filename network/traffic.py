"""Traffic that people let in by one click, and whether rules let it in already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cloudweb.addresses import parse_block
from network.protocols import PROTOCOLS
from network.rule_meaning import normal_prefix, protocol_number

if TYPE_CHECKING:
    from network.models import SecurityGroupRule

EVERYWHERE = ("", "0.0.0.0/0", "::/0")


class Openness(StrEnum):
    """From where traffic gets in."""

    OPEN = "open"
    SOME = "some"  # from some addresses
    SHUT = "shut"


@dataclass(frozen=True, slots=True)
class Traffic:
    """A kind of traffic: what people call it, and its protocol with the ports (none: all of it)."""

    name: str
    text: str
    protocol: str
    ports: Sequence[int] = ()

    @property
    def group_name(self) -> str:
        """The name of the group that is made for it."""
        return f"let-{self.name}-in"

    def wanted_rules(self) -> Sequence[dict[str, Any]]:
        """Return what lets it in from everywhere, as rules are asked for."""
        return [
            {
                "direction": "ingress",
                "ethertype": ethertype,
                "protocol": self.protocol,
                "port_range_min": port,
                "port_range_max": port,
            }
            for ethertype in ("IPv4", "IPv6")
            for port in self.ports or (None,)
        ]


KINDS = {
    kind.name: kind
    for kind in (
        Traffic("ssh", "SSH", "tcp", (22,)),
        Traffic("ping", "ping", "icmp"),
        Traffic("web", "web pages", "tcp", (80, 443)),
    )
}


def openness(
    traffic: Traffic, rules: Iterable[SecurityGroupRule], *, ethertype: str = "IPv4"
) -> Openness:
    """Tell from where rules let all of the traffic in; members of a group are no place outside."""
    entering = [
        rule
        for rule in rules
        if (rule.direction, rule.ethertype, rule.remote_group_id) == ("ingress", ethertype, None)
    ]
    return min(
        (_of_port(traffic, port, entering) for port in traffic.ports or (None,)),
        key=[Openness.SHUT, Openness.SOME, Openness.OPEN].index,
    )


def _of_port(traffic: Traffic, port: int | None, rules: Sequence[SecurityGroupRule]) -> Openness:
    accepting = [rule for rule in rules if _accepts(rule, traffic, port)]
    if any(_from_everywhere(rule) for rule in accepting):
        return Openness.OPEN
    return Openness.SOME if accepting else Openness.SHUT


def _accepts(rule: SecurityGroupRule, traffic: Traffic, port: int | None) -> bool:
    wanted = protocol_number(traffic.protocol, rule.ethertype)
    if protocol_number(rule.protocol, rule.ethertype) not in (None, wanted):
        return False
    if rule.port_range_min is None:
        return True
    if port is None:  # ICMP: a rule for one type lets ping in if it is the type that asks
        asks = 8 if wanted == PROTOCOLS["icmp"] else 128
        return rule.port_range_min == asks
    return rule.port_range_min <= port <= (rule.port_range_max or rule.port_range_min)


def _from_everywhere(rule: SecurityGroupRule) -> bool:
    if rule.remote_address_group_id is not None:
        return False
    prefix = normal_prefix(rule.remote_ip_prefix)
    return prefix in EVERYWHERE or parse_block(prefix).prefixlen == 0
