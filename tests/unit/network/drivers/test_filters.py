"""Filter texts, against golden files and by their edges. UPDATE_GOLDEN=1 writes the files anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudweb.driver import DriverError
from network.drivers.linuxbridge.config import BridgeConfig
from network.drivers.linuxbridge.filters import network_filters
from network.drivers.linuxbridge.port_chains import inet_chains, link_local, rules_text
from network.objects import FixedAddress, PortWiring, SecurityRule
from tests.builders.ports import (
    allow,
    free_egress,
    make_network,
    make_port,
    make_subnet,
    make_subnet6,
)

GOLDEN = Path(__file__).parent / "golden"
NETWORK_ID = "6e0bc2a5-93d7-4a4b-9c5d-000000000001"
NAMES = BridgeConfig().names(NETWORK_ID)


def golden(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def port(number: int, **overrides: object) -> PortWiring:
    four, six = make_subnet(id="four"), make_subnet6(id="six")
    network = make_network(id=NETWORK_ID, subnets=(four, six))
    addresses = (
        FixedAddress(subnet_id="four", ip_address=f"10.5.0.{number}"),
        FixedAddress(subnet_id="six", ip_address=f"fd05::{number}"),
    )
    values = {"id": f"{number:08x}-0000-4000-8000-000000000000", "addresses": addresses}
    return make_port(network, f"10.5.0.{number}", **{**values, **overrides})  # type: ignore[arg-type]


def test_no_port() -> None:
    golden("no_port.nft", network_filters(NAMES, 4100, []))


def test_two_ports() -> None:
    rules = (
        *free_egress(),
        allow("tcp", port_min=22, port_max=22),
        allow("udp", port_min=5000, port_max=6000, remotes=("10.5.0.0/25", "10.5.0.128/25")),
        allow("icmp", port_min=8, port_max=0),
        allow("ipv6-icmp", ethertype="IPv6"),
        allow("112", remotes=("192.0.2.1/32",)),
    )
    ports = [port(12), port(11, rules=rules)]
    golden("two_ports.nft", network_filters(NAMES, 4100, ports))
    assert network_filters(NAMES, 4100, reversed(ports)) == network_filters(NAMES, 4100, ports)


def test_odd_ports() -> None:
    ports = [
        port(13, admin_up=False),
        port(14, port_security=False),
        port(15, addresses=(), rules=()),
        port(
            16,
            allowed_pairs=(
                ("02:00:00:00:00:aa", "10.5.0.64/26"),
                ("02:00:00:00:00:aa", "fd05::/96"),
            ),
        ),
    ]
    golden("odd_ports.nft", network_filters(NAMES, 4100, ports))


def test_a_stateless_port_is_never_asked_for_its_connections() -> None:
    chains = inet_chains(7, port(11, rules=free_egress(), stateless=True))
    assert "ct state" not in str(chains)
    assert any("tcp sport 80 accept" in line for line in chains["ingress_7"])  # metadata's answers
    stateful = inet_chains(7, port(11, rules=free_egress()))
    assert stateful["egress_7"][0] == "ct state established,related return"
    assert stateful["ingress_7"][0] == "ct state established,related accept"


def test_a_rule_whose_remotes_are_of_the_other_family_matches_nothing() -> None:
    assert (
        rules_text([allow("tcp", remotes=("fd05::/64",))], direction="ingress", verdict="accept")
        == []
    )


def test_a_rule_that_is_there_twice_is_one_line() -> None:
    rules = [allow("tcp", port_min=1), allow("6", port_min=1, port_max=1)]
    assert len(rules_text(rules, direction="ingress", verdict="accept")) == 1


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (allow(), "meta nfproto ipv4 accept"),
        (allow("any"), "meta nfproto ipv4 accept"),
        (allow("icmp", ethertype="IPv6"), "meta nfproto ipv6 meta l4proto 58 accept"),
        (allow("1", ethertype="IPv6"), "meta nfproto ipv6 meta l4proto 58 accept"),
        (allow("58"), "meta nfproto ipv4 meta l4proto 58 accept"),
        (allow("0"), "meta nfproto ipv4 meta l4proto 0 accept"),
        (allow("SCTP", port_min=5), "meta nfproto ipv4 meta l4proto 132 th dport 5 accept"),
        (allow("gre", port_min=5), "meta nfproto ipv4 meta l4proto 47 accept"),
        (allow("icmp", port_min=3), "meta nfproto ipv4 meta l4proto 1 icmp type 3 accept"),
        (
            allow("tcp", remotes=("10.5.0.9", "10.5.0.8/32", "fd05::/64")),
            "meta nfproto ipv4 ip saddr 10.5.0.8/31 meta l4proto 6 accept",
        ),
    ],
)
def test_a_rule_as_text(rule: SecurityRule, text: str) -> None:
    assert rules_text([rule], direction="ingress", verdict="accept") == [text]


@pytest.mark.parametrize("protocol", ["nonsense", "256", "-1", "6; drop", "\uff16"])
def test_an_unknown_protocol_is_refused(protocol: str) -> None:
    with pytest.raises(DriverError):
        rules_text([allow(protocol)], direction="ingress", verdict="accept")


@pytest.mark.parametrize(
    "wrong",
    [
        {"tap": 'x" drop'},
        {"tap": "a-name-that-is-far-too-long"},
        {"mac": "fa:16:3e:00:00"},
        {"mac": "fa:16:3e:00:00:01; drop"},
        {"allowed_pairs": (("fa:16:3e:00:00:01", "10.5.0.0/24 } drop"),)},
        {"addresses": (FixedAddress(subnet_id="four", ip_address="10.5.0.1 }"),)},
        {"rules": (allow(remotes=("10.0.0.0/8, 0.0.0.0/0",)),)},
    ],
)
def test_what_is_no_name_and_no_address_never_becomes_text(wrong: dict[str, object]) -> None:
    with pytest.raises(DriverError):
        network_filters(NAMES, 1, [port(11).model_copy(update=wrong)])


def test_an_id_that_is_no_uuid_has_no_names() -> None:
    with pytest.raises(DriverError):
        BridgeConfig().names('x"; flush ruleset; "')


def test_link_local() -> None:
    assert str(link_local("fa:16:3e:00:00:0b")) == "fe80::f816:3eff:fe00:b"


@given(st.integers(0, 2**128 - 1))
def test_all_interface_names_fit_the_kernel(number: int) -> None:
    digits = f"{number:032x}"
    names = BridgeConfig(prefix="cld").names(f"{digits[:8]}-{digits[8:]}")
    for name in (names.bridge, names.leg, names.host_leg, names.way_out):
        assert len(name) <= 15
