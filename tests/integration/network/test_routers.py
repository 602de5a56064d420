"""Routers through their API: interfaces, gateways, routes, and what stands in their way."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network import states
from network.models import Port, PortAddress, Router, RouterPort, Subnet
from tests.builders.identity import ApiClient
from tests.builders.networks import make_network, make_port, make_subnet
from tests.builders.routers import make_external, make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"
PROJECT_KEYS = ("tenant_id", "project_id")


def error_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["NeutronError"]["type"]


def router_of(member: ApiClient, **body: Any) -> dict[str, Any]:
    answer = member.send("POST", f"{V2}/routers", {"router": {"name": "r1", **body}})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()["router"]
    return found


def test_a_router_and_its_life(member: ApiClient, project: Any) -> None:
    made = router_of(member, description="d", tenant_id=project.pk)
    assert made["external_gateway_info"] is None
    assert (made["status"], made["routes"], made["admin_state_up"]) == ("ACTIVE", [], True)
    assert {made[key] for key in PROJECT_KEYS} == {project.pk}
    path = f"{V2}/routers/{made['id']}"
    changed = member.send("PUT", path, {"router": {"name": "r2", "admin_state_up": False}})
    assert (changed.json()["router"]["name"], changed.json()["router"]["admin_state_up"]) == (
        "r2",
        False,
    )
    listed = member.send("GET", f"{V2}/routers?name=r2&fields=id").json()["routers"]
    assert listed == [{"id": made["id"]}]
    assert member.send("DELETE", path).status_code == 204
    assert error_of(member.send("GET", path)) == (404, "RouterNotFound")


def test_an_interface_takes_the_gateway_and_the_dhcp_server_an_address(
    member: ApiClient, subnet: Subnet, project: Any
) -> None:
    router = router_of(member)
    path = f"{V2}/routers/{router['id']}"
    added = member.send("PUT", f"{path}/add_router_interface", {"subnet_id": str(subnet.id)})
    assert added.status_code == 200, added.content
    body = added.json()
    assert body == {
        "id": router["id"],
        "tenant_id": project.pk,
        "project_id": project.pk,
        "port_id": body["port_id"],
        "network_id": str(subnet.network_id),
        "subnet_id": str(subnet.id),
        "subnet_ids": [str(subnet.id)],
    }
    port = member.send("GET", f"{V2}/ports/{body['port_id']}").json()["port"]
    assert port["device_owner"] == "network:router_interface"
    assert port["device_id"] == router["id"]
    assert port["fixed_ips"] == [{"subnet_id": str(subnet.id), "ip_address": "10.0.0.1"}]
    dhcp = PortAddress.objects.get(subnet=subnet, port__device_owner=states.DHCP_OWNER)
    assert dhcp.ip_address != "10.0.0.1"
    again = member.send("PUT", f"{path}/add_router_interface", {"subnet_id": str(subnet.id)})
    assert error_of(again) == (400, "RouterPortConflict")
    in_use = {
        path: "RouterInUse",
        f"{V2}/ports/{body['port_id']}": "ServicePortInUse",
        f"{V2}/subnets/{subnet.id}": "SubnetInUse",
        f"{V2}/networks/{subnet.network_id}": "NetworkInUse",
    }
    for each, error in in_use.items():
        assert error_of(member.send("DELETE", each)) == (409, error)
    removed = member.send("PUT", f"{path}/remove_router_interface", {"subnet_id": str(subnet.id)})
    assert removed.json() == body
    assert not Port.objects.filter(id=body["port_id"])
    assert not PortAddress.objects.filter(subnet=subnet)
    assert member.send("DELETE", path).status_code == 204


def test_an_interface_by_a_port_of_its_own(
    member: ApiClient, subnet: Subnet, context: RequestContext
) -> None:
    port = make_port(subnet.network, context, fixed_ips=[{"ip_address": "10.0.0.77"}])
    path = f"{V2}/routers/{router_of(member)['id']}"
    added = member.send("PUT", f"{path}/add_router_interface", {"port_id": str(port.id)})
    assert added.json()["port_id"] == str(port.id)
    port.refresh_from_db()
    assert not port.port_security_enabled
    assert not port.memberships.exists()
    assert not PortAddress.objects.filter(port__device_owner=states.DHCP_OWNER)
    other = f"{V2}/routers/{router_of(member)['id']}/add_router_interface"
    assert error_of(member.send("PUT", other, {"port_id": str(port.id)})) == (409, "PortInUse")
    gone = member.send("PUT", f"{path}/remove_router_interface", {"port_id": str(port.id)})
    assert gone.status_code == 200


def test_what_cannot_be_joined(member: ApiClient, subnet: Subnet, context: RequestContext) -> None:
    path = f"{V2}/routers/{router_of(member)['id']}/add_router_interface"
    assert member.send("PUT", path, {"subnet_id": str(subnet.id)}).status_code == 200
    lonely = make_subnet(make_network(context), context, cidr="10.7.0.0/24", gateway_ip=None)
    overlapping = make_subnet(make_network(context), context, cidr="10.0.0.128/25")
    told = {"ipv6_address_mode": "dhcpv6-stateful"}  # by an external router
    six = make_subnet(make_network(context), context, cidr="fd01::/64", **told)
    theirs = make_subnet()
    wrong = {
        str(lonely.id): (400, "BadRequest"),
        str(overlapping.id): (400, "RouterPortConflict"),
        str(six.id): (400, "BadRequest"),
        str(theirs.id): (404, "SubnetNotFound"),
        str(uuid.uuid4()): (404, "SubnetNotFound"),
    }
    found = {one: error_of(member.send("PUT", path, {"subnet_id": one})) for one in wrong}
    assert found == wrong
    assert member.send("PUT", path, {}).status_code == 400
    both = {"subnet_id": str(subnet.id), "port_id": str(uuid.uuid4())}
    assert member.send("PUT", path, both).status_code == 400
    remove = path.replace("add_", "remove_")
    assert error_of(member.send("PUT", remove, {"subnet_id": str(lonely.id)})) == (
        404,
        "RouterInterfaceNotFoundForSubnet",
    )
    assert error_of(member.send("PUT", remove, {"port_id": str(uuid.uuid4())})) == (
        404,
        "RouterInterfaceNotFound",
    )


def test_the_gateway_of_a_provider_is_nobodys_to_take(member: ApiClient) -> None:
    external = make_external(shared=True)
    subnet = external.subnets.get()
    path = f"{V2}/routers/{router_of(member)['id']}/add_router_interface"
    refused = member.send("PUT", path, {"subnet_id": str(subnet.id)})
    assert refused.status_code in (400, 403)
    assert not RouterPort.objects.exists()


def test_a_gateway_comes_changes_and_goes(
    member: ApiClient, admin: ApiClient, context: RequestContext
) -> None:
    external = make_external()
    made = router_of(member, external_gateway_info={"network_id": str(external.id)})
    info = made["external_gateway_info"]
    assert (info["network_id"], info["enable_snat"]) == (str(external.id), True)
    address = info["external_fixed_ips"][0]["ip_address"]
    port = Port.objects.get(device_owner=states.GATEWAY_OWNER)
    assert port.project_id == ""
    assert member.send("GET", f"{V2}/ports/{port.id}").status_code == 404
    assert error_of(admin.send("DELETE", f"{V2}/ports/{port.id}")) == (409, "ServicePortInUse")
    path = f"{V2}/routers/{made['id']}"
    details = {"network_id": str(external.id), "enable_snat": False}
    refused = member.send("PUT", path, {"router": {"external_gateway_info": details}})
    assert refused.status_code == 403
    open_ = admin.send("PUT", path, {"router": {"external_gateway_info": details}}).json()["router"]
    assert open_["external_gateway_info"]["enable_snat"] is False
    assert open_["external_gateway_info"]["external_fixed_ips"][0]["ip_address"] == address
    none = member.send("PUT", path, {"router": {"external_gateway_info": {}}}).json()["router"]
    assert none["external_gateway_info"] is None
    assert not Port.objects.filter(device_owner=states.GATEWAY_OWNER)
    inner = make_network(context)
    wrong = {"router": {"external_gateway_info": {"network_id": str(inner.id)}}}
    assert member.send("PUT", path, wrong).status_code == 400


def test_routes_lead_where_the_router_is(member: ApiClient, subnet: Subnet) -> None:
    router = router_of(member)
    path = f"{V2}/routers/{router['id']}"
    member.send("PUT", f"{path}/add_router_interface", {"subnet_id": str(subnet.id)})

    def routes(*pairs: tuple[str, str]) -> dict[str, Any]:
        found = [{"destination": to, "nexthop": by} for to, by in pairs]
        return {"router": {"routes": found}}

    one = routes(("10.9.0.0/16", "10.0.0.7"))
    assert member.send("PUT", path, one).json()["router"]["routes"] == one["router"]["routes"]
    added = member.send("PUT", f"{path}/add_extraroutes", routes(("10.8.0.0/16", "10.0.0.8")))
    assert len(added.json()["router"]["routes"]) == 2
    twice = member.send("PUT", f"{path}/add_extraroutes", routes(("10.8.0.0/16", "10.0.0.8")))
    assert len(twice.json()["router"]["routes"]) == 2
    left = member.send("PUT", f"{path}/remove_extraroutes", one)
    assert [row["destination"] for row in left.json()["router"]["routes"]] == ["10.8.0.0/16"]
    for wrong in (
        routes(("10.9.0.0/16", "10.66.0.7")),
        routes(("10.9.0.0/16", "10.0.0.1")),
        routes(("10.9.0.0/16", "fd00::1")),
        routes(("10.0.0.64/26", "10.0.0.7")),  # of its own subnet
        routes(*[("10.9.0.0/16", "10.0.0.7")] * 2),
    ):
        assert error_of(member.send("PUT", path, wrong)) == (400, "InvalidRoutes")
    held = member.send("PUT", f"{path}/remove_router_interface", {"subnet_id": str(subnet.id)})
    assert error_of(held) == (409, "RouterInterfaceInUseByRoute")


def test_the_quota_counts_routers_and_no_gateway_ports(member: ApiClient, project: Any) -> None:
    external = make_external()
    for _ in range(10):
        router_of(member, external_gateway_info={"network_id": str(external.id)})
    full = member.send("POST", f"{V2}/routers", {"router": {}})
    assert error_of(full) == (409, "OverQuota")
    details = member.send("GET", f"{V2}/quotas/{project.pk}/details.json").json()["quota"]
    assert (details["router"]["used"], details["port"]["used"]) == (10, 0)


def test_a_router_waits_for_a_host_and_says_so(
    member: ApiClient, subnet: Subnet, context: RequestContext
) -> None:
    router = make_router(context, subnets=[subnet])
    shown = member.send("GET", f"{V2}/routers/{router.id}").json()["router"]
    assert (shown["status"], Router.objects.get().host) == ("ALLOCATING", "")
