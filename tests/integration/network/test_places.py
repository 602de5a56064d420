"""Where ports of networks that span hosts are: told to the hosts that have some, whatever is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from network import places, states
from network.agent import TOLD_AGAIN, NetworkAgent
from network.drivers.fake import FakeNetworkDriver
from network.manager import PortManager
from network.models import Agent, Forwarding, ForwardingMove, HeldForwarding, Network, Port, Router
from network.news import routers_changed
from network.objects import NetworkPicture
from network.routers.placing import move
from operations.reporting import Parts, deliver
from operations.testing import Cloud, check_invariants, cloud
from tests.builders.damage import damage
from tests.builders.networks import (
    make_context,
    make_group,
    make_network,
    make_port,
    make_subnet,
)
from tests.builders.routers import make_router
from tests.builders.threads import at_once

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
SYSTEM = RequestContext.system()
Ways = dict[str, list[str]]


class NotingAgent(NetworkAgent):
    """Keeps the pictures it is told."""

    def __init__(self, directory: Path, host: str) -> None:
        super().__init__(FakeNetworkDriver(directory / "driver", host), directory)
        self.told: list[NetworkPicture] = []

    def refresh(self, picture: NetworkPicture, work: Any = None) -> Any:
        self.told.append(picture)
        return super().refresh(picture, work)


class World:
    """A cloud with three hosts, and a network of a project that spans them."""

    def __init__(self, running: Cloud, directory: Path) -> None:
        self.running = running
        self.agents = {host: NotingAgent(directory / host, host) for host in ("h1", "h2", "h3")}
        for host, agent in self.agents.items():
            running.add_host(host, {"network": agent})
        running.report()
        running.settle()
        self.context = make_context()
        self.network: Network = make_network(self.context)
        Network.objects.filter(id=self.network.id).update(kind="vxlan", segmentation_id=77)
        self.network.refresh_from_db()
        self.subnet = make_subnet(self.network, self.context)

    def plugged(self, host: str, **overrides: Any) -> Port:
        """Return a port as a server's saga leaves it: bound, on the host, confirmed."""
        return self.moved(make_port(self.network, self.context, **overrides), host)

    def moved(self, port: Port, host: str) -> Port:
        manager = PortManager(SYSTEM)
        device = {"host": host, "device_id": str(port.id), "device_owner": "compute:nova"}
        manager.bind(port.id, **device)
        answer = self.agents[host].plug(manager.wiring(port.id))
        told = {"groups": answer.groups, "forwarding": answer.forwarding}
        manager.set_status(port.id, states.ACTIVE, **told)
        return Port.objects.get(id=port.id)

    def settle(self, host: str = "h1") -> list[NetworkPicture]:
        """Let all be told; return what one host was."""
        for agent in self.agents.values():
            agent.told.clear()
        self.running.make_due()
        self.running.settle()
        check_invariants()
        return self.agents[host].told

    def ways(self, host: str) -> Ways:
        """Return where the host knows ports to be."""
        driver: Any = self.agents[host].driver
        return dict(driver.segment(str(self.network.id)).ways)

    def where(self, **hosts: Port) -> Ways:
        found: Ways = {}
        for name, port in hosts.items():
            driver: Any = self.agents[name.partition("_")[0]].driver
            addresses = [one.ip_address for one in port.addresses.all()]
            found[port.mac_address] = [driver.tunnel_address, *addresses]
        return found

    def report(self) -> None:
        for _ in range(TOLD_AGAIN + 1):
            self.running.report()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with cloud(tmp_path) as running:
        yield World(running, tmp_path)


def test_each_host_with_ports_knows_where_all_are_and_learns_of_changes_alone(world: World) -> None:
    one, two = world.plugged("h1"), world.plugged("h2")
    world.settle()
    assert world.ways("h1") == world.ways("h2") == world.where(h1=one, h2=two)
    third = world.plugged("h2")
    (picture,) = world.settle()
    assert (picture.ports, picture.forwarding) == ((), None)
    assert picture.moves is not None
    assert [entry.mac for entry in picture.moves.entries] == [third.mac_address]
    assert world.ways("h1") == world.where(h1=one, h2=two, h2_too=third)
    PortManager(world.context).delete(third.id)
    (picture,) = world.settle()
    assert picture.moves is not None
    assert (picture.moves.entries, picture.moves.gone) == ((), (third.mac_address,))
    manager = PortManager(world.context)
    manager.update(two.id, fixed_ips=[{"ip_address": "10.0.0.99"}])
    world.settle()
    two = Port.objects.get(id=two.id)
    assert world.ways("h1") == world.where(h1=one, h2=two)
    assert world.ways("h1")[two.mac_address][1:] == ["10.0.0.99"]
    two = world.moved(two, "h3")
    world.settle()
    assert world.ways("h1") == world.ways("h3") == world.where(h1=one, h3=two)
    PortManager(SYSTEM).unbind(two.id)
    world.settle()
    assert world.ways("h1") == world.where(h1=one)
    assert world.settle() == []


def test_who_may_have_other_addresses_is_said(world: World) -> None:
    one = world.plugged("h1")
    (entry,) = places.whole(Forwarding.objects.get()).entries
    assert not entry.roams
    pairs = [{"ip_address": "10.0.0.200"}]
    PortManager(world.context).update(one.id, allowed_address_pairs=pairs)
    (entry,) = places.whole(Forwarding.objects.get()).entries
    assert entry.roams


def test_where_a_guest_goes_is_told_at_once_and_that_it_goes_nowhere_too(world: World) -> None:
    goes, known = world.plugged("h2"), world.agents["h2"].told
    other = make_network(world.context)
    Network.objects.filter(id=other.id).update(kind="vxlan", segmentation_id=78)
    make_subnet(other, world.context)
    world.moved(make_port(other, world.context), "h1")
    world.settle()
    driver: Any = world.agents["h3"].driver
    told = PortManager(SYSTEM).expect(goes.id, "h3")
    assert told.forwarding is not None
    (said,) = [one for one in told.forwarding.entries if one.mac == goes.mac_address]
    assert said.goes_to == driver.tunnel_address
    world.running.pump()  # no time passes: it is told before the guest is gone
    moves = known[-1].moves
    assert moves is not None
    assert moves.entries == (said,)
    assert world.agents["h1"].told == []  # it has no part in this network
    PortManager(SYSTEM).settle(goes.id)
    (picture,) = world.settle("h2")
    assert picture.moves is not None
    assert [one.goes_to for one in picture.moves.entries] == [""]
    assert PortManager(SYSTEM).settle(goes.id) is None
    assert world.settle("h2") == []


def test_a_router_is_where_it_was_brought(world: World) -> None:
    one = world.plugged("h1")
    router = make_router(world.context, subnets=[world.subnet])
    world.settle()
    row = Router.objects.complete().get(id=router.id)
    leg = row.router_ports.get().port
    there = {"h1": "h2", "h2": "h3", "h3": "h2"}[row.host]
    known = world.ways("h1")[leg.mac_address]
    with transaction.atomic():
        move(row, there)
        routers_changed(row.id)
    world.settle()
    leg.refresh_from_db()
    assert leg.host == there
    assert world.ways("h1")[leg.mac_address] != known
    assert world.ways(there) == world.ways("h1") == world.where(h1=one, **{f"{there}_leg": leg})


def test_another_tunnel_address_is_told_to_all(world: World) -> None:
    one, two = world.plugged("h1"), world.plugged("h2")
    world.settle()
    driver: Any = world.agents["h2"].driver
    driver.host = "h2-on-another-address"
    world.report()
    world.settle()
    assert Agent.objects.get(host="h2").tunnel_address == driver.tunnel_address
    assert world.ways("h1") == world.where(h1=one, h2=two)


def lose_the_record(world: World) -> None:
    """The host's record is damaged, found at its next start."""
    agent = world.agents["h1"]
    damage(agent.wirings._network_dir(str(world.network.id)) / "forwarding.json", "emptied")
    agent.init_host()
    assert world.ways("h1") == {}
    world.running.report()


def set_the_host_back(world: World) -> None:
    """The host's disk is an older copy, and it says so."""
    agent = world.agents["h1"]
    kept = agent.wirings.forwarding(str(world.network.id))
    assert kept is not None
    old = kept.model_copy(update={"generation": 1, "entries": ()})
    path = agent.wirings._network_dir(str(world.network.id)) / "forwarding.json"
    path.write_text(json.dumps(old.dump()))
    agent.init_host()
    deliver([Parts("h1", {"network": agent.report(full=True).dump()})])


def set_the_database_back(world: World) -> None:
    """The database is an older copy: the host is ahead of it."""
    Forwarding.objects.update(generation=2)
    HeldForwarding.objects.update(applied_generation=2)
    ForwardingMove.objects.all().delete()
    report = world.agents["h1"].report(full=True)
    deliver([Parts("h1", {"network": report.dump()})])


def lose_a_change(world: World) -> None:
    """A change is thought to have been applied that never came."""
    HeldForwarding.objects.update(applied_generation=Forwarding.objects.get().generation)


def forget_the_changes(world: World) -> None:
    """The host is further behind than changes are kept."""
    HeldForwarding.objects.update(applied_generation=1)
    Forwarding.objects.update(generation=places.REMEMBERED * 4)


HARMS = (
    lose_the_record, set_the_host_back, set_the_database_back, lose_a_change, forget_the_changes,
)  # fmt: skip


def test_whatever_is_lost_is_made_good(world: World) -> None:
    ports = {"h1": world.plugged("h1"), "h2": world.plugged("h2")}
    world.settle()
    for number, harm in enumerate(HARMS):
        harm(world)
        ports[f"h2_{number}"] = world.plugged("h2")
        world.settle()
        world.report()
        world.settle()
        assert world.ways("h1") == world.where(**ports), harm.__name__


def test_a_port_costs_the_same_among_few_as_among_many(world: World) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            world.plugged("h1")
        return len(seen)

    for host in ("h1", "h2"):
        world.plugged(host)
    world.settle()
    few = statements()
    for _ in range(20):
        world.plugged("h2")
    world.settle()
    assert statements() == few


def test_networks_of_one_host_know_no_places(world: World) -> None:
    alone = make_network(world.context)
    Network.objects.filter(id=alone.id).update(kind="isolated", segmentation_id=None)
    alone.refresh_from_db()
    make_subnet(alone, world.context)
    world.moved(make_port(alone, world.context), "h1")
    assert not Forwarding.objects.filter(network=alone.id).exists()


def test_many_at_once_wait_for_each_other_and_lose_nothing(world: World) -> None:
    ports = [make_port(world.network, world.context) for _ in range(8)]
    first = world.plugged("h2")
    before = Forwarding.objects.get().generation
    group = make_group(world.context)

    def bind(port: Port) -> None:
        device = {"host": "h1", "device_id": str(port.id), "device_owner": "compute:nova"}
        PortManager(SYSTEM).bind(port.id, **device)

    def regroup(port: Port) -> None:
        pairs = [{"ip_address": "10.0.0.200"}]
        PortManager(world.context).update(
            port.id, security_group_ids=[group.id], allowed_address_pairs=pairs
        )

    def readdress(port: Port) -> None:
        wish = [{"subnet_id": str(world.subnet.id)}]
        PortManager(world.context).update(port.id, fixed_ips=[*wish, *wish])

    results = at_once(
        [
            *(lambda port=port: bind(port) for port in ports),
            *(lambda port=port: regroup(port) for port in ports[:4]),
            *(lambda port=port: readdress(port) for port in ports[2:6]),
            lambda: PortManager(world.context).delete(first.id),
        ]
    )
    assert [result for result in results if isinstance(result, Exception)] == []
    change = places.since(Forwarding.objects.get(), before)
    assert change is not None
    assert {entry.mac for entry in change.entries} == {port.mac_address for port in ports}
    assert change.gone == (first.mac_address,)
    addresses = {entry.mac: len(entry.addresses) for entry in change.entries}
    assert [addresses[port.mac_address] for port in ports] == [1, 1, 2, 2, 2, 2, 1, 1]
