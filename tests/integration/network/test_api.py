"""The network API as clients use it: filters, fields, pages, bulk, revisions, bad input, wire form."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import pre_init
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from network.drivers.linuxbridge.dhcp_lines import option_lines
from network.drivers.linuxbridge.gateway import gateway_addresses
from network.manager import PortManager
from network.models import Network, Port, PortAddress, PortSecurityGroup, SecurityGroup
from tests.builders.identity import ApiClient
from tests.builders.networks import make_group, make_network, make_port, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"


def names(client: ApiClient, path: str) -> list[str]:
    response = client.send("GET", V2 + path)
    assert response.status_code == 200, response.content
    return [row["name"] for row in next(iter(response.json().values()))]


def error_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["NeutronError"]["type"]


def test_a_network_on_the_wire(member: ApiClient, admin: ApiClient, project: Any) -> None:
    made = member.send("POST", f"{V2}/networks", {"network": {"name": "n", "mtu": 1400}})
    assert made.status_code == 201
    shown = member.send("GET", f"{V2}/networks/{made.json()['network']['id']}").json()["network"]
    assert shown["tenant_id"] == shown["project_id"] == project.pk
    assert (shown["status"], shown["mtu"], shown["subnets"]) == ("ACTIVE", 1400, [])
    assert shown["created_at"].endswith("Z")
    assert len(shown["created_at"]) == 20
    assert not [key for key in shown if key.startswith("provider:")]
    theirs = admin.send("GET", f"{V2}/networks/{shown['id']}").json()["network"]
    assert theirs["provider:network_type"] == "local"


def test_a_subnet_is_normalised_and_its_gateway_the_first_address(
    member: ApiClient, context: RequestContext
) -> None:
    network = make_network(context)
    body = {"subnet": {"network_id": str(network.id), "cidr": "10.1.2.77/24", "ip_version": 4}}
    subnet = member.send("POST", f"{V2}/subnets", body).json()["subnet"]
    assert (subnet["cidr"], subnet["gateway_ip"]) == ("10.1.2.0/24", "10.1.2.1")
    assert subnet["allocation_pools"] == [{"start": "10.1.2.2", "end": "10.1.2.254"}]
    body["subnet"] |= {"cidr": "10.2.0.0/24", "gateway_ip": None}
    assert member.send("POST", f"{V2}/subnets", body).json()["subnet"]["gateway_ip"] is None


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


def test_fields_filters_and_order(member: ApiClient, context: RequestContext) -> None:
    for name in ("b", "a", "c"):
        make_network(context, name=name, admin_state_up=name != "c")
    assert names(member, "/networks?name=a&name=c&sort_key=name&sort_dir=desc") == ["c", "a"]
    assert names(member, "/networks?status=DOWN") == ["c"]
    assert names(member, "/networks?admin_state_up=true&sort_key=name") == ["a", "b"]
    assert names(member, "/networks?router:external=True") == []
    assert names(member, "/networks?name=") == []
    assert names(member, f"/networks?id={uuid.uuid4()}") == []
    assert names(member, "/networks?id=no-uuid") == []
    rows = member.send("GET", f"{V2}/networks?fields=id&fields=name&fields=nothing").json()
    assert [set(row) for row in rows["networks"]] == [{"id", "name"}] * 3


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


def test_tags_filter_exactly(member: ApiClient, context: RequestContext) -> None:
    for name, tags in (("a", ["red", "blue"]), ("b", ["Red"]), ("c", [])):
        network = make_network(context, name=name)
        member.send("PUT", f"{V2}/networks/{network.id}/tags", {"tags": tags})
    assert names(member, "/networks?tags=red,blue") == ["a"]
    assert names(member, "/networks?tags=red") == ["a"]
    assert names(member, "/networks?tags-any=red,Red") == ["a", "b"]
    assert names(member, "/networks?not-tags=red") == ["b", "c"]
    assert names(member, "/networks?not-tags-any=red,Red") == ["c"]


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


def test_pages_lead_forward_and_back(member: ApiClient, context: RequestContext) -> None:
    for number in range(5):
        make_network(context, name=f"n{number}")
    seen, url = [], f"{V2}/networks?limit=2&sort_key=name"
    while url:
        body = member.send("GET", url).json()
        seen.append([row["name"] for row in body["networks"]])
        links = {link["rel"]: link["href"] for link in body.get("networks_links", [])}
        url, last = links.get("next", ""), links
    assert seen == [["n0", "n1"], ["n2", "n3"], ["n4"]]
    back = member.send("GET", last["previous"]).json()
    assert [row["name"] for row in back["networks"]] == ["n2", "n3"]
    assert names(member, f"/networks?limit=2&marker={uuid.uuid4()}") == []
    assert "networks_links" not in member.send("GET", f"{V2}/networks").json()


def test_bulk_is_all_or_nothing(member: ApiClient, context: RequestContext) -> None:
    network = make_network(context)
    good = {"network_id": str(network.id), "cidr": "10.0.0.0/24", "ip_version": 4}
    response = member.send("POST", f"{V2}/subnets", {"subnets": [good, good]})
    assert response.status_code == 400
    assert network.subnets.count() == 0
    other = {**good, "cidr": "10.1.0.0/24"}
    response = member.send("POST", f"{V2}/subnets", {"subnets": [good, other]})
    assert (response.status_code, len(response.json()["subnets"])) == (201, 2)


def test_if_match(member: ApiClient, context: RequestContext) -> None:
    network = make_network(context)
    url = f"{V2}/networks/{network.id}"
    change = {"network": {"name": "new"}}
    stale = member.send("PUT", url, change, If_Match="revision_number=7")
    assert error_of(stale) == (412, "RevisionNumberConstraintFailed")
    fresh = member.send("PUT", url, change, If_Match="revision_number=0")
    assert fresh.json()["network"]["revision_number"] == 1
    assert error_of(member.send("DELETE", url, If_Match="revision_number=0"))[0] == 412
    assert member.send("PUT", url, change, If_Match="nonsense").status_code == 400


def test_a_name_in_the_path_is_a_clean_404(member: ApiClient) -> None:
    assert error_of(member.send("GET", f"{V2}/networks/net1")) == (404, "NetworkNotFound")
    assert error_of(member.send("DELETE", f"{V2}/ports/p")) == (404, "PortNotFound")
    assert member.send("GET", f"{V2}/trunks").status_code == 404
    assert error_of(member.send("GET", f"{V2}/extensions/trunk")) == (404, "ExtensionNotFound")


def test_what_is_in_use_stays(member: ApiClient, context: RequestContext) -> None:
    network = make_network(context)
    subnet = make_subnet(network)
    port = make_port(network, context)
    assert error_of(member.send("DELETE", f"{V2}/networks/{network.id}")) == (409, "NetworkInUse")
    assert error_of(member.send("DELETE", f"{V2}/subnets/{subnet.id}")) == (409, "SubnetInUse")
    group = port.security_groups.get()
    url = f"{V2}/security-groups/{group.id}"
    assert error_of(member.send("DELETE", url)) == (409, "SecurityGroupCannotRemoveDefault")
    renamed = member.send("PUT", url, {"security_group": {"name": "x"}})
    assert error_of(renamed) == (409, "SecurityGroupCannotUpdateDefault")
    assert member.send("DELETE", f"{V2}/ports/{port.id}").status_code == 204
    assert member.send("DELETE", f"{V2}/networks/{network.id}").status_code == 204
    assert not Network.objects.exists()


def test_the_default_group_is_there_at_first_sight(member: ApiClient) -> None:
    (group,) = member.send("GET", f"{V2}/security-groups?name=default").json()["security_groups"]
    rules = group["security_group_rules"]
    assert sorted((r["direction"], r["ethertype"]) for r in rules) == [
        ("egress", "IPv4"),
        ("egress", "IPv6"),
        ("ingress", "IPv4"),
        ("ingress", "IPv6"),
    ]
    again = member.send("POST", f"{V2}/security-groups", {"security_group": {"name": "default"}})
    assert error_of(again) == (409, "SecurityGroupDefaultAlreadyExists")


RULE = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}


def test_rules_keep_what_was_sent_and_say_things_once(
    member: ApiClient, context: RequestContext
) -> None:
    group = make_group(context)
    rule = {**RULE, "security_group_id": str(group.id), "remote_ip_prefix": "10.0.0.5/24"}
    made = member.send("POST", f"{V2}/security-group-rules", {"security_group_rule": rule})
    shown = made.json()["security_group_rule"]
    assert (shown["remote_ip_prefix"], shown["normalized_cidr"]) == ("10.0.0.5/24", "10.0.0.0/24")
    twin = {**rule, "protocol": "6", "remote_ip_prefix": "10.0.0.0/24"}
    again = member.send("POST", f"{V2}/security-group-rules", {"security_group_rule": twin})
    assert error_of(again) == (409, "SecurityGroupRuleExists")


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"protocol": None}, 400, "SecurityGroupProtocolRequiredWithPorts"),
        ({"port_range_min": 23}, 400, "SecurityGroupInvalidPortRange"),
        ({"port_range_min": -1}, 400, "SecurityGroupInvalidPortValue"),
        ({"port_range_max": 65536}, 400, "SecurityGroupInvalidPortValue"),
        ({"port_range_max": True}, 400, "InvalidInput"),
        ({"protocol": "nonsense"}, 400, "SecurityGroupRuleInvalidProtocol"),
        ({"protocol": 256}, 400, "SecurityGroupRuleInvalidProtocol"),
        ({"protocol": "gre"}, 400, "SecurityGroupInvalidPortRange"),
        ({"protocol": "icmp", "port_range_min": 256}, 400, "SecurityGroupInvalidIcmpValue"),
        ({"protocol": "icmp", "port_range_min": None}, 400, "SecurityGroupMissingIcmpType"),
        ({"protocol": "icmpv6", "port_range_min": 8}, 400, "SecurityGroupEthertypeConflictWithProtocol"),
        ({"remote_ip_prefix": "fd00::/8"}, 400, "SecurityGroupRuleParameterConflict"),
        ({"remote_ip_prefix": "10.0.0.0/99"}, 400, "InvalidInput"),
        ({"remote_group_id": str(uuid.uuid4())}, 404, "SecurityGroupNotFound"),
        ({"remote_group_id": "bad_group_id"}, 404, "SecurityGroupNotFound"),
        ({"security_group_id": str(uuid.uuid4())}, 404, "SecurityGroupNotFound"),
        ({"direction": "sideways"}, 400, "InvalidInput"),
        ({"ethertype": "IPX"}, 400, "InvalidInput"),
        ({"nonsense": 1}, 400, "InvalidInput"),
    ],
)  # fmt: skip
def test_rules_that_make_no_sense(
    member: ApiClient, context: RequestContext, change: dict[str, Any], status: int, kind: str
) -> None:
    rule = {**RULE, "security_group_id": str(make_group(context).id), **change}
    response = member.send("POST", f"{V2}/security-group-rules", {"security_group_rule": rule})
    assert error_of(response) == (status, kind)


def test_a_bad_port_range_is_told_by_its_value(member: ApiClient, context: RequestContext) -> None:
    group = str(make_group(context).id)
    words = {}
    for low, high, protocol in (
        (70000, 70001, "tcp"),
        (90, 80, "tcp"),
        (8, 300, "icmp"),
        (None, 9, "icmp"),
    ):
        rule = {"port_range_min": low, "port_range_max": high, "protocol": protocol}
        body = {"security_group_rule": {**RULE, **rule, "security_group_id": group}}
        error = member.send("POST", f"{V2}/security-group-rules", body).json()["NeutronError"]
        words[low, high] = error["message"]
    assert "Invalid value for port 70000" in words[70000, 70001]
    assert "90 to 80" in words[90, 80]
    assert "ICMP code (port_range_max) 300" in words[8, 300]
    assert "(port_range_max) 9 " in words[None, 9]


def test_an_admin_may_remove_a_default_group_and_the_next_look_makes_one(
    member: ApiClient, admin: ApiClient, context: RequestContext
) -> None:
    network = make_network(context)
    port = make_port(network, context)
    (group,) = member.send("GET", f"{V2}/security-groups?name=default").json()["security_groups"]
    url = f"{V2}/security-groups/{group['id']}"
    assert error_of(member.send("DELETE", url)) == (409, "SecurityGroupCannotRemoveDefault")
    assert error_of(admin.send("DELETE", url)) == (409, "SecurityGroupInUse")
    assert member.send("DELETE", f"{V2}/ports/{port.id}").status_code == 204
    assert admin.send("DELETE", url).status_code == 204
    (again,) = member.send("GET", f"{V2}/security-groups?name=default").json()["security_groups"]
    assert again["id"] != group["id"]


def test_a_gateway_off_its_subnet_leaves_dhcp_an_address_there(
    member: ApiClient, context: RequestContext
) -> None:
    network = make_network(context)
    subnet = make_subnet(network, gateway_ip="10.9.0.1", context=context)
    port = make_port(network, context)
    told = PortManager(RequestContext.system()).wiring(port.id).network
    (wired,) = told.subnets
    assert (wired.gateway_ip, wired.dhcp_server_ip) == ("10.9.0.1", "10.0.0.1")
    assert gateway_addresses(told) == ["10.9.0.1/32", "10.0.0.1/24"]
    (routes,) = [line for line in option_lines(told, [wired]) if "classless" in line]
    assert routes.endswith("10.9.0.1/32,0.0.0.0,169.254.169.254/32,10.9.0.1,0.0.0.0/0,10.9.0.1")
    url = f"{V2}/subnets/{subnet.id}"  # and back on it: the gateway's address is the server's
    free = member.send("PUT", url, {"subnet": {"gateway_ip": "10.0.0.1"}})
    assert free.status_code == 409  # DHCP has it now
    pools = [{"start": "10.0.0.1", "end": "10.0.0.200"}]
    back = {"gateway_ip": "10.0.0.254", "allocation_pools": pools}
    assert member.send("PUT", url, {"subnet": back}).status_code == 200
    (wired,) = PortManager(RequestContext.system()).wiring(port.id).network.subnets
    assert wired.dhcp_server_ip == "10.0.0.254"


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


LONG = "x" * 256


@pytest.mark.parametrize(
    ("path", "envelope", "change", "status"),
    [
        ("/networks", "network", {"name": LONG}, 400),
        ("/networks", "network", {"name": "a\u0000b"}, 400),
        ("/networks", "network", {"name": 7}, 400),
        ("/networks", "network", {"description": LONG}, 400),
        ("/networks", "network", {"mtu": 67}, 400),
        ("/networks", "network", {"mtu": "1500.0"}, 400),
        ("/networks", "network", {"mtu": 10**18}, 400),
        ("/networks", "network", {"admin_state_up": "perhaps"}, 400),
        ("/networks", "network", {"dns_domain": "-bad-"}, 400),
        ("/networks", "network", {"availability_zone_hints": ["mars"]}, 404),
        ("/networks", "network", {"shared": True}, 403),
        ("/networks", "network", {"router:external": True}, 403),
        ("/networks", "network", {"provider:network_type": "flat", "provider:physical_network": "public"}, 403),
        ("/networks", "network", {"provider:network_type": "vlan"}, 403),
        ("/networks", "network", {"provider:segmentation_id": 7}, 403),
        ("/networks", "network", {"provider:network_type": "gre"}, 400),
        ("/networks", "network", {"project_id": "someone"}, 403),
        ("/networks", "network", {"project_id": "a", "tenant_id": "b"}, 400),
        ("/networks", "network", {"unheard": 1}, 400),
        ("/networks", "network", {"vlan_transparent": True}, 400),
        ("/networks", "network", [], 400),
        ("/subnets", "subnet", {"cidr": "nonsense"}, 400),
        ("/subnets", "subnet", {"cidr": "10.0.0.0"}, 400),
        ("/subnets", "subnet", {"cidr": "0.0.0.0/0"}, 400),
        ("/subnets", "subnet", {"cidr": "224.0.0.0/24"}, 400),
        ("/subnets", "subnet", {"ip_version": 6}, 400),
        ("/subnets", "subnet", {"ip_version": 5}, 400),
        ("/subnets", "subnet", {"gateway_ip": "fd00::1"}, 400),
        ("/subnets", "subnet", {"gateway_ip": "127.0.0.1"}, 400),
        ("/subnets", "subnet", {"gateway_ip": "169.254.192.1"}, 400),
        ("/subnets", "subnet", {"gateway_ip": "224.0.0.1"}, 400),
        ("/subnets", "subnet", {"gateway_ip": "10.0.0.0"}, 400),
        ("/subnets", "subnet", {"gateway_ip": "x"}, 400),
        ("/subnets", "subnet", {"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.0.2"}]}, 400),
        ("/subnets", "subnet", {"allocation_pools": [{"start": "10.0.0.1", "end": "10.0.0.9"}]}, 409),
        ("/subnets", "subnet", {"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.1.9"}]}, 400),
        ("/subnets", "subnet", {"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.0.20"}] * 2}, 409),
        ("/subnets", "subnet", {"allocation_pools": [{"start": "10.0.0.9"}]}, 400),
        ("/subnets", "subnet", {"dns_nameservers": ["dns.example.org"]}, 400),
        ("/subnets", "subnet", {"dns_nameservers": ["10.0.0.9"] * 2}, 400),
        ("/subnets", "subnet", {"host_routes": [{"destination": "10.9.0.0/24", "nexthop": "x"}]}, 400),
        ("/subnets", "subnet", {"host_routes": [{"destination": "10.9.0.0/24", "nexthop": "fd00::1"}]}, 400),
        ("/subnets", "subnet", {"ipv6_ra_mode": "slaac"}, 400),
        ("/subnets", "subnet", {"network_id": str(uuid.uuid4())}, 404),
        ("/subnets", "subnet", {"network_id": "net"}, 400),
        ("/ports", "port", {"mac_address": "nonsense"}, 400),
        ("/ports", "port", {"mac_address": "00:00:00:00:00:00"}, 400),
        ("/ports", "port", {"mac_address": "FF:FF:FF:FF:FF:FF"}, 400),
        ("/ports", "port", {"fixed_ips": [{}]}, 400),
        ("/ports", "port", {"fixed_ips": [{"ip_address": "x"}]}, 400),
        ("/ports", "port", {"fixed_ips": [{"ip_address": "10.0.0.255"}]}, 400),
        ("/ports", "port", {"fixed_ips": [{"subnet_id": str(uuid.uuid4())}]}, 404),
        ("/ports", "port", {"fixed_ips": [{"ip_address": "10.0.0.9"}] * 2}, 400),
        ("/ports", "port", {"security_groups": [str(uuid.uuid4())]}, 404),
        ("/ports", "port", {"security_groups": ["default"]}, 400),
        ("/ports", "port", {"port_security_enabled": False, "security_groups": [str(uuid.uuid4())]}, 400),
        ("/ports", "port", {"allowed_address_pairs": [{"ip_address": "x"}]}, 400),
        ("/ports", "port", {"allowed_address_pairs": [{"ip_address": "10.0.0.0/28"}] * 2}, 400),
        ("/ports", "port", {"dns_name": "a b"}, 400),
        ("/ports", "port", {"binding:host_id": "h1"}, 403),
        ("/ports", "port", {"binding:profile": {}}, 403),
        ("/ports", "port", {"binding:vnic_type": "direct"}, 400),
        ("/ports", "port", {"device_owner": "network:dhcp"}, 403),
        ("/ports", "port", {"device_id": LONG}, 400),
        ("/security-groups", "security_group", {"name": None}, 400),
        ("/security-groups", "security_group", {"stateful": "perhaps"}, 400),
    ],
)  # fmt: skip
def test_bad_input_leaves_nothing(
    member: ApiClient, context: RequestContext, path: str, envelope: str, change: Any, status: int
) -> None:
    network = make_network(context)
    if path == "/ports":
        make_subnet(network)
    good: dict[str, Any] = {
        "/networks": {},
        "/subnets": {"network_id": str(network.id), "cidr": "10.0.0.0/24", "ip_version": 4},
        "/ports": {"network_id": str(network.id)},
        "/security-groups": {"name": "x"},
    }[path]
    body = {**good, **change} if isinstance(change, dict) else change
    response = member.send("POST", V2 + path, {envelope: body})
    assert response.status_code == status, response.content
    assert "NeutronError" in response.json()
    assert Network.objects.count() == 1
    assert not Port.objects.exists()
    assert not SecurityGroup.objects.exclude(is_default=True).exists()


@pytest.mark.parametrize("mode", ["slaac", "dhcpv6-stateless", "dhcpv6-stateful"])
def test_ipv6_addresses_follow_the_mode(
    member: ApiClient, context: RequestContext, mode: str
) -> None:
    network = make_network(context)
    subnet = {
        "network_id": str(network.id),
        "cidr": "fd00::/64",
        "ip_version": 6,
        "ipv6_ra_mode": mode,
        "ipv6_address_mode": mode,
    }
    assert member.send("POST", f"{V2}/subnets", {"subnet": subnet}).status_code == 201
    port = {"network_id": str(network.id), "mac_address": "fa:16:3e:00:00:01"}
    made = member.send("POST", f"{V2}/ports", {"port": port}).json()["port"]
    expected = "fd00::2" if mode == "dhcpv6-stateful" else "fd00::f816:3eff:fe00:1"
    assert [one["ip_address"] for one in made["fixed_ips"]] == [expected]
    wish = {**port, "mac_address": None, "fixed_ips": [{"ip_address": "fd00::77"}]}
    response = member.send("POST", f"{V2}/ports", {"port": wish})
    assert response.status_code == (201 if mode == "dhcpv6-stateful" else 400)


@pytest.mark.parametrize(
    "change",
    [
        {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "dhcpv6-stateful"},
        {"cidr": "fd00::/80", "ipv6_ra_mode": "slaac"},
        {"enable_dhcp": False, "ipv6_ra_mode": "slaac"},
    ],
)
def test_ipv6_modes_that_do_not_go_together(
    member: ApiClient, context: RequestContext, change: dict[str, Any]
) -> None:
    subnet = {"network_id": str(make_network(context).id), "cidr": "fd00::/64", "ip_version": 6}
    response = member.send("POST", f"{V2}/subnets", {"subnet": {**subnet, **change}})
    assert error_of(response) == (400, "InvalidInput")


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=x",
        "unheard=1",
        "sort_key=nothing",
        "sort_key=name&sort_dir=up",
        "sort_dir=asc",
        "admin_state_up=perhaps",
        "revision_number=x",
        "changed_since=yesterday",
    ],
)
def test_bad_queries(member: ApiClient, query: str) -> None:
    assert member.send("GET", f"{V2}/networks?{query}").status_code == 400


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


def test_quota_is_409_over_quota_and_counts_what_is_there(
    member: ApiClient, admin: ApiClient, project: Any
) -> None:
    url = f"{V2}/quotas/{project.pk}"
    assert admin.send("PUT", url, {"quota": {"network": 1}}).json()["quota"]["network"] == 1
    assert member.send("POST", f"{V2}/networks", {"network": {}}).status_code == 201
    assert error_of(member.send("POST", f"{V2}/networks", {"network": {}})) == (409, "OverQuota")
    details = member.send("GET", f"{url}/details.json").json()["quota"]
    assert details["network"] == {"limit": 1, "used": 1, "reserved": 0}
    assert member.send("GET", f"{url}/default").json()["quota"]["network"] == 100
    assert admin.send("PUT", url, {"quota": {"network": -2}}).status_code == 400
    said = [
        admin.send("PUT", url, {"quota": {"network": limit, **words}}).status_code
        for limit, words in (
            (0, {"check_limit": True}),
            (0, {"force": False}),
            (1, {"check_limit": True}),
            (-1, {"check_limit": "true", "force": None}),
            (0, {"force": True, "check_limit": True}),
            (0, {}),
            (0, {"force": "perhaps"}),
        )
    ]
    assert said == [409, 409, 200, 200, 200, 200, 400]
    wanted = {"router": 1, "floatingip": 2}
    shown = admin.send("PUT", url, {"quota": wanted}).json()["quota"]
    assert {name: shown[name] for name in wanted} == wanted
    assert admin.send("PUT", url, {"quota": {"vip": 1}}).status_code == 400
    assert admin.send("DELETE", url).status_code == 204
    assert member.send("GET", url).json()["quota"]["network"] == 100


def test_json_suffix_and_slash_are_ignored(member: ApiClient) -> None:
    said = {path: member.send("GET", V2 + path).status_code for path in (
        "", "/", "/networks", "/networks.json", "/quotas/tenant/", "/networks/", "/ports/",
        "/subnets/", "/security-groups/", "/security-group-rules/", "/extensions/", "/agents/",
    )}  # fmt: skip
    assert {path for path, status in said.items() if status == 200} == {
        "",
        "/",
        "/networks",
        "/networks.json",
        "/quotas/tenant/",
    }  # fmt: skip  an empty id is nobody's
    assert set(said.values()) == {200, 404}
    assert member.send("HEAD", f"{V2}/networks").content == b""


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
