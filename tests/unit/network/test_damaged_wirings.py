"""A damaged record of a port or network: the rest comes back, and the control plane is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from network.agent import NetworkAgent
from network.drivers.fake import FakeNetworkDriver
from network.objects import NetworkPicture
from tests.builders.damage import DAMAGES, aside, damage
from tests.builders.ports import (
    from_group,
    make_network,
    make_port,
    members,
    new_id,
    port_ref,
)


def restart(directory: Path, driver: FakeNetworkDriver | None = None) -> NetworkAgent:
    """Return the agent as after a reboot of the machine, or on what the driver still holds."""
    agent = NetworkAgent(driver or FakeNetworkDriver(), directory)
    agent.init_host()
    return agent


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_port_is_asked_for_and_all_others_come_back(tmp_path: Path, how: str) -> None:
    agent = restart(tmp_path)
    network = make_network()
    lost, near = make_port(network), make_port(network, "10.5.0.12")
    alone, far = make_port(make_network()), make_port(make_network())
    for port in (lost, near, alone, far):
        agent.plug(port)
    for port in (lost, alone):
        damage(tmp_path / "wirings" / port.network.id / "ports" / f"{port.id}.json", how)
    for _ in range(2):
        agent = restart(tmp_path)
        report = agent.report(full=True)
        assert report.inventory is not None
        assert {port.id for port in report.inventory.ports} == {near.id, far.id}
        assert set(report.lost) == {lost.id, alone.id}
        assert len(report.inventory.problems) == 2
    for port in (lost, alone):
        told = agent.refresh(NetworkPicture(id=port.network.id, ports=(port,)))
        assert [status.id for status in told.ports] == [port.id]
    report = agent.report(full=True)
    assert report.inventory is not None
    assert (report.lost, report.inventory.problems, len(report.inventory.ports)) == ((), (), 4)
    for port in (lost, near, alone, far):
        agent.unplug(port_ref(port))
    assert not agent.driver.segments()
    assert aside(tmp_path) == []


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_network_comes_back_from_its_ports(tmp_path: Path, how: str) -> None:
    agent = restart(tmp_path)
    network = make_network()
    ports = [make_port(network), make_port(network, "10.5.0.12")]
    for port in ports:
        agent.plug(port)
    damage(tmp_path / "wirings" / network.id / "network.json", how)
    agent = restart(tmp_path)
    assert {status.id for status in agent.driver.ports()} == {port.id for port in ports}
    assert set(agent.report(full=True).lost) == {port.id for port in ports}  # perhaps it was newer
    agent.refresh(NetworkPicture(id=network.id, ports=tuple(ports)))
    assert agent.report(full=True).lost == ()


def test_a_network_of_which_all_is_lost_stays_as_it_is(tmp_path: Path) -> None:
    agent = restart(tmp_path)
    port = make_port(make_network())
    agent.plug(port)
    for record in (tmp_path / "wirings").rglob("*.json"):
        damage(record, "emptied")
    agent = restart(tmp_path, agent.driver)  # type: ignore[arg-type]
    assert [status.id for status in agent.driver.ports()] == [port.id]
    assert agent.report(full=True).lost == (port.id,)
    assert not agent.inventory().strays
    agent.plug(port)
    assert agent.report(full=True).lost == ()


def test_a_lost_port_keeps_its_network_until_it_is_unplugged(tmp_path: Path) -> None:
    agent = restart(tmp_path)
    network = make_network()
    lost, other = make_port(network), make_port(network, "10.5.0.12")
    for port in (lost, other):
        agent.plug(port)
    damage(tmp_path / "wirings" / network.id / "ports" / f"{lost.id}.json", "cut")
    agent = restart(tmp_path)
    agent.unplug(port_ref(other))
    assert agent.report(full=True).lost == (lost.id,)
    agent.unplug(port_ref(lost))
    assert (agent.report(full=True).lost, agent.driver.segments()) == ((), ())


def test_members_told_to_a_network_of_which_all_is_lost_are_kept_for_its_ports(
    tmp_path: Path,
) -> None:
    agent, group = restart(tmp_path), new_id()
    port = make_port(make_network(), group_rules=(from_group(group),))
    agent.plug(port)
    for record in (tmp_path / "wirings").rglob("*.json"):
        damage(record, "emptied")
    agent = restart(tmp_path, agent.driver)  # type: ignore[arg-type]
    whole = members(port.network, group, 3, "10.5.0.9/32")
    picture = NetworkPicture(id=port.network.id, ports=(), groups=(whole,))
    assert [one.generation for one in agent.refresh(picture).groups] == [3]
    agent.refresh(NetworkPicture(id=port.network.id, ports=(port,)))
    assert agent.driver.segment(port.network.id).members == {group: ["10.5.0.9/32"]}  # type: ignore[attr-defined]
