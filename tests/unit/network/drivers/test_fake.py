"""The fake network driver: what it insists on, and its faults."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cloudweb.driver import DriverError, TransientDriverError, Unguarded, Work
from network.agent import NetworkAgent
from network.drivers.fake import FakeNetworkDriver
from network.objects import NetworkReport, NetworkWiring, PortMilestone, PortWiring
from tests.builders.ports import make_network, make_port, port_ref

WORK = Unguarded()


def test_a_tap_is_refused_before_its_filters() -> None:
    driver, port = FakeNetworkDriver(), make_port(make_network())
    with pytest.raises(DriverError):
        driver.plug(port, work=WORK)
    driver.ensure_segment(port.network, work=WORK)
    with pytest.raises(DriverError):
        driver.plug(port, work=WORK)
    driver.ensure_filters(port.network, [port], work=WORK)
    assert driver.plug(port, work=WORK).up


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "method", ["ensure_segment", "ensure_filters", "ensure_gateway", "ensure_dhcp", "plug"]
)
def test_a_failed_plug_can_be_tried_again_and_taken_back(
    tmp_path: Path, method: str, when: str
) -> None:
    driver = FakeNetworkDriver()
    agent, port = NetworkAgent(driver, tmp_path), make_port(make_network())
    driver.faults.fail(method, times=2, when=when)
    for _ in range(2):
        with pytest.raises(TransientDriverError):
            agent.plug(port)
    assert agent.plug(port).up
    agent.unplug(port_ref(port))
    assert not driver.census()


def test_one_broken_network_does_not_keep_the_others_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = NetworkAgent(FakeNetworkDriver(), tmp_path)
    good, bad = make_port(make_network()), make_port(make_network())
    agent.plug(good)
    agent.plug(bad)
    driver = FakeNetworkDriver()
    plain = driver.ensure_dhcp

    def refuse(network: NetworkWiring, ports: Sequence[PortWiring], *, work: Work) -> None:
        if network.id == bad.network.id:
            raise KeyError("a bug")
        plain(network, ports, work=work)

    monkeypatch.setattr(driver, "ensure_dhcp", refuse)
    again = NetworkAgent(driver, tmp_path)
    assert len(again.init_host()) == 1
    inventory = again.inventory()
    assert [status.id for status in inventory.ports] == [good.id]
    assert bad.network.id in inventory.problems[0]


def test_a_transient_fault_at_start_is_tried_once_more(tmp_path: Path) -> None:
    agent, port = NetworkAgent(FakeNetworkDriver(), tmp_path), make_port(make_network())
    agent.plug(port)
    driver = FakeNetworkDriver()
    driver.faults.fail("ensure_filters")
    assert not NetworkAgent(driver, tmp_path).init_host()
    assert [status.id for status in driver.ports()] == [port.id]


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden"])
def test_an_id_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    agent = NetworkAgent(FakeNetworkDriver(), tmp_path)
    port = make_port(make_network(id=name))
    with pytest.raises(DriverError):
        agent.plug(port)
    with pytest.raises(DriverError):
        agent.plug(make_port(make_network()).model_copy(update={"id": name}))


def test_milestones_are_kept_until_they_were_reported(tmp_path: Path) -> None:
    driver = FakeNetworkDriver()
    agent = NetworkAgent(driver, tmp_path)
    one, two = (
        PortMilestone(network_id="n", port_id=name, kind="dhcp", at=1.0) for name in ("p1", "p2")
    )
    driver.reach(one)
    driver.reach(two)
    assert list(agent.milestones()) == [one, two]
    agent.forget_milestones([one])
    assert list(agent.milestones()) == [two]


def test_a_report_carries_milestones_until_it_was_taken(tmp_path: Path) -> None:
    driver = FakeNetworkDriver()
    agent = NetworkAgent(driver, tmp_path)
    driver.reach(PortMilestone(network_id="n", port_id="p", kind="metadata", at=2.0))
    first = agent.report(full=True)
    assert first.inventory is not None
    assert (first.inventory.problems, first.inventory.strays) == ((), ())
    second = agent.report(full=False)
    assert second.inventory is None
    assert second.milestones == first.milestones != ()
    agent.reported(first)
    assert agent.report(full=False) == NetworkReport()
    later = [agent.report(full=False).inventory is not None for _ in range(6)]
    assert later.count(True) == 1  # once a minute, so that its counts are of today
