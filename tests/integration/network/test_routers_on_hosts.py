"""What a host is told of routers: at first, after changes, after it was down, and when it lost them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from network import states
from network.agent import TOLD_AGAIN, NetworkAgent
from network.drivers.fake import FakeNetworkDriver
from network.manager import (
    FloatingIpManager,
    PortForwardingManager,
    PortManager,
    RouterManager,
    SecurityGroupManager,
    SubnetManager,
)
from network.manager.port_forwarding import Ports
from network.models import MemberSet, Network, Port, Router, Subnet
from operations.testing import Cloud, check_invariants, cloud
from tests.builders.networks import make_context, make_network, make_port, make_subnet
from tests.builders.routers import make_external, make_floating_ip, make_router

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
SYSTEM = RequestContext.system()


class World:
    """A cloud of one host, with a network that a router joins to the outside."""

    def __init__(self, running: Cloud, directory: Path) -> None:
        self.cloud, self.directory = running, directory
        self.driver = FakeNetworkDriver(state_dir=directory / "h1", host="h1")
        self.agent = NetworkAgent(self.driver, directory / "h1")
        running.add_host("h1", {"network": self.agent})
        running.report()
        running.settle()
        self.context = make_context()
        self.external = make_external()
        self.network = make_network(self.context)
        self.subnet = make_subnet(self.network, self.context)

    def routed(self, **overrides: Any) -> Router:
        router = make_router(
            self.context, subnets=[self.subnet], external=self.external, **overrides
        )
        self.cloud.settle()
        return Router.objects.complete().get(id=router.id)

    def report(self) -> None:
        """Let so many reports pass that one tells all."""
        for _ in range(TOLD_AGAIN + 1):
            self.cloud.report()

    def told(self, router: Router) -> Any:
        return self.driver.router(str(router.id))

    def plugged(self, network: Network | None = None) -> Port:
        port = make_port(network or self.network, self.context)
        manager = PortManager(SYSTEM)
        manager.bind(port.id, host="h1", device_id=uuid.uuid4().hex, device_owner="compute:nova")
        self.agent.plug(manager.wiring(port.id))
        manager.set_status(port.id, states.ACTIVE)
        return Port.objects.get(id=port.id)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with cloud(tmp_path) as running:
        yield World(running, tmp_path)
        check_invariants()


def test_a_router_is_made_with_its_ports(world: World) -> None:
    router = world.routed()
    told = world.told(router)
    assert (router.host, router.status) == ("h1", "ACTIVE")
    assert router.applied_revision == router.wiring_revision == told["revision"]
    assert told["next_hops"] == ["172.24.4.1"]
    assert [port["addresses"][0]["ip_address"] for port in told["interfaces"]] == ["10.0.0.1"]
    (network,) = (port["network"] for port in told["interfaces"])
    assert network["subnets"][0]["routed"]
    statuses = {one.port.status for one in router.router_ports.select_related("port")}
    assert statuses == {states.ACTIVE}
    assert len(world.driver.ports()) == 2


def test_what_leads_where_is_told(world: World) -> None:
    router, port, other = world.routed(), world.plugged(), world.plugged()
    floating = make_floating_ip(world.context, world.external, port_id=port.id)
    shared = make_floating_ip(world.context, world.external)
    PortForwardingManager(world.context).create(
        shared.id,
        protocol="tcp",
        internal_port_id=other.id,
        internal=Ports(8080, 8080),
        external=Ports(80, 80),
    )
    world.cloud.settle()
    told = world.told(router)
    assert told["floating"] == [
        {
            "floating_ip": floating.floating_ip_address,
            "fixed_ip": port.addresses.get().ip_address,
        }
    ]
    assert [
        (one["floating_ip"], one["first"], one["fixed_first"]) for one in told["forwardings"]
    ] == [(shared.floating_ip_address, 80, 8080)]
    FloatingIpManager(world.context).update(floating.id, port_id=None)
    world.cloud.settle()
    assert world.told(router)["floating"] == []


def test_an_interface_that_goes_leaves_the_host(world: World) -> None:
    router = world.routed()
    RouterManager(world.context).remove_interface(router.id, subnet_id=world.subnet.id)
    world.cloud.settle()
    assert world.told(router)["interfaces"] == []
    assert len(world.driver.ports()) == 1
    RouterManager(world.context).update(router.id, gateway=None)
    world.cloud.settle()
    assert (world.driver.routers(), world.driver.census()) == ((), ())
    assert Router.objects.get().host == ""


def test_a_router_that_goes_leaves_nothing(world: World) -> None:
    router = world.routed()
    manager = RouterManager(world.context)
    manager.remove_interface(router.id, subnet_id=world.subnet.id)
    manager.delete(router.id)
    world.cloud.settle()
    assert world.driver.census() == ()
    assert not Port.objects.exclude(device_owner=states.DHCP_OWNER)


def test_guests_learn_who_has_the_gateway(world: World) -> None:
    port = world.plugged()
    router = world.routed()

    def known() -> Any:
        wiring = world.agent.wirings.find(str(world.network.id), str(port.id))
        assert wiring is not None
        return wiring.network.subnets[0]

    world.cloud.settle()
    assert (known().routed, known().dhcp_server_ip != known().gateway_ip) == (True, True)
    RouterManager(world.context).remove_interface(router.id, subnet_id=world.subnet.id)
    world.cloud.settle()
    assert (known().routed, known().dhcp_server_ip) == (False, "10.0.0.1")


def test_a_change_outside_reaches_the_router(world: World) -> None:
    router = world.routed()
    (outside,) = Subnet.objects.filter(network=world.external)
    pools = [{"start": "172.24.4.10", "end": "172.24.4.200"}]
    SubnetManager(SYSTEM).update(outside.id, gateway_ip="172.24.4.254", allocation_pools=pools)
    world.cloud.settle()
    assert world.told(router)["next_hops"] == ["172.24.4.254"]


def test_a_router_waits_for_its_first_host(tmp_path: Path) -> None:
    with cloud(tmp_path) as running:
        context = make_context()
        subnet = make_subnet(make_network(context), context)
        router = make_router(context, subnets=[subnet])
        running.settle()
        assert router.status == states.ALLOCATING
        agent = NetworkAgent(
            FakeNetworkDriver(state_dir=tmp_path / "h1", host="h1"), tmp_path / "h1"
        )
        running.add_host("h1", {"network": agent})
        running.report()
        running.settle()
        assert agent.driver.routers() == (str(router.id),)
        assert Router.objects.complete().get().status == states.ACTIVE


def test_a_host_that_lost_a_router_is_told_again(world: World) -> None:
    router = world.routed()
    world.agent.routers.delete_everything()
    assert world.driver.routers() == ()
    world.report()
    world.cloud.settle()
    assert world.told(router)["revision"] == Router.objects.get().applied_revision
    assert len(world.driver.ports()) == 2


def test_a_damaged_record_is_asked_for_again(world: World) -> None:
    router = world.routed()
    path = world.directory / "h1" / "router_wirings" / f"{router.id}.json"
    path.write_text('{"half')
    assert any("record of router" in text for text in _problems(world))
    world.report()
    world.cloud.settle()
    assert path.read_text().startswith('{"object"')
    assert world.agent.routers.lost() == []


def _problems(world: World) -> list[str]:
    world.agent.routers.statuses()
    return list(world.agent.problems())


def test_a_host_brings_its_routers_back_from_disk(world: World) -> None:
    router = world.routed()
    driver = FakeNetworkDriver(state_dir=world.directory / "new", host="h1")
    agent = NetworkAgent(driver, world.directory / "h1")
    assert agent.init_host() == []
    assert driver.routers() == (str(router.id),)
    assert len(driver.ports()) == 2


def test_members_of_a_group_are_those_on_all_networks_that_a_router_joins(world: World) -> None:
    here = world.plugged()
    other = make_network(world.context, name="other")
    there_subnet = make_subnet(other, world.context, cidr="10.1.0.0/24")
    there = world.plugged(other)
    world.cloud.settle()
    group = SecurityGroupManager(world.context).resolve("default", str(world.context.project_id))

    def known(port: Port) -> set[str]:
        found = world.agent.wirings.group(str(port.network_id), str(group.id))
        return {*found.members} if found is not None else set()

    own = {port: f"{port.addresses.get().ip_address}/32" for port in (here, there)}
    assert (known(here), known(there)) == ({own[here]}, {own[there]})
    router = make_router(world.context, subnets=[world.subnet, there_subnet])
    world.cloud.settle()
    assert known(here) == known(there) == {*own.values()}
    third = world.plugged(other)
    world.cloud.settle()
    assert f"{third.addresses.get().ip_address}/32" in known(here)
    RouterManager(world.context).remove_interface(router.id, subnet_id=there_subnet.id)
    world.cloud.settle()
    assert known(here) == {own[here]}
    assert MemberSet.objects.filter(network=other).exists()


def test_a_router_follows_the_servers_of_its_networks(world: World) -> None:
    router = world.routed()
    directory = world.directory / "h2"
    driver = FakeNetworkDriver(state_dir=directory, host="h2")
    agent = NetworkAgent(driver, directory)
    world.cloud.add_host("h2", {"network": agent})
    world.cloud.report()
    world.cloud.settle()
    assert RouterManager(SYSTEM).follow_servers() == 0  # there are none
    port = make_port(world.network, world.context)
    manager = PortManager(SYSTEM)
    manager.bind(port.id, host="h2", device_id=uuid.uuid4().hex, device_owner="compute:nova")
    agent.plug(manager.wiring(port.id))
    manager.set_status(port.id, states.ACTIVE)
    assert RouterManager(SYSTEM).follow_servers() == 1
    world.cloud.settle()
    assert (Router.objects.get().host, driver.routers()) == ("h2", (str(router.id),))
    assert (world.driver.routers(), world.driver.census()) == ((), ())
    wiring = agent.wirings.find(str(world.network.id), str(port.id))
    assert wiring is not None
    assert wiring.network.subnets[0].routed
    assert RouterManager(SYSTEM).follow_servers() == 0
