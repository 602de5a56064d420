"""The real openstack command on what projects share, on address plans, and on groups without state."""

from __future__ import annotations

import pytest

from network.bootstrap import ensure_public_network
from network.models import Subnet
from tests.builders.openstack import Command

pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]
TENANT = "cloudweb"


@pytest.fixture
def tenant(openstack: Command) -> Command:
    """The command as the demo user."""
    openstack.cloud = TENANT
    return openstack


def test_a_network_is_shared_with_one_project(tenant: Command) -> None:
    other = tenant.json("project", "create", "other", cloud="cloudweb-admin")["id"]
    tenant.text("network", "create", "web")
    words = ("--type", "network", "--action", "access_as_shared", "--target-project", other)
    policy = tenant.json("network", "rbac", "create", *words, "web")
    assert policy["target_project_id"] == other
    (listed,) = tenant.json("network", "rbac", "list", "--type", "network", "--long")
    assert (listed["ID"], listed["Action"]) == (policy["id"], "access_as_shared")
    third = tenant.json("project", "create", "third", cloud="cloudweb-admin")["id"]
    tenant.text("network", "rbac", "set", "--target-project", third, policy["id"])
    assert tenant.json("network", "rbac", "show", policy["id"])["target_project_id"] == third
    tenant.text("network", "rbac", "delete", policy["id"])
    assert tenant.json("network", "rbac", "list") == []


def test_subnets_from_a_plan(tenant: Command) -> None:
    scope = tenant.json("address", "scope", "create", "s", "--ip-version", "4")
    tenant.text(
        "subnet", "pool", "create", "plan", "--pool-prefix", "10.128.0.0/16",
        "--default-prefix-length", "26", "--address-scope", "s", "--tag", "t",
    )  # fmt: skip
    tenant.text("subnet", "pool", "set", "plan", "--pool-prefix", "10.130.0.0/16")
    shown = tenant.json("subnet", "pool", "show", "plan")
    assert shown["prefixes"] == ["10.128.0.0/16", "10.130.0.0/16"]
    tenant.text("network", "create", "web")
    subnet = tenant.json("subnet", "create", "web4", "--network", "web", "--subnet-pool", "plan")
    assert subnet["cidr"] == "10.128.0.0/26"
    (row,) = tenant.json("ip", "availability", "list")
    assert (row["Network Name"], row["Used IPs"]) == ("web", 0)
    assert tenant.json("ip", "availability", "show", "web")["total_ips"] == 61
    assert tenant.json("network", "show", "web")["ipv4_address_scope"] == scope["id"]
    tenant.text("network", "create", "old")
    tenant.text("subnet", "create", "old4", "--network", "old", "--subnet-range", "10.9.0.0/24")
    tenant.text("subnet", "pool", "add", "network", "old", "plan")
    assert Subnet.objects.get(name="old4").subnet_pool is not None
    assert "existing allocations" in tenant.refusal("subnet", "pool", "delete", "plan")


def test_groups_of_addresses_and_groups_without_state(tenant: Command) -> None:
    tenant.text("address", "group", "create", "offices", "--address", "198.51.100.0/24")
    tenant.text("address", "group", "set", "offices", "--address", "192.0.2.7")
    tenant.text("address", "group", "unset", "offices", "--address", "198.51.100.0/24")
    assert tenant.json("address", "group", "show", "offices")["addresses"] == ["192.0.2.7/32"]
    group = tenant.json("security", "group", "create", "dns", "--stateless")
    assert group["stateful"] is False
    rule = tenant.json(
        "security", "group", "rule", "create", "dns", "--protocol", "udp", "--dst-port", "53",
        "--remote-address-group", "offices",
    )  # fmt: skip
    assert rule["remote_address_group_id"]
    assert "in use" in tenant.refusal("address", "group", "delete", "offices")
    tenant.text("security", "group", "set", "dns", "--stateful")


def test_a_port_carries_others(tenant: Command) -> None:
    tenant.text("network", "create", "web")
    for name in ("p", "one", "two"):
        tenant.text("port", "create", "--network", "web", name)
    one = "port=one,segmentation-type=vlan,segmentation-id=7"
    create = ("network", "trunk", "create", "t", "--parent-port", "p", "--subport", one)
    assert tenant.json(*create)["status"] == "DOWN"
    two = "port=two,segmentation-type=vlan,segmentation-id=8"
    tenant.text("network", "trunk", "set", "t", "--subport", two, "--description", "d")
    rows = tenant.json("network", "subport", "list", "--trunk", "t")
    assert [row["Segmentation ID"] for row in rows] == [7, 8]
    (listed,) = tenant.json("network", "trunk", "list", "--long")
    assert (listed["Name"], listed["Description"], listed["Status"]) == ("t", "d", "DOWN")
    details = tenant.json("port", "show", "p")["trunk_details"]
    assert [port["segmentation_id"] for port in details["sub_ports"]] == [7, 8]
    tenant.text("network", "trunk", "unset", "t", "--subport", "one")
    assert len(tenant.json("network", "trunk", "show", "t")["sub_ports"]) == 1
    assert "is the parent port of trunk" in tenant.refusal("port", "delete", "p")
    tenant.text("network", "trunk", "set", "t", "--disable")
    assert "disabled" in tenant.refusal("network", "trunk", "unset", "t", "--subport", "two")
    tenant.text("network", "trunk", "delete", "t")
    assert tenant.json("network", "trunk", "list") == []
    tenant.text("port", "delete", "p", "one", "two")


def test_a_network_by_a_word(tenant: Command) -> None:
    check = ("network", "auto", "allocated", "topology", "create", "--check-resources")
    assert "No default" in tenant.refusal(*check)
    operator = tenant.json("project", "show", "admin", cloud="cloudweb-admin")["id"]
    ensure_public_network(project_id=operator)
    tenant.text(
        "subnet", "pool", "create", "plan", "--pool-prefix", "10.128.0.0/16", "--default", "--share",
        "--default-prefix-length", "26", cloud="cloudweb-admin",
    )  # fmt: skip
    made = tenant.json("network", "auto", "allocated", "topology", "create")
    assert tenant.json("network", "show", made["id"])["name"] == "auto_allocated_network"
    tenant.text("network", "auto", "allocated", "topology", "delete")
