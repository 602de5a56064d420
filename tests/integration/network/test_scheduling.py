"""Which host serves what through the API: routers are taken elsewhere, DHCP follows ports."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network import states
from network.models import Agent, Network, Port, Router, Subnet
from operations.models import Operation, Service
from tests.builders.compute import long_ago
from tests.builders.identity import ApiClient
from tests.builders.networks import make_agent, make_network, make_port
from tests.builders.routers import make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"


@pytest.fixture
def agents() -> dict[str, str]:
    found = {host: str(make_agent(host).id) for host in ("h1", "h2", "h3")}
    Service.objects.filter(host="h3").update(last_seen_at=long_ago())
    return found


def error_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["NeutronError"]["type"]


def routed(context: RequestContext, subnet: Subnet) -> Router:
    router = make_router(context, subnets=[subnet])
    Router.objects.filter(id=router.id).update(host="h1")
    Port.objects.filter(router_port__router=router).update(host="h1")
    return Router.objects.get(id=router.id)


def test_a_router_is_taken_elsewhere_and_back(
    admin: ApiClient, context: RequestContext, subnet: Subnet, agents: dict[str, str]
) -> None:
    router = routed(context, subnet)
    of_router = f"{V2}/routers/{router.id}/l3-agents"

    def places() -> tuple[list[str], dict[str, int]]:
        holders = [one["host"] for one in admin.send("GET", of_router).json()["agents"]]
        held = {
            host: len(admin.send("GET", f"{V2}/agents/{key}/l3-routers").json()["routers"])
            for host, key in agents.items()
        }
        return holders, held

    assert places() == (["h1"], {"h1": 1, "h2": 0, "h3": 0})
    body = {"router_id": str(router.id)}
    added = admin.send("POST", f"{V2}/agents/{agents['h2']}/l3-routers", body)
    assert (added.status_code, added.json()) == (201, {})
    assert places() == (["h2"], {"h1": 0, "h2": 1, "h3": 0})
    assert {*Port.objects.filter(router_port__router=router).values_list("host", flat=True)} == {
        "h2"
    }
    kinds = {*Operation.objects.values_list("kind", flat=True)}
    assert {"network.remove_router", "network.refresh_router"} <= kinds
    revision = Router.objects.get(id=router.id).wiring_revision
    admin.send("POST", f"{V2}/agents/{agents['h2']}/l3-routers", body)  # it is there
    assert Router.objects.get(id=router.id).wiring_revision == revision
    path = f"{V2}/agents/{agents['h2']}/l3-routers/{router.id}"
    assert admin.send("DELETE", path).status_code == 204
    assert places()[0] == ["h1"]
    assert error_of(admin.send("DELETE", path)) == (409, "RouterNotHostedByL3Agent")


def test_what_a_host_cannot_have_is_refused(
    admin: ApiClient, context: RequestContext, subnet: Subnet, agents: dict[str, str]
) -> None:
    router = routed(context, subnet)
    lone = make_router(context)
    body, nobody = {"router_id": str(router.id)}, str(uuid.uuid4())
    other = f"{V2}/agents/{agents['h2']}/l3-routers"
    refused = {
        "down": admin.send("POST", f"{V2}/agents/{agents['h3']}/l3-routers", body),
        "without ports": admin.send("POST", other, {"router_id": str(lone.id)}),
        "no agent": admin.send("POST", f"{V2}/agents/{nobody}/l3-routers", body),
        "no router": admin.send("POST", other, {"router_id": nobody}),
    }
    assert {name: error_of(answer) for name, answer in refused.items()} == {
        "down": (409, "InvalidL3Agent"),
        "without ports": (409, "InvalidL3Agent"),
        "no agent": (404, "AgentNotFound"),
        "no router": (404, "RouterNotFound"),
    }
    assert admin.send("POST", other, {}).status_code == 400
    make_port(subnet.network, context, host="h1", device_owner="compute:nova")
    assert error_of(admin.send("POST", other, body)) == (409, "InvalidL3Agent")
    path = f"{V2}/agents/{agents['h1']}/l3-routers/{router.id}"
    assert error_of(admin.send("DELETE", path)) == (409, "RouterReschedulingFailed")
    Agent.objects.filter(host="h2").update(takes_routers=False)
    assert error_of(admin.send("POST", other, body)) == (409, "InvalidL3Agent")
    assert Router.objects.get(id=router.id).host == "h1"


def test_dhcp_is_where_the_ports_are(
    admin: ApiClient, context: RequestContext, subnet: Subnet, agents: dict[str, str]
) -> None:
    port = make_port(subnet.network, context, host="h1")
    Port.objects.filter(id=port.id).update(status=states.ACTIVE, applied_revision=1)
    bare = make_port(make_network(context), context, host="h1")
    Port.objects.filter(id=bare.id).update(applied_revision=1)
    key, body = str(subnet.network_id), {"network_id": str(subnet.network_id)}
    answering = admin.send("GET", f"{V2}/networks/{key}/dhcp-agents").json()["agents"]
    assert [one["host"] for one in answering] == ["h1"]
    none = admin.send("GET", f"{V2}/networks/{bare.network_id}/dhcp-agents").json()
    assert none == {"agents": []}
    found = {
        host: [
            one["id"]
            for one in admin.send("GET", f"{V2}/agents/{agent}/dhcp-networks").json()["networks"]
        ]
        for host, agent in agents.items()
    }
    assert found == {"h1": [key], "h2": [], "h3": []}
    served, other = (f"{V2}/agents/{agents[host]}/dhcp-networks" for host in ("h1", "h2"))
    assert admin.send("POST", served, body).status_code == 201
    assert admin.send("DELETE", f"{other}/{key}").status_code == 204
    assert error_of(admin.send("POST", other, body)) == (409, "DhcpFollowsPorts")
    assert error_of(admin.send("DELETE", f"{served}/{key}")) == (409, "DhcpFollowsPorts")
    gone = admin.send("GET", f"{V2}/networks/{uuid.uuid4()}/dhcp-agents")
    assert error_of(gone) == (404, "NetworkNotFound")
    assert Network.objects.filter(id=subnet.network_id).exists()


def test_routers_have_one_provider(member: ApiClient) -> None:
    path = f"{V2}/service-providers"
    (one,) = member.send("GET", path).json()["service_providers"]
    assert (one["service_type"], one["default"]) == ("L3_ROUTER_NAT", True)
    found = {
        query: len(member.send("GET", f"{path}?{query}").json()["service_providers"])
        for query in (
            "default=True",
            "default=false",
            "service_type=VPN",
            "service_type=L3_ROUTER_NAT",
        )
    }
    assert found == {
        "default=True": 1, "default=false": 0, "service_type=VPN": 0, "service_type=L3_ROUTER_NAT": 1,
    }  # fmt: skip
    assert member.send("GET", f"{path}?colour=red").status_code == 400
