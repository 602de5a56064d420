"""The network API as clients use it: filters, fields, pages, bulk, revisions, bad input, wire form."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.models import Network, Port, SecurityGroup
from tests.builders.identity import ApiClient
from tests.builders.network_api import V2, error_of, names
from tests.builders.networks import make_network, make_port, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


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


def test_tags_filter_exactly(member: ApiClient, context: RequestContext) -> None:
    for name, tags in (("a", ["red", "blue"]), ("b", ["Red"]), ("c", [])):
        network = make_network(context, name=name)
        member.send("PUT", f"{V2}/networks/{network.id}/tags", {"tags": tags})
    assert names(member, "/networks?tags=red,blue") == ["a"]
    assert names(member, "/networks?tags=red") == ["a"]
    assert names(member, "/networks?tags-any=red,Red") == ["a", "b"]
    assert names(member, "/networks?not-tags=red") == ["b", "c"]
    assert names(member, "/networks?not-tags-any=red,Red") == ["c"]


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
    assert member.send("GET", f"{V2}/metering/metering-labels").status_code == 404
    assert error_of(member.send("GET", f"{V2}/extensions/metering")) == (404, "ExtensionNotFound")


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
