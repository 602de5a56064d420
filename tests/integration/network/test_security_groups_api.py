"""Security groups and rules as clients use them: default groups, what is said, what makes no sense."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from tests.builders.identity import ApiClient
from tests.builders.network_api import V2, error_of
from tests.builders.networks import make_group, make_network, make_port

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def test_the_default_group_is_there_at_first_sight(member: ApiClient) -> None:
    (group,) = member.send("GET", f"{V2}/security-groups?name=default").json()["security_groups"]
    rules = group["security_group_rules"]
    assert sorted((r["direction"], r["ethertype"]) for r in rules) == [
        ("egress", "IPv4"),
        ("egress", "IPv6"),
        ("ingress", "IPv4"),
        ("ingress", "IPv6"),
    ]
    again = member.send("POST", f"{V2}/security-groups", {"security_group": {"name": "default"}})
    assert error_of(again) == (409, "SecurityGroupDefaultAlreadyExists")


RULE = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}


def test_rules_keep_what_was_sent_and_say_things_once(
    member: ApiClient, context: RequestContext
) -> None:
    group = make_group(context)
    rule = {**RULE, "security_group_id": str(group.id), "remote_ip_prefix": "10.0.0.5/24"}
    made = member.send("POST", f"{V2}/security-group-rules", {"security_group_rule": rule})
    shown = made.json()["security_group_rule"]
    assert (shown["remote_ip_prefix"], shown["normalized_cidr"]) == ("10.0.0.5/24", "10.0.0.0/24")
    twin = {**rule, "protocol": "6", "remote_ip_prefix": "10.0.0.0/24"}
    again = member.send("POST", f"{V2}/security-group-rules", {"security_group_rule": twin})
    assert error_of(again) == (409, "SecurityGroupRuleExists")


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"protocol": None}, 400, "SecurityGroupProtocolRequiredWithPorts"),
        ({"port_range_min": 23}, 400, "SecurityGroupInvalidPortRange"),
        ({"port_range_min": -1}, 400, "SecurityGroupInvalidPortValue"),
        ({"port_range_max": 65536}, 400, "SecurityGroupInvalidPortValue"),
        ({"port_range_max": True}, 400, "InvalidInput"),
        ({"protocol": "nonsense"}, 400, "SecurityGroupRuleInvalidProtocol"),
        ({"protocol": 256}, 400, "SecurityGroupRuleInvalidProtocol"),
        ({"protocol": "gre"}, 400, "SecurityGroupInvalidPortRange"),
        ({"protocol": "icmp", "port_range_min": 256}, 400, "SecurityGroupInvalidIcmpValue"),
        ({"protocol": "icmp", "port_range_min": None}, 400, "SecurityGroupMissingIcmpType"),
        ({"protocol": "icmpv6", "port_range_min": 8}, 400, "SecurityGroupEthertypeConflictWithProtocol"),
        ({"remote_ip_prefix": "fd00::/8"}, 400, "SecurityGroupRuleParameterConflict"),
        ({"remote_ip_prefix": "10.0.0.0/99"}, 400, "InvalidInput"),
        ({"remote_group_id": str(uuid.uuid4())}, 404, "SecurityGroupNotFound"),
        ({"remote_group_id": "bad_group_id"}, 404, "SecurityGroupNotFound"),
        ({"security_group_id": str(uuid.uuid4())}, 404, "SecurityGroupNotFound"),
        ({"direction": "sideways"}, 400, "InvalidInput"),
        ({"ethertype": "IPX"}, 400, "InvalidInput"),
        ({"nonsense": 1}, 400, "InvalidInput"),
    ],
)  # fmt: skip
def test_rules_that_make_no_sense(
    member: ApiClient, context: RequestContext, change: dict[str, Any], status: int, kind: str
) -> None:
    rule = {**RULE, "security_group_id": str(make_group(context).id), **change}
    response = member.send("POST", f"{V2}/security-group-rules", {"security_group_rule": rule})
    assert error_of(response) == (status, kind)


def test_a_bad_port_range_is_told_by_its_value(member: ApiClient, context: RequestContext) -> None:
    group = str(make_group(context).id)
    words = {}
    for low, high, protocol in (
        (70000, 70001, "tcp"),
        (90, 80, "tcp"),
        (8, 300, "icmp"),
        (None, 9, "icmp"),
    ):
        rule = {"port_range_min": low, "port_range_max": high, "protocol": protocol}
        body = {"security_group_rule": {**RULE, **rule, "security_group_id": group}}
        error = member.send("POST", f"{V2}/security-group-rules", body).json()["NeutronError"]
        words[low, high] = error["message"]
    assert "Invalid value for port 70000" in words[70000, 70001]
    assert "90 to 80" in words[90, 80]
    assert "ICMP code (port_range_max) 300" in words[8, 300]
    assert "(port_range_max) 9 " in words[None, 9]


def test_an_admin_may_remove_a_default_group_and_the_next_look_makes_one(
    member: ApiClient, admin: ApiClient, context: RequestContext
) -> None:
    network = make_network(context)
    port = make_port(network, context)
    (group,) = member.send("GET", f"{V2}/security-groups?name=default").json()["security_groups"]
    url = f"{V2}/security-groups/{group['id']}"
    assert error_of(member.send("DELETE", url)) == (409, "SecurityGroupCannotRemoveDefault")
    assert error_of(admin.send("DELETE", url)) == (409, "SecurityGroupInUse")
    assert member.send("DELETE", f"{V2}/ports/{port.id}").status_code == 204
    assert admin.send("DELETE", url).status_code == 204
    (again,) = member.send("GET", f"{V2}/security-groups?name=default").json()["security_groups"]
    assert again["id"] != group["id"]
