"""Two installations on one kernel: who was first keeps its names, and the other is told what to set."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest

from network.drivers.linuxbridge.config import BridgeConfig, installation_of
from network.drivers.linuxbridge.neighbours import NamesTaken, Neighbours
from network.drivers.linuxbridge.uplinks import guard_table

NETWORK = "6e0bc2a5-93d7-4a4b-9c5d-000000000001"
PORT = "0c33b1a5-93d7-4a4b-9c5d-000000000002"
BASE = BridgeConfig(prefix="cza", way_out=ipaddress.IPv4Network("198.18.0.0/24"), zones=30_000)


def neighbours(
    tmp_path: Path, name: str, config: BridgeConfig = BASE, *, aliases: tuple[str, ...] = ()
) -> Neighbours:
    state = tmp_path / name
    state.mkdir(exist_ok=True)
    marked = replace(config, installation=installation_of(state))
    return Neighbours(state, marked, directory=tmp_path / "claims", aliases=lambda: aliases)


def test_the_second_is_refused_with_what_to_set(tmp_path: Path) -> None:
    neighbours(tmp_path, "first").take()
    first = neighbours(tmp_path, "first")
    first.take()  # the same one, started again
    refused = {
        "prefix": replace(BASE, way_out=ipaddress.IPv4Network("198.18.9.0/24"), zones=40_000),
        "ways out": replace(BASE, prefix="czb", zones=40_000),
        "zones": replace(BASE, prefix="czb", way_out=ipaddress.IPv4Network("198.18.9.0/24")),
    }
    for word, config in refused.items():
        with pytest.raises(NamesTaken) as caught:
            neighbours(tmp_path, "second", config).take()
        sentence = caught.value.message
        assert word in sentence
        assert str(tmp_path / "first") in sentence
        assert "NETWORK_PREFIX=cw NETWORK_WAY_OUT=169.254.192.0/18" in sentence
    apart = replace(
        BASE, prefix="czb", way_out=ipaddress.IPv4Network("198.18.9.0/24"), zones=40_000
    )
    neighbours(tmp_path, "second", apart).take()


def test_what_is_claimed_by_nobody_who_is_there_is_free(tmp_path: Path) -> None:
    first = neighbours(tmp_path, "first")
    first.take()
    first._held.close()  # type: ignore[union-attr]  # its process ended, and nothing of it is left
    second = neighbours(tmp_path, "second")
    second.take()
    with pytest.raises(NamesTaken):
        first.take()
    second.release()
    first.take()


def test_marks_count_without_a_process_and_without_a_claim(tmp_path: Path) -> None:
    mark = f"cza network {NETWORK} @0123456789ab"
    second = neighbours(tmp_path, "second", aliases=("", "a wire to the roof", mark))
    assert not second.own_the_prefix()
    with pytest.raises(NamesTaken, match="prefix cza"):
        second.take()


def test_a_mark_says_whose_an_interface_is() -> None:
    ours, theirs = replace(BASE, installation="aaa"), replace(BASE, installation="bbb")
    old = replace(BASE, installation="")
    assert ours.names(NETWORK).alias == f"cza network {NETWORK} @aaa"
    read = {
        "ours": ours.marked_network(ours.names(NETWORK).alias),
        "old": ours.marked_network(old.names(NETWORK).alias),
        "theirs": ours.marked_network(theirs.names(NETWORK).alias),
        "a port is no network": ours.marked_network(ours.port_alias(NETWORK, PORT)),
        "nobody's": ours.marked_network(""),
        "port": ours.marked_port(ours.port_alias(NETWORK, PORT)),
        "old port": ours.marked_port(old.port_alias(NETWORK, PORT)),
        "their port": ours.marked_port(theirs.port_alias(NETWORK, PORT)),
    }
    assert read == {
        "ours": NETWORK, "old": NETWORK, "theirs": None, "a port is no network": None,
        "nobody's": None, "port": (NETWORK, PORT), "old port": (NETWORK, PORT), "their port": None,
    }  # fmt: skip


def test_zones_follow_from_the_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for way_out in ("169.254.192.0/18", "169.254.128.0/18", "169.254.0.0/18"):
        monkeypatch.setenv("NETWORK_WAY_OUT", way_out)
        config = BridgeConfig.from_env(tmp_path)
        found.add((config.zones // 4096, config.zones % 4096, config.slots))
    assert len(found) == 3
    assert (1, 0, 4096) in found
    assert all(rest == 0 and slots == 4096 for _, rest, slots in found)


def test_forwarding_is_guarded_for_all_installations_at_once() -> None:
    text = guard_table(["eth0"], ["cw", "cx"])
    assert 'iifname { "eth0" } oifname != "cw*" oifname != "cx*" ct state' in text
    assert "drop" not in guard_table([], ["cw"])
