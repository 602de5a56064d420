"""What the network agent promises, with every driver: the same suite on the fake and the real kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from cloudweb.driver import Interrupted, Unguarded
from network.agent import NetworkAgent
from network.drivers.base import NetworkDriver
from network.drivers.fake import FakeNetworkDriver
from network.objects import MembersChange, NetworkPicture, PortWiring
from network.trace.objects import PathQuestion, PortLook
from tests.builders.ovn import needs_ovn
from tests.builders.ports import (
    allow,
    from_group,
    make_network,
    make_port,
    members,
    new_id,
    port_ref,
)
from tests.builders.work import CountedWork
from tests.host.network.bench import KernelBench
from tests.host.network.ovn_bench import OvnBench, VirtualSwitch, virtual_switch


class Bench(Protocol):
    """An agent on its host, which the test can restart and count."""

    agent: NetworkAgent
    driver: NetworkDriver

    def restart(self) -> None:
        """Let a new process take over: new objects over the same state."""

    def filters_of(self, port: PortWiring) -> int | None:
        """Return how many rules are in force for a port; None where they are no part of the driver."""

    def members_of(self, network_id: str, group_id: str) -> set[str]:
        """Return who is in a group's set as it is in force."""

    def census(self) -> Sequence[str]:
        """Return everything that is left of any network, by whatever name."""

    def close(self) -> None:
        """Take all away."""


class FakeBench:
    """The fake driver with its state in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.restart()

    def restart(self) -> None:
        self.driver = FakeNetworkDriver(self.directory / "driver")
        self.agent = NetworkAgent(self.driver, self.directory / "agent")
        assert not self.agent.init_host()

    def filters_of(self, port: PortWiring) -> int:
        return len(self.driver.segment(port.network.id).filters[port.id])

    def members_of(self, network_id: str, group_id: str) -> set[str]:
        return set(self.driver.segment(network_id).members[group_id])

    def census(self) -> Sequence[str]:
        return self.driver.census()

    def close(self) -> None:
        self.agent.delete_everything()


KERNEL = pytest.param("kernel", marks=pytest.mark.host)


@pytest.fixture(scope="module")
def switch() -> Iterator[VirtualSwitch]:
    with virtual_switch() as running:
        yield running


def made_bench(kind: str, directory: Path, request: pytest.FixtureRequest) -> Bench:
    if kind == "ovn":
        return OvnBench(directory, request.getfixturevalue("switch"))
    return KernelBench(directory) if kind == "kernel" else FakeBench(directory)


@pytest.fixture(params=["fake", KERNEL, pytest.param("ovn", marks=[pytest.mark.host, needs_ovn])])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = made_bench(request.param, tmp_path, request)
    yield made
    made.close()


@pytest.fixture(params=["fake", KERNEL])
def filtering(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A driver that filters itself: under OVN the control plane's writer does (``test_ovn_writer``)."""
    made = made_bench(request.param, tmp_path, request)
    yield made
    made.close()


def filtered(bench: Bench, port: PortWiring) -> int:
    found = bench.filters_of(port)
    assert found is not None
    return found


def test_plug_twice_is_plug_once(bench: Bench) -> None:
    port = make_port(make_network())
    first = bench.agent.plug(port)
    assert bench.agent.plug(port) == first
    assert first.up
    assert first.tap == port.tap
    assert list(bench.driver.ports()) == [first]
    assert list(bench.driver.segments()) == [port.network.id]


def test_unplug_of_the_last_port_leaves_nothing_and_may_be_repeated(bench: Bench) -> None:
    network = make_network()
    one, two = make_port(network), make_port(network, "10.5.0.12")
    bench.agent.plug(one)
    bench.agent.plug(two)
    bench.agent.unplug(port_ref(one))
    assert [status.id for status in bench.driver.ports()] == [two.id]
    assert list(bench.driver.segments()) == [network.id]
    for _ in range(2):
        bench.agent.unplug(port_ref(two))
        assert not bench.census()
    assert bench.agent.inventory().networks == ()


def test_unplug_of_a_port_that_never_was(bench: Bench) -> None:
    bench.agent.unplug(port_ref(make_port(make_network())))
    assert not bench.census()


def test_a_port_that_is_disabled_is_there_and_down(bench: Bench) -> None:
    port = make_port(make_network(), admin_up=False)
    assert not bench.agent.plug(port).up
    assert bench.agent.plug(port.model_copy(update={"admin_up": True, "revision": 2})).up


@pytest.mark.parametrize("allowed", range(8))
def test_plug_broken_off_anywhere_can_be_repeated_or_taken_back(bench: Bench, allowed: int) -> None:
    network = make_network()
    one, two = make_port(network), make_port(network, "10.5.0.12")
    for port in (one, two):
        try:
            bench.agent.plug(port, CountedWork(allowed))
        except Interrupted:
            bench.restart()
    assert bench.agent.plug(one).up
    bench.agent.unplug(port_ref(two))
    assert [status.id for status in bench.driver.ports()] == [one.id]
    try:
        bench.agent.unplug(port_ref(one), CountedWork(allowed))
    except Interrupted:
        bench.restart()
        bench.agent.unplug(port_ref(one))
    assert not bench.census()


def test_an_older_picture_is_not_applied_over_a_newer_one(bench: Bench) -> None:
    network = make_network(revision=5)
    newer = make_port(network, revision=5)
    newer = newer.model_copy(update={"rules": (*newer.rules, allow("icmp"))})
    bench.agent.plug(newer)
    in_force = bench.filters_of(newer)
    older_network = network.model_copy(update={"revision": 4, "subnets": ()})
    older = newer.model_copy(update={"revision": 4, "rules": (), "network": older_network})
    bench.agent.plug(older)
    assert bench.filters_of(newer) == in_force
    assert bench.agent.wirings.network(network.id) == network
    other = make_port(network, "10.5.0.12")
    bench.agent.plug(other.model_copy(update={"network": older_network}))
    assert bench.agent.wirings.network(network.id) == network
    bench.agent.unplug(port_ref(other))
    assert bench.filters_of(newer) == in_force


def test_the_filters_of_the_other_ports_stay_in_force(filtering: Bench) -> None:
    network = make_network()
    one = make_port(network)
    filtering.agent.plug(one)
    in_force = filtered(filtering, one)
    two = make_port(network, "10.5.0.12", rules=(allow("icmp"),))
    filtering.agent.plug(two)
    assert filtered(filtering, one) == in_force
    filtering.agent.unplug(port_ref(two))
    assert filtered(filtering, one) == in_force


def test_a_change_of_rules_reaches_ports_that_are_here_and_no_others(bench: Bench) -> None:
    network = make_network()
    here, gone = make_port(network), make_port(network, "10.5.0.12")
    bench.agent.plug(here)
    before = bench.filters_of(here)
    changed = here.model_copy(update={"revision": 2, "rules": (*here.rules, allow("icmp"))})
    picture = NetworkPicture(id=network.id, ports=(changed, gone))
    assert [status.id for status in bench.agent.refresh(picture).ports] == [here.id]
    assert before is None or filtered(bench, here) > before
    assert [status.id for status in bench.driver.ports()] == [here.id]


def test_members_come_and_go_without_a_port_being_told(filtering: Bench) -> None:
    network, group = make_network(), new_id()
    here = members(network, group, 1, "10.5.0.11/32", "10.5.0.64/26")
    port = make_port(network, group_rules=(from_group(group),), groups=(here,))
    status = filtering.agent.plug(port)
    assert [(one.group_id, one.generation) for one in status.groups] == [(group, 1)]
    in_force = filtered(filtering, port)

    def told(**picture: Any) -> list[int]:
        answer = filtering.agent.refresh(NetworkPicture(id=network.id, ports=(), **picture))
        return [one.generation for one in answer.groups]

    def change(
        since: int, to: int, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()
    ) -> Any:
        one = MembersChange(
            group_id=group, since=since, generation=to, added=added, removed=removed
        )
        return {"changes": (one,)}

    now = {"10.5.0.11/32", "10.5.0.64/26"}
    assert filtering.members_of(network.id, group) == now
    assert told(**change(1, 2, ("10.5.0.12/32", "fd05::12/128"), ("10.5.0.64/26",))) == [2]
    now = {"10.5.0.11/32", "10.5.0.12/32", "fd05::12/128"}
    assert filtering.members_of(network.id, group) == now
    assert told(**change(1, 2, ("10.5.0.99/32",))) == [2]  # it came twice
    assert told(**change(4, 5, ("10.5.0.99/32",))) == [2]  # one was lost
    assert told(groups=(members(network, group, 1),)) == [2]  # it came late
    assert filtering.members_of(network.id, group) == now
    other = make_port(network, "10.5.0.13", group_rules=(from_group(group),))
    assert [one.generation for one in filtering.agent.plug(other).groups] == [2]
    filtering.restart()
    assert filtering.members_of(network.id, group) == now
    assert told(groups=(members(network, group, 9, "fd05::9/128"),)) == [9]
    assert filtering.members_of(network.id, group) == {"fd05::9/128"}
    assert filtered(filtering, port) == in_force
    for one in (port, other):
        filtering.agent.unplug(port_ref(one))
    assert not filtering.census()


def test_a_group_nobody_told_of_lets_nobody_in_and_is_asked_for(filtering: Bench) -> None:
    network, group = make_network(), new_id()
    port = make_port(network, group_rules=(from_group(group),))
    assert [one.generation for one in filtering.agent.plug(port).groups] == [0]
    assert filtered(filtering, port)
    for _ in range(2):
        lacking = filtering.agent.report(full=False).groups
        assert [(one.group_id, one.generation) for one in lacking] == [(group, 0)]
    filtering.agent.unplug(port_ref(port))


def test_a_restart_finds_everything_as_it_was(bench: Bench) -> None:
    ports = [make_port(make_network()), make_port(make_network())]
    for port in ports:
        bench.agent.plug(port)
    before = bench.agent.inventory()
    bench.restart()
    assert bench.agent.inventory() == before
    assert {status.id for status in before.ports} == {port.id for port in ports}
    for port in ports:
        bench.agent.unplug(port_ref(port))
    assert not bench.census()


def test_a_host_that_lost_its_kernel_state_gets_it_back_from_disk(bench: Bench) -> None:
    port = make_port(make_network())
    status = bench.agent.plug(port)
    bench.driver.delete_segment(port.network.id, work=Unguarded())
    assert not bench.census()
    bench.restart()
    assert list(bench.driver.ports()) == [status]
    assert bench.filters_of(port) != 0


def test_a_tap_without_a_record_is_shown_and_kept_and_an_empty_network_goes(bench: Bench) -> None:
    port = make_port(make_network())
    bench.agent.plug(port)
    empty = make_network()
    bench.driver.ensure_segment(empty, work=Unguarded())
    bench.agent.wirings.forget_network(port.network.id)
    bench.restart()
    assert [status.id for status in bench.agent.inventory().strays] == [port.id]
    assert list(bench.driver.segments()) == [port.network.id]
    bench.agent.unplug(port_ref(port))
    assert not bench.census()


def test_what_is_plugged_is_seen_and_what_is_gone_is_seen_to_be(bench: Bench) -> None:
    port = make_port(make_network())
    look = PortLook(
        port_id=port.id, network_id=port.network.id, tap=port.tap, mac=port.mac,
        direction="ingress", source="10.5.0.99", destination="10.5.0.11", protocol=6, port=22,
    )  # fmt: skip
    question = PathQuestion(ports=(look,))

    def tap() -> bool | None:
        seen = {one.kind: one for one in bench.agent.observe(question).sightings}
        assert all(one.about == port.id and one.source for one in seen.values())
        return seen["tap"].passes

    assert tap() is False  # asked before it is here, and for a network that is not
    bench.agent.plug(port)
    assert tap() is True
    bench.agent.plug(port.model_copy(update={"admin_up": False, "revision": 2}))
    assert tap() is False
    bench.agent.unplug(port_ref(port))
    assert tap() is False
    assert not bench.census()
