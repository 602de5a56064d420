"""Slots: one number a network, kept, given back, and never twice at a time."""

from __future__ import annotations

import ipaddress
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloudweb.driver import DriverError
from network.drivers.linuxbridge.config import BridgeConfig
from network.drivers.linuxbridge.slots import Slots
from tests.builders.damage import DAMAGES, aside, damage

CONFIG = BridgeConfig(way_out=ipaddress.IPv4Network("198.18.0.0/28"), zones=500)


def test_a_slot_is_kept_and_given_back(tmp_path: Path) -> None:
    slots = Slots(tmp_path, CONFIG)
    first = slots.take("a")
    assert (first.zone, str(first.host), str(first.inside)) == (500, "198.18.0.1", "198.18.0.2")
    second = slots.take("b")
    assert str(second.link) == "198.18.0.4/30"
    assert Slots(tmp_path, CONFIG).take("a") == first
    slots.free("a")
    slots.free("a")
    assert slots.networks() == ["b"]
    assert slots.take("c") == first


def test_when_all_are_taken_it_is_said(tmp_path: Path) -> None:
    slots = Slots(tmp_path, CONFIG)
    for name in "abcd":
        slots.take(name)
    with pytest.raises(DriverError, match="holds 4 networks"):
        slots.take("e")


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_set_aside(tmp_path: Path, how: str) -> None:
    slots = Slots(tmp_path, CONFIG)
    first, second = slots.take("a"), slots.take("b")
    slots.free("a")
    damage(tmp_path / "slots.json", how)
    assert slots.take("b") == second  # this process knows
    assert Slots(tmp_path, CONFIG).take("b") == second
    damage(tmp_path / "slots.json", how)
    assert Slots(tmp_path, CONFIG).take("b") == first  # one that has just started gives anew
    assert set(aside(tmp_path)) == {"slots.json"}


def test_what_the_ways_out_show_is_taken_over(tmp_path: Path) -> None:
    Slots(tmp_path, CONFIG).take("a")
    damage(tmp_path / "slots.json", "emptied")
    shown = {
        "b": "198.18.0.9",  # the third
        "twice": "198.18.0.9",
        "inside": "198.18.0.6",
        "beyond": "198.18.0.17",
        "foreign": "10.0.0.1",
    }
    found = {name: ipaddress.IPv4Address(address) for name, address in shown.items()}
    slots = Slots(tmp_path, CONFIG, found=lambda: found)
    assert slots.networks() == ["b"]
    assert [slots.take(name).zone for name in ("a", "b", "c")] == [500, 502, 501]


def test_a_slot_that_two_networks_hold_is_damage(tmp_path: Path) -> None:
    (tmp_path / "slots.json").write_text('{"a": 1, "b": 1}')
    slots = Slots(tmp_path, CONFIG)
    assert slots.take("a") != slots.take("b")


def test_many_at_once_get_a_slot_each(tmp_path: Path) -> None:
    config = BridgeConfig()
    names = [f"n{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda name: Slots(tmp_path, config).take(name), names))
    assert len({slot.zone for slot in taken}) == len(names)
    assert len({slot.link for slot in taken}) == len(names)
