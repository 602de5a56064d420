"""Many at the same moment: nobody shares an address, nothing is lost, nobody meets a 500."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest, NotFound, QuotaExceeded
from identity import quotas
from network.exceptions.networks import NetworkInUse, NetworkNotFound
from network.exceptions.pools import SubnetAllocationError
from network.exceptions.ports import (
    IpAddressAlreadyAllocated,
    IpAddressGenerationFailure,
    PortInUse,
    PortNotFound,
)
from network.exceptions.routing import (
    ExternalGatewayForFloatingIPNotFound,
    RouterInterfaceInUseByFloatingIP,
)
from network.exceptions.security_groups import SecurityGroupInUse, SecurityGroupRuleExists
from network.exceptions.segments import (
    NetworkSegmentRangeOverlaps,
    NoNetworkAvailable,
    TunnelIdInUse,
)
from network.exceptions.subnets import SubnetInUse
from network.manager import (
    FloatingIpManager,
    NetworkManager,
    PortManager,
    RouterManager,
    SecurityGroupManager,
    SecurityGroupRuleManager,
    SubnetManager,
)
from network.models import (
    FloatingIp,
    FreeRange,
    Network,
    Port,
    PortAddress,
    Router,
    RouterPort,
    SecurityGroup,
    SegmentRange,
    Subnet,
)
from tests.builders.networks import (
    make_context,
    make_group,
    make_network,
    make_pool,
    make_port,
    make_range,
    make_subnet,
)
from tests.builders.routers import make_external, make_floating_ip, make_router
from tests.builders.threads import at_once

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def kinds(results: Sequence[Any]) -> set[type]:
    return {type(result) for result in results}


def check_books(subnet: Subnet) -> None:
    """Free and held are the pools together, and nothing is both."""
    subnet = Subnet.objects.get(id=subnet.id)
    spans = [(int(r.first, 16), int(r.last, 16)) for r in FreeRange.objects.filter(subnet=subnet)]
    free = [number for first, last in spans for number in range(first, last + 1)]
    held = [
        int(ipaddress.ip_address(text))
        for text in PortAddress.objects.filter(subnet=subnet).values_list("ip_address", flat=True)
    ]
    pools = [
        number
        for pool in subnet.allocation_pools
        for number in range(
            int(ipaddress.ip_address(pool["start"])), int(ipaddress.ip_address(pool["end"])) + 1
        )
    ]
    assert sorted(free + held) == sorted(pools)


def prepared(cidr: str) -> tuple[RequestContext, Network, Subnet]:
    context = make_context()
    network = make_network(context)
    subnet = make_subnet(network, cidr=cidr)
    SecurityGroupManager(context).ensure_default(context.project_id or "")
    return context, network, subnet


def test_more_ports_than_addresses() -> None:
    context, network, subnet = prepared("10.0.0.0/29")  # five addresses
    results = at_once([lambda: make_port(network, context) for _ in range(8)])
    made = [result for result in results if isinstance(result, Port)]
    assert len(made) == 5
    assert kinds(results) == {Port, IpAddressGenerationFailure}
    assert len({port.addresses.get().ip_address for port in made}) == 5
    check_books(subnet)


def test_ports_come_and_go() -> None:
    context, network, subnet = prepared("10.0.0.0/28")
    ports = [make_port(network, context) for _ in range(6)]
    manager = PortManager(context)
    results = at_once(
        [lambda port=port: manager.delete(port.id) for port in ports]
        + [lambda: make_port(network, context) for _ in range(6)]
    )
    assert kinds(results) == {type(None), Port}
    assert Port.objects.count() == 6
    check_books(subnet)


def test_one_address_wished_by_many() -> None:
    context, network, subnet = prepared("10.0.0.0/28")
    wish = [{"ip_address": "10.0.0.9"}]
    results = at_once([lambda: make_port(network, context, fixed_ips=wish) for _ in range(6)])
    assert len([result for result in results if isinstance(result, Port)]) == 1
    assert kinds(results) == {Port, IpAddressAlreadyAllocated}
    check_books(subnet)


def test_a_port_is_deleted_once() -> None:
    context, network, subnet = prepared("10.0.0.0/28")
    port = make_port(network, context)
    results = at_once([lambda: PortManager(context).delete(port.id) for _ in range(4)])
    assert len([result for result in results if result is None]) == 1
    assert kinds(results) == {type(None), PortNotFound}
    check_books(subnet)


def test_a_port_serves_the_first_device() -> None:
    context, network, _ = prepared("10.0.0.0/28")
    port = make_port(network, context)
    manager = PortManager(context)
    results = at_once(
        [
            lambda number=number: manager.bind(
                port.id, host="h1", device_id=str(number), device_owner="compute:nova"
            )
            for number in range(4)
        ]
    )
    assert len([result for result in results if isinstance(result, Port)]) == 1
    assert kinds(results) == {Port, PortInUse}


def test_a_project_is_first_seen_by_many() -> None:
    context = make_context()
    manager = SecurityGroupManager(context)
    results = at_once([lambda: manager.ensure_default(context.project_id or "") for _ in range(6)])
    assert kinds(results) == {SecurityGroup}
    assert SecurityGroup.objects.get().rules.count() == 4


def test_a_rule_is_said_once() -> None:
    context = make_context()
    group = make_group(context)
    manager = SecurityGroupRuleManager(context)
    results = at_once(
        [lambda: manager.create(security_group_id=group.id, direction="ingress") for _ in range(4)]
    )
    assert len([r for r in results if isinstance(r, SecurityGroupRuleExists)]) == 3


def test_the_last_of_the_quota_is_given_once() -> None:
    context, network, _ = prepared("10.0.0.0/28")
    quotas.update(context.project_id or "", "network", {"port": 2})
    results = at_once([lambda: make_port(network, context) for _ in range(5)])
    assert kinds(results) == {Port, QuotaExceeded}
    assert Port.objects.count() == 2


def test_blocks_that_overlap_are_added_once() -> None:
    context = make_context()
    network = make_network(context)
    at_once([lambda: make_subnet(network, context, cidr="10.0.0.0/24") for _ in range(4)])
    assert Subnet.objects.count() == 1


def test_a_network_goes_or_keeps_its_new_ports() -> None:
    for _ in range(3):
        context, network, _ = prepared("10.0.0.0/28")
        results = at_once(
            [
                lambda network=network, context=context: NetworkManager(context).delete(network.id),
                *[lambda network=network, context=context: make_port(network, context)] * 3,
            ]
        )
        refusals = {NetworkInUse, NetworkNotFound, IpAddressGenerationFailure}
        assert kinds(results) <= {type(None), Port} | refusals, results
        left = Port.objects.filter(network_id=network.id).count()
        assert left == len([result for result in results if isinstance(result, Port)])
        assert left == 0 or Network.objects.filter(id=network.id).exists()


def test_new_pools_while_ports_come() -> None:
    context, network, subnet = prepared("10.0.0.0/24")
    pools = [{"start": "10.0.0.100", "end": "10.0.0.200"}]
    results = at_once(
        [
            lambda: SubnetManager(context).update(subnet.id, allocation_pools=pools),
            *[lambda: make_port(network, context)] * 5,
        ]
    )
    assert kinds(results) == {Subnet, Port}
    addresses = set(PortAddress.objects.values_list("ip_address", flat=True))
    assert len(addresses) == 5
    for port in Port.objects.all():
        PortManager(context).delete(port.id)
    again = [make_port(network, context).addresses.get().ip_address for _ in range(101)]
    assert sorted(again, key=ipaddress.ip_address)[0] == "10.0.0.100"
    assert len(set(again)) == 101


def test_a_floating_ip_is_led_while_what_it_leads_to_goes() -> None:
    """It leads to a port that is there, through an interface that is there, or nowhere."""
    context, external = make_context(), make_external()
    floating_ips, routers = FloatingIpManager(context), RouterManager(context)
    for number in range(6):
        subnet = make_subnet(make_network(context), context)
        router = make_router(context, subnets=[subnet], external=external)
        port, floating = make_port(subnet.network, context), make_floating_ip(context, external)

        def part(router: Router = router, subnet: Subnet = subnet) -> None:
            routers.remove_interface(router.id, subnet_id=subnet.id)

        def drop(port: Port = port) -> None:
            PortManager(context).delete(port.id)

        def lead(port: Port = port, floating: FloatingIp = floating) -> None:
            floating_ips.update(floating.id, port_id=port.id)

        led, other = at_once([lead, drop if number % 2 else part])
        known = PortNotFound | BadRequest | ExternalGatewayForFloatingIPNotFound | type(None)
        assert isinstance(led, known), led
        assert isinstance(other, RouterInterfaceInUseByFloatingIP | type(None)), other
        found = FloatingIp.objects.get(id=floating.id)
        if found.fixed_port_id is not None:
            assert Port.objects.filter(id=found.fixed_port_id).exists()
            assert RouterPort.objects.filter(router=found.router_id, is_gateway=False).exists()


def test_one_subnet_has_its_gateway_on_one_router() -> None:
    context = make_context()
    subnet = make_subnet(make_network(context), context)
    routers = [make_router(context) for _ in range(6)]
    manager = RouterManager(context)
    calls = [
        lambda router=router: manager.add_interface(router.id, subnet_id=subnet.id)
        for router in routers
    ]
    results = at_once(calls)
    refused = [one for one in results if isinstance(one, Exception)]
    assert len(refused) == len(routers) - 1
    assert all(isinstance(one, IpAddressAlreadyAllocated) for one in refused), refused
    assert RouterPort.objects.count() == 1


def test_many_take_the_last_floating_ips() -> None:
    context, small = make_context(), make_external(cidr="172.24.9.0/29")
    manager = FloatingIpManager(context)
    results = at_once([lambda: manager.create(floating_network_id=small.id)] * 8)
    made = [one for one in results if isinstance(one, FloatingIp)]
    refused = [one for one in results if isinstance(one, IpAddressGenerationFailure)]
    assert (len(made), len(refused)) == (4, 4), results
    assert len({one.floating_ip_address for one in made}) == 4


def test_what_is_tied_to_something_that_goes_says_so() -> None:
    """Each in a race with the end of what it needs: it is made, or told what is not there."""
    for _ in range(3):
        context = make_context()
        network, subnet = make_network(context), make_subnet(make_network(context), context)
        group, other, router = make_group(context), make_group(context), make_router(context)
        rules = SecurityGroupRuleManager(context)
        tied: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
            (
                lambda: NetworkManager(context).delete(network.id),  # noqa: B023 - called at once
                lambda: make_subnet(network, context),  # noqa: B023
            ),
            (
                lambda: SubnetManager(context).delete(subnet.id),  # noqa: B023
                lambda: RouterManager(context).add_interface(router.id, subnet_id=subnet.id),  # noqa: B023
            ),
            (
                lambda: SecurityGroupManager(context).delete(group.id),  # noqa: B023
                lambda: rules.create(  # noqa: B023
                    security_group_id=other.id,  # noqa: B023
                    direction="ingress",
                    remote_group_id=group.id,  # noqa: B023
                ),
            ),
        ]
        known = (NotFound, SubnetInUse, SecurityGroupInUse, NetworkInUse)
        for pair in tied:
            results = at_once(pair)
            wrong = [one for one in results if isinstance(one, Exception)]
            assert all(isinstance(one, known) for one in wrong), wrong


def test_no_two_networks_get_one_number() -> None:
    """Singly and many at once, with more wishes than there are numbers."""
    make_range(minimum=1, maximum=12)
    admins = [RequestContext.system(project_id=f"p{index}") for index in range(16)]
    results = at_once(
        [lambda admin=admin: make_network(admin, kind="vxlan") for admin in admins]  # type: ignore[misc]
    )
    made = [one.segmentation_id or 0 for one in results if isinstance(one, Network)]
    assert sorted(made) == [*range(1, 13)]
    assert kinds(results) == {Network, NoNetworkAvailable}

    make_range(minimum=101, maximum=106)
    several = [{"name": "n", "kind": "vxlan"}] * 3
    results = at_once(
        [lambda admin=admin: NetworkManager(admin).create_many(several) for admin in admins[:3]]  # type: ignore[misc]
    )
    assert [type(one) for one in results].count(NoNetworkAvailable) == 1
    assert Network.objects.filter(segmentation_id__gt=100).count() == 6


def test_of_one_number_or_range_there_is_one() -> None:
    admin = RequestContext.system(project_id="p")
    wish = {"kind": "vxlan", "segmentation_id": 77}
    results = at_once([lambda: make_network(admin, **wish) for _ in range(16)])
    assert [type(one) for one in results].count(Network) == 1
    assert kinds(results) == {Network, TunnelIdInUse}

    results = at_once(
        [lambda end=end: make_range(minimum=1, maximum=end) for end in range(1, 9)]  # type: ignore[misc]
    )
    assert [type(one) for one in results].count(SegmentRange) == 1
    assert kinds(results) == {SegmentRange, NetworkSegmentRangeOverlaps}


def test_no_two_subnets_of_a_pool_overlap() -> None:
    context = make_context()
    pool = make_pool(context, prefixes=["10.0.0.0/25"], default_prefixlen=28)
    networks = [make_network(context) for _ in range(10)]

    def cut(network: Network) -> Callable[[], Any]:
        subnets = SubnetManager(context)
        return lambda: subnets.create(network_id=network.id, subnet_pool_id=pool.id)

    results = at_once([cut(network) for network in networks])
    assert kinds(results) <= {Subnet, SubnetAllocationError}
    blocks = [ipaddress.ip_network(cidr) for cidr in Subnet.objects.values_list("cidr", flat=True)]
    assert len(blocks) == 8
    assert {*ipaddress.collapse_addresses(blocks)} == {ipaddress.ip_network("10.0.0.0/25")}
