"""Whether rules let SSH, ping and web pages in, and from where."""

from __future__ import annotations

from typing import Any

from network.models import SecurityGroupRule
from network.traffic import KINDS, openness


def rule(**values: Any) -> SecurityGroupRule:
    return SecurityGroupRule(
        **{"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", **values}
    )


def port(least: int, most: int | None = None, **values: Any) -> SecurityGroupRule:
    return rule(port_range_min=least, port_range_max=most or least, **values)


def test_what_rules_let_in() -> None:
    other = "8f1ad1c5-8a3c-4f2f-8a92-8c2a4e8d9a10"
    cases: dict[str, tuple[str, list[SecurityGroupRule]]] = {
        "nothing": ("ssh", []),
        "its port": ("ssh", [port(22)]),
        "a range": ("ssh", [port(20, 30)]),
        "by number": ("ssh", [port(22, protocol="6")]),
        "all of tcp": ("ssh", [rule()]),
        "all there is": ("ssh", [rule(protocol="")]),
        "udp": ("ssh", [port(22, protocol="udp")]),
        "outwards": ("ssh", [port(22, direction="egress")]),
        "ipv6": ("ssh", [port(22, ethertype="IPv6")]),
        "zero prefix": ("ssh", [port(22, remote_ip_prefix="1.2.3.4/0")]),
        "an office": ("ssh", [port(22, remote_ip_prefix="192.0.2.0/24")]),
        "members": ("ssh", [port(22, remote_group_id=other)]),
        "office, then all": ("ssh", [port(22, remote_ip_prefix="192.0.2.1"), port(22)]),
        "half the web": ("web", [port(80)]),
        "web here, office there": ("web", [port(80), port(443, remote_ip_prefix="192.0.2.1")]),
        "the web": ("web", [port(80), port(443)]),
        "all icmp": ("ping", [rule(protocol="icmp")]),
        "echo": ("ping", [port(8, 0, protocol="icmp")]),
        "other icmp": ("ping", [port(3, protocol="icmp")]),
    }
    found = {name: openness(KINDS[kind], rules) for name, (kind, rules) in cases.items()}
    assert found == {
        "nothing": "shut", "its port": "open", "a range": "open", "by number": "open",
        "all of tcp": "open", "all there is": "open", "udp": "shut", "outwards": "shut",
        "ipv6": "shut", "zero prefix": "open", "an office": "some", "members": "shut",
        "office, then all": "open", "half the web": "shut", "web here, office there": "some",
        "the web": "open", "all icmp": "open", "echo": "open", "other icmp": "shut",
    }  # fmt: skip
