"""What leads into tunnels: commands from tables, what is read back, and what is asked of the kernel for VLANs."""

from __future__ import annotations

from typing import Any

import pytest

from cloudweb.driver import DriverError
from network.drivers.linuxbridge.config import BridgeConfig
from network.drivers.linuxbridge.filters import network_filters
from network.drivers.linuxbridge.forwarding import (
    Ways,
    arrival_lines,
    bridge_lines,
    found_ways,
    lacking,
    neighbour_lines,
)
from network.drivers.linuxbridge.gateway import host_table
from network.drivers.linuxbridge.links import Links
from network.objects import ForwardingEntry, ForwardingTable
from tests.unit.network.drivers.test_filters import NAMES, golden, port

OWN, FAR, FARTHER = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def entry(number: int, endpoint: str, **overrides: Any) -> ForwardingEntry:
    values = {"mac": f"fa:16:3e:00:00:{number:02x}", "addresses": (f"10.5.0.{number}",)}
    return ForwardingEntry(**{**values, "endpoint": endpoint, **overrides})


def ways(*entries: ForwardingEntry) -> Ways:
    return Ways.of(ForwardingTable(network_id="n", generation=1, entries=entries), own=OWN)


def lines(was: Ways, now: Ways) -> list[str]:
    return [*bridge_lines("vx", was, now), *neighbour_lines("br", was, now)]


def test_ports_of_other_hosts_are_entered_and_ours_are_not() -> None:
    now = ways(entry(1, OWN), entry(2, FAR, addresses=("10.5.0.2", "FD05::2")), entry(3, FARTHER))
    assert lines(Ways(), now) == [
        "fdb replace fa:16:3e:00:00:02 dev vx dst 192.0.2.2 self static",
        "fdb replace fa:16:3e:00:00:02 dev vx master static",
        "fdb replace fa:16:3e:00:00:03 dev vx dst 192.0.2.3 self static",
        "fdb replace fa:16:3e:00:00:03 dev vx master static",
        "fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.2 self permanent",
        "fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.3 self permanent",
        "neigh replace 10.5.0.2 lladdr fa:16:3e:00:00:02 dev br nud permanent",
        "neigh replace 10.5.0.3 lladdr fa:16:3e:00:00:03 dev br nud permanent",
        "neigh replace fd05::2 lladdr fa:16:3e:00:00:02 dev br nud permanent",
    ]


def test_a_kernel_without_ipv6_answers_for_ipv4() -> None:
    table = ForwardingTable(
        network_id="n", generation=1, entries=(entry(2, FAR, addresses=("10.5.0.2", "fd05::2")),)
    )
    assert Ways.of(table, own=OWN, six=False).neighbours == {"10.5.0.2": "fa:16:3e:00:00:02"}


def test_a_change_is_as_small_among_many_as_among_few() -> None:
    for count in (2, 200):
        base = [entry(number % 250, FAR, mac=f"fa:16:3e:00:{number // 250:02x}:{number % 250:02x}")
                for number in range(count)]  # fmt: skip
        moved = base[0].model_copy(update={"endpoint": FARTHER})
        assert lines(ways(*base), ways(moved, *base[1:])) == [
            "fdb replace fa:16:3e:00:00:00 dev vx dst 192.0.2.3 self static",
            "fdb replace fa:16:3e:00:00:00 dev vx master static",
            "fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.3 self permanent",
        ]


def test_what_comes_here_or_goes_is_taken_away() -> None:
    was = ways(entry(2, FAR), entry(3, FARTHER))
    assert lines(was, ways(entry(2, OWN), entry(3, FARTHER))) == [
        "fdb del fa:16:3e:00:00:02 dev vx self",
        "fdb del fa:16:3e:00:00:02 dev vx master",
        "fdb del 00:00:00:00:00:00 dev vx dst 192.0.2.2 self",
        "neigh del 10.5.0.2 dev br",
    ]


def test_what_is_for_a_guest_on_its_way_goes_to_both_hosts() -> None:
    here, there = entry(2, FAR), entry(2, FAR, goes_to=FARTHER)
    gone = entry(2, FARTHER)
    assert lines(ways(here), ways(there)) == [
        "fdb del fa:16:3e:00:00:02 dev vx self",
        "fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.3 self permanent",
    ]
    assert lines(ways(there), ways(gone)) == [
        "fdb replace fa:16:3e:00:00:02 dev vx dst 192.0.2.3 self static",
        "fdb replace fa:16:3e:00:00:02 dev vx master static",
        "fdb del 00:00:00:00:00:00 dev vx dst 192.0.2.2 self",
    ]
    assert lines(Ways(), ways(there))[0] == "fdb replace fa:16:3e:00:00:02 dev vx master static"
    assert lines(ways(there), ways())[0] == "fdb del fa:16:3e:00:00:02 dev vx master"
    found = [
        {"mac": "fa:16:3e:00:00:02", "ifname": "vx", "master": "br", "state": "static"},
        *(
            {"mac": "00:00:00:00:00:00", "ifname": "vx", "dst": to, "flags": ["self"]}
            for to in (FAR, FARTHER)
        ),
    ]
    known = [{"dst": "10.5.0.2", "dev": "br", "lladdr": "fa:16:3e:00:00:02", "state": "PERMANENT"}]
    assert found_ways("vx", "br", found, known, answers=True).ways == ways(there)


def test_who_it_leaves_lets_it_be_found_and_who_it_comes_to_waits_for_its_first_frame() -> None:
    left = ways(entry(2, OWN, goes_to=FAR))
    assert (left.hosts, left.behind, left.endpoints) == ({}, set(), {FAR})
    assert ways(entry(2, FAR, goes_to=OWN)) == ways(entry(2, FAR))


def test_a_guest_that_came_can_go_again() -> None:
    """Else the bridge would keep it behind its tap when QEMU has left that."""
    came = [{"mac": "fa:16:3e:00:00:02", "ifname": "tap1", "master": "br", "state": "static"}]
    found = found_ways("vx", "br", came, [], answers=True)
    assert [*arrival_lines(found, ways(entry(2, FAR)))] == []
    assert [*arrival_lines(found, ways(entry(2, OWN)))] == [
        "fdb replace fa:16:3e:00:00:02 dev tap1 master dynamic"
    ]


def test_questions_go_to_all_where_somebody_may_have_unknown_addresses() -> None:
    for roams in (entry(1, OWN, roams=True), entry(2, FAR, roams=True)):
        now = ways(entry(1, OWN), entry(2, FAR), roams)
        assert not now.answers
        assert "link set dev vx neigh_suppress off" in [*bridge_lines("vx", Ways(), now)]


def test_what_the_kernel_shows_is_read_as_it_was_written() -> None:
    now = ways(entry(2, FAR), entry(3, FARTHER))
    fdb: list[dict[str, Any]] = [
        {
            "mac": "fa:16:3e:00:00:02",
            "ifname": "vx",
            "dst": FAR,
            "flags": ["self"],
            "state": "static",
        },
        {"mac": "fa:16:3e:00:00:03", "ifname": "vx", "dst": FARTHER, "flags": ["self"]},
        {"mac": "00:00:00:00:00:00", "ifname": "vx", "dst": FAR, "flags": ["self"]},
        {"mac": "00:00:00:00:00:00", "ifname": "vx", "dst": FARTHER, "flags": ["self"]},
        {
            "mac": "fa:16:3e:00:00:02",
            "ifname": "vx",
            "flags": [],
            "master": "br",
            "state": "static",
        },
        {"mac": "fa:16:3e:00:00:03", "ifname": "tap1", "flags": [], "master": "br", "state": ""},
        {"mac": "aa:16:3e:00:00:03", "ifname": "vx", "master": "br", "state": "permanent"},
    ]
    known = [
        {"dst": f"10.5.0.{number}", "dev": "br", "lladdr": f"fa:16:3e:00:00:0{number}",
         "state": ["PERMANENT"]}
        for number in (2, 3)
    ]  # fmt: skip
    found = found_ways("vx", "br", fdb, known, answers=True)
    assert found.ways == now
    assert lacking(found, now) == []  # one of them is plugged here just now
    assert lacking(found_ways("vx", "br", fdb[:5], known, answers=True), now) == [
        "fa:16:3e:00:00:03"
    ]


@pytest.mark.parametrize(
    "broken",
    [
        {"mac": "fa:16:3e:00:00:02\nfdb del"},
        {"endpoint": "fd00::1"},
        {"endpoint": "127.0.0.1"},
        {"endpoint": "192.0.2.2 self"},
        {"addresses": ("10.5.0.2 dev eth0",)},
    ],
)
def test_nothing_but_addresses_becomes_a_command(broken: dict[str, Any]) -> None:
    with pytest.raises(DriverError):
        ways(entry(2, **{"endpoint": FAR, **broken}))


def test_a_network_with_a_wire() -> None:
    text = network_filters(NAMES, 4100, [port(12)], wire=NAMES.wire, routers=["fa:16:3e:00:00:01"])
    golden("wire.nft", text)


def test_guests_do_not_send_into_tunnels() -> None:
    text = host_table(BridgeConfig(tunnel=OWN), underlay="eth1")
    assert 'iifname "cw*" oifname != "cw*" udp dport 4789 drop' in text
    assert 'iifname "cw*" oifname "eth1" drop' in text
    assert "4789" not in host_table(BridgeConfig())


class RecordingRoute:
    """What is asked of the kernel; it has one interface, eth1."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def link(self, verb: str, **values: Any) -> Any:
        if verb == "get":
            return [Message(values["ifname"])] if values["ifname"] == "eth1" else iter(())
        self.asked.append((verb, values))
        return []


class Message(dict[str, Any]):
    """A link as pyroute2 gives it."""

    def __init__(self, name: str) -> None:
        super().__init__(index=7, flags=1)
        self._name = name

    def get_attr(self, name: str) -> Any:
        return self._name if name == "IFLA_IFNAME" else None


def test_a_vlan_is_asked_of_the_kernel_so(monkeypatch: pytest.MonkeyPatch) -> None:
    route = RecordingRoute()
    links = Links(route)  # type: ignore[arg-type]
    found = links.find
    monkeypatch.setattr(links, "find", lambda name: found(name) if name == "eth1" else None)
    monkeypatch.setattr(links, "_data", lambda *_: {})
    assert links.ensure_vlan("cwx1", parent="eth1", number=7)
    assert route.asked == [("add", {"ifname": "cwx1", "kind": "vlan", "vlan_id": 7, "link": 7})]
