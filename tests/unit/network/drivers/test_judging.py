"""What nftables' rules do with a packet, by chains of our own filters as ``nft -j list chain`` told them.

The port has 10.5.0.11 and fd05::11, pair 10.7.0.0/24, all rules outwards; inwards TCP 22 for all, TCP
8000-8100 from two blocks, pings, SCTP from 10.8.0.0/16, ICMPv6, UDP 53 over IPv6, and UDP 53 for a group.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from network.drivers.linuxbridge.judging import Judged, UnknownRuleError, dropped, judge

CHAINS: dict[str, Any] = json.loads(Path(__file__).with_name("recorded_chains.json").read_text())
MAC, OWN, OWN6, OTHER = "fa:16:3e:00:00:01", "10.5.0.11", "fd05::11", "203.0.113.9"
TCP, UDP, SCTP, ICMP, ICMPV6 = 6, 17, 132, 1, 58
CONSTANTS = {"spoken": ("ip", "ip6", "arp")}


def holds(name: str, value: str) -> bool:
    members = {"a4_": ("10.5.0.12",), "b4_": ("10.5.0.70",)}
    return value in members.get(name[:3], CONSTANTS.get(name, ()))


def verdict(chain: str, packet: Judged) -> str | None:
    return judge(CHAINS[chain], packet, holds).verdict


def test_what_is_let_in() -> None:
    def comes(source: str, protocol: int, port: int | None = None) -> str | None:
        own = OWN6 if ":" in source else OWN
        return verdict("ingress_2", Judged("fa:16:3e:00:00:99", source, own, protocol, port))

    said = {
        "ssh": comes(OTHER, TCP, 22),
        "web": comes(OTHER, TCP, 80),
        "a block": comes("10.9.3.4", TCP, 8100),
        "beyond the range": comes("10.9.3.4", TCP, 8101),
        "one address": comes("192.0.2.1", TCP, 8000),
        "another block": comes("10.10.0.1", TCP, 8050),
        "a ping": comes(OTHER, ICMP),
        "a ping of IPv6": comes("fd05::99", ICMPV6),
        "sctp": comes("10.8.1.1", SCTP, 80),
        "sctp from elsewhere": comes(OTHER, SCTP, 80),
        "dns of IPv6": comes("fd05::99", UDP, 53),
        "a member": comes("10.5.0.12", UDP, 53),
        "a member's block": comes("10.5.0.70", UDP, 53),
        "no member": comes("10.5.0.13", UDP, 53),
        "gre": comes(OTHER, 47),
    }
    fine = {"ssh", "a block", "one address", "a ping", "a ping of IPv6", "sctp", "dns of IPv6",
            "a member", "a member's block"}  # fmt: skip
    assert said == {name: "accept" if name in fine else "drop" for name in said}


def test_what_may_be_sent() -> None:
    def sends(source: str, mac: str = MAC, destination: str = OTHER) -> list[str | None]:
        packet = Judged(mac, source, destination, TCP, 80)
        return [verdict(chain, packet) for chain in ("source_2", "from_2", "egress_2")]

    assert sends(OWN) == [None, None, "return"]
    assert sends("10.7.0.200") == [None, None, "return"]
    assert sends(OWN6, destination="fd05::1") == [None, None, "return"]
    assert sends("10.5.0.12")[1] == "drop"
    assert sends(OWN, "fa:16:3e:00:00:02")[0] == "drop"
    assert sends("fd05::12", destination="fd05::1")[1] == "drop"
    assert sends("10.7.0.200", destination="169.254.169.254")[1] == "drop"


def test_what_was_dropped_is_counted_and_strange_rules_are_not_judged() -> None:
    assert dropped(CHAINS["ingress_2"]) == 0
    rules = [{"expr": [{"counter": {"packets": 7, "bytes": 1}}, {"accept": None}]}]
    rules.append({"expr": [{"counter": {"packets": 5, "bytes": 1}}, {"drop": None}]})
    assert dropped(rules) == 5
    packet = Judged(MAC, OWN, OTHER, TCP, 80)
    strange: list[dict[str, Any]] = [
        {"expr": [{"match": {"op": "==", "left": {"meta": {"key": "cpu"}}, "right": 1}}, {"drop": None}]},
        {"expr": [{"jump": {"target": "x"}}]},
    ]  # fmt: skip
    for rule in strange:
        with pytest.raises(UnknownRuleError):
            judge([rule], packet, holds)
