"""What OVN has of networks and their ports."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from network.ovn.dhcp_options import told
from network.ovn.facts import NetworkFacts, PortFacts, SubnetFacts
from network.ovn.rows import Row
from network.ovn.switches import switch_rows
from network.ovn_names import metadata_mac

NETWORK, SUBNET, SIX, PORT = (UUID(int=number) for number in (1, 2, 3, 4))
MAC = "fa:16:3e:00:00:01"


def rows(**said: Any) -> dict[str, Row]:
    network = NetworkFacts(id=NETWORK, revision=1, **said)
    found = {
        row.key.removeprefix(f"network/{NETWORK}").lstrip("/"): row
        for row in switch_rows(network, dns_servers=["192.0.2.1", "2001:db8::1"])
    }
    assert all(row.owner == f"network/{NETWORK}" for row in found.values())
    return found


def port(**said: Any) -> PortFacts:
    addresses = [(SUBNET, "10.0.0.5")]
    return PortFacts(**{"id": PORT, "revision": 1, "mac": MAC, "addresses": addresses, **said})


def subnet(**said: Any) -> SubnetFacts:
    values = {
        "id": SUBNET,
        "revision": 1,
        "version": 4,
        "cidr": "10.0.0.0/24",
        "gateway": "10.0.0.1",
    }
    return SubnetFacts(**{**values, **said})


def test_dhcp_says_where_metadata_is_and_the_way_out_again_since_routes_replace_it() -> None:
    served = subnet(
        server="10.0.0.2", routes=[("10.8.0.0/16", "10.0.0.8")], dns=["192.0.2.9", "192.0.2.8"]
    )
    found = rows(subnets=[served], domain="lab", mtu=1442)
    options = found[f"dhcp/{SUBNET}"].columns["options"]
    assert options == {
        "server_id": "10.0.0.1",
        "server_mac": metadata_mac(str(NETWORK)),
        "lease_time": "43200",
        "mtu": "1442",
        "router": "10.0.0.1",
        "dns_server": "{192.0.2.9, 192.0.2.8}",
        "domain_name": '"lab"',
        "classless_static_route": "{10.8.0.0/16,10.0.0.8, 169.254.169.254/32,10.0.0.2, 0.0.0.0/0,10.0.0.1}",
    }
    localport = found["metadata"].columns
    assert (localport["name"], localport["type"]) == (f"metadata-{NETWORK}", "localport")
    assert localport["addresses"] == [f"{options['server_mac']} 10.0.0.2"]


def test_a_port_may_send_from_its_own_addresses_and_its_pairs_alone() -> None:
    pairs = [(MAC, "10.0.0.64/26"), ("fa:16:3e:00:00:02", "10.0.0.7/32")]
    secured = rows(subnets=[subnet()], ports=[port(pairs=pairs)])[f"port/{PORT}"].columns
    assert secured["port_security"] == [
        f"{MAC} 10.0.0.5 10.0.0.64/26",
        "fa:16:3e:00:00:02 10.0.0.7",
    ]
    assert secured["addresses"] == [f"{MAC} 10.0.0.5"]
    free = rows(subnets=[subnet()], ports=[port(secured=False)])[f"port/{PORT}"].columns
    assert free["port_security"] == []
    assert free["addresses"] == [f"{MAC} 10.0.0.5", "unknown"]


def test_a_port_that_moves_may_be_on_two_hosts_and_any_other_on_its_own_alone() -> None:
    options = {
        case: rows(ports=[port(**said)])[f"port/{PORT}"].columns["options"]
        for case, said in {
            "nowhere": {},
            "bound": {"host": "h1"},
            "moving": {"host": "h1", "moving_to": "h2"},
        }.items()
    }
    assert options == {
        "nowhere": {},
        "bound": {"requested-chassis": "h1"},
        "moving": {"requested-chassis": "h1,h2", "activation-strategy": "rarp"},
    }


def test_what_is_switched_off_is_off() -> None:
    cases = {"port": ({"up": False}, {}), "network": ({}, {"up": False}), "none": ({}, {})}
    off = {
        case: rows(ports=[port(**of_port)], **of_network)[f"port/{PORT}"].columns["enabled"]
        for case, (of_port, of_network) in cases.items()
    }
    assert off == {"port": [False], "network": [False], "none": [True]}


def test_guests_that_make_their_addresses_themselves_are_told_none() -> None:
    modes = {"": None, "slaac": None, "dhcpv6-stateless": "true", "dhcpv6-stateful": ""}
    found = {}
    for mode in modes:
        six = subnet(id=SIX, version=6, cidr="fd00::/64", gateway="fd00::1", address_mode=mode)
        made = rows(subnets=[six], ports=[port(addresses=[(SIX, "fd00::5")])])
        row = made.get(f"dhcp/{SIX}")
        found[mode] = None if row is None else row.columns["options"].get("dhcpv6_stateless", "")
        given = made[f"port/{PORT}"].refers["dhcpv6_options"][1]
        assert bool(given) is (row is not None)
    assert found == modes


def test_a_wire_of_the_providers_is_a_port_of_the_switch() -> None:
    wire = rows(wire="physnet1", tag=7)["wire"].columns
    assert (wire["type"], wire["options"], wire["tag_request"]) == (
        "localnet", {"network_name": "physnet1"}, [7],
    )  # fmt: skip
    assert "wire" not in rows()


def test_a_port_in_a_trunk_has_its_parent_and_tag_and_loses_them_when_it_leaves() -> None:
    parent = UUID(int=9)
    found = {
        case: {
            name: rows(ports=[port(**said)])[f"port/{PORT}"].columns[name]
            for name in ("parent_name", "tag")
        }
        for case, said in {"in": {"parent": parent, "tag": 7}, "out": {}}.items()
    }
    assert found == {
        "in": {"parent_name": [str(parent)], "tag": [7]},
        "out": {"parent_name": [], "tag": []},
    }


def test_a_port_with_options_of_its_own_has_answers_of_its_own() -> None:
    served = subnet(server="10.0.0.2", dns=["192.0.2.9"])
    six = subnet(
        id=SIX, version=6, cidr="fd00::/64", gateway="fd00::1", address_mode="dhcpv6-stateful"
    )
    options = [
        ("bootfile-name", "pxelinux.0", 4), ("tftp-server", "192.0.2.3", 4), ("mtu", "1400", 4),
        ("server-ip-address", "192.0.2.4", 4), ("router", "", 4), ("ntp-server", "192.0.2.5,192.0.2.6", 4),
        ("dns-server", "fd00::53", 6), ("posix-timezone", "CET", 4),
    ]  # fmt: skip
    other = UUID(int=9)
    both = [(SUBNET, "10.0.0.5"), (SIX, "fd00::5")]
    found = rows(
        subnets=[served, six],
        ports=[
            port(options=options, addresses=both),
            port(id=other, addresses=[(SUBNET, "10.0.0.6")]),
        ],
    )
    shared, own = found[f"dhcp/{SUBNET}"], found[f"dhcp/{SUBNET}/of/{PORT}"]
    assert own.columns["cidr"] == "10.0.0.0/24"
    lease = {name: text for name, text in shared.columns["options"].items() if name != "router"}
    assert own.columns["options"] == {
        **lease, "bootfile_name": '"pxelinux.0"', "tftp_server": "192.0.2.3", "mtu": "1400",
        "next_server": "192.0.2.4", "ntp_server": "{192.0.2.5, 192.0.2.6}",
    }  # fmt: skip
    assert found[f"dhcp/{SIX}/of/{PORT}"].columns["options"]["dns_server"] == "fd00::53"
    keys = {
        (name, version): found[f"port/{name}"].refers[f"dhcpv{version}_options"][1]
        for name in (PORT, other)
        for version in (4, 6)
    }
    start = f"network/{NETWORK}/dhcp"
    assert keys == {
        (PORT, 4): [f"{start}/{SUBNET}/of/{PORT}"], (PORT, 6): [f"{start}/{SIX}/of/{PORT}"],
        (other, 4): [f"{start}/{SUBNET}"], (other, 6): [],
    }  # fmt: skip


def test_options_of_a_port_in_ovns_words() -> None:
    values = {
        ("domain-search", 4): ("lab.example,example", {"domain_search_list": '"lab.example,example"'}),
        ("classless-static-route", 4): (
            "10.9.0.0/16, 10.0.0.9",
            dict.fromkeys(("classless_static_route", "ms_classless_static_route"), "{10.9.0.0/16,10.0.0.9}"),
        ),
        ("252", 4): ("http://wpad/x", {"wpad": '"http://wpad/x"'}),
        ("tftp-server", 4): ("boot.example", {"tftp_server": '"boot.example"'}),
        ("19", 4): ("1", {"ip_forward_enable": "1"}),
        ("domain-search", 6): ("lab", {"domain_search": '"lab"'}),
    }  # fmt: skip
    assert {key: told(key[0], value, version=key[1]) for key, (value, _) in values.items()} == {
        key: expected for key, (_, expected) in values.items()
    }
    for name, value, version in (
        ("19", "2", 4), ("posix-timezone", "CET", 4), ("200", "1", 4), ("bootfile-url", "x", 6),
        ("mtu", "x", 4), ("router", "fd00::1", 4), ("bootfile-name", 'a"b', 4),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            told(name, value, version=version)
