"""Ports that others carry: what is asked of the kernel, and in which order a host brings them back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import DriverError, TransientDriverError
from network.agent import NetworkAgent
from network.drivers.base import STATELESS_FILTERS
from network.drivers.fake import FakeNetworkDriver
from network.drivers.linuxbridge.links import Links
from network.drivers.linuxbridge.trunks import ensure_carried, lost
from network.objects import PortWiring, TrunkPlace
from tests.builders.ports import make_network, make_port, port_ref

PARENT = "tap-parent"


class Message(dict[str, Any]):
    """A link as pyroute2 gives it: a tap, or a VLAN of one."""

    def __init__(self, name: str, index: int, attributes: dict[str, Any]) -> None:
        super().__init__(index=index, flags=1)
        self._attributes = {"IFLA_IFNAME": name, **attributes}

    def get_attr(self, name: str) -> Any:
        return self._attributes.get(name)


class Kernel:
    """What is asked of the kernel; links live in a dictionary by name."""

    def __init__(self, **links: dict[str, Any]) -> None:
        self.links = {
            name: Message(name, number, attributes)
            for number, (name, attributes) in enumerate(links.items(), start=7)
        }
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def link(self, verb: str, **values: Any) -> Iterator[Message]:
        if verb == "get":
            return iter([self.links[values["ifname"]]] if values["ifname"] in self.links else ())
        self.asked.append((verb, values))
        return iter(())


class SomeLinks(Links):
    """Links that answer None for what is not there, as the kernel's refusal does."""

    def find(self, name: str) -> Any:
        try:
            return super().find(name)
        except StopIteration:
            return None

    def _data(self, name: str, kind: str, wanted: Any) -> dict[str, Any]:
        try:
            return super()._data(name, kind, wanted)
        except StopIteration:
            return {}


def carried(parent: str = "p", tap: str = PARENT, vlan: int = 7, **said: Any) -> PortWiring:
    place = TrunkPlace(port_id=parent, tap=tap, segmentation_id=vlan)
    return make_port(make_network(**said), carried=place)


def test_a_carried_port_is_a_vlan_of_the_tap_that_comes_up_without_it() -> None:
    kernel, port = Kernel(**{PARENT: {"IFLA_MTU": 1450}}), carried(mtu=1500)
    assert port.carried is not None
    assert ensure_carried(SomeLinks(kernel), port, port.carried) == 1450  # type: ignore[arg-type]
    wanted = {
        "ifname": port.tap,
        "kind": "vlan",
        "vlan_id": 7,
        "link": 7,
        "vlan_flags": {"flags": 0x5, "mask": 0x5},  # loose binding, headers in their order
    }
    assert kernel.asked == [("add", wanted)]


def test_without_the_tap_that_carries_it_a_port_waits() -> None:
    kernel, port = Kernel(), carried()
    assert port.carried is not None
    with pytest.raises(TransientDriverError):
        ensure_carried(SomeLinks(kernel), port, port.carried)  # type: ignore[arg-type]
    assert not kernel.asked


def test_vlans_that_went_with_a_tap_are_missed_once_it_is_there_again() -> None:
    port, plain = carried(), make_port(make_network())
    link: Any = object()
    ports = [port, plain]
    assert lost({PARENT: link}, ports) == {port.network.id}
    assert lost({PARENT: link, port.tap: link}, ports) == set()
    assert lost({}, ports) == set()


def test_a_host_brings_back_ports_after_those_that_carry_them(tmp_path: Path) -> None:
    """Each of two networks has a parent, and a subport of the other's: no order of networks would do."""
    one, two = make_network(), make_network()
    parents = [make_port(one), make_port(two)]
    inside = [
        make_port(
            network,
            "10.5.0.12",
            carried=TrunkPlace(port_id=parent.id, tap=parent.tap, segmentation_id=9),
        )
        for network, parent in zip((two, one), parents, strict=True)
    ]
    agent = NetworkAgent(FakeNetworkDriver(), tmp_path)
    with pytest.raises(TransientDriverError):
        agent.plug(inside[0])
    agent.unplug(port_ref(inside[0]))
    for port in (*parents, *inside):
        agent.plug(port)

    driver = FakeNetworkDriver()  # the machine starts anew: nothing is there
    assert NetworkAgent(driver, tmp_path).init_host() == []
    assert {status.id for status in driver.ports()} == {port.id for port in (*parents, *inside)}


def test_a_parent_that_did_not_come_back_is_what_the_host_tells_of(tmp_path: Path) -> None:
    parent = make_port(make_network())
    port = carried(parent.id, parent.tap)
    agent = NetworkAgent(FakeNetworkDriver(), tmp_path)
    agent.plug(parent)
    agent.plug(port)
    driver = FakeNetworkDriver()
    driver.faults.fail("ensure_gateway", times=4)
    (told, *_) = problems = NetworkAgent(driver, tmp_path).init_host()
    assert len(problems) == 2, told


def test_a_host_without_vlans_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeNetworkDriver()
    monkeypatch.setattr(driver, "capabilities", lambda: (STATELESS_FILTERS,))
    with pytest.raises(DriverError, match="trunk"):
        NetworkAgent(driver, tmp_path).plug(carried())
    assert not driver.census()
