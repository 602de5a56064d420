"""Subnets from pools, and scopes in which no address is twice."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network.manager import AddressScopeManager, SubnetManager, SubnetPoolManager
from network.models import Network, Subnet, SubnetPool
from tests.builders.identity import ApiClient, client_with
from tests.builders.networks import make_network, make_pool, make_subnet, share

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
V2 = "/network/v2.0"


@pytest.fixture
def network(context: RequestContext) -> Network:
    return make_network(context)


@pytest.fixture
def pool(context: RequestContext) -> SubnetPool:
    return make_pool(context)


def kind(answer: Any) -> tuple[int, str]:
    error = answer.json().get("NeutronError", {}) if answer.content else {}
    return answer.status_code, error.get("type", "")


def cut(client: ApiClient, network: Network, **body: Any) -> Any:
    return client.send("POST", f"{V2}/subnets", {"subnet": {"network_id": str(network.id), **body}})


def made(client: ApiClient, **body: Any) -> Any:
    return client.send("POST", f"{V2}/subnetpools", {"subnetpool": body})


def test_subnets_are_cut_from_a_pool(
    member: ApiClient, network: Network, pool: SubnetPool, context: RequestContext
) -> None:
    wanted = {"subnetpool_id": str(pool.id)}
    first = cut(member, network, **wanted).json()["subnet"]
    assert (first["cidr"], first["gateway_ip"]) == ("10.128.0.0/26", "10.128.0.1")
    assert first["subnetpool_id"] == str(pool.id)
    other = make_network(context)
    cidrs = [
        cut(member, other, **wanted, **more).json()["subnet"]["cidr"]
        for more in ({"prefixlen": 25}, {"cidr": "10.128.9.0/24"}, {"prefixlen": "26"})
    ]
    assert cidrs == ["10.128.0.128/25", "10.128.9.0/24", "10.128.0.64/26"]
    listed = member.send("GET", f"{V2}/subnets?subnetpool_id={pool.id}").json()["subnets"]
    assert len(listed) == 4
    member.send("DELETE", f"{V2}/subnets/{first['id']}")
    assert cut(member, network, **wanted).json()["subnet"]["cidr"] == "10.128.0.0/26"


def test_what_a_pool_does_not_give(
    member: ApiClient, network: Network, pool: SubnetPool, context: RequestContext
) -> None:
    six = make_pool(
        context, prefixes=["2001:db8::/48"], default_prefixlen=64, max_prefixlen=64
    )  # fmt: skip
    limited = SubnetPoolManager(context).update(
        pool.id, min_prefixlen=24, max_prefixlen=28, default_quota=128
    )
    of, plain = {"subnetpool_id": str(limited.id)}, make_subnet(make_network(context), context)
    cut(member, make_network(context), **of, cidr="10.128.4.0/26")
    foreign = make_pool(RequestContext.system(project_id=uuid.uuid4().hex))
    found = {
        "nothing": cut(member, network),
        "both": cut(member, network, cidr="10.0.0.0/24", prefixlen=24),
        "two pools": cut(member, network, **of, use_default_subnetpool=True),
        "no default": cut(member, network, use_default_subnetpool=True),
        "length alone": cut(member, network, prefixlen=24),
        "short": cut(member, network, **of, prefixlen=23),
        "long": cut(member, network, **of, prefixlen=29),
        "absurd": cut(member, network, **of, prefixlen=129),
        "version": cut(member, network, **of, ip_version=6),
        "elsewhere": cut(member, network, **of, cidr="10.99.0.0/26"),
        "taken": cut(member, network, **of, cidr="10.128.4.32/27"),
        "mixed": cut(member, network, subnetpool_id=str(six.id), cidr="10.128.0.0/26"),
        "quota": cut(member, network, **of, prefixlen=25),
        "foreign": cut(member, network, subnetpool_id=str(foreign.id)),
        "unknown": cut(member, network, subnetpool_id=str(uuid.uuid4())),
        "gateway": cut(member, network, **of, gateway_ip="10.128.0.9"),
        "pools": cut(
            member, network, **of, allocation_pools=[{"start": "10.128.0.2", "end": "10.128.0.9"}]
        ),
        "beside none": cut(member, plain.network, **of),
    }
    assert {name: kind(answer) for name, answer in found.items()} == {
        "nothing": (400, "BadRequest"),
        "both": (400, "BadRequest"),
        "two pools": (400, "BadRequest"),
        "no default": (400, "BadRequest"),
        "length alone": (400, "BadRequest"),
        "short": (400, "MinPrefixSubnetAllocationError"),
        "long": (400, "MaxPrefixSubnetAllocationError"),
        "absurd": (400, "InvalidInput"),
        "version": (400, "BadRequest"),
        "elsewhere": (409, "SubnetAllocationError"),
        "taken": (409, "SubnetAllocationError"),
        "mixed": (409, "SubnetAllocationError"),
        "quota": (409, "OverQuota"),
        "foreign": (404, "SubnetPoolNotFound"),
        "unknown": (404, "SubnetPoolNotFound"),
        "gateway": (400, "BadRequest"),
        "pools": (400, "BadRequest"),
        "beside none": (400, "NetworkSubnetPoolAffinityError"),
    }
    assert not Subnet.objects.filter(network=network).exists()
    full = make_pool(context, prefixes=["10.5.0.0/24"], default_prefixlen=24)
    assert cut(member, network, subnetpool_id=str(full.id)).status_code == 201
    again = cut(member, make_network(context), subnetpool_id=str(full.id))
    assert kind(again) == (409, "SubnetAllocationError")
    block = cut(member, make_network(context), subnetpool_id=str(six.id)).json()["subnet"]
    assert (block["cidr"], block["ip_version"]) == ("2001:db8::/64", 6)


def test_what_is_wrong_with_a_pool(member: ApiClient, admin: ApiClient) -> None:
    four, scope = ["10.0.0.0/16"], {"address_scope_id": str(uuid.uuid4())}
    made(admin, prefixes=four, is_default=True)
    found = {
        "none": made(member, prefixes=[]),
        "mixed": made(member, prefixes=[*four, "2001:db8::/32"]),
        "no prefix": made(member, prefixes=["x"]),
        "long": made(member, prefixes=four, max_prefixlen=33),
        "crossed": made(member, prefixes=four, min_prefixlen=28, max_prefixlen=24),
        "default below": made(member, prefixes=four, min_prefixlen=24, default_prefixlen=20),
        "default above": made(member, prefixes=four, max_prefixlen=24, default_prefixlen=28),
        "default": made(member, prefixes=four, is_default=True),
        "shared": made(member, prefixes=four, shared=True),
        "second default": made(admin, prefixes=["10.1.0.0/16"], is_default=True),
        "scope": made(member, prefixes=four, **scope),
        "many": made(member, prefixes=[f"10.{one}.0.0/24" for one in range(256)] + four),
    }
    assert {name: kind(answer) for name, answer in found.items()} == {
        "none": (400, "EmptySubnetPoolPrefixList"),
        "mixed": (400, "PrefixVersionMismatch"),
        "no prefix": (400, "InvalidInput"),
        "long": (400, "IllegalSubnetPoolPrefixBounds"),
        "crossed": (400, "IllegalSubnetPoolPrefixBounds"),
        "default below": (400, "IllegalSubnetPoolPrefixBounds"),
        "default above": (400, "IllegalSubnetPoolPrefixBounds"),
        "default": (403, "PolicyNotAuthorized"),
        "shared": (403, "PolicyNotAuthorized"),
        "second default": (400, "BadRequest"),
        "scope": (404, "AddressScopeNotFound"),
        "many": (400, "InvalidInput"),
    }
    shown = made(member, prefixes=["10.0.0.0/25", "10.0.0.128/25"]).json()["subnetpool"]
    assert shown["prefixes"] == ["10.0.0.0/24"]
    lengths = ("min_prefixlen", "default_prefixlen", "max_prefixlen", "ip_version")
    assert [shown[name] for name in lengths] == [8, 8, 32, 4]


def test_prefixes_come_and_go_but_for_those_in_use(
    member: ApiClient, network: Network, pool: SubnetPool
) -> None:
    path = f"{V2}/subnetpools/{pool.id}"

    def put(word: str, *prefixes: str) -> Any:
        return member.send("PUT", f"{path}/{word}", {"prefixes": prefixes})

    added = put("add_prefixes", "10.129.0.0/16", "10.200.0.0/24").json()["prefixes"]
    assert added == ["10.128.0.0/15", "10.200.0.0/24"]
    cut(member, network, subnetpool_id=str(pool.id))
    refused = {
        "used": put("remove_prefixes", "10.128.0.0/24"),
        "never there": put("remove_prefixes", "10.200.0.0/23"),
        "version": put("add_prefixes", "2001:db8::/48"),
        "none": put("add_prefixes"),
        "fewer": member.send("PUT", path, {"subnetpool": {"prefixes": ["10.128.0.0/16"]}}),
    }
    assert {name: kind(answer) for name, answer in refused.items()} == {
        "used": (400, "IllegalSubnetPoolPrefixUpdate"),
        "never there": (400, "IllegalSubnetPoolPrefixUpdate"),
        "version": (400, "PrefixVersionMismatch"),
        "none": (400, "EmptySubnetPoolPrefixList"),
        "fewer": (400, "IllegalSubnetPoolPrefixUpdate"),
    }
    left = put("remove_prefixes", "10.129.0.0/16").json()["prefixes"]
    assert left == ["10.128.0.0/16", "10.200.0.0/24"]
    assert kind(member.send("DELETE", path)) == (400, "SubnetPoolDeleteError")
    member.send("DELETE", f"{V2}/subnets/{Subnet.objects.get().id}")
    assert kind(put("remove_prefixes", *left)) == (400, "EmptySubnetPoolPrefixList")
    assert member.send("DELETE", path).status_code == 204


def test_the_default_pool_is_for_whom_it_is_shared_with(
    admin: ApiClient, network: Network, member: ApiClient
) -> None:
    owner = RequestContext.system(project_id=uuid.uuid4().hex)
    pool = make_pool(owner, is_default=True)
    assert cut(member, network, use_default_subnetpool=True).status_code == 400
    changed = {"subnetpool": {"shared": True}}
    admin.send("PUT", f"{V2}/subnetpools/{pool.id}", changed)
    subnet = cut(member, network, use_default_subnetpool=True, ip_version=4).json()["subnet"]
    assert subnet["cidr"] == "10.128.0.0/26"
    path = f"{V2}/subnetpools/{pool.id}"
    assert member.send("GET", path).json()["subnetpool"]["shared"] is True
    assert member.send("PUT", path, {"subnetpool": {"name": "mine"}}).status_code == 403
    kept = admin.send("PUT", path, {"subnetpool": {"shared": False}})
    assert kind(kept) == (409, "RbacPolicyInUse")


def test_a_scope_holds_no_address_twice(
    member: ApiClient, admin: ApiClient, network: Network, pool: SubnetPool, context: RequestContext
) -> None:
    def scope(version: int, name: str = "s") -> str:
        body = {"address_scope": {"ip_version": version, "name": name}}
        return str(member.send("POST", f"{V2}/address-scopes", body).json()["address_scope"]["id"])

    four, six = scope(4), scope(6)
    path = f"{V2}/subnetpools/{pool.id}"
    cut(member, network, subnetpool_id=str(pool.id))

    def associate(scope_id: str | None) -> Any:
        return member.send("PUT", path, {"subnetpool": {"address_scope_id": scope_id}})

    assert kind(associate(six)) == (400, "IllegalSubnetPoolAssociationToAddressScope")
    assert associate(four).json()["subnetpool"]["address_scope_id"] == four
    shown = member.send("GET", f"{V2}/networks/{network.id}").json()["network"]
    assert (shown["ipv4_address_scope"], shown["ipv6_address_scope"]) == (four, None)
    clash = made(member, prefixes=["10.128.7.0/24"], address_scope_id=four)
    assert kind(clash) == (409, "AddressScopePrefixConflict")
    apart = made(member, prefixes=["10.130.0.0/16"], address_scope_id=four).json()["subnetpool"]
    grown = member.send(
        "PUT", f"{V2}/subnetpools/{apart['id']}/add_prefixes", {"prefixes": ["10.128.0.0/24"]}
    )
    assert kind(grown) == (409, "AddressScopePrefixConflict")
    gone = f"{V2}/address-scopes/{four}"
    assert kind(member.send("DELETE", gone)) == (409, "AddressScopeInUse")
    assert kind(member.send("PUT", gone, {"address_scope": {"shared": True}}))[0] == 403
    admin.send("PUT", gone, {"address_scope": {"shared": True}})
    assert member.send("GET", gone).json()["address_scope"]["shared"] is True
    associate(None)
    member.send("DELETE", f"{V2}/subnetpools/{apart['id']}")
    assert member.send("DELETE", gone).status_code == 204


def test_a_pool_and_a_scope_of_another_project_are_used_when_shared(
    member: ApiClient, project: Any, network: Network
) -> None:
    owner = RequestContext.system(project_id=uuid.uuid4().hex)
    scope = AddressScopeManager(owner).create(ip_version=4)
    pool = make_pool(owner)
    for row in (scope, pool):
        share(row, target_project=project.pk)
    own = made(member, prefixes=["10.77.0.0/16"], address_scope_id=str(scope.id))
    assert own.status_code == 201
    assert cut(member, network, subnetpool_id=str(pool.id)).status_code == 201
    for noun, row in (("subnetpools", pool), ("address-scopes", scope)):
        assert member.send("GET", f"{V2}/{noun}/{row.id}").status_code == 200
        assert member.send("DELETE", f"{V2}/{noun}/{row.id}").status_code == 403
        assert client_with("member").send("GET", f"{V2}/{noun}/{row.id}").status_code == 404


def test_subnets_that_are_there_get_into_a_pool(
    member: ApiClient, context: RequestContext, pool: SubnetPool
) -> None:
    subnet = make_subnet(make_network(context), context, cidr="10.44.0.0/24")
    path = f"{V2}/subnetpools/{pool.id}/onboard_network_subnets"

    def onboard(network_id: Any) -> Any:
        return member.send("PUT", path, {"network_id": str(network_id)})

    assert onboard(subnet.network_id).status_code == 200
    assert onboard(subnet.network_id).status_code == 200
    assert Subnet.objects.get().subnet_pool_id == pool.id
    assert SubnetPool.objects.get().prefixes == ["10.44.0.0/24", "10.128.0.0/16"]
    twin = make_subnet(make_network(context), context, cidr="10.44.0.0/25")
    stranger = make_subnet()
    taken = make_network(context)
    SubnetManager(context).create(network_id=taken.id, subnet_pool_id=make_pool(context).id)
    assert {
        "overlap": kind(onboard(twin.network_id)),
        "foreign": kind(onboard(stranger.network_id)),
        "another pool": kind(onboard(taken.id)),
    } == {
        "overlap": (400, "IllegalSubnetPoolPrefixUpdate"),
        "foreign": (404, "NetworkNotFound"),
        "another pool": (400, "NetworkSubnetPoolAffinityError"),
    }
