"""Where everything stands in the picture of a network: nothing on top of anything, nothing lost."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboard.components.picture import (
    LEAST,
    MOST,
    Picture,
    Thing,
    Topology,
    picture_of,
)


def thing(kind: str, key: str, *joins: str, **values: Any) -> Thing:
    return Thing(key, kind, values.pop("name", key), f"/{kind}/{key}", joins=joins, **values)


def draw(topology: Topology) -> Picture:
    return picture_of(topology, more_url="/servers")


def simple(servers: int, networks: int = 1) -> Topology:
    return Topology(
        outside=[thing("outside", "public")],
        routers=[thing("router", "r", "public")],
        networks=[thing("network", f"n{at}", "r") for at in range(networks)],
        servers=[thing("server", f"s{at:03}", f"n{at % networks}") for at in range(servers)],
    )


def check(found: Picture) -> None:
    """Nothing overlaps, and nothing is outside of the picture."""
    for one, other in combinations(found.nodes, 2):
        apart = (
            one.x + one.width <= other.x
            or other.x + other.width <= one.x
            or one.y + one.height <= other.y
            or other.y + other.height <= one.y
        )
        assert apart, (one, other)
    for node in found.nodes:
        assert 0 <= node.x <= node.x + node.width <= found.width
        assert 0 <= node.y <= node.y + node.height <= found.height
    for one, other in zip(found.lanes, found.lanes[1:], strict=False):
        assert one.y + one.height < other.y


def test_from_outside_to_servers_is_from_left_to_right() -> None:
    found = draw(simple(1))
    check(found)
    assert [node.thing.key for node in found.nodes] == ["public", "r", "n0", "s000"]
    assert [node.x for node in found.nodes] == sorted({node.x for node in found.nodes})
    assert len({node.middle for node in found.nodes}) == 1
    assert [link.key for link in found.links] == ["public-r", "r-n0"]


def test_fifty_servers_are_readable() -> None:
    found = draw(simple(50))
    check(found)
    assert Counter(node.thing.kind for node in found.nodes)["server"] == 50
    assert found.height < 1000
    spread = draw(simple(50, networks=10))
    check(spread)
    assert Counter(node.thing.kind for node in spread.nodes)["server"] == 50
    assert spread.height < 1700
    uneven = simple(MOST - 1, networks=2)
    crowd = [thing("server", one.key, "n0") for one in uneven.servers[:-1]]
    found = draw(
        Topology(uneven.outside, uneven.routers, uneven.networks, [*crowd, uneven.servers[-1]])
    )
    assert Counter(node.thing.kind for node in found.nodes)["more"] == 0


def test_too_many_are_folded_and_those_in_trouble_stay_in_sight() -> None:
    many = simple(500)
    broken = thing("server", "zzz", "n0", tone="danger")
    found = draw(Topology(many.outside, many.routers, many.networks, [*many.servers, broken]))
    check(found)
    [more] = [node for node in found.nodes if node.thing.kind == "more"]
    assert (more.thing.name, more.thing.url) == (f"{501 - MOST + 1} more", "/servers")
    assert found.nodes[3].thing.key == "zzz"
    each = draw(simple(500, networks=50))
    check(each)
    kinds = Counter(node.thing.kind for node in each.nodes)
    assert (kinds["server"], kinds["more"]) == (50 * (LEAST - 1), 50)


def test_networks_of_one_router_stand_together_and_it_stands_beside_the_first() -> None:
    found = draw(
        Topology(
            routers=[thing("router", "r1"), thing("router", "r2")],
            networks=[
                thing("network", "a", "r2"),
                thing("network", "b", "r1"),
                thing("network", "c", "r2"),
                thing("network", "d"),
            ],
        )
    )
    check(found)
    places = {node.thing.key: node.middle for node in found.nodes}
    assert sorted("abcd", key=lambda key: places[key]) == ["b", "a", "c", "d"]
    assert places["r1"] == places["b"]
    assert places["r2"] == places["a"]


def test_names_are_cut_and_nothing_is_drawn_of_nothing() -> None:
    found = draw(Topology(networks=[thing("network", "n", name="a" * 60)]))
    assert found.nodes[0].name == "a" * 15 + "…"
    assert found.nodes[0].thing.name == "a" * 60
    assert draw(Topology()).nodes == []


KEYS = st.integers(0, 6)


@given(
    st.integers(0, 4),
    st.lists(st.lists(KEYS, max_size=3), max_size=7),
    st.lists(st.lists(KEYS, max_size=3), max_size=9),
    st.lists(st.lists(KEYS, max_size=3), max_size=80),
)
def test_whatever_joins_what_nothing_is_on_top_of_anything(
    outside: int, routers: list[list[int]], networks: list[list[int]], servers: list[list[int]]
) -> None:
    found = draw(
        Topology(
            [thing("outside", f"o{at}") for at in range(outside)],
            [thing("router", f"r{at}", *(f"o{key}" for key in keys)) for at, keys in enumerate(routers)],
            [thing("network", f"n{at}", *(f"r{key}" for key in keys)) for at, keys in enumerate(networks)],
            [thing("server", f"s{at}", *(f"n{key}" for key in keys)) for at, keys in enumerate(servers)],
        )
    )  # fmt: skip
    check(found)
    counted = Counter(node.thing.kind for node in found.nodes)
    assert (counted["outside"], counted["router"], counted["network"]) == (
        outside, len(routers), len(networks),
    )  # fmt: skip
    known = {node.thing.key for node in found.nodes}
    assert all({*link.key.split("-")} <= known for link in found.links)
