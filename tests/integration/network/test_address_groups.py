"""Address groups, and rules that name them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network import news
from network.manager import AddressGroupManager, SecurityGroupRuleManager
from network.models import AddressGroup, Port, SecurityGroup
from network.resolution import port_wirings
from network.traffic import KINDS, Openness, openness
from tests.builders.identity import ApiClient, client_with
from tests.builders.networks import make_group, make_network, make_port, make_subnet, share

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The hosts that are refreshed."""
    found: list[set[str]] = []
    monkeypatch.setattr(news, "start_refresh", found.append)
    return found


def kind(answer: Any) -> tuple[int, str]:
    error = answer.json().get("NeutronError", {}) if answer.content else {}
    return answer.status_code, error.get("type", "")


def made(client: ApiClient, **body: Any) -> Any:
    return client.send("POST", f"{V2}/address-groups", {"address_group": body})


def ruled(client: ApiClient, group_id: Any, **body: Any) -> Any:
    rule = {"security_group_id": str(group_id), "direction": "ingress", **body}
    return client.send("POST", f"{V2}/security-group-rules", {"security_group_rule": rule})


def test_addresses_come_and_go(member: ApiClient) -> None:
    group = made(member, addresses=["10.9.0.7/16", "2001:db8::1", "10.1.1.1"]).json()
    found = group["address_group"]
    assert found["addresses"] == ["10.1.1.1/32", "10.9.0.0/16", "2001:db8::1/128"]
    path = f"{V2}/address-groups/{found['id']}"

    def put(word: str, *addresses: str) -> Any:
        return member.send("PUT", f"{path}/{word}", {"addresses": addresses})

    more = put("add_addresses", "10.1.1.2", "10.2.0.0/16").json()["address_group"]["addresses"]
    assert more[:3] == ["10.1.1.1/32", "10.1.1.2/32", "10.2.0.0/16"]
    less = put("remove_addresses", "10.1.1.1/32", "10.9.9.9/16").json()["address_group"]
    assert less["addresses"] == ["10.1.1.2/32", "10.2.0.0/16", "2001:db8::1/128"]
    refused = {
        "there": put("add_addresses", "10.3.0.0/16", "10.1.1.2"),
        "not there": put("remove_addresses", "10.1.1.2", "10.3.0.0/16"),
        "no address": put("add_addresses", "x"),
        "none": put("add_addresses"),
        "by PUT": member.send("PUT", path, {"address_group": {"addresses": []}}),
        "many": made(member, addresses=[f"10.0.{n // 250}.{n % 250}" for n in range(501)]),
    }
    assert {name: kind(answer) for name, answer in refused.items()} == {
        "there": (400, "AddressesAlreadyExist"),
        "not there": (404, "AddressesNotFound"),
        "no address": (400, "InvalidInput"),
        "none": (400, "InvalidInput"),
        "by PUT": (400, "InvalidInput"),
        "many": (400, "InvalidInput"),
    }
    assert AddressGroup.objects.get().addresses == less["addresses"]
    assert member.send("PUT", path, {"address_group": {"name": "n"}}).status_code == 200
    assert member.send("DELETE", path).status_code == 204


def test_a_rule_names_one(member: ApiClient, context: RequestContext) -> None:
    group, addresses = make_group(context), AddressGroupManager(context).create()
    named = {"remote_address_group_id": str(addresses.id)}
    rule = ruled(member, group.id, **named).json()["security_group_rule"]
    assert rule["remote_address_group_id"] == str(addresses.id)
    listed = member.send("GET", f"{V2}/security-group-rules?remote_address_group_id={addresses.id}")
    assert [row["id"] for row in listed.json()["security_group_rules"]] == [rule["id"]]
    stranger = AddressGroupManager(RequestContext.system(project_id=uuid.uuid4().hex)).create()
    path = f"{V2}/address-groups/{addresses.id}"
    found = {
        "again": ruled(member, group.id, **named),
        "prefix": ruled(member, group.id, **named, remote_ip_prefix="10.0.0.0/8"),
        "group": ruled(member, group.id, **named, remote_group_id=str(group.id)),
        "unknown": ruled(member, group.id, remote_address_group_id=str(uuid.uuid4())),
        "foreign": ruled(member, group.id, remote_address_group_id=str(stranger.id)),
        "in use": member.send("DELETE", path),
    }
    assert {name: kind(answer) for name, answer in found.items()} == {
        "again": (409, "SecurityGroupRuleExists"),
        "prefix": (400, "SecurityGroupMultipleRemoteEntites"),
        "group": (400, "SecurityGroupMultipleRemoteEntites"),
        "unknown": (404, "AddressGroupNotFound"),
        "foreign": (404, "AddressGroupNotFound"),
        "in use": (409, "AddressGroupInUse"),
    }
    member.send("DELETE", f"{V2}/security-group-rules/{rule['id']}")
    assert member.send("DELETE", path).status_code == 204


def test_hosts_are_told_its_addresses_and_each_change(
    context: RequestContext, told: list[set[str]]
) -> None:
    manager, rules = AddressGroupManager(context), SecurityGroupRuleManager(context)
    addresses = manager.create(addresses=["10.1.1.1", "2001:db8::/64"])
    group = make_group(context)
    for ethertype in ("IPv4", "IPv6"):
        rules.create(
            security_group_id=group.id,
            direction="ingress",
            ethertype=ethertype,
            remote_address_group_id=addresses.id,
        )
    network = make_subnet(make_network(context), context).network
    port = make_port(network, context, security_group_ids=[group.id])
    Port.objects.filter(id=port.id).update(host="h1", applied_revision=1)

    def remotes() -> dict[str, tuple[str, ...]]:
        (wiring,) = port_wirings([port.id])
        return {
            rule.ethertype: rule.remotes for rule in wiring.rules if rule.direction == "ingress"
        }

    assert remotes() == {"IPv4": ("10.1.1.1/32",), "IPv6": ("2001:db8::/64",)}
    told.clear()
    revision = Port.objects.get().wiring_revision
    manager.add_addresses(addresses.id, ["10.5.0.0/16"])
    assert told == [{"h1"}]
    assert Port.objects.get().wiring_revision == revision + 1
    assert remotes()["IPv4"] == ("10.1.1.1/32", "10.5.0.0/16")
    manager.remove_addresses(addresses.id, ["10.1.1.1", "10.5.0.0/16"])
    assert "IPv4" not in remotes()  # nobody, where no remotes at all would be anybody


def test_an_address_group_is_no_everywhere(context: RequestContext) -> None:
    addresses, group = AddressGroupManager(context).create(), make_group(context)
    SecurityGroupRuleManager(context).create(
        security_group_id=group.id,
        direction="ingress",
        remote_address_group_id=addresses.id,
    )
    assert (
        openness(KINDS["ssh"], SecurityGroup.objects.get(id=group.id).rules.all()) is Openness.SOME
    )


def test_it_is_shared(member: ApiClient, project: Any, context: RequestContext) -> None:
    owner = RequestContext.system(project_id=uuid.uuid4().hex)
    addresses = AddressGroupManager(owner).create()
    policy = share(addresses, target_project=project.pk)
    group = make_group(context)
    rule = ruled(member, group.id, remote_address_group_id=str(addresses.id))
    assert rule.status_code == 201
    path = f"{V2}/address-groups/{addresses.id}"
    assert member.send("GET", path).json()["address_group"]["shared"] is True
    taken = member.send("PUT", f"{path}/add_addresses", {"addresses": ["10.0.0.1"]})
    assert taken.status_code == 403
    gone = client_with("admin").send("DELETE", f"{V2}/rbac-policies/{policy.id}")
    assert kind(gone) == (409, "RbacPolicyInUse")
