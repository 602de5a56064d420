"""Rules in plain words, and what of them is open to the world."""

from __future__ import annotations

from typing import Any

from network.models import SecurityGroupRule
from network.reach import Risk, is_world, leaving, permissions, summary

WEB, DB = "8f1ad1c5-8a3c-4f2f-8a92-8c2a4e8d9a10", "8f1ad1c5-8a3c-4f2f-8a92-8c2a4e8d9a11"
NAMES = {WEB: "web", DB: "db"}


def rule(port: int | None = None, most: int | None = None, **values: Any) -> SecurityGroupRule:
    values = {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", **values}
    return SecurityGroupRule(port_range_min=port, port_range_max=most or port, **values)


def said(*rules: SecurityGroupRule) -> list[str]:
    return [one.sentence() for one in permissions(rules, NAMES, own="198.51.100.7")]


def test_each_rule_is_a_sentence() -> None:
    six, out = {"ethertype": "IPv6"}, {"direction": "egress"}
    cases = {
        "Anyone on the internet can reach SSH (port 22).": rule(22),
        "Anyone on the internet can reach SSH (port 22) over IPv6.": rule(22, **six),
        "Anyone on the internet can reach HTTP (port 80).": rule(80, remote_ip_prefix="1.2.3.4/0"),
        "Members of group web can reach PostgreSQL (port 5432).": rule(5432, remote_group_id=WEB),
        "Your address (198.51.100.7) can reach SSH (port 22).": rule(
            22, remote_ip_prefix="198.51.100.7/32"
        ),
        "198.51.100.8 can reach ping.": rule(protocol="icmp", remote_ip_prefix="198.51.100.8"),
        "fd00::1 can reach ping.": rule(protocol="icmp", remote_ip_prefix="fd00::1/128", **six),
        "Anyone at 10.0.0.0/8 can reach all UDP ports.": rule(
            protocol="17", remote_ip_prefix="10.0.0.0/8"
        ),
        "Anyone on the internet can reach TCP ports 8000 to 8100.": rule(8000, 8100),
        "Anyone on the internet can reach TCP port 8123.": rule(8123),
        "Anyone on the internet can reach DNS (UDP port 53).": rule(53, protocol="udp"),
        "Anyone on the internet can reach all TCP ports.": rule(1, 65535),
        "Anyone on the internet can reach everything.": rule(protocol=""),
        "Anyone on the internet can reach VRRP (protocol 112).": rule(protocol="vrrp"),
        "Anyone on the internet can reach IP (protocol 200).": rule(protocol="200"),
        "Members can reach everything anywhere.": rule(protocol="", **out),
        "Members can reach DNS (UDP port 53) at 192.0.2.53.": rule(
            53, protocol="udp", remote_ip_prefix="192.0.2.53", **out
        ),
        "Members can reach all TCP ports at members of group db.": rule(remote_group_id=DB, **out),
    }
    assert {text: said(one) for text, one in cases.items()} == {text: [text] for text in cases}


def test_icmp_is_named_by_type() -> None:
    def of(kind: int, code: int | None, **values: Any) -> str:
        made = rule(protocol="icmp", **values)
        made.port_range_min, made.port_range_max = kind, code
        return permissions([made], NAMES)[0].what

    assert of(8, 0) == of(8, None) == of(128, None, ethertype="IPv6") == "ping"
    assert of(3, 4) == "ICMP type 3 code 4"
    assert of(8, None, ethertype="IPv6") == "ICMPv6 type 8"


def test_both_ip_versions_are_one_permission_and_the_widest_comes_first() -> None:
    rules = [
        rule(5432, remote_group_id=WEB),
        rule(22),
        rule(22, ethertype="IPv6"),
        rule(protocol="", direction="egress"),
        rule(22, remote_ip_prefix="192.0.2.0/24"),
    ]
    found = permissions(rules, NAMES)
    assert [(one.enters, one.who.kind, one.ethertypes) for one in found] == [
        (True, "world", ("IPv4", "IPv6")),
        (True, "block", ("IPv4",)),
        (True, "group", ("IPv4",)),
        (False, "world", ("IPv4",)),
    ]
    assert len(found[0].rule_ids) == 2


def test_a_group_is_summed_up() -> None:
    def of(*rules: SecurityGroupRule) -> list[str]:
        return [*summary(permissions(rules, NAMES), "vm1")]

    assert of() == of(rule(22, direction="egress")) == ["Nobody can reach vm1."]
    assert of(rule(22), rule(80), rule(80, ethertype="IPv6"), rule(443)) == [
        "Anyone on the internet can reach HTTP (port 80), HTTPS (port 443) and SSH (port 22)."
    ]
    assert of(rule(22), rule(protocol=""), rule(22, remote_group_id=DB)) == [
        "Anyone on the internet can reach everything.",
        "Members of group db can reach SSH (port 22).",
    ]
    assert of(rule(22), rule(22, ethertype="IPv6"), rule(80, ethertype="IPv6")) == [
        "Anyone on the internet can reach SSH (port 22).",
        "Anyone on the internet can reach HTTP (port 80) over IPv6.",
    ]
    both = [rule(protocol="", ethertype=one, direction="egress") for one in ("IPv4", "IPv6")]
    assert leaving(permissions(both, NAMES), "vm1") == "vm1 can reach everything, anywhere."
    assert leaving([], "vm1") == "vm1 can reach nothing; only answers leave."
    silent = leaving([], "vm1", stateful=False)
    assert silent == "vm1 can reach nothing; not even answers leave."
    some = permissions([rule(443, direction="egress")], NAMES)
    assert leaving(some, "vm1") == "vm1 can reach HTTPS (port 443) anywhere, and nothing else."


def test_what_is_open_to_the_world_is_warned_of() -> None:
    cases = {
        "ssh": (rule(22), Risk.TRIED),
        "a range with ssh": (rule(20, 30), Risk.WIDE),  # Telnet is in it
        "https": (rule(443), Risk.NONE),
        "ping": (rule(protocol="icmp"), Risk.NONE),
        "a database": (rule(5432), Risk.WIDE),
        "a database, by number": (rule(5432, protocol="6"), Risk.WIDE),
        "its port of udp": (rule(5432, protocol="udp"), Risk.NONE),
        "all tcp": (rule(), Risk.WIDE),
        "all": (rule(protocol=""), Risk.WIDE),
        "many ports": (rule(30000, 32767), Risk.WIDE),
        "half the internet": (rule(5432, remote_ip_prefix="128.0.0.0/1"), Risk.WIDE),
        "the other half": (rule(5432, remote_ip_prefix="0.0.0.0/1"), Risk.WIDE),
        "ipv6": (rule(6379, remote_ip_prefix="2000::/3", ethertype="IPv6"), Risk.WIDE),
        "private ipv6": (rule(6379, remote_ip_prefix="fc00::/7", ethertype="IPv6"), Risk.NONE),
        "an office": (rule(5432, remote_ip_prefix="192.0.2.0/24"), Risk.NONE),
        "a group": (rule(5432, remote_group_id=WEB), Risk.NONE),
        "outwards": (rule(5432, direction="egress"), Risk.NONE),
    }
    found = {name: permissions([one], NAMES)[0].risk for name, (one, _) in cases.items()}
    assert found == {name: risk for name, (_, risk) in cases.items()}
    office, all_of_it = rule(22, remote_address_group_id=WEB), {WEB: ["192.0.2.0/24", "0.0.0.0/0"]}
    for blocks, risk in (({WEB: ["192.0.2.0/24"]}, Risk.NONE), (all_of_it, Risk.TRIED)):
        [one] = permissions([office], {WEB: "offices"}, blocks=blocks)
        assert (one.sentence(), one.risk) == ("Addresses of offices can reach SSH (port 22).", risk)
    assert is_world("")
    advice = permissions([rule(1000, 6000)], NAMES)[0].advice
    assert advice.startswith("SQL Server, Oracle, NFS and more belong inside")
