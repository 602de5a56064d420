"""How many addresses networks have, and how many are taken."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.models import Network, Subnet
from tests.builders.identity import ApiClient
from tests.builders.networks import make_network, make_port, make_subnet, share

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
PATH = "/network/v2.0/network-ip-availabilities"


@pytest.fixture
def network(context: RequestContext) -> Network:
    network = make_network(context, name="net")
    make_subnet(network, context, cidr="10.0.0.0/28", name="four")
    make_subnet(network, context, cidr="2001:db8::/64", name="six")
    make_port(network, context)
    four = str(Subnet.objects.get(ip_version=4).id)
    make_port(network, context, fixed_ips=[{"subnet_id": four}])
    return network


def shown(client: ApiClient, query: str = "") -> list[Any]:
    found: list[Any] = client.send("GET", PATH + query).json()["network_ip_availabilities"]
    return found


def test_what_is_taken_is_counted_by_subnet(member: ApiClient, network: Network) -> None:
    path = f"{PATH}/{network.id}"
    found = member.send("GET", path).json()["network_ip_availability"]
    assert (found["network_id"], found["network_name"]) == (str(network.id), "net")
    by_name = {one["subnet_name"]: one for one in found["subnet_ip_availability"]}
    assert (by_name["four"]["total_ips"], by_name["four"]["used_ips"]) == (13, 2)
    assert (by_name["six"]["used_ips"], by_name["six"]["ip_version"]) == (1, 6)
    assert found["used_ips"] == 3
    assert found["total_ips"] == 13 + by_name["six"]["total_ips"] > 2**63
    assert shown(member) == [found]


def test_a_list_counts_one_version_alone(member: ApiClient, network: Network) -> None:
    (four,) = shown(member, "?ip_version=4")
    assert (four["total_ips"], four["used_ips"]) == (13, 2)
    assert shown(member, f"?network_id={network.id}&network_name=net&ip_version=4") == [four]
    assert shown(member, f"?network_id={uuid.uuid4()}") == []
    refused = {
        query: member.send("GET", PATH + query).status_code for query in ("?ip_version=5", "?x=1")
    }
    assert refused == {"?ip_version=5": 400, "?x=1": 400}


def test_it_is_its_owners_to_know(
    admin: ApiClient, member: ApiClient, network: Network, project: Any
) -> None:
    theirs = make_subnet().network
    share(theirs, target_project=project.pk)
    assert [row["network_id"] for row in shown(member)] == [str(network.id)]
    assert member.send("GET", f"{PATH}/{theirs.id}").status_code == 404
    assert {row["network_id"] for row in shown(admin)} == {str(network.id), str(theirs.id)}
