"""The operators' pages of networks: they show, and they do by managers alone."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from network.manager import (
    AddressGroupManager,
    AddressScopeManager,
    RouterManager,
)
from network.models import (
    AddressGroup,
    AddressScope,
    Agent,
    DefaultSecurityGroupRule,
    FloatingIp,
    Network,
    Port,
    QosPolicy,
    RbacPolicy,
    Router,
    SecurityGroup,
    SegmentRange,
    Subnet,
    SubnetPool,
    Trunk,
)
from tests.builders.identity import make_member, make_project
from tests.builders.networks import (
    make_agent,
    make_group,
    make_network,
    make_pool,
    make_port,
    make_range,
    make_subnet,
    make_trunk,
    share,
)
from tests.builders.qos import make_qos_policy
from tests.builders.routers import make_external, make_floating_ip, make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
NOUNS = {
    "network": Network,
    "subnet": Subnet,
    "port": Port,
    "router": Router,
    "floatingip": FloatingIp,
    "qospolicy": QosPolicy,
    "securitygroup": SecurityGroup,
    "segmentrange": SegmentRange,
    "rbacpolicy": RbacPolicy,
    "subnetpool": SubnetPool,
    "addressscope": AddressScope,
    "addressgroup": AddressGroup,
    "trunk": Trunk,
    "defaultsecuritygrouprule": DefaultSecurityGroupRule,
}


@pytest.fixture
def operator(client: Client) -> Client:
    user = make_member("admin")
    client.force_login(user)
    return client


@pytest.fixture
def tenant() -> RequestContext:
    return RequestContext.system(project_id=make_project().pk)


def stock(tenant: RequestContext) -> Network:
    network = make_network(tenant)
    subnet = make_subnet(network, tenant)
    port = make_port(network, tenant, security_group_ids=[make_group(tenant).id])
    outside = Network.objects.filter(external=True).first() or make_external()
    make_qos_policy(tenant, egress=1000, dscp=26)
    make_router(tenant, subnets=[subnet], external=outside)
    make_floating_ip(tenant, outside, port_id=port.id)
    share(network, tenant)
    number = 10 * (SegmentRange.objects.count() + 1)
    make_range(minimum=number, maximum=number + 9)
    make_network(tenant, kind="vxlan", segmentation_id=number)
    AddressGroupManager(tenant).create(addresses=["10.1.1.1"])
    make_trunk(tenant, subports=2)
    scope = AddressScopeManager(tenant).create(ip_version=4)
    make_pool(
        tenant, prefixes=[f"10.{SubnetPool.objects.count()}.0.0/16"], address_scope_id=scope.id
    )
    return network


@pytest.mark.parametrize("noun", NOUNS)
def test_pages_show_and_offer_no_form(operator: Client, tenant: RequestContext, noun: str) -> None:
    stock(tenant)
    row = NOUNS[noun].objects.latest("created_at")
    assert operator.get(f"/admin/network/{noun}/").status_code == 200
    page = operator.get(f"/admin/network/{noun}/{row.pk}/change/")
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert operator.get(f"/admin/network/{noun}/add/").status_code == 403
    assert (
        operator.post(f"/admin/network/{noun}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    )
    assert NOUNS[noun].objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("noun", NOUNS)
def test_a_list_costs_the_same_for_many_rows(
    operator: Client, tenant: RequestContext, noun: str
) -> None:
    counts = []
    for _ in range(2):
        stock(tenant)
        with CaptureQueriesContext(connection) as queries:
            operator.get(f"/admin/network/{noun}/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def act(operator: Client, noun: str, action: str, row: Any) -> str:
    page = operator.post(
        f"/admin/network/{noun}/",
        {"action": action, "_selected_action": [str(row.pk)]},
        follow=True,
    )
    return str(page.content, "utf-8")


def test_ranges_say_what_is_used_and_hosts_take_routers_or_not(
    operator: Client, tenant: RequestContext
) -> None:
    stock(tenant)
    row = SegmentRange.objects.get()
    assert b"1 of 10, 9 free" in operator.get("/admin/network/segmentrange/").content
    page = operator.get(f"/admin/network/segmentrange/{row.pk}/change/").content
    assert f"10: net of {tenant.project_id}".encode() in page
    assert "referenced by one" in act(operator, "segmentrange", "delete_ranges", row)
    agent = make_agent("h1")
    assert "1 kept free" in act(operator, "agent", "keep_routers_away", agent)
    assert b"0, kept away" in operator.get("/admin/network/agent/").content
    assert "1 open" in act(operator, "agent", "take_routers", agent)
    assert b"kept away" not in operator.get("/admin/network/agent/").content


def test_actions_are_the_managers(operator: Client, tenant: RequestContext) -> None:
    network = stock(tenant)
    assert "ports still in use" in act(operator, "network", "delete_networks", network)
    qos = QosPolicy.objects.get()
    assert "1 shared" in act(operator, "qospolicy", "share", qos)
    assert "1 kept" in act(operator, "qospolicy", "unshare", qos)
    assert "1 deleted" in act(operator, "qospolicy", "delete_policies", qos)
    assert "1 shared" in act(operator, "network", "share", network)
    assert Network.objects.get(id=network.id).shared
    router, floating = Router.objects.get(), FloatingIp.objects.get()
    assert "1 switched off" in act(operator, "router", "switch_off", router)
    assert "still has ports" in act(operator, "router", "delete_routers", router)
    assert "1 released" in act(operator, "floatingip", "release", floating)
    assert "1 deleted" in act(operator, "floatingip", "delete_floating_ips", floating)
    RouterManager(tenant).remove_interface(router.id, subnet_id=network.subnets.get().id)
    assert "1 deleted" in act(operator, "router", "delete_routers", router)
    port = Port.objects.get(network=network)
    assert "1 deleted" in act(operator, "port", "delete_ports", port)
    assert "1 deleted" in act(operator, "network", "delete_networks", network)
    assert not Subnet.objects.filter(network__external=False).exists()


def columns(operator: Client, noun: str, css: str) -> list[str]:
    """Return what a column of an operators' list says, from the top."""
    page = operator.get(f"/admin/network/{noun}/").content.decode()
    found = re.findall(rf'<td class="field-{css}[^"]*">(.*?)</td>', page, re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in found]


def test_what_is_free_of_pools_is_shown(operator: Client, tenant: RequestContext) -> None:
    network = make_network(tenant)
    pools = [{"start": "10.0.0.10", "end": "10.0.0.19"}]
    make_subnet(network, tenant, allocation_pools=pools, enable_dhcp=False)
    make_port(network, tenant)
    make_port(network, tenant, fixed_ips=[{"ip_address": "10.0.0.99"}])  # in no pool
    assert columns(operator, "subnet", "pools") == ["10.0.0.10 - 10.0.0.19"]
    assert columns(operator, "subnet", "use") == ["1 of 10"]
    assert columns(operator, "subnet", "free") == ["9"]
    big = make_subnet(make_network(tenant), tenant, cidr="fd00::/64", enable_dhcp=False)
    assert columns(operator, "subnet", "free")[0] == "plenty", big


def test_a_port_says_why_it_cannot_be_reached(operator: Client, tenant: RequestContext) -> None:
    stock(tenant)
    Agent.objects.create(host="h9", created_at=now(), reported_at=now(), problems=["Odd it is."])
    port = Port.objects.get(device_owner="", trunk_role="", project_id=tenant.project_id)
    Port.objects.filter(id=port.id).update(host="h9", applied_revision=99)
    other = make_port(port.network, tenant)
    path = f"/admin/network/port/{port.pk}/trace/"
    assert path in operator.get("/admin/network/port/").content.decode()
    assert b"What to do" not in operator.get(path).content
    answers = {
        said: operator.get(path, query).content.decode()
        for said, query in {
            "No host has taken": {"protocol": "icmp"},
            "is on no host": {"protocol": "tcp", "port": "22", "source": str(other.id)},
            "could not be found": {"protocol": "icmp", "source": str(uuid.uuid4())},
            "Say to which port": {"protocol": "tcp"},
            "Write a port&#x27;s id": {"protocol": "icmp", "source": "10.0.0"},
        }.items()
    }
    assert not {said for said, page in answers.items() if said not in page}
    back = f"/admin/network/port/{other.pk}/trace/"
    page = operator.get(back, {"protocol": "icmp", "source": str(port.id)}).content.decode()
    assert "The host of" in page
    assert "h9: Odd it is." in page
    assert operator.get(f"/admin/network/port/{uuid.uuid4()}/trace/").status_code == 404
