"""What dnsmasq is told: hosts, names, options and ranges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from network.drivers.linuxbridge.dhcp_lines import (
    announcement_words,
    host_lines,
    name_lines,
    option_lines,
    range_texts,
)
from network.drivers.linuxbridge.gateway import server_address
from network.drivers.linuxbridge.resolvers import resolvers
from network.objects import HostRoute, SubnetWiring
from tests.builders.ports import make_network, make_port, make_subnet, make_subnet6

FOUR = make_subnet(id="four")
SIX = make_subnet6(id="six")
NETWORK = make_network(subnets=(FOUR, SIX), mtu=1450)


def test_hosts_carry_no_tags() -> None:
    """A ``set:`` in this file makes dnsmasq 2.90 crash at SIGHUP."""
    one = make_port(NETWORK, "10.5.0.11", mac="FA:16:3E:00:00:01", hostname="web")
    six = make_port(NETWORK, "fd05::11", mac="fa:16:3e:00:00:02", hostname="not a name")
    assert list(host_lines([FOUR, SIX], [one, six])) == [
        "fa:16:3e:00:00:01,10.5.0.11,web",
        "fa:16:3e:00:00:02,[fd05::11]",
    ]


def test_a_subnet_without_dhcp_hands_out_nothing() -> None:
    assert not list(host_lines([SIX], [make_port(NETWORK, "10.5.0.11")]))


def test_every_port_has_a_name() -> None:
    one = make_port(NETWORK, "10.5.0.11", hostname="web", id="1" * 12)
    two = make_port(NETWORK, "10.5.0.12", hostname="two\nlines", id="2" * 12)
    one = one.model_copy(update={"dns_domain": "own.example"})
    two = two.model_copy(update={"dns_domain": "own.example\nx"})
    assert list(name_lines(NETWORK, [two, one])) == [
        "10.5.0.11 web.cloudweb.internal web web.own.example",
        "10.5.0.12 host-10-5-0-12.cloudweb.internal host-10-5-0-12",
    ]


def test_a_domain_of_its_own_is_named_on_a_network_of_its_project_alone() -> None:
    """Another project on a shared network would name any domain's hosts for all who ask there."""
    port = make_port(NETWORK, hostname="www", dns_domain="bank.example", project_id="p2")
    assert [*name_lines(NETWORK, [port])] == ["10.5.0.11 www.cloudweb.internal www"]


def test_options() -> None:
    routes = (HostRoute(destination="10.9.0.0/16", nexthop="10.5.0.2"),)
    four = make_subnet(id="four", host_routes=routes, dns_nameservers=("9.9.9.9", "1.1.1.1"))
    told = list(option_lines(NETWORK, [four, SIX]))
    all_routes = "169.254.169.254/32,10.5.0.1,10.9.0.0/16,10.5.0.2,0.0.0.0/0,10.5.0.1"
    assert told == [
        "tag:s0,option:router,10.5.0.1",
        "tag:s0,option:dns-server,9.9.9.9,1.1.1.1",
        "tag:s0,option:mtu,1450",
        f"tag:s0,option:classless-static-route,{all_routes}",
        f"tag:s0,249,{all_routes}",
        "tag:s1,option6:dns-server,[fd05::1]",
        "tag:s1,option6:domain-search,cloudweb.internal",
    ]


def test_without_a_gateway_there_is_no_default_route_but_metadata() -> None:
    four = make_subnet(id="four", gateway_ip=None, dhcp_server_ip="10.5.0.2")
    told = list(option_lines(NETWORK, [four]))
    assert "tag:s0,option:router" in told
    assert "tag:s0,option:classless-static-route,169.254.169.254/32,10.5.0.2" in told


def six(ra: str, address: str, **overrides: Any) -> SubnetWiring:
    return make_subnet6(ipv6_ra_mode=ra, ipv6_address_mode=address, **overrides)


def test_ranges_follow_the_modes() -> None:
    """Who tells guests of a prefix, and who answers their questions, is said apart."""
    slaac, stateless, stateful = "slaac", "dhcpv6-stateless", "dhcpv6-stateful"
    found = {
        (ra, address, routed): [
            text.split(",")[2] for text in range_texts([six(ra, address, routed=routed)])
        ]
        for ra, address in (
            (slaac, slaac), ("", slaac), (slaac, ""),
            (stateless, stateless), ("", stateless), (stateful, stateful), ("", stateful),
        )
        for routed in (False, True)
    }  # fmt: skip
    assert found == {
        (slaac, slaac, False): ["ra-only"],
        (slaac, slaac, True): [],
        ("", slaac, False): [],
        ("", slaac, True): [],
        (slaac, "", False): ["ra-only"],
        (slaac, "", True): [],
        (stateless, stateless, False): ["ra-stateless"],
        (stateless, stateless, True): ["static"],
        ("", stateless, False): ["static"],
        ("", stateless, True): ["static"],
        (stateful, stateful, False): ["static"],
        (stateful, stateful, True): ["static"],
        ("", stateful, False): ["static"],
        ("", stateful, True): ["static"],
    }
    assert (server_address(six("", "")), server_address(six(slaac, slaac))) == (None, "fd05::1")


def test_announcements() -> None:
    stateful, slaac = [six("dhcpv6-stateful", "dhcpv6-stateful")], [six("slaac", "slaac")]
    assert [*announcement_words([FOUR], {"gw0": 1500}, routes=True)] == []
    assert [*announcement_words([six("", "slaac")], {"gw0": 1500}, routes=True)] == []
    word = "--ra-param=gw0,mtu:1450,60,180"
    assert [*announcement_words(stateful, {"gw0": 1450}, routes=True)] == ["--enable-ra", word]
    assert [*announcement_words(slaac, {"gw0": 1450}, routes=True)] == [word]
    nowhere = (
        "--ra-param=gw0,mtu:1280,60,0"  # no MTU below what IPv6 needs: dnsmasq would not start
    )
    assert [*announcement_words(slaac, {"gw0": 576}, routes=False)] == [nowhere]


def test_ranges_are_static() -> None:
    assert range_texts([FOUR, SIX]) == [
        "set:s0,10.5.0.0,static,255.255.255.0,86400s",
        "set:s1,fd05::,static,64,86400s",
    ]


def test_resolvers_that_a_namespace_can_reach(tmp_path: Path) -> None:
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("nameserver 127.0.0.53\nnameserver ::1\nnameserver\n")
    real.write_text("# comment\nsearch x\nnameserver 192.0.2.53\nnameserver fd00::53\n")
    assert resolvers([tmp_path / "none", stub, real]) == ["192.0.2.53"]
    assert resolvers([stub]) == ()
