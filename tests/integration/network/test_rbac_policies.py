"""What projects let each other use, and what they may do with it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from identity.models import Project
from network.manager import NetworkManager, PortManager, RbacPolicyManager, SubnetManager
from network.models import Network, RbacPolicy, Subnet
from tests.builders.identity import ApiClient, client_with, make_project
from tests.builders.networks import make_group, make_network, make_port, make_subnet, share
from tests.builders.qos import make_qos_policy
from tests.builders.routers import make_external, make_floating_ip, make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"


@pytest.fixture
def guest_project() -> Project:
    return make_project()


@pytest.fixture
def guest(guest_project: Project) -> ApiClient:
    """A member of the project that things are shared with."""
    return client_with("member", project=guest_project)


@pytest.fixture
def guest_context(guest_project: Project) -> RequestContext:
    return RequestContext(project_id=guest_project.pk, roles=frozenset({"reader", "member"}))


def shown(client: ApiClient, path: str) -> list[Any]:
    (rows,) = client.send("GET", V2 + path).json().values()
    found: list[Any] = rows
    return found


def body(target: Any, object_id: Any, **overrides: Any) -> dict[str, Any]:
    values = {
        "object_type": "network",
        "object_id": str(object_id),
        "action": "access_as_shared",
        "target_tenant": getattr(target, "pk", target),
    }
    return {"rbac_policy": values | overrides}


def kind(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["NeutronError"]["type"] if answer.content else ""


def test_a_network_is_shared_with_one_project_and_taken_back(
    member: ApiClient, guest: ApiClient, guest_project: Project, subnet: Subnet
) -> None:
    network = f"{V2}/networks/{subnet.network_id}"
    assert guest.send("GET", network).status_code == 404
    made = member.send(
        "POST", f"{V2}/rbac-policies", body(guest_project, subnet.network_id)
    ).json()["rbac_policy"]
    assert made["target_tenant"] == guest_project.pk
    seen = guest.send("GET", network).json()["network"]
    assert (seen["shared"], seen["subnets"]) == (True, [str(subnet.id)])
    assert member.send("GET", network).json()["network"]["shared"] is False
    assert [row["id"] for row in shown(guest, "/networks?shared=True")] == [seen["id"]]
    assert shown(guest, "/networks?shared=False") == []
    assert shown(member, "/networks?shared=True") == []
    assert [row["id"] for row in shown(guest, "/subnets")] == [str(subnet.id)]
    assert client_with("member").send("GET", network).status_code == 404
    port = guest.send("POST", f"{V2}/ports", {"port": {"network_id": seen["id"]}})
    assert port.status_code == 201
    refused = {
        "change": guest.send("PUT", network, {"network": {"name": "x"}}).status_code,
        "delete": guest.send("DELETE", network).status_code,
        "subnet": guest.send(
            "POST", f"{V2}/subnets", {"subnet": {"network_id": seen["id"], "cidr": "10.9.0.0/24"}}
        ).status_code,
        "share on": guest.send("POST", f"{V2}/rbac-policies", body("b" * 32, seen["id"])).status_code,
        "policy": guest.send("DELETE", f"{V2}/rbac-policies/{made['id']}").status_code,
        "tag": guest.send("PUT", f"{network}/tags/x").status_code,
    }  # fmt: skip
    assert refused == {
        "change": 403, "delete": 403, "subnet": 403, "share on": 403, "policy": 404, "tag": 403,
    }  # fmt: skip
    policy = f"{V2}/rbac-policies/{made['id']}"
    assert kind(member.send("DELETE", policy)) == (409, "RbacPolicyInUse")
    moved = {"rbac_policy": {"target_tenant": "d" * 32}}
    assert kind(member.send("PUT", policy, moved)) == (409, "RbacPolicyInUse")
    assert guest.send("DELETE", f"{V2}/ports/{port.json()['port']['id']}").status_code == 204
    assert member.send("DELETE", policy).status_code == 204
    assert guest.send("GET", network).status_code == 404
    assert shown(guest, "/subnets") == []


def test_the_flags_of_a_network_and_its_policies_say_the_same(
    admin: ApiClient, member: ApiClient, guest: ApiClient, guest_project: Project, subnet: Subnet
) -> None:
    path = f"{V2}/networks/{subnet.network_id}"
    admin.send("PUT", path, {"network": {"shared": True}})
    (policy,) = RbacPolicy.objects.all()
    assert (policy.target_project, policy.action) == ("*", "access_as_shared")
    make_port(subnet.network, RequestContext.system(project_id=guest_project.pk))
    assert kind(admin.send("PUT", path, {"network": {"shared": False}})) == (409, "NetworkInUse")
    share(subnet.network, target_project=guest_project.pk)
    admin.send("PUT", path, {"network": {"shared": False}})
    assert guest.send("GET", path).json()["network"]["shared"] is True
    assert not Network.objects.get(id=subnet.network_id).shared
    wanted = body("*", subnet.network_id)
    assert admin.send("POST", f"{V2}/rbac-policies", wanted).status_code == 201
    assert member.send("GET", path).json()["network"]["shared"] is True
    assert Network.objects.get(id=subnet.network_id).shared
    (everybody,) = shown(admin, "/rbac-policies?target_tenant=*")
    admin.send("DELETE", f"{V2}/rbac-policies/{everybody['id']}")
    assert not Network.objects.get(id=subnet.network_id).shared


def test_what_cannot_be_shared(
    admin: ApiClient, member: ApiClient, guest: ApiClient, subnet: Subnet, context: RequestContext
) -> None:
    network, group = subnet.network_id, make_group(context).id
    share(subnet.network, target_project="a" * 32)

    def post(client: ApiClient, *args: Any, **more: Any) -> tuple[int, str]:
        return kind(client.send("POST", f"{V2}/rbac-policies", body(*args, **more)))

    external = {"action": "access_as_external"}
    of_group = {"object_type": "security_group"}
    found = {
        "twice": post(member, "a" * 32, network),
        "all": post(member, "*", network),
        "outside": post(member, "b" * 32, network, **external),
        "foreign": post(guest, "b" * 32, network),
        "none": post(member, "b" * 32, uuid.uuid4()),
        "no id": post(member, "b" * 32, "x")[0],
        "kind": post(member, "b" * 32, network, object_type="port")[0],
        "action": post(member, "b" * 32, network, action="access")[0],
        "group outside": post(admin, "b" * 32, group, **of_group, **external),
        "group": post(guest, "b" * 32, group, **of_group),
        "nobody": post(member, "", network)[0],
        "other's": post(member, "b" * 32, network, project_id="c" * 32)[0],
    }
    assert found == {
        "twice": (409, "DuplicateRbacPolicy"),
        "all": (403, "PolicyNotAuthorized"),
        "outside": (403, "PolicyNotAuthorized"),
        "foreign": (404, "NetworkNotFound"),
        "none": (404, "NetworkNotFound"),
        "no id": 400,
        "kind": 400,
        "action": 400,
        "group outside": (400, "InvalidInput"),
        "group": (404, "SecurityGroupNotFound"),
        "nobody": 400,
        "other's": 403,
    }
    (mine,) = shown(member, "/rbac-policies")
    path = f"{V2}/rbac-policies/{mine['id']}"
    assert member.send("PUT", path, {"rbac_policy": {"target_tenant": "*"}}).status_code == 403
    late = member.send("PUT", path, {"rbac_policy": {}}, If_Match="revision_number=77")
    assert late.status_code == 412


def test_the_quota_of_policies_holds(member: ApiClient, subnet: Subnet) -> None:
    for number in range(10):
        share(subnet.network, target_project=f"{number:032d}")
    more = member.send("POST", f"{V2}/rbac-policies", body("b" * 32, subnet.network_id))
    assert kind(more) == (409, "OverQuota")


def test_a_network_leads_outside_for_some_projects_alone(
    admin: ApiClient, guest: ApiClient, guest_project: Project, guest_context: RequestContext
) -> None:
    external = make_external()
    path = f"{V2}/networks/{external.id}"
    assert guest.send("GET", path).status_code == 200
    for policy in shown(admin, f"/rbac-policies?object_id={external.id}"):
        assert admin.send("DELETE", f"{V2}/rbac-policies/{policy['id']}").status_code == 204
    assert guest.send("GET", path).status_code == 404
    wanted = {"floatingip": {"floating_network_id": str(external.id)}}
    assert guest.send("POST", f"{V2}/floatingips", wanted).status_code == 404
    assert Network.objects.get(id=external.id).external
    policy = share(external, target_project=guest_project.pk, action="access_as_external")
    assert guest.send("GET", path).json()["network"]["shared"] is False
    floating = make_floating_ip(guest_context, external)
    router = make_router(guest_context, external=external)
    onto = {"port": {"network_id": str(external.id)}}
    assert guest.send("POST", f"{V2}/ports", onto).status_code == 403
    assert client_with("member").send("GET", path).status_code == 404
    gone = f"{V2}/rbac-policies/{policy.id}"
    assert kind(admin.send("DELETE", gone)) == (409, "RbacPolicyInUse")
    inner = {"network": {"router:external": False}}
    assert kind(admin.send("PUT", path, inner)) == (409, "ExternalNetworkInUse")
    guest.send("DELETE", f"{V2}/floatingips/{floating.id}")
    guest.send("DELETE", f"{V2}/routers/{router.id}")
    assert admin.send("PUT", path, inner).status_code == 200
    assert not RbacPolicy.objects.exists()


def test_making_a_network_external_by_a_policy(admin: ApiClient, subnet: Subnet) -> None:
    wanted = body("b" * 32, subnet.network_id, action="access_as_external")
    assert admin.send("POST", f"{V2}/rbac-policies", wanted).status_code == 201
    assert Network.objects.get(id=subnet.network_id).external
    again = {"network": {"router:external": True}}
    admin.send("PUT", f"{V2}/networks/{subnet.network_id}", again)
    assert not RbacPolicy.objects.filter(
        target_project="*"
    ).exists()  # not open to more than before


def test_a_shared_group_is_worn_and_named_but_not_changed(
    member: ApiClient, guest: ApiClient, guest_project: Project, context: RequestContext,
    guest_context: RequestContext,
) -> None:  # fmt: skip
    group = make_group(context)
    path = f"{V2}/security-groups/{group.id}"
    rule = {"security_group_rule": {"security_group_id": str(group.id), "direction": "ingress"}}
    policy = share(group, target_project=guest_project.pk)
    assert member.send("GET", path).json()["security_group"]["shared"] is False
    seen = guest.send("GET", path).json()["security_group"]
    assert (seen["shared"], len(seen["security_group_rules"])) == (True, 2)
    assert str(group.id) in {row["id"] for row in shown(guest, "/security-groups?shared=True")}
    assert kind(guest.send("POST", f"{V2}/security-group-rules", rule)) == (
        403, "PolicyNotAuthorized",
    )  # fmt: skip
    gone = seen["security_group_rules"][0]["id"]
    assert guest.send("DELETE", f"{V2}/security-group-rules/{gone}").status_code == 404
    changed = {"security_group": {"name": "mine"}}
    assert guest.send("PUT", path, changed).status_code == 403
    assert guest.send("DELETE", path).status_code == 403
    own = make_subnet(make_network(guest_context), guest_context)
    port = make_port(own.network, guest_context, security_group_ids=[group.id])
    taken = f"{V2}/rbac-policies/{policy.id}"
    assert kind(member.send("DELETE", taken)) == (409, "RbacPolicyInUse")
    PortManager(guest_context).update(port.id, security_group_ids=[])
    naming = make_group(guest_context, name="naming")
    rule["security_group_rule"] |= {
        "security_group_id": str(naming.id),
        "remote_group_id": str(group.id),
    }
    made = guest.send("POST", f"{V2}/security-group-rules", rule).json()["security_group_rule"]
    assert kind(member.send("DELETE", taken)) == (409, "RbacPolicyInUse")
    guest.send("DELETE", f"{V2}/security-group-rules/{made['id']}")
    assert member.send("DELETE", taken).status_code == 204
    assert guest.send("GET", path).status_code == 404
    worn = {"port": {"security_groups": [str(group.id)]}}
    assert guest.send("PUT", f"{V2}/ports/{port.id}", worn).status_code == 404


def test_policies_go_with_what_they_are_about(context: RequestContext, member: ApiClient) -> None:
    network, group = make_network(context), make_group(context)
    share(network), share(group)
    member.send("DELETE", f"{V2}/networks/{network.id}")
    member.send("DELETE", f"{V2}/security-groups/{group.id}")
    assert not RbacPolicy.objects.exists()


def test_servers_may_be_put_on_what_is_shared_with_their_project(
    subnet: Subnet, guest_context: RequestContext, guest_project: Project
) -> None:
    share(subnet.network, target_project=guest_project.pk)
    (found,) = NetworkManager(guest_context).usable_by_servers()
    assert (found.id, found.is_shared) == (subnet.network_id, True)


def test_a_list_costs_the_same_whatever_is_shared(
    guest: ApiClient, guest_context: RequestContext, guest_project: Project
) -> None:
    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            guest.send("GET", V2 + path)
        return len(queries)

    def stock() -> None:
        subnet = make_subnet()
        share(subnet.network, target_project=guest_project.pk)
        group = make_group(RequestContext.system(project_id=make_project().pk))
        share(group, target_project=guest_project.pk)

    stock()
    paths = ("/networks", "/subnets", "/security-groups", "/networks?shared=True")
    shown(guest, "/security-groups")  # the default group is there
    before = {path: cost(path) for path in paths}
    for _ in range(3):
        stock()
    assert {path: cost(path) for path in paths} == before
    assert SubnetManager(guest_context).list().rows[3:]
    assert not RbacPolicyManager(guest_context).list().rows


def test_a_qos_policy_is_attached_by_whom_it_is_shared_with(
    admin: ApiClient, guest: ApiClient, guest_project: Project, guest_context: RequestContext
) -> None:
    policy = make_qos_policy(RequestContext.system(project_id=make_project().pk), egress=10)
    path = f"{V2}/qos/policies/{policy.id}"
    assert guest.send("GET", path).status_code == 404
    granted = share(policy, target_project=guest_project.pk)
    seen = guest.send("GET", path).json()["policy"]
    assert (seen["shared"], len(seen["rules"])) == (True, 1)
    assert [row["id"] for row in shown(guest, "/qos/policies?shared=True")] == [str(policy.id)]
    rule = f"{path}/bandwidth_limit_rules/{seen['rules'][0]['id']}"
    assert guest.send("GET", rule).status_code == 200
    assert guest.send("PUT", path, {"policy": {"name": "x"}}).status_code == 403
    network = make_network(guest_context, qos_policy_id=policy.id)
    assert kind(admin.send("DELETE", f"{V2}/rbac-policies/{granted.id}")) == (
        409,
        "RbacPolicyInUse",
    )
    assert admin.send("PUT", path, {"policy": {"shared": True}}).status_code == 200
    assert admin.send("DELETE", f"{V2}/rbac-policies/{granted.id}").status_code == 204
    kept = admin.send("PUT", path, {"policy": {"shared": False}})
    assert kind(kept) == (409, "QosPolicyInUse")
    guest.send("DELETE", f"{V2}/networks/{network.id}")
    (everybody,) = shown(admin, f"/rbac-policies?object_id={policy.id}")
    assert admin.send("DELETE", f"{V2}/rbac-policies/{everybody['id']}").status_code == 204
    assert admin.send("GET", path).json()["policy"]["shared"] is False
