"""What clients expect of networks (contract 12.7), one function a number."""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.context import RequestContext
from tests.builders.identity import ApiClient, client_with, make_project
from tests.builders.networks import make_network

pytestmark = pytest.mark.django_db
V2 = "/network/v2.0"


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


@pytest.fixture
def member() -> ApiClient:
    """A tenant in a project of his own."""
    return client_with("member")


def rule(client: ApiClient, **wanted: Any) -> Any:
    """Ask for a rule in the default group."""
    (group,) = client.send("GET", f"{V2}/security-groups?name=default").json()["security_groups"]
    body = {"security_group_id": group["id"], "direction": "ingress", **wanted}
    return client.send("POST", f"{V2}/security-group-rules", {"security_group_rule": body})


def test_52_a_new_project_has_its_default_group_at_first_sight(admin: ApiClient) -> None:
    """Also one that identity made an instant ago, whichever call is the first."""
    made = admin.send("POST", "/identity/v3/projects", {"project": {"name": "new"}})
    assert made.status_code == 201
    for path in ("security-groups", "security-group-rules"):
        client = client_with("member", project=make_project())
        found = client.send("GET", f"{V2}/{path}").json()[path.replace("-", "_")]
        assert found, path


def test_53_a_tenant_sees_his_own_and_what_is_shared(admin: ApiClient, member: ApiClient) -> None:
    make_network(RequestContext.system(project_id=make_project().pk), name="theirs")
    make_network(RequestContext.system(project_id=make_project().pk), name="shared", shared=True)
    member.send("POST", f"{V2}/networks", {"network": {"name": "own"}})
    names = {one["name"] for one in member.send("GET", f"{V2}/networks").json()["networks"]}
    assert names == {"own", "shared"}
    everything = admin.send("GET", f"{V2}/networks").json()["networks"]
    assert {one["name"] for one in everything} >= {"own", "shared", "theirs"}


def test_56_rules_keep_what_was_sent_and_say_what_it_means(member: ApiClient) -> None:
    """No -1; ICMP's type and code as ports; any is null; a prefix beside its normal form."""
    assert rule(member, protocol="tcp", port_range_min=-1, port_range_max=-1).status_code == 400
    ping = rule(member, protocol="icmp", port_range_min=8, port_range_max=0)
    assert ping.status_code == 201, ping.content
    for number, anything in enumerate(("any", 0, "0")):
        prefix = f"192.0.2.{number}/32"
        made = rule(member, protocol=anything, remote_ip_prefix=prefix)
        assert made.json()["security_group_rule"]["protocol"] is None, anything
    made = rule(member, protocol="tcp", remote_ip_prefix="10.0.0.5/24").json()[
        "security_group_rule"
    ]
    assert (made["remote_ip_prefix"], made["normalized_cidr"]) == ("10.0.0.5/24", "10.0.0.0/24")


def test_57_ipv6_modes_go_together_and_choose_addresses(member: ApiClient) -> None:
    """Two different modes are refused; SLAAC's addresses come from the MAC and are not chosen."""
    network = member.send("POST", f"{V2}/networks", {"network": {"name": "n"}}).json()["network"]

    def subnet(**modes: str) -> Any:
        body = {"network_id": network["id"], "ip_version": 6, "cidr": "2001:db8::/64", **modes}
        return member.send("POST", f"{V2}/subnets", {"subnet": body})

    assert subnet(ipv6_ra_mode="slaac", ipv6_address_mode="dhcpv6-stateful").status_code == 400
    made = subnet(ipv6_ra_mode="slaac", ipv6_address_mode="slaac").json()["subnet"]
    body = {"network_id": network["id"], "mac_address": "fa:16:3e:00:00:01"}
    port = member.send("POST", f"{V2}/ports", {"port": body}).json()["port"]
    assert port["fixed_ips"][0]["ip_address"] == "2001:db8::f816:3eff:fe00:1"
    chosen = {"subnet_id": made["id"], "ip_address": "2001:db8::7"}
    body = {"network_id": network["id"], "fixed_ips": [chosen]}
    assert member.send("POST", f"{V2}/ports", {"port": body}).status_code == 400


def test_58_extensions_are_listed_shown_and_true(member: ApiClient) -> None:
    """Clients take paths by them: sorting and paging, tags, revisions, groups."""
    listed = member.send("GET", f"{V2}/extensions").json()["extensions"]
    aliases = {one["alias"] for one in listed}
    assert aliases >= {"pagination", "sorting", "security-group", "standard-attr-revisions"}
    for alias in aliases:
        shown = member.send("GET", f"{V2}/extensions/{alias}").json()["extension"]
        assert shown["alias"] == alias
        assert shown["name"]
