"""The real openstack command against networks, and the requests it makes (contract 12.8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_started

from identity.bootstrap import bootstrap
from identity.models import User
from network.bootstrap import ensure_demo_network, ensure_public_network
from network.models import Network, Port, Router, SecurityGroup
from tests.builders.networks import make_agent
from tests.builders.openstack import Command
from tests.builders.servers import make_server

pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]
V2 = "/network/v2.0"


class NetworkCommand(Command):
    """The command as the demo user; ``requests`` are network's alone."""

    cloud = "cloudweb"

    def record(self, environ: dict[str, Any], **more: Any) -> None:
        """Note a request to network as it comes in."""
        if environ["PATH_INFO"].startswith("/network"):
            super().record(environ, **more)


@pytest.fixture
def openstack(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[NetworkCommand]:
    """The command, for a cloud after its first minute."""
    settings.PUBLIC_URL = live_server.url
    clouds = tmp_path / "clouds.yaml"
    made = bootstrap(admin_password="operator", demo_password="demo", clouds_file=clouds)
    ensure_public_network(project_id=made.admin.project_id)
    ensure_demo_network(made.demo.project_id)
    command = NetworkCommand(clouds)
    request_started.connect(command.record)
    yield command
    request_started.disconnect(command.record)


def test_networks_are_found_by_name_in_two_requests(openstack: NetworkCommand) -> None:
    shown = openstack.json("network", "show", "demo")
    assert (shown["name"], shown["status"], shown["shared"]) == ("demo", "ACTIVE", False)
    assert openstack.requests == [f"GET {V2}/networks/demo", f"GET {V2}/networks?name=demo"]
    assert {row["Name"] for row in openstack.json("network", "list")} == {"demo", "public"}
    assert [row["Name"] for row in openstack.json("network", "list", "--external")] == ["public"]


def test_a_network_of_ones_own(openstack: NetworkCommand) -> None:
    openstack.text("network", "create", "web", "--mtu", "1400", "--description", "d", "--tag", "t")
    subnet = openstack.json(
        "subnet", "create", "web4", "--network", "web", "--subnet-range", "10.7.0.0/24",
        "--dns-nameserver", "10.7.0.53", "--allocation-pool", "start=10.7.0.10,end=10.7.0.20",
        "--host-route", "destination=10.99.0.0/24,gateway=10.7.0.9",
    )  # fmt: skip
    assert subnet["gateway_ip"] == "10.7.0.1"
    openstack.text("subnet", "set", "web4", "--no-dhcp", "--gateway", "none", "--name", "web-4")
    assert openstack.json("subnet", "show", "web-4")["gateway_ip"] is None
    openstack.text("network", "set", "web", "--disable", "--name", "web2")
    assert openstack.json("network", "show", "web2")["status"] == "DOWN"
    assert [row["Name"] for row in openstack.json("network", "list", "--tags", "t")] == ["web2"]
    openstack.text("subnet", "delete", "web-4")
    openstack.text("network", "delete", "web2")
    assert not Network.objects.filter(name="web2").exists()


def test_a_router_leads_outside_and_back(openstack: NetworkCommand) -> None:
    openstack.text("router", "create", "r1", "--external-gateway", "public", "--description", "d")
    openstack.text("router", "add", "subnet", "r1", "demo")
    router = openstack.json("router", "show", "r1")
    assert router["external_gateway_info"]["external_fixed_ips"][0]["ip_address"]
    assert [one["ip_address"] for one in router["interfaces_info"]] == ["10.20.0.1"]
    openstack.text(
        "router", "add", "route", "r1", "--route", "destination=10.99.0.0/24,gateway=10.20.0.9"
    )
    openstack.text(
        "router", "remove", "route", "r1", "--route", "destination=10.99.0.0/24,gateway=10.20.0.9"
    )
    port = openstack.json("port", "create", "p", "--network", "demo")
    floating = openstack.json("floating", "ip", "create", "public", "--port", "p")
    address = floating["floating_ip_address"]
    assert floating["fixed_ip_address"] == port["fixed_ips"][0]["ip_address"]
    listed = openstack.json("floating", "ip", "list", "--port", "p")
    assert [row["Floating IP Address"] for row in listed] == [address]
    openstack.text("floating", "ip", "unset", "--port", address)
    server = str(make_server(User.objects.get(name="demo")).id)
    Port.objects.filter(id=port["id"]).update(device_id=server)
    openstack.text("server", "add", "floating", "ip", server, address)
    assert openstack.json("floating", "ip", "show", address)["port_id"] == port["id"]
    openstack.text("server", "remove", "floating", "ip", server, address)
    assert openstack.json("floating", "ip", "show", address)["port_id"] is None
    openstack.text(
        "floating", "ip", "port", "forwarding", "create", address, "--protocol", "tcp",
        "--port", "p", "--internal-protocol-port", "22", "--external-protocol-port", "2222",
        "--internal-ip-address", floating["fixed_ip_address"],
    )  # fmt: skip
    (forwarding,) = openstack.json("floating", "ip", "port", "forwarding", "list", address)
    assert (forwarding["Internal Port"], forwarding["External Port"]) == (22, 2222)
    openstack.text("floating", "ip", "port", "forwarding", "delete", address, forwarding["ID"])
    openstack.text("floating", "ip", "delete", address)
    openstack.text("router", "remove", "subnet", "r1", "demo")
    openstack.text("router", "unset", "--external-gateway", "r1")
    openstack.text("router", "delete", "r1")
    assert not Router.objects.exists()


def test_ports(openstack: NetworkCommand) -> None:
    port = openstack.json(
        "port", "create", "p1", "--network", "demo", "--fixed-ip", "ip-address=10.20.0.77",
        "--allowed-address", "ip-address=10.20.0.200", "--security-group", "default",
    )  # fmt: skip
    assert port["fixed_ips"][0]["ip_address"] == "10.20.0.77"
    listed = openstack.json("port", "list", "--fixed-ip", "ip-address=10.20.0.77")
    assert [row["Name"] for row in listed] == ["p1"]
    assert any("fields=fixed_ips" in request for request in openstack.requests)
    openstack.text("port", "set", "p1", "--name", "p2", "--disable")
    openstack.text("port", "set", "p2", "--no-allowed-address")
    openstack.text("port", "set", "p2", "--no-security-group", "--disable-port-security")
    assert openstack.json("port", "show", "p2")["port_security_enabled"] is False
    assert "still in use" in openstack.refusal("network", "delete", "demo")
    openstack.text("port", "delete", "p2")
    assert not Port.objects.filter(name="p2").exists()


def test_security_groups_and_rules(openstack: NetworkCommand) -> None:
    openstack.text("security", "group", "create", "web", "--description", "d")
    rule = openstack.json(
        "security", "group", "rule", "create", "web", "--protocol", "tcp", "--dst-port", "80:81"
    )
    assert (rule["port_range_min"], rule["port_range_max"]) == (80, 81)
    assert rule["remote_ip_prefix"] == "0.0.0.0/0"
    for words in (
        ("--protocol", "icmp"),
        ("--protocol", "icmp", "--icmp-type", "8", "--icmp-code", "0", "--remote-ip", "10.0.0.0/8"),
        ("--ethertype", "IPv6", "--protocol", "ipv6-icmp"),
        ("--remote-group", "default"),
        ("--egress", "--protocol", "udp", "--dst-port", "53"),
    ):
        openstack.text("security", "group", "rule", "create", "web", *words)
    assert len(openstack.json("security", "group", "rule", "list", "web")) == 8
    again = openstack.refusal(
        "security", "group", "rule", "create", "web", "--protocol", "tcp", "--dst-port", "80:81"
    )
    assert "already exists" in again
    openstack.text("security", "group", "rule", "delete", rule["id"])
    openstack.text("security", "group", "set", "web", "--name", "web2")
    names = {row["Name"] for row in openstack.json("security", "group", "list")}
    assert names == {"default", "web2"}
    openstack.text("security", "group", "delete", "web2")
    assert not SecurityGroup.objects.filter(is_default=False).exists()
    assert "default" in openstack.refusal("security", "group", "delete", "default")


def test_what_operators_do(openstack: NetworkCommand) -> None:
    made = openstack.json(
        "network", "create", "wide", "--share", "--provider-network-type", "local",
        cloud="cloudweb-admin",
    )  # fmt: skip
    assert made["provider:network_type"] == "local"
    assert "wide" in {row["Name"] for row in openstack.json("network", "list")}
    assert "rule:" in openstack.refusal("network", "create", "mine", "--share")
    assert "public is in use" in openstack.refusal(
        "network", "create", "x", "--provider-network-type", "flat",
        "--provider-physical-network", "public", cloud="cloudweb-admin",
    )  # fmt: skip


def test_networks_have_numbers_from_ranges(openstack: NetworkCommand) -> None:
    admin = {"cloud": "cloudweb-admin"}
    ranges = ("network", "segment", "range")
    made = openstack.json(
        *ranges, "create", "tunnels", "--network-type", "vxlan", "--minimum", "700",
        "--maximum", "702", **admin,
    )  # fmt: skip
    assert (made["shared"], made["available"]) == (True, ["700-702"])
    vxlan = ("network", "create", "--provider-network-type", "vxlan")
    network = openstack.json(*vxlan, "blue", **admin)
    assert network["provider:segmentation_id"] in {700, 701, 702}
    openstack.text(*vxlan, "--provider-segment", "9000", "far", **admin)
    assert "tunnel ID 9000 is in use" in openstack.refusal(
        *vxlan, "--provider-segment", "9000", "again", **admin
    )
    shown = openstack.json(*ranges, "show", "tunnels", **admin)
    assert shown["used"] == {network["project_id"]: [str(network["provider:segmentation_id"])]}
    assert [row["Name"] for row in openstack.json(*ranges, "list", "--used", **admin)] == [
        "tunnels"
    ]
    openstack.text(*ranges, "set", "--name", "t2", "tunnels", **admin)
    assert "referenced" in openstack.refusal(*ranges, "delete", "t2", **admin)
    segments = openstack.json("network", "segment", "list", "--network", "far", **admin)
    assert [row["Segment"] for row in segments] == [9000]
    openstack.text("network", "segment", "set", "--name", "rack", segments[0]["ID"], **admin)
    named = openstack.json("network", "segment", "show", segments[0]["ID"], **admin)
    assert (named["name"], named["network_id"]) == ("rack", segments[0]["ID"])
    openstack.text("network", "delete", "blue", **admin)
    openstack.text(*ranges, "delete", "t2", **admin)
    assert openstack.refusal("network", "segment", "range", "list")


def test_quotas_are_set_and_shown(openstack: NetworkCommand) -> None:
    project = openstack.json("project", "show", "demo", cloud="cloudweb-admin")["id"]
    openstack.text("network", "create", "second")
    openstack.text(
        "quota", "set", "--networks", "7", "--ports", "8", project, cloud="cloudweb-admin"
    )
    shown = openstack.json("quota", "show", project, cloud="cloudweb-admin")
    limits = {row["Resource"]: row["Limit"] for row in shown}
    assert (limits["networks"], limits["ports"]) == (7, 8)
    low = ("quota", "set", "--networks", "1", project)
    assert "network 1 (used: 2)" in openstack.refusal(*low, cloud="cloudweb-admin")
    openstack.text(*low, "--force", cloud="cloudweb-admin")
    openstack.text("quota", "delete", "--network", project, cloud="cloudweb-admin")
    shown = openstack.json("quota", "show", project, cloud="cloudweb-admin")
    assert {row["Resource"]: row["Limit"] for row in shown}["networks"] == 100


def test_agents_are_for_operators(openstack: NetworkCommand) -> None:
    agent = make_agent("h1")
    (row,) = openstack.json("network", "agent", "list", cloud="cloudweb-admin")
    assert (row["ID"], row["Host"], row["Alive"], row["State"]) == (str(agent.id), "h1", True, True)
    openstack.text(
        "network", "agent", "set", "--description", "rack 4", row["ID"], cloud="cloudweb-admin"
    )
    shown = openstack.json("network", "agent", "show", row["ID"], cloud="cloudweb-admin")
    assert (shown["binary"], shown["description"]) == ("neutron-linuxbridge-agent", "rack 4")
    assert openstack.json("network", "agent", "list") == []


def test_extensions_and_zones(openstack: NetworkCommand) -> None:
    aliases = {row["Alias"] for row in openstack.json("extension", "list", "--network")}
    assert "security-group" in aliases
    assert "binding-extended" not in aliases
    zones = openstack.json("availability", "zone", "list", "--network")
    assert [zone["Zone Name"] for zone in zones] == ["nova"]
    assert openstack.requests[0] == f"GET {V2}/extensions/Availability%20Zone" or (
        f"GET {V2}/extensions/Availability Zone" in openstack.requests
    )


def test_traffic_is_held_to_a_policy(openstack: NetworkCommand) -> None:
    openstack.cloud = "cloudweb-admin"
    openstack.text("network", "qos", "policy", "create", "gold", "--share")
    openstack.text(
        "network", "qos", "rule", "create", "gold", "--type", "bandwidth-limit",
        "--max-kbps", "8000", "--max-burst-kbits", "800", "--ingress",
    )  # fmt: skip
    openstack.text(
        "network", "qos", "rule", "create", "gold", "--type", "dscp-marking", "--dscp-mark", "26"
    )
    rules = {row["Type"]: row for row in openstack.json("network", "qos", "rule", "list", "gold")}
    assert (rules["bandwidth_limit"]["Max Kbps"], rules["dscp_marking"]["DSCP mark"]) == (8000, 26)
    limit = rules["bandwidth_limit"]["ID"]
    openstack.text("network", "qos", "rule", "set", "gold", limit, "--max-kbps", "9000")
    offered = {row["Type"] for row in openstack.json("network", "qos", "rule", "type", "list")}
    assert offered == {"bandwidth_limit", "dscp_marking"}
    (provider,) = openstack.json("network", "service", "provider", "list")
    assert provider["Service Type"] == "L3_ROUTER_NAT"
    openstack.cloud = "cloudweb"
    openstack.text("network", "set", "demo", "--qos-policy", "gold")
    shown = openstack.json("network", "show", "demo")["qos_policy_id"]
    assert shown == openstack.json("network", "qos", "policy", "show", "gold")["id"]


def test_a_router_is_taken_to_another_agent(openstack: NetworkCommand) -> None:
    for host in ("h1", "h2"):
        make_agent(host)
    openstack.text("router", "create", "r1")
    openstack.text("router", "add", "subnet", "r1", "demo")
    openstack.cloud = "cloudweb-admin"
    (agent,) = openstack.json("network", "agent", "list", "--router", "r1")
    other = next(
        row["ID"] for row in openstack.json("network", "agent", "list") if row["ID"] != agent["ID"]
    )
    openstack.text("network", "agent", "add", "router", "--l3", other, "r1")
    (found,) = openstack.json("network", "agent", "list", "--router", "r1")
    assert found["ID"] == other
    assert [row["Name"] for row in openstack.json("router", "list", "--agent", other)] == ["r1"]
