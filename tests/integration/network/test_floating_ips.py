"""Floating IPs and port forwardings through their API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from instances.api.serializers.server import addresses
from network import states
from network.manager import PortManager, RouterManager
from network.models import FloatingIp, Network, Port, PortForwarding, Subnet
from tests.builders.identity import ApiClient, client_with
from tests.builders.networks import make_network, make_port
from tests.builders.routers import make_external, make_floating_ip, make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"


def error_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["NeutronError"]["type"]


@pytest.fixture
def port(subnet: Subnet, context: RequestContext) -> Port:
    return make_port(subnet.network, context)


def taken(member: ApiClient, external: Network, **body: Any) -> dict[str, Any]:
    wanted = {"floatingip": {"floating_network_id": str(external.id), **body}}
    answer = member.send("POST", f"{V2}/floatingips", wanted)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()["floatingip"]
    return found


def led(member: ApiClient, floating: dict[str, Any], port: Port | None, **more: Any) -> Any:
    body = {"port_id": None if port is None else str(port.id), **more}
    return member.send("PUT", f"{V2}/floatingips/{floating['id']}", {"floatingip": body})


def test_a_floating_ip_is_taken_led_and_given_back(
    member: ApiClient, external: Network, subnet: Subnet, port: Port, context: RequestContext
) -> None:
    floating = taken(member, external, description="web")
    assert (floating["status"], floating["port_id"], floating["router_id"]) == ("DOWN", None, None)
    assert floating["port_details"] is None
    assert floating["port_forwardings"] == []
    refused = led(member, floating, port)
    assert error_of(refused) == (404, "ExternalGatewayForFloatingIPNotFound")
    router = make_router(context, subnets=[subnet], external=external)
    shown = led(member, floating, port).json()["floatingip"]
    address = port.addresses.get().ip_address
    assert (shown["status"], shown["router_id"]) == ("ACTIVE", str(router.id))
    assert (shown["port_id"], shown["fixed_ip_address"]) == (str(port.id), address)
    assert shown["port_details"]["mac_address"] == port.mac_address
    second = taken(member, external)
    assert error_of(led(member, second, port)) == (409, "FloatingIPPortAlreadyAssociated")
    gateway = {"router": {"external_gateway_info": {}}}
    held = {
        ("PUT", f"{V2}/routers/{router.id}"): (409, "RouterExternalGatewayInUseByFloatingIp"),
        ("PUT", f"{V2}/routers/{router.id}/remove_router_interface"): (
            409,
            "RouterInterfaceInUseByFloatingIP",
        ),
    }
    bodies = [gateway, {"subnet_id": str(subnet.id)}]
    found = {
        (method, path): error_of(member.send(method, path, body))
        for (method, path), body in zip(held, bodies, strict=True)
    }
    assert found == held
    down = led(member, floating, None).json()["floatingip"]
    assert (down["status"], down["port_id"], down["fixed_ip_address"]) == ("DOWN", None, None)
    path = f"{V2}/floatingips/{floating['id']}"
    assert member.send("DELETE", path).status_code == 204
    assert error_of(member.send("GET", path)) == (404, "FloatingIPNotFound")
    outside = Port.objects.filter(device_owner=states.FLOATING_OWNER)
    assert [one.device_id for one in outside] == [second["id"]]


def test_it_is_found_by_where_it_leads(
    member: ApiClient, external: Network, subnet: Subnet, port: Port, context: RequestContext
) -> None:
    make_router(context, subnets=[subnet], external=external)
    one = taken(member, external, port_id=str(port.id))
    other = taken(member, external)
    queries = {
        f"port_id={port.id}": [one["id"]],
        f"floating_ip_address={other['floating_ip_address']}": [other["id"]],
        "status=DOWN": [other["id"]],
        "status=ACTIVE": [one["id"]],
        f"floating_network_id={external.id}": [one["id"], other["id"]],
        f"router_id={uuid.uuid4()}": [],
    }
    found = {
        query: [
            row["id"]
            for row in member.send("GET", f"{V2}/floatingips?{query}").json()["floatingips"]
        ]
        for query in queries
    }
    assert found == queries


def test_bad_wishes_are_said_to_be_so(
    member: ApiClient, external: Network, context: RequestContext, port: Port
) -> None:
    inner = make_network(context)
    path = f"{V2}/floatingips"

    def post(**body: Any) -> int:
        said = {"floatingip": {"floating_network_id": str(external.id), **body}}
        return int(member.send("POST", path, said).status_code)

    found = {
        "inner network": post(floating_network_id=str(inner.id)),
        "no network": post(floating_network_id=str(uuid.uuid4())),
        "address by a tenant": post(floating_ip_address="172.24.4.99"),
        "subnet of another": post(subnet_id=str(uuid.uuid4())),
        "port that is none": post(port_id=str(uuid.uuid4())),
        "fixed address alone": post(fixed_ip_address="10.0.0.9"),
        "address it has not": post(port_id=str(port.id), fixed_ip_address="10.0.0.250"),
    }
    assert found == {
        "inner network": 400,
        "no network": 404,
        "address by a tenant": 403,
        "subnet of another": 404,
        "port that is none": 404,
        "fixed address alone": 400,
        "address it has not": 400,
    }
    assert not FloatingIp.objects.exists()
    assert not Port.objects.filter(device_owner=states.FLOATING_OWNER).exists()


def test_an_operator_takes_a_certain_address(project: Any, external: Network) -> None:
    admin = client_with("admin", project=project)
    floating = taken(admin, external, floating_ip_address="172.24.4.99")
    assert floating["floating_ip_address"] == "172.24.4.99"


def test_the_pool_and_the_quota_end(member: ApiClient, context: RequestContext) -> None:
    small = make_external(cidr="172.24.9.0/29")
    for _ in range(4):  # of six, one is the gateway's and one the DHCP server's
        taken(member, small)
    body = {"floatingip": {"floating_network_id": str(small.id)}}
    full = member.send("POST", f"{V2}/floatingips", body)
    assert error_of(full) == (409, "IpAddressGenerationFailure")
    details = member.send("GET", f"{V2}/quotas/{context.project_id}/details.json").json()["quota"]
    assert details["floatingip"] == {"limit": 50, "used": 4, "reserved": 0}


def test_a_port_that_goes_leaves_its_floating_ip(
    external: Network, subnet: Subnet, port: Port, context: RequestContext
) -> None:
    router = make_router(context, subnets=[subnet], external=external)
    floating = make_floating_ip(context, external, port_id=port.id)
    before = type(router).objects.get(id=router.id).wiring_revision
    PortManager(context).delete(port.id)
    floating.refresh_from_db()
    assert (floating.fixed_port_id, floating.router_id, floating.status) == (None, None, "DOWN")
    assert type(router).objects.get(id=router.id).wiring_revision > before


def test_a_port_that_loses_the_address_does_too(
    external: Network, subnet: Subnet, port: Port, context: RequestContext
) -> None:
    make_router(context, subnets=[subnet], external=external)
    floating = make_floating_ip(context, external, port_id=port.id)
    PortManager(context).update(port.id, fixed_ips=[{"ip_address": "10.0.0.200"}])
    floating.refresh_from_db()
    assert floating.fixed_port_id is None


@pytest.fixture
def forwarding(
    member: ApiClient, external: Network, subnet: Subnet, context: RequestContext
) -> str:
    make_router(context, subnets=[subnet], external=external)
    return f"{V2}/floatingips/{taken(member, external)['id']}/port_forwardings"


def web(port: Port, **body: Any) -> dict[str, Any]:
    said = {
        "protocol": "tcp",
        "internal_port_id": str(port.id),
        "internal_port": 8080,
        "external_port": 80,
    }
    return {"port_forwarding": {**said, **body}}


def test_a_forwarding_and_its_life(member: ApiClient, forwarding: str, port: Port) -> None:
    answer = member.send("POST", forwarding, web(port, description="web"))
    assert answer.status_code == 201, answer.content
    made = answer.json()["port_forwarding"]
    assert made == {
        "id": made["id"],
        "protocol": "tcp",
        "internal_port_id": str(port.id),
        "internal_ip_address": port.addresses.get().ip_address,
        "internal_port": 8080,
        "external_port": 80,
        "internal_port_range": "8080:8080",
        "external_port_range": "80:80",
        "description": "web",
    }
    floating = forwarding.rpartition("/")[0]
    shown = member.send("GET", floating).json()["floatingip"]
    assert (shown["status"], shown["port_id"]) == ("ACTIVE", None)
    assert shown["port_forwardings"][0]["external_port"] == 80
    lead = member.send("PUT", floating, {"floatingip": {"port_id": str(port.id)}})
    assert error_of(lead) == (409, "FloatingIpInUseByPortForwarding")
    path = f"{forwarding}/{made['id']}"
    changed = member.send("PUT", path, {"port_forwarding": {"external_port": 8081}})
    assert changed.json()["port_forwarding"]["external_port"] == 8081
    assert len(member.send("GET", forwarding).json()["port_forwardings"]) == 1
    assert member.send("DELETE", path).status_code == 204
    assert error_of(member.send("GET", path)) == (404, "PortForwardingNotFound")
    assert member.send("GET", floating).json()["floatingip"]["status"] == "DOWN"


def test_ranges_and_what_is_taken(member: ApiClient, forwarding: str, port: Port) -> None:
    many = {"internal_port": None, "external_port": None}
    ranged = {**many, "internal_port_range": "1000:1009", "external_port_range": "2000:2009"}
    answer = member.send("POST", forwarding, web(port, **ranged))
    assert answer.status_code == 201, answer.content
    assert answer.json()["port_forwarding"]["internal_port"] is None

    def post(**body: Any) -> tuple[int, str]:
        return error_of(member.send("POST", forwarding, web(port, **body)))

    found = {
        "taken": post(external_port=2005),
        "uneven": post(**{**ranged, "external_port_range": "3000:3004"}),
        "backwards": post(**{**ranged, "external_port_range": "3009:3000"}),
        "too many": post(**{**ranged, "external_port_range": "1:65535"}),
        "protocol": post(protocol="icmp"),
        "number": post(external_port=70000),
        "both": post(external_port_range="80:80"),
        "text": post(**{**many, "internal_port_range": "a", "external_port_range": "b"}),
        "neither": post(external_port=None),
    }
    assert found.pop("taken") == (409, "PortForwardingExists")
    assert {name: status for name, (status, _) in found.items()} == dict.fromkeys(found, 400)
    udp = member.send("POST", forwarding, web(port, protocol="udp", external_port=2005))
    assert udp.status_code == 201


def test_a_floating_ip_that_leads_forwards_nothing(
    member: ApiClient, forwarding: str, port: Port
) -> None:
    floating = forwarding.rpartition("/")[0]
    lead = member.send("PUT", floating, {"floatingip": {"port_id": str(port.id)}})
    assert lead.status_code == 200
    refused = member.send("POST", forwarding, web(port))
    assert error_of(refused) == (409, "FloatingIpAssociated")


def test_a_port_that_goes_takes_its_forwardings(
    member: ApiClient, forwarding: str, port: Port, context: RequestContext
) -> None:
    assert member.send("POST", forwarding, web(port)).status_code == 201
    PortManager(context).delete(port.id)
    assert not PortForwarding.objects.exists()
    assert FloatingIp.objects.get().router_id is None


def test_of_two_routers_the_gateways_leads(
    external: Network, subnet: Subnet, port: Port, context: RequestContext
) -> None:
    aside = make_port(subnet.network, context)
    other = make_router(context, external=external)
    RouterManager(context).add_interface(other.id, port_id=aside.id)
    router = make_router(context, subnets=[subnet], external=external)
    floating = make_floating_ip(context, external, port_id=port.id)
    assert floating.router_id == router.id


def test_a_device_shows_the_addresses_that_lead_to_it(
    external: Network, subnet: Subnet, port: Port, context: RequestContext
) -> None:
    make_router(context, subnets=[subnet], external=external)
    floating = make_floating_ip(context, external, port_id=port.id)
    (card,) = PortManager(context).cards([str(port.id)]).values()
    shown = [
        (one["addr"], one["OS-EXT-IPS:type"]) for one in addresses([card])[subnet.network.name]
    ]
    assert shown == [
        (port.addresses.get().ip_address, "fixed"),
        (floating.floating_ip_address, "floating"),
    ]
