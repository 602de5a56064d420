"""What a host is told again, how often, and what it costs while it is down."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from cloudweb.driver import DriverError
from network import states
from network.agent import NetworkAgent
from network.drivers.fake import FakeNetworkDriver
from network.manager import PortManager, SecurityGroupManager, SecurityGroupRuleManager
from network.models import Port
from network.objects import NetworkReport
from operations.models import Operation
from operations.reporting import Parts, deliver
from operations.testing import Cloud, check_invariants, cloud
from tests.builders.damage import damage
from tests.builders.networks import make_context, make_network, make_port, make_subnet

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
SYSTEM = RequestContext.system()


class CountingAgent(NetworkAgent):
    """Counts what it is told, and fails on demand."""

    def __init__(self, directory: Path) -> None:
        super().__init__(FakeNetworkDriver(state_dir=directory, host="h1"), directory)
        self.refreshed: list[str] = []
        self.faults: list[Exception] = []
        self.meanwhile: list[Callable[[], object]] = []

    def refresh(self, picture: Any, work: Any = None) -> Any:
        self.refreshed += [port.id for port in picture.ports]
        if self.faults:
            raise self.faults.pop(0)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return super().refresh(picture, work)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Cloud, CountingAgent]]:
    with cloud(tmp_path) as running:
        agent = CountingAgent(tmp_path)
        running.add_host("h1", {"network": agent})
        running.report()
        running.settle()
        yield running, agent


def plugged_port(
    agent: CountingAgent, network: Any, context: RequestContext, host: str = "h1"
) -> Port:
    """Return a port as a server's saga leaves it: bound, on the host, confirmed."""
    port = make_port(network, context)
    manager = PortManager(SYSTEM)
    manager.bind(port.id, host=host, device_id=uuid.uuid4().hex, device_owner="compute:nova")
    agent.plug(manager.wiring(port.id))
    manager.set_status(port.id, states.ACTIVE)
    return Port.objects.get(id=port.id)


def add_rule(context: RequestContext, port: int) -> None:
    group = SecurityGroupManager(context).resolve("default", context.project_id or "")
    SecurityGroupRuleManager(context).create(
        security_group_id=group.id,
        direction="ingress",
        protocol="tcp",
        port_range_min=port,
        port_range_max=port,
    )


def settle(running: Cloud) -> None:
    running.make_due()
    running.settle()
    check_invariants()


def accepted(agent: CountingAgent, port: Port) -> set[int | None]:
    """Return the ports that the host lets in now."""
    wiring = agent.wirings.find(str(port.network_id), str(port.id))
    assert wiring is not None
    return {rule.port_min for rule in wiring.rules if rule.direction == "ingress"}


def test_several_changes_are_told_once(world: tuple[Cloud, CountingAgent]) -> None:
    running, agent = world
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    ports = [plugged_port(agent, network, context) for _ in range(3)]
    settle(running)
    agent.refreshed.clear()
    for number in (22, 80, 443):
        add_rule(context, number)
    settle(running)
    assert sorted(agent.refreshed) == sorted(str(port.id) for port in ports)
    assert accepted(agent, ports[0]) >= {22, 80, 443}
    assert not Port.objects.outdated_on("h1").exists()


def test_a_change_while_it_looks_is_not_lost(world: tuple[Cloud, CountingAgent]) -> None:
    running, agent = world
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    port = plugged_port(agent, network, context)
    agent.meanwhile.append(lambda: add_rule(context, 80))
    add_rule(context, 22)
    for _ in range(3):
        settle(running)
    assert accepted(agent, port) >= {22, 80}
    assert not Port.objects.outdated_on("h1").exists()


def test_a_host_that_is_down_costs_nothing_and_catches_up(
    world: tuple[Cloud, CountingAgent],
) -> None:
    running, agent = world
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    port = plugged_port(agent, network, context)
    settle(running)
    running.kill_host("h1")
    before = Operation.objects.count()
    add_rule(context, 22)
    assert Operation.objects.count() == before
    running.add_host("h1", {"network": agent})
    running.report()
    settle(running)
    assert 22 in accepted(agent, port)


def test_a_refusal_is_tried_again_later(world: tuple[Cloud, CountingAgent]) -> None:
    running, agent = world
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    port = plugged_port(agent, network, context)
    agent.faults.append(DriverError("no"))
    add_rule(context, 22)
    settle(running)
    settle(running)
    assert 22 in accepted(agent, port)


def test_an_unplugged_port_is_not_brought_back(world: tuple[Cloud, CountingAgent]) -> None:
    running, agent = world
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    port = plugged_port(agent, network, context)
    add_rule(context, 22)
    agent.unplug(PortManager(SYSTEM).ref(port.id))
    settle(running)
    assert not agent.driver.ports()


def test_a_port_switched_off_is_down_when_the_host_says_so(
    world: tuple[Cloud, CountingAgent],
) -> None:
    running, agent = world
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    port = plugged_port(agent, network, context)
    PortManager(context).update(port.id, admin_state_up=False)
    settle(running)
    assert Port.objects.get(id=port.id).status == states.DOWN


def test_nothing_is_started_when_the_change_is_rolled_back(
    world: tuple[Cloud, CountingAgent],
) -> None:
    _, agent = world
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    port = plugged_port(agent, network, context)
    before = Operation.objects.count()
    with transaction.atomic():
        add_rule(context, 22)
        assert Operation.objects.count() == before + 1
        transaction.set_rollback(True)
    assert Operation.objects.count() == before
    assert Port.objects.get(id=port.id).wiring_revision == port.wiring_revision


def test_ports_whose_records_were_lost_are_told_again(
    world: tuple[Cloud, CountingAgent], tmp_path: Path
) -> None:
    running, agent = world
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    lost, other = (plugged_port(agent, network, context) for _ in range(2))
    settle(running)
    damage(tmp_path / "wirings" / str(network.id) / "ports" / f"{lost.id}.json", "emptied")
    running.kill_host("h1")
    (tmp_path / "network.json").unlink(missing_ok=True)
    again = CountingAgent(tmp_path)
    running.add_host("h1", {"network": again})
    for _ in range(2):  # while it is being told, it is not told twice
        running.report()
    settle(running)
    assert again.refreshed == [str(lost.id)]
    assert {status.id for status in again.driver.ports()} == {str(lost.id), str(other.id)}
    assert again.wirings.find(str(network.id), str(lost.id)) is not None
    running.report()
    settle(running)
    assert again.refreshed == [str(lost.id)]


def test_a_change_for_many_hosts_that_are_about_to_look_costs_as_for_one(
    world: tuple[Cloud, CountingAgent], tmp_path: Path
) -> None:
    running, agent = world
    agents = {"h1": agent}
    for name in ("h2", "h3", "h4"):
        agents[name] = CountingAgent(tmp_path / name)
        running.add_host(name, {"network": agents[name]})
    running.report()
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    ports = [plugged_port(agents[name], network, context, name) for name in sorted(agents)]
    settle(running)
    with CaptureQueriesContext(connection) as first:
        add_rule(context, 22)
    with CaptureQueriesContext(connection) as second:
        add_rule(context, 80)
    assert Operation.objects.filter(state="READY").count() == 4
    assert len(first) - len(second) > 4 * 3
    settle(running)
    for name, port in zip(sorted(agents), ports, strict=True):
        assert accepted(agents[name], port) >= {22, 80}


def test_a_host_is_told_its_own_ports_only(world: tuple[Cloud, CountingAgent]) -> None:
    running, agent = world
    context = make_context()
    network = make_network(context)
    make_subnet(network)
    port = plugged_port(agent, network, context)
    settle(running)
    before = Port.objects.get(id=port.id).wiring_revision
    for host, ids in (("h2", (str(port.id),)), ("h1", ("x", str(uuid.uuid4()), "../y"))):
        deliver([Parts(host, {"network": NetworkReport(lost=ids).dump()})])
    assert Port.objects.get(id=port.id).wiring_revision == before
    assert not Operation.objects.exclude(state="DONE").exists()
