"""Groups without state: where hosts can, and never mixed on a port."""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.drivers.base import STATELESS_FILTERS
from network.manager import SecurityGroupManager
from network.models import Agent, Port, Subnet
from network.resolution import port_wirings
from tests.builders.identity import ApiClient
from tests.builders.networks import make_agent, make_group, make_port

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"


def kind(answer: Any) -> tuple[int, str]:
    error = answer.json().get("NeutronError", {}) if answer.content else {}
    return answer.status_code, error.get("type", "")


def test_ports_of_a_stateless_group_are_told_so(
    member: ApiClient, context: RequestContext, subnet: Subnet
) -> None:
    body = {"security_group": {"name": "fast", "stateful": False}}
    made = member.send("POST", f"{V2}/security-groups", body).json()["security_group"]
    assert made["stateful"] is False
    listed = member.send("GET", f"{V2}/security-groups?stateful=False").json()
    assert [row["id"] for row in listed["security_groups"]] == [made["id"]]
    fast = make_port(subnet.network, context, security_group_ids=[made["id"]])
    plain = make_port(subnet.network, context)
    assert [port.stateless for port in port_wirings([fast.id, plain.id])] == [True, False]
    other = make_group(context)
    both = {"port": {"security_groups": [made["id"], str(other.id)]}}
    found = {
        "mixed": member.send("PUT", f"{V2}/ports/{plain.id}", both),
        "in use": member.send(
            "PUT", f"{V2}/security-groups/{made['id']}", {"security_group": {"stateful": True}}
        ),
        "free": member.send(
            "PUT", f"{V2}/security-groups/{other.id}", {"security_group": {"stateful": False}}
        ),
        "alike": member.send("PUT", f"{V2}/ports/{plain.id}", both),
    }
    assert {name: kind(answer) for name, answer in found.items()} == {
        "mixed": (409, "SecurityGroupConflict"),
        "in use": (409, "SecurityGroupInUse"),
        "free": (200, ""),
        "alike": (200, ""),
    }
    assert Port.objects.get(id=plain.id).memberships.count() == 2


def test_it_is_offered_where_all_hosts_can(member: ApiClient, context: RequestContext) -> None:
    agent = make_agent("h1")
    path, body = f"{V2}/extensions/stateful-security-group", {"name": "x", "stateful": False}

    def found() -> tuple[int, int]:
        made = member.send("POST", f"{V2}/security-groups", {"security_group": body})
        return member.send("GET", path).status_code, made.status_code

    group = SecurityGroupManager(context).create(name="g")
    change = {"security_group": {"stateful": False}}
    assert found() == (404, 400)
    assert member.send("PUT", f"{V2}/security-groups/{group.id}", change).status_code == 400
    Agent.objects.filter(id=agent.id).update(capabilities=[STATELESS_FILTERS])
    assert found() == (200, 201)
