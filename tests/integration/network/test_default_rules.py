"""Default security group rules: what new groups have in them."""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.manager import SecurityGroupManager
from network.models import DefaultRulesMade, DefaultSecurityGroupRule, SecurityGroup
from tests.builders.identity import ApiClient, make_project
from tests.builders.networks import make_group
from tests.builders.threads import at_once

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
PATH = "/network/v2.0/default-security-group-rules"


def kind(answer: Any) -> tuple[int, str]:
    error = answer.json().get("NeutronError", {}) if answer.content else {}
    return answer.status_code, error.get("type", "")


def made(client: ApiClient, **body: Any) -> Any:
    rule = {"direction": "ingress", **body}
    return client.send("POST", PATH, {"default_security_group_rule": rule})


def shown(client: ApiClient, query: str = "") -> list[Any]:
    found: list[Any] = client.send("GET", PATH + query).json()["default_security_group_rules"]
    return found


def lines(group: SecurityGroup) -> set[str]:
    return {*SecurityGroup.objects.get(id=group.id).rules.values_list("meaning", flat=True)}


def test_those_of_the_first_day(member: ApiClient) -> None:
    found = shown(member)
    assert [(row["direction"], row["ethertype"], row["remote_group_id"]) for row in found] == [
        ("egress", "IPv4", None),
        ("egress", "IPv6", None),
        ("ingress", "IPv4", "PARENT"),
        ("ingress", "IPv6", "PARENT"),
    ]
    assert [row["used_in_non_default_sg"] for row in found] == [True, True, False, False]
    assert len(shown(member, "?used_in_non_default_sg=False")) == 2


def test_new_groups_have_them_and_old_ones_stay(admin: ApiClient, context: RequestContext) -> None:
    old = make_group(context)
    assert len(lines(old)) == 2
    ssh = {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    rule = made(admin, **ssh, used_in_default_sg=True).json()["default_security_group_rule"]
    made(admin, remote_group_id="PARENT", protocol="udp")
    new = make_group(context, name="new")
    assert lines(new) - lines(old) == {
        "ingress IPv4 6 22 22 - -",
        f"ingress IPv4 17 - - - {new.id}",
    }
    fresh = make_project().pk
    default = SecurityGroupManager(RequestContext.system(project_id=fresh)).ensure_default(fresh)
    assert len(lines(default)) == 5
    assert admin.send("DELETE", f"{PATH}/{rule['id']}").status_code == 204
    assert "ingress IPv4 6 22 22 - -" not in lines(make_group(context, name="newer"))


def test_an_operator_may_remove_all_for_good(admin: ApiClient, context: RequestContext) -> None:
    for row in shown(admin):
        assert admin.send("DELETE", f"{PATH}/{row['id']}").status_code == 204
    assert shown(admin) == []
    assert lines(make_group(context)) == set()


def test_what_is_no_default_rule(admin: ApiClient, member: ApiClient, context: Any) -> None:
    made(admin, protocol="tcp")
    group = str(make_group(context).id)
    path = f"{PATH}/{shown(admin)[0]['id']}"
    found = {
        "again": made(admin, protocol="6"),
        "first day's": made(admin, direction="egress"),
        "ports": made(admin, port_range_min=1, port_range_max=2),
        "two remotes": made(admin, remote_group_id="PARENT", remote_ip_prefix="10.0.0.0/8"),
        "a group": made(admin, remote_group_id=group),
        "protocol": made(admin, protocol="none such"),
        "member's": made(member, protocol="udp"),
        "member's delete": member.send("DELETE", path),
        "change": admin.send("PUT", path, {"default_security_group_rule": {}}),
    }
    assert {name: kind(answer)[0] for name, answer in found.items()} == {
        "again": 409,
        "first day's": 409,
        "ports": 400,
        "two remotes": 400,
        "a group": 400,
        "protocol": 400,
        "member's": 403,
        "member's delete": 403,
        "change": 405,
    }
    assert kind(found["again"])[1] == "DefaultSecurityGroupRuleExists"
    stale = admin.send("DELETE", path, If_Match="revision_number=9")
    assert stale.status_code == 412


@pytest.mark.django_db(transaction=True)
def test_they_are_made_once() -> None:
    projects = [make_project().pk for _ in range(6)]
    contexts = [RequestContext.system(project_id=project) for project in projects]
    DefaultSecurityGroupRule.objects.all().delete()
    DefaultRulesMade.objects.all().delete()
    groups = at_once(
        [lambda one=one: make_group(one) for one in contexts]  # type: ignore[misc]
    )
    assert {len(lines(group)) for group in groups} == {2}
    assert DefaultSecurityGroupRule.objects.count() == 4
