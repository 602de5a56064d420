"""Get me a network."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.manager import AutoAllocatedTopologyManager, NetworkManager
from network.models import AutoAllocatedTopology, Network, Router, Subnet
from tests.builders.identity import ApiClient
from tests.builders.networks import make_pool, make_port
from tests.builders.routers import make_external
from tests.builders.threads import at_once

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
PATH = "/network/v2.0/auto-allocated-topology"


@pytest.fixture
def ready() -> None:
    """What operators say of projects' networks."""
    make_external(is_default=True)
    system = RequestContext.system(project_id=uuid.uuid4().hex)
    make_pool(system, is_default=True, shared=True)
    make_pool(
        system, prefixes=["2001:db8::/48"], default_prefixlen=64, is_default=True, shared=True
    )


def kind(answer: Any) -> tuple[int, str]:
    error = answer.json().get("NeutronError", {}) if answer.content else {}
    return answer.status_code, error.get("type", "")


@pytest.mark.usefixtures("ready")
def test_a_project_gets_one_and_the_same(member: ApiClient, project: Any) -> None:
    path = f"{PATH}/{project.pk}"
    dry = member.send("GET", f"{path}?fields=dry-run").json()["auto_allocated_topology"]
    assert dry == {"id": "dry-run=pass", "tenant_id": project.pk, "project_id": project.pk}
    assert not Network.objects.filter(project_id=project.pk).exists()
    made = member.send("GET", path).json()["auto_allocated_topology"]
    assert member.send("GET", path).json()["auto_allocated_topology"] == made
    network = Network.objects.get(project_id=project.pk)
    assert made == {"id": str(network.id), "tenant_id": project.pk, "project_id": project.pk}
    cidrs = {*Subnet.objects.filter(network=network).values_list("cidr", flat=True)}
    assert cidrs == {"10.128.0.0/26", "2001:db8::/64"}
    router = Router.objects.get()
    assert router.gateway is not None
    assert router.router_ports.count() == 3
    port = make_port(network)
    assert kind(member.send("DELETE", path)) == (409, "NetworkInUse")
    assert Router.objects.get().router_ports.count() == 3  # nothing of it went
    port.delete()
    assert member.send("DELETE", path).status_code == 204
    assert not Network.objects.filter(project_id=project.pk).exists()
    assert not Router.objects.exists()
    assert kind(member.send("DELETE", path)) == (404, "AutoAllocatedTopologyNotFound")


def test_what_is_lacking_is_said(member: ApiClient, admin: ApiClient, project: Any) -> None:
    path = f"{PATH}/{project.pk}"
    dry = f"{path}?fields=dry-run"
    assert kind(member.send("GET", path)) == (409, "AutoAllocationFailure")
    make_external(is_default=True)
    assert kind(member.send("GET", dry)) == (409, "AutoAllocationFailure")
    make_pool(RequestContext.system(project_id=uuid.uuid4().hex), is_default=True, shared=True)
    assert member.send("GET", dry).status_code == 200
    other = uuid.uuid4().hex
    assert kind(member.send("GET", f"{PATH}/{other}")) == (403, "PolicyNotAuthorized")
    assert admin.send("GET", f"{PATH}/{other}").status_code == 200
    assert Network.objects.filter(project_id=other).count() == 1


@pytest.mark.usefixtures("ready")
def test_it_goes_with_its_network_and_outlives_its_router(
    member: ApiClient, project: Any, context: RequestContext
) -> None:
    manager = AutoAllocatedTopologyManager(context)
    found = manager.get(project.pk)
    (router,) = Router.objects.all()
    member.send("DELETE", f"/network/v2.0/routers/{router.id}")
    assert Router.objects.exists()  # it has interfaces
    for row in router.router_ports.filter(is_gateway=False):
        body = {"port_id": str(row.port_id)}
        member.send("PUT", f"/network/v2.0/routers/{router.id}/remove_router_interface", body)
    assert member.send("DELETE", f"/network/v2.0/routers/{router.id}").status_code == 204
    assert manager.get(project.pk).router_id is None
    NetworkManager(context).delete(found.network_id)
    assert not AutoAllocatedTopology.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("ready")
def test_all_of_several_at_once_get_the_same(context: RequestContext) -> None:
    manager = AutoAllocatedTopologyManager(context)
    project = context.scoped_project_id
    found = at_once([lambda: manager.get(project).network_id for _ in range(8)])
    assert {*found} == {Network.objects.get(project_id=project).id}
