"""What security group rules are in OVN's words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from network.ovn.facts import NetworkFacts, PortFacts, RuleFacts
from network.ovn.groups import group_rows, rule_match

RULE, NETWORK, GROUP = (UUID(int=number) for number in (1, 2, 3))
IN, OUT = "outport == @g && ", "inport == @g && "


def rule(**said: Any) -> RuleFacts:
    values = {
        "direction": "ingress",
        "version": 4,
        "protocol": None,
        "port_min": None,
        "port_max": None,
    }
    return RuleFacts(id=RULE, **{**values, **said})


def test_each_kind_of_rule_has_its_match_and_what_has_none_accepts_nothing() -> None:
    ports = {"port_min": 80, "port_max": 90}
    cases = {
        IN + "ip4": rule(),
        OUT + "ip6": rule(direction="egress", version=6),
        IN + "ip4 && tcp": rule(protocol=6),
        IN + "ip4 && tcp.dst == 22": rule(protocol=6, port_min=22, port_max=22),
        IN + "ip4 && udp.dst >= 80 && udp.dst <= 90": rule(protocol=17, **ports),
        IN + "ip4 && sctp.dst >= 80 && sctp.dst <= 90": rule(protocol=132, **ports),
        IN + "ip4.src == 10.0.0.0/8 && tcp": rule(protocol=6, prefix="10.0.0.0/8"),
        OUT + "ip4.dst == 10.0.0.0/8": rule(direction="egress", prefix="10.0.0.0/8"),
        IN + "ip4 && icmp4": rule(protocol=1, prefix="0.0.0.0/0"),
        IN + "ip4 && icmp4 && icmp4.type == 8 && icmp4.code == 0": rule(protocol=1, port_min=8, port_max=0),
        IN + "ip6 && icmp6 && icmp6.type == 128": rule(version=6, protocol=58, port_min=128),
        IN + "ip4 && ip.proto == 112": rule(protocol=112),
        IN + f"ip6.src == $in6_{GROUP.hex}_{NETWORK.hex}": rule(version=6, remote_group=GROUP),
    }  # fmt: skip
    assert {match: rule_match(said, "g", NETWORK) for match, said in cases.items()} == {
        match: match for match in cases
    }
    wordless = [
        rule(protocol=33, **ports),  # DCCP has ports that OVN does not see
        rule(protocol=58),  # of the other version
        rule(prefix="fd00::/8"),
    ]
    assert [rule_match(said, "g", NETWORK) for said in wordless] == [None, None, None]


@pytest.mark.parametrize("secured", [True, False])
def test_only_ports_with_security_are_in_groups_and_one_without_a_group_gets_nothing(
    secured: bool,
) -> None:
    port = PortFacts(id=UUID(int=9), revision=1, mac="fa:16:3e:00:00:01", secured=secured)
    rows = list(group_rows(NetworkFacts(id=NETWORK, revision=1, ports=[port])))
    drops = [row.columns["match"] for row in rows if row.columns.get("priority") == 1001]
    name = f"secured_{NETWORK.hex}"
    wanted = [f"inport == @{name} && ip", f"outport == @{name} && ip"] if secured else []
    assert drops == wanted
