"""QoS policies through their API: rules, what is held to them, who may lift them, what hosts are told."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.drivers.base import CAPABILITIES
from network.models import FloatingIp, Network, Port, QosPolicy, Router, Subnet
from network.objects import BandwidthLimit, PortQos
from network.resolution import port_wirings
from network.routers.objects import AddressLimit
from network.routers.resolution import router_wiring
from operations.models import Service
from tests.builders.identity import ApiClient, client_with, make_project
from tests.builders.networks import make_agent, make_network, make_port, make_subnet
from tests.builders.qos import make_qos_policy
from tests.builders.routers import make_floating_ip, make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"
POLICIES = f"{V2}/qos/policies"
LIMIT = {"max_kbps": 8000, "max_burst_kbps": 800, "direction": "egress"}


@pytest.fixture
def manager(project: Any) -> ApiClient:
    return client_with("manager", project=project)


def error_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["NeutronError"]["type"]


def policy_of(client: ApiClient, **body: Any) -> dict[str, Any]:
    answer = client.send("POST", POLICIES, {"policy": {"name": "gold", **body}})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()["policy"]
    return found


def test_a_policy_and_its_rules(manager: ApiClient, member: ApiClient, project: Any) -> None:
    made = policy_of(manager, description="d", tenant_id=project.pk)
    assert (made["rules"], made["shared"], made["is_default"]) == ([], False, False)
    path = f"{POLICIES}/{made['id']}"
    rule = manager.send("POST", f"{path}/bandwidth_limit_rules", {"bandwidth_limit_rule": LIMIT})
    assert rule.status_code == 201, rule.content
    limit = rule.json()["bandwidth_limit_rule"]
    assert {name: limit[name] for name in LIMIT} == LIMIT
    mark = manager.send(
        "POST", f"{path}/dscp_marking_rules", {"dscp_marking_rule": {"dscp_mark": 26}}
    )
    mark_id = mark.json()["dscp_marking_rule"]["id"]
    shown = member.send("GET", path).json()["policy"]["rules"]
    assert {one["type"]: {**one} for one in shown} == {
        "bandwidth_limit": {**limit, "type": "bandwidth_limit"},
        "dscp_marking": {
            "id": mark_id, "qos_policy_id": made["id"], "type": "dscp_marking", "dscp_mark": 26,
        },
    }  # fmt: skip
    more = {"direction": "ingress", "max_kbps": 100}
    assert (
        manager.send(
            "POST", f"{path}/bandwidth_limit_rules", {"bandwidth_limit_rule": more}
        ).status_code
        == 201
    )
    listed = member.send("GET", f"{path}/bandwidth_limit_rules?direction=ingress").json()
    assert [one["max_kbps"] for one in listed["bandwidth_limit_rules"]] == [100]
    one = f"{path}/bandwidth_limit_rules/{limit['id']}"
    alias = f"{V2}/qos/alias_bandwidth_limit_rules/{limit['id']}"
    changed = manager.send("PUT", one, {"bandwidth_limit_rule": {"max_kbps": 9}})
    assert changed.json()["bandwidth_limit_rule"]["max_kbps"] == 9
    assert member.send("GET", alias).json() == changed.json()
    changed = manager.send("PUT", alias, {"bandwidth_limit_rule": {"max_burst_kbps": 5}})
    assert changed.json()["bandwidth_limit_rule"]["max_burst_kbps"] == 5
    assert manager.send("DELETE", alias).status_code == 204
    assert error_of(member.send("GET", one)) == (404, "QosRuleNotFound")
    mark_alias = f"{V2}/qos/alias_dscp_marking_rules/{mark_id}"
    assert (
        manager.send("PUT", mark_alias, {"dscp_marking_rule": {"dscp_mark": 0}}).status_code == 200
    )
    assert manager.send("DELETE", f"{path}/dscp_marking_rules/{mark_id}").status_code == 204
    renamed = manager.send("PUT", path, {"policy": {"name": "silver"}})
    assert renamed.json()["policy"]["name"] == "silver"
    assert manager.send("DELETE", path).status_code == 204
    assert error_of(member.send("GET", path)) == (404, "QosPolicyNotFound")


def test_what_is_wrong_with_a_rule(manager: ApiClient, context: RequestContext) -> None:
    policy = make_qos_policy(context, egress=1000, dscp=26)
    other = make_qos_policy(context, ingress=1000)
    path = f"{POLICIES}/{policy.id}"
    limits, marks = f"{path}/bandwidth_limit_rules", f"{path}/dscp_marking_rules"
    theirs = other.rules.get().id

    def limit(**body: Any) -> tuple[int, str]:
        return error_of(manager.send("POST", limits, {"bandwidth_limit_rule": body}))

    nobody = uuid.uuid4()
    assert {
        "twice": limit(max_kbps=5),
        "none": limit(max_kbps=0, direction="ingress"),
        "too much": limit(max_kbps=2**31, direction="ingress"),
        "negative burst": limit(max_kbps=5, max_burst_kbps=-1, direction="ingress"),
        "no limit": limit(direction="ingress"),
        "sideways": limit(max_kbps=5, direction="any"),
        "no mark": error_of(manager.send("POST", marks, {"dscp_marking_rule": {"dscp_mark": 27}})),
        "mark twice": error_of(
            manager.send("POST", marks, {"dscp_marking_rule": {"dscp_mark": 8}})
        ),
        "of another policy": error_of(manager.send("GET", f"{limits}/{theirs}")),
        "of another kind": error_of(manager.send("GET", f"{marks}/{theirs}")),
        "no policy": error_of(manager.send("GET", f"{POLICIES}/{nobody}/dscp_marking_rules")),
        "no rule": error_of(manager.send("DELETE", f"{V2}/qos/alias_dscp_marking_rules/{nobody}")),
        "by name": error_of(manager.send("GET", f"{POLICIES}/gold")),
    } == {
        "twice": (409, "QoSRulesConflict"),
        "none": (400, "InvalidInput"),
        "too much": (400, "InvalidInput"),
        "negative burst": (400, "InvalidInput"),
        "no limit": (400, "InvalidInput"),
        "sideways": (400, "InvalidInput"),
        "no mark": (400, "InvalidInput"),
        "mark twice": (409, "QoSRulesConflict"),
        "of another policy": (404, "QosRuleNotFound"),
        "of another kind": (404, "QosRuleNotFound"),
        "no policy": (404, "QosPolicyNotFound"),
        "no rule": (404, "QosRuleNotFound"),
        "by name": (404, "QosPolicyNotFound"),
    }
    twice = manager.send("POST", f"{POLICIES}/{other.id}/bandwidth_limit_rules",
                         {"bandwidth_limit_rule": {"max_kbps": 5}})  # fmt: skip
    path = (
        f"{POLICIES}/{other.id}/bandwidth_limit_rules/{twice.json()['bandwidth_limit_rule']['id']}"
    )
    turned = manager.send("PUT", path, {"bandwidth_limit_rule": {"direction": "ingress"}})
    assert error_of(turned) == (409, "QoSRulesConflict")


def test_what_is_held_to_a_policy_keeps_it(
    member: ApiClient,
    manager: ApiClient,
    context: RequestContext,
    subnet: Subnet,
    external: Network,
) -> None:
    policy = make_qos_policy(context)
    held = {"qos_policy_id": str(policy.id)}
    gone = {"qos_policy_id": None}
    port = make_port(subnet.network, context)
    router = make_router(context, subnets=[subnet], external=external)
    floating = make_floating_ip(context, external)
    gateway = {"network_id": str(external.id)}
    things = {
        "network": (f"networks/{subnet.network_id}", held, gone),
        "port": (f"ports/{port.id}", held, gone),
        "floatingip": (f"floatingips/{floating.id}", held, gone),
        "router": (
            f"routers/{router.id}",
            {"external_gateway_info": {**gateway, **held}},
            {"external_gateway_info": {**gateway, **gone}},
        ),
    }
    for noun, (path, take, leave) in things.items():
        answer = member.send("PUT", f"{V2}/{path}", {noun: take})
        assert answer.status_code == 200, answer.content
        said = answer.json()[noun]
        said = said.get("external_gateway_info") or said
        assert said["qos_policy_id"] == str(policy.id)
        kept = manager.send("DELETE", f"{POLICIES}/{policy.id}")
        assert error_of(kept) == (409, "QosPolicyInUse")
        assert noun in kept.json()["NeutronError"]["message"]
        if noun == "network":
            shown = member.send("GET", f"{V2}/ports/{port.id}").json()["port"]
            assert (shown["qos_policy_id"], shown["qos_network_policy_id"]) == (
                None,
                str(policy.id),
            )
            found = member.send("GET", f"{V2}/ports?qos_network_policy_id={policy.id}&fields=id")
            assert {one["id"] for one in found.json()["ports"]} >= {str(port.id)}
        answer = member.send("PUT", f"{V2}/{path}", {noun: leave})
        assert answer.status_code == 200, answer.content
        nobody = {"qos_policy_id": str(uuid.uuid4())}
        wrong = {"external_gateway_info": {**gateway, **nobody}} if noun == "router" else nobody
        answer = member.send("PUT", f"{V2}/{path}", {noun: wrong})
        assert error_of(answer) == (404, "QosPolicyNotFound")
    # a gateway that is changed otherwise keeps it, one that goes does not
    path = f"{V2}/routers/{router.id}"
    member.send("PUT", path, {"router": things["router"][1]})
    member.send("PUT", path, {"router": {"external_gateway_info": gateway}})
    assert Router.objects.get(id=router.id).qos_policy_id == policy.id
    member.send("PUT", path, {"router": {"external_gateway_info": {}}})
    assert Router.objects.get(id=router.id).qos_policy_id is None
    assert manager.send("DELETE", f"{POLICIES}/{policy.id}").status_code == 204


def test_made_with_a_policy(
    member: ApiClient, context: RequestContext, subnet: Subnet, external: Network
) -> None:
    policy = str(make_qos_policy(context).id)
    gateway = {"network_id": str(external.id), "qos_policy_id": policy}
    bodies: dict[str, tuple[str, dict[str, Any]]] = {
        "network": ("networks", {"qos_policy_id": policy}),
        "port": ("ports", {"network_id": str(subnet.network_id), "qos_policy_id": policy}),
        "floatingip": (
            "floatingips",
            {"floating_network_id": str(external.id), "qos_policy_id": policy},
        ),
        "router": ("routers", {"external_gateway_info": gateway}),
    }
    for noun, (collection, body) in bodies.items():
        answer = member.send("POST", f"{V2}/{collection}", {noun: body})
        assert answer.status_code == 201, answer.content
        said = answer.json()[noun]
        assert (said.get("external_gateway_info") or said)["qos_policy_id"] == policy
        wrong: dict[str, Any] = {**body, "qos_policy_id": str(uuid.uuid4())}
        if noun == "router":
            wrong = {"external_gateway_info": {**gateway, "qos_policy_id": str(uuid.uuid4())}}
        answer = member.send("POST", f"{V2}/{collection}", {noun: wrong})
        assert error_of(answer) == (404, "QosPolicyNotFound")


def test_only_who_sees_a_policy_lifts_it(
    member: ApiClient, admin: ApiClient, context: RequestContext, subnet: Subnet
) -> None:
    elsewhere = RequestContext.system(project_id=make_project().pk)
    theirs = make_qos_policy(elsewhere, egress=1000)
    path = f"{V2}/ports/{make_port(subnet.network, context).id}"
    held = {"port": {"qos_policy_id": str(theirs.id)}}
    gone: dict[str, Any] = {"port": {"qos_policy_id": None}}
    assert error_of(member.send("PUT", path, held)) == (404, "QosPolicyNotFound")
    assert admin.send("PUT", path, held).status_code == 200
    assert error_of(member.send("PUT", path, gone)) == (403, "PolicyRemoveAuthorizationError")
    mine = {"port": {"qos_policy_id": str(make_qos_policy(context).id)}}
    assert error_of(member.send("PUT", path, mine)) == (403, "PolicyRemoveAuthorizationError")
    assert member.send("PUT", path, held).status_code == 404
    assert member.send("PUT", path, {"port": {"name": "x"}}).status_code == 200
    shared = f"{POLICIES}/{theirs.id}"
    assert admin.send("PUT", shared, {"policy": {"shared": True}}).status_code == 200
    unshared = {"policy": {"shared": False}}
    assert error_of(admin.send("PUT", shared, unshared)) == (409, "QosPolicyInUse")
    assert member.send("PUT", path, gone).status_code == 200
    assert admin.send("PUT", shared, unshared).status_code == 200


def test_a_shared_policy_is_seen_by_all_and_changed_by_its_own(manager: ApiClient) -> None:
    elsewhere = RequestContext.system(project_id=make_project().pk)
    policy = make_qos_policy(elsewhere, shared=True, egress=10)
    path, rule = f"{POLICIES}/{policy.id}", policy.rules.get().id
    assert manager.send("GET", path).json()["policy"]["shared"] is True
    one = f"{path}/bandwidth_limit_rules/{rule}"
    assert manager.send("GET", one).status_code == 200
    mine = policy_of(manager)
    assert {
        "rename": manager.send("PUT", path, {"policy": {"name": "x"}}).status_code,
        "delete": manager.send("DELETE", path).status_code,
        "rule": manager.send("PUT", one, {"bandwidth_limit_rule": {"max_kbps": 1}}).status_code,
        "rule gone": manager.send("DELETE", one).status_code,
        "share": manager.send(
            "POST", POLICIES, {"policy": {"name": "x", "shared": True}}
        ).status_code,
        "share later": manager.send(
            "PUT", f"{POLICIES}/{mine['id']}", {"policy": {"shared": True}}
        ).status_code,
    } == dict.fromkeys(("rename", "delete", "rule", "rule gone", "share", "share later"), 403)


def test_the_default_policy_is_new_networks(member: ApiClient, manager: ApiClient) -> None:
    default, other = policy_of(manager, is_default=True), policy_of(manager)
    twice = manager.send("POST", POLICIES, {"policy": {"name": "x", "is_default": True}})
    assert error_of(twice) == (409, "QosPolicyDefaultAlreadyExists")
    twice = manager.send("PUT", f"{POLICIES}/{other['id']}", {"policy": {"is_default": True}})
    assert error_of(twice) == (409, "QosPolicyDefaultAlreadyExists")

    def policy_of_new(**body: Any) -> Any:
        return member.send("POST", f"{V2}/networks", {"network": body}).json()["network"][
            "qos_policy_id"
        ]

    assert policy_of_new() == default["id"]
    assert policy_of_new(qos_policy_id=other["id"]) == other["id"]
    manager.send("PUT", f"{POLICIES}/{default['id']}", {"policy": {"is_default": False}})
    assert policy_of_new() is None


def test_hosts_are_told_and_told_again(manager: ApiClient, context: RequestContext) -> None:
    make_agent("h1", capabilities=CAPABILITIES)
    policy = make_qos_policy(context, egress=2000, ingress=3000, dscp=26)
    subnet = make_subnet(make_network(context, qos_policy_id=policy.id), context)
    own = make_qos_policy(context, egress=500)
    by_network = make_port(subnet.network, context, host="h1")
    by_itself = make_port(subnet.network, context, host="h1", qos_policy_id=own.id)
    of_router = make_router(context, subnets=[subnet]).router_ports.get().port
    told = {
        wiring.id: wiring.qos
        for wiring in port_wirings([by_network.id, by_itself.id, of_router.id])
    }
    assert told == {
        str(by_network.id): PortQos(
            ingress=BandwidthLimit(max_kbps=3000), egress=BandwidthLimit(max_kbps=2000), dscp=26
        ),
        str(by_itself.id): PortQos(egress=BandwidthLimit(max_kbps=500)),
        str(of_router.id): None,
    }
    before = {one.id: one.wiring_revision for one in Port.objects.filter(host="h1")}
    rule = policy.rules.get(kind="dscp_marking")
    manager.send("DELETE", f"{POLICIES}/{policy.id}/dscp_marking_rules/{rule.id}")
    raised = {
        one.id for one in Port.objects.filter(host="h1") if one.wiring_revision > before[one.id]
    }
    assert by_network.id in raised
    assert by_itself.id not in raised
    (wiring,) = port_wirings([by_network.id])
    assert wiring.qos is not None
    assert wiring.qos.dscp is None


def test_routers_are_told_of_addresses_outside(
    member: ApiClient,
    manager: ApiClient,
    context: RequestContext,
    subnet: Subnet,
    external: Network,
) -> None:
    make_agent("h1", capabilities=CAPABILITIES)
    gold, silver = make_qos_policy(context, egress=2000), make_qos_policy(context, ingress=300)
    router = make_router(context, subnets=[subnet], external=external)
    port = make_port(subnet.network, context)
    floating = make_floating_ip(context, external, port_id=port.id, qos_policy_id=silver.id)
    gateway = {"network_id": str(external.id), "qos_policy_id": str(gold.id)}
    member.send("PUT", f"{V2}/routers/{router.id}", {"router": {"external_gateway_info": gateway}})
    Router.objects.update(host="h1")

    def limits() -> Any:
        wiring = router_wiring(router.id)
        assert wiring is not None
        return {one.address: one for one in wiring.limits}, wiring.revision

    outside = router.router_ports.get(is_gateway=True).port.addresses.get().ip_address
    found, revision = limits()
    assert found == {
        outside: AddressLimit(address=outside, egress=BandwidthLimit(max_kbps=2000)),
        floating.floating_ip_address: AddressLimit(
            address=floating.floating_ip_address, ingress=BandwidthLimit(max_kbps=300)
        ),
    }
    rule = silver.rules.get()
    path = f"{V2}/qos/alias_bandwidth_limit_rules/{rule.id}"
    manager.send("PUT", path, {"bandwidth_limit_rule": {"max_kbps": 400}})
    found, later = limits()
    assert found[floating.floating_ip_address].ingress == BandwidthLimit(max_kbps=400)
    assert later > revision
    member.send("PUT", f"{V2}/floatingips/{floating.id}", {"floatingip": {"qos_policy_id": None}})
    assert [*limits()[0]] == [outside]
    assert FloatingIp.objects.get(id=floating.id).qos_policy_id is None


def test_a_type_that_a_host_cannot_enforce_is_not_offered(
    member: ApiClient, admin: ApiClient, context: RequestContext
) -> None:
    def offered() -> set[str]:
        found = member.send("GET", f"{V2}/qos/rule-types").json()["rule_types"]
        return {one["type"] for one in found}

    assert offered() == {"bandwidth_limit", "dscp_marking"}
    make_agent("h1", capabilities=["dscp_marking"])
    assert offered() == {"dscp_marking"}
    details = admin.send("GET", f"{V2}/qos/rule-types/dscp_marking").json()["rule_type"]
    assert (details["type"], [one["name"] for one in details["drivers"]]) == (
        "dscp_marking",
        ["FakeNetworkDriver"],
    )
    gone = admin.send("GET", f"{V2}/qos/rule-types/bandwidth_limit")
    assert error_of(gone) == (404, "QosRuleTypeNotFound")
    policy = make_qos_policy(context)
    refused = admin.send(
        "POST", f"{POLICIES}/{policy.id}/bandwidth_limit_rules", {"bandwidth_limit_rule": LIMIT}
    )
    assert error_of(refused) == (400, "QosRuleNotSupported")
    assert not QosPolicy.objects.get(id=policy.id).rules.exists()
    Service.objects.all().delete()  # the host was taken out of the cloud
    assert offered() == {"bandwidth_limit", "dscp_marking"}
