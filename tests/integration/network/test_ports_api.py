"""Ports as clients use them: wire form, what they are found by, what a change leaves."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import pre_init
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from network.manager import PortManager
from network.models import Port, PortAddress, PortSecurityGroup, SecurityGroup
from tests.builders.identity import ApiClient
from tests.builders.network_api import V2, error_of, names
from tests.builders.networks import make_group, make_network, make_port, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def test_a_port_on_the_wire(member: ApiClient, admin: ApiClient, context: RequestContext) -> None:
    network = make_network(context)
    make_subnet(network)
    body = {"port": {"network_id": str(network.id), "dns_name": "web"}}
    port = member.send("POST", f"{V2}/ports", body).json()["port"]
    assert port["fixed_ips"][0]["ip_address"] == "10.0.0.2"
    assert port["dns_assignment"][0]["fqdn"] == "web.cloudweb.internal."
    assert (port["status"], port["binding:vnic_type"]) == ("DOWN", "normal")
    assert not {"binding:host_id", "binding:profile"} & set(port)
    assert "binding:host_id" in admin.send("GET", f"{V2}/ports/{port['id']}").json()["port"]


def test_ports_are_found_by_address_part_subnet_and_group(
    member: ApiClient, context: RequestContext
) -> None:
    network = make_network(context)
    subnet = make_subnet(network)
    group = make_group(context)
    make_port(network, context, name="a", security_group_ids=[group.id])
    make_port(network, context, name="b", fixed_ips=[{"ip_address": "10.0.0.77"}])
    assert names(member, "/ports?fixed_ips=ip_address%3D10.0.0.77") == ["b"]
    assert names(member, "/ports?fixed_ips=ip_address=10.0.0.77&fixed_ips=ip_address=10.0.0.2") == [
        "a",
        "b",
    ]
    assert names(member, "/ports?fixed_ips=ip_address_substr=.77") == ["b"]
    assert names(member, f"/ports?fixed_ips=subnet_id={subnet.id}") == ["a", "b"]
    assert names(member, f"/ports?security_groups={group.id}") == ["a"]


def test_a_port_is_the_same_in_a_list_as_alone(
    member: ApiClient, admin: ApiClient, context: RequestContext
) -> None:
    network = make_network(context, dns_domain="home.example.")
    subnet = make_subnet(network)
    make_subnet(network, cidr="fd00::/64", ipv6_address_mode="slaac", ipv6_ra_mode="slaac")
    ids = [make_group(context, name=name).id for name in ("web", "db")]
    full = make_port(
        network, context, name="full", hostname="web", security_group_ids=ids, host="h1",
        allowed_address_pairs=[{"ip_address": "10.0.0.0/30"}], binding_profile={"a": [1]},
        extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "9000", "ip_version": 4}],
    )  # fmt: skip
    PortManager(context).set_tags(full.id, ["red", "blue"])
    make_port(network, context, fixed_ips=[], security_group_ids=[], port_security_enabled=False)
    make_port(make_network(context), context, admin_state_up=False)
    for client in (member, admin):
        listed = client.send("GET", f"{V2}/ports?sort_key=mac_address").json()["ports"]
        assert len(listed) == 3
        for one in listed:
            assert client.send("GET", f"{V2}/ports/{one['id']}").json()["port"] == one
    twice = f"fixed_ips=subnet_id={subnet.id}&fixed_ips=ip_address_substr=:"
    found = member.send("GET", f"{V2}/ports?{twice}&limit=1").json()["ports"]
    assert found == []  # keys are AND-ed on one address
    both = f"security_groups={ids[0]}&security_groups={ids[1]}&limit=5"
    assert names(member, f"/ports?{both}") == ["full"]


def test_a_groups_mac_address_may_be_said(member: ApiClient, context: RequestContext) -> None:
    network = make_network(context)
    make_subnet(network)
    mac = "01:00:5e:00:00:12"
    pairs = [{"ip_address": "10.0.0.77", "mac_address": "01-00-5E-00-00-12"}]
    body = {
        "port": {"network_id": str(network.id), "mac_address": mac, "allowed_address_pairs": pairs}
    }
    shown = member.send("POST", f"{V2}/ports", body).json()["port"]
    assert (shown["mac_address"], shown["allowed_address_pairs"][0]["mac_address"]) == (mac, mac)


def test_operator_attributes_are_not_searched_by_tenants(
    member: ApiClient, admin: ApiClient
) -> None:
    refused = member.send("GET", f"{V2}/ports?binding:host_id=h1")
    assert error_of(refused) == (403, "PolicyNotAuthorized")
    assert admin.send("GET", f"{V2}/ports?binding:host_id=h1").status_code == 200


def test_replacing_addresses_keeps_what_is_still_wished(
    member: ApiClient, context: RequestContext
) -> None:
    network = make_network(context)
    subnet = make_subnet(network)
    port = make_port(network, context)
    url = f"{V2}/ports/{port.id}"
    both = [{"ip_address": "10.0.0.2"}, {"ip_address": "10.0.0.9", "subnet_id": str(subnet.id)}]
    shown = member.send("PUT", url, {"port": {"fixed_ips": both}}).json()["port"]
    assert {one["ip_address"] for one in shown["fixed_ips"]} == {"10.0.0.2", "10.0.0.9"}
    shown = member.send("PUT", url, {"port": {"fixed_ips": []}}).json()["port"]
    assert shown["fixed_ips"] == []
    assert make_port(network, context).addresses.get().ip_address == "10.0.0.2"


def test_a_list_of_a_thousand_ports_costs_as_many_queries_as_one_of_ten(
    member: ApiClient, context: RequestContext
) -> None:
    network = make_network(context)
    subnet = make_subnet(network, cidr="10.0.0.0/16")
    group = make_group(context)
    ports = Port.objects.bulk_create(
        Port(
            project_id=context.project_id,
            network=network,
            mac_address=f"fa:16:3e:00:{number // 256:02x}:{number % 256:02x}",
        )
        for number in range(1000)
    )
    PortAddress.objects.bulk_create(
        PortAddress(port=port, subnet=subnet, ip_address=f"10.0.{n // 250 + 1}.{n % 250 + 1}")
        for n, port in enumerate(ports)
    )
    PortSecurityGroup.objects.bulk_create(
        PortSecurityGroup(port=port, security_group=group) for port in ports
    )
    counts, models = [], list[type]()
    note = lambda sender, **_: models.append(sender)  # noqa: E731
    pre_init.connect(note)
    for limit in (10, 1000):
        with CaptureQueriesContext(connection) as queries:
            rows = member.send("GET", f"{V2}/ports?limit={limit}").json()["ports"]
        assert len(rows) == limit
        counts.append(len(queries))
    pre_init.disconnect(note)
    assert not {Port, PortAddress, PortSecurityGroup, SecurityGroup} & {*models}
    # the revocation counter, ports with networks, addresses, memberships
    assert counts[0] == counts[1] == 4


def test_a_null_asks_for_another_mac_address(member: ApiClient, context: RequestContext) -> None:
    network = make_network(context)
    slaac = {"ipv6_address_mode": "slaac", "ipv6_ra_mode": "slaac"}
    make_subnet(network, cidr="fd00::/64", **slaac)
    port, bound = make_port(network, context), make_port(network, context, host="h1")
    before = port.addresses.get().ip_address
    shown = member.send("PUT", f"{V2}/ports/{port.id}", {"port": {"mac_address": None}})
    mac = shown.json()["port"]["mac_address"]
    assert mac not in ("", port.mac_address)
    (address,) = shown.json()["port"]["fixed_ips"]  # what the guest makes itself of it follows
    assert address["ip_address"] != before
    assert error_of(
        member.send("PUT", f"{V2}/ports/{bound.id}", {"port": {"mac_address": None}})
    ) == (409, "PortBound")
    foreign = make_port(make_network(), context)
    refused = member.send("PUT", f"{V2}/ports/{foreign.id}", {"port": {"mac_address": None}})
    assert error_of(refused) == (403, "PolicyNotAuthorized")


def test_a_port_says_when_it_got_its_addresses(member: ApiClient, context: RequestContext) -> None:
    network = make_network(context)
    make_subnet(network)
    bodies = {"immediate": {}, "none": {"fixed_ips": []}}
    found = {
        word: member.send(
            "POST", f"{V2}/ports", {"port": {"network_id": str(network.id), **body}}
        ).json()["port"]["ip_allocation"]
        for word, body in bodies.items()
    }
    assert found == {word: word for word in bodies}


def test_what_making_answers_is_what_is_read_afterwards(member: ApiClient) -> None:
    """Nothing is read again after it was written: what is answered is put together from what is known."""
    made: dict[str, Any] = {}

    def make(noun: str, **said: Any) -> Any:
        answer = member.send("POST", f"{V2}/{noun}s", {noun: said})
        assert answer.status_code == 201, answer.content
        made[noun] = answer.json()[noun]
        return made[noun]

    network = make("network", name="n", description="d", mtu=1400, dns_domain="x.example.")
    for cidr in ("10.3.0.0/24", "fd03::/64"):
        slaac = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"} if ":" in cidr else {}
        version = 6 if slaac else 4
        make("subnet", network_id=network["id"], ip_version=version, cidr=cidr, **slaac)
    groups = [
        member.send("POST", f"{V2}/security-groups", {"security_group": {"name": name}}).json()[
            "security_group"
        ]["id"]
        for name in ("a", "b")
    ]
    make(
        "port",
        network_id=network["id"],
        name="p",
        dns_name="web",
        security_groups=groups,
        allowed_address_pairs=[{"ip_address": "10.3.0.99"}],
        extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "1300"}],
    )
    assert len(made["port"]["fixed_ips"]) == 2
    for noun in ("subnet", "port"):
        read = member.send("GET", f"{V2}/{noun}s/{made[noun]['id']}").json()[noun]
        assert read == made[noun], noun
    read = member.send("GET", f"{V2}/networks/{network['id']}").json()["network"]
    assert len(read.pop("subnets")) == 2
    assert network.pop("subnets") == []
    assert read == network
