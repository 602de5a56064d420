"""Guests' cells in hosts' cells: nothing is given twice, and what fits is found."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.guest_topology import WantedCell, WantedTopology
from compute.scheduler.fitting import CellPlace, fit, pages_for, rooms


def cell(
    number: int, *, dedicated: int = 4, shared: int = 2, ram: int = 4096, pages: int = 512
) -> Any:
    first = number * 100
    own = list(range(first, first + dedicated))
    return {
        "id": number,
        "cpus": dedicated + shared,
        "ram": ram,
        "dedicated": own,
        "shared": list(range(first + 50, first + 50 + shared)),
        "siblings": [own[index : index + 2] for index in range(0, dedicated - 1, 2)],
        "pages": [{"size": 2048, "total": pages}],
    }  # fmt: skip


def asks(*cpus: int, ram: int = 512, shared: int = 0, **more: Any) -> WantedTopology:
    """So many cells, of so many processors each, of which so many float at most where the rest are dedicated."""
    cells, first = [], 0
    for number in cpus:
        cells.append(WantedCell(tuple(range(first, first + number)), ram, min(number, shared)))
        first += number
    return WantedTopology(tuple(cells), **more)


def put(wanted: WantedTopology, cells: list[Any], held: Any = ()) -> tuple[CellPlace, ...] | str:
    return fit(wanted, rooms(cells, held, cpu_ratio=1.0, ram_ratio=1.0))


def placed(wanted: WantedTopology, cells: list[Any], held: Any = ()) -> tuple[CellPlace, ...]:
    found = put(wanted, cells, held)
    assert not isinstance(found, str), found
    return found


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (asks(1, 1, 1), "has 2 NUMA cells"),
        (asks(3), "has too few shared CPUs left in a NUMA cell"),
        (asks(5, dedicated=True), "has too few dedicated CPUs left in a NUMA cell"),
        (asks(6, dedicated=True, shared=1), "has too few dedicated CPUs left in a NUMA cell"),
        (asks(4, dedicated=True, shared=3), "has too few shared CPUs left in a NUMA cell"),
        (asks(3, dedicated=True, threads="isolate"), "has too few dedicated CPUs left in a NUMA cell"),
        (asks(1, ram=4096), "has too little memory left in a NUMA cell"),
        (asks(1, ram=2048, page_size="large"), "has too few large pages left in a NUMA cell"),
        (asks(1, page_size=1048576), "has too few large pages left in a NUMA cell"),
    ],
)  # fmt: skip
def test_why_it_does_not_fit(wanted: WantedTopology, why: str) -> None:
    assert put(wanted, [cell(0), cell(1)]) == why


def test_a_host_that_tells_nothing_has_nothing() -> None:
    assert put(asks(1), []) == "tells no NUMA cells"
    old = {"id": 0, "cpus": 8, "ram": 8192}  # as an older agent says it
    assert put(asks(1), [old]) == "has too few shared CPUs left in a NUMA cell"


def test_threads() -> None:
    prefer = placed(asks(3, dedicated=True), [cell(0)])[0]
    assert (prefer.pins, prefer.holds, prefer.siblings) == ((0, 1, 2), (0, 1, 2), ((0, 1),))
    isolate = placed(asks(2, dedicated=True, threads="isolate"), [cell(0)])[0]
    assert (isolate.pins, isolate.holds, isolate.siblings) == ((0, 2), (0, 1, 2, 3), ())
    require = asks(2, dedicated=True, threads="require")
    assert placed(require, [cell(0)])[0].siblings == ((0, 1),)
    assert put(require, [cell(0) | {"siblings": []}]) == (
        "has too few dedicated CPUs left in a NUMA cell"
    )
    alone = placed(asks(1, dedicated=True), [cell(0)])[
        0
    ]  # the next whole core is left for who needs it
    assert placed(require, [cell(0)], [alone.stored()])[0].pins == (2, 3)


def test_some_float_beside_dedicated_ones() -> None:
    (mixed,) = placed(asks(4, dedicated=True, shared=2), [cell(0)])
    assert (mixed.pins, mixed.holds, mixed.floats_on) == ((0, 1), (0, 1), (50, 51))
    assert mixed.siblings == ((0, 1),)
    held = [mixed.stored()]
    assert put(asks(1), [cell(0)], held) == "has too few shared CPUs left in a NUMA cell"
    assert placed(asks(2, dedicated=True), [cell(0)], held)[0].pins == (2, 3)


def test_pages() -> None:
    for size, got in (("any", 2048), ("large", 2048), (2048, 2048), ("small", 0), ("", 0), (4, 0)):
        (found,) = placed(asks(1, page_size=size), [cell(0)])
        assert found.page_size == got
    assert placed(asks(1, ram=1025, page_size="any"), [cell(0)])[0].page_size == 0  # no whole pages


def test_a_cell_gives_way_where_another_has_no_other_room() -> None:
    """The first fits into both of the host's, the second into the larger alone, which was taken first."""
    cells = [cell(0, dedicated=2), cell(1, dedicated=6, ram=9000)]
    found = placed(asks(1, 5, dedicated=True), cells)
    assert [one.host_cell for one in found] == [0, 1]


host_cells = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(256, 3000), st.integers(0, 600)),
    min_size=1,
    max_size=3,
)
guests = st.lists(
    st.tuples(
        st.lists(st.integers(1, 3), min_size=1, max_size=3),
        st.sampled_from([64, 128, 200]),
        st.booleans(),
        st.integers(0, 2),
        st.sampled_from(["prefer", "isolate", "require"]),
        st.sampled_from(["", "small", "any", "large", 2048]),
    ),
    max_size=10,
)


@settings(max_examples=60, deadline=None)
@given(host_cells, guests)
def test_nothing_is_given_twice_and_no_more_than_there_is(sizes: Any, asked: Any) -> None:
    cells = [
        cell(number, dedicated=own, shared=shared, ram=ram + pages * 2, pages=pages)
        for number, (own, shared, ram, pages) in enumerate(sizes)
    ]
    held: list[Any] = []
    for cpus, ram, dedicated, shared, threads, size in asked:
        more = {"shared": shared, "threads": threads} if dedicated else {}
        wanted = asks(*cpus, ram=ram, dedicated=dedicated, page_size=size, **more)
        found = put(wanted, cells, held)
        if isinstance(found, str):
            assert not _one_by_one(wanted, cells, held)
            continue
        assert [one.wanted for one in found] == list(wanted.cells)
        assert len({one.host_cell for one in found}) == len(found)
        held += [one.stored() for one in found]
    for one in cells:
        mine = [place for place in held if place["host_cell"] == one["id"]]
        holds = [cpu for place in mine for cpu in place["holds"]]
        assert len(holds) == len(set(holds))
        assert set(holds) <= set(one["dedicated"])
        assert all({*place["pins"]} <= {*place["holds"]} for place in mine)
        floating = sum(len(place["cpus"]) - len(place["pins"]) for place in mine)
        assert floating <= len(one["shared"])
        pool = one["pages"][0]["total"]
        assert sum(pages_for(place["ram"], 2048) for place in mine if place["page_size"]) <= pool
        ordinary = sum(place["ram"] for place in mine if not place["page_size"])
        assert ordinary <= one["ram"] - pool * 2


def _one_by_one(wanted: WantedTopology, cells: list[Any], held: list[Any]) -> bool:
    """Try all the ways there are."""
    known = {one["id"]: one for one in cells}
    return any(
        all(
            not isinstance(
                put(
                    wanted._replace(cells=(one,)),
                    [known[number]],
                    [place for place in held if place["host_cell"] == number],
                ),
                str,
            )
            for one, number in zip(wanted.cells, way, strict=True)
        )
        for way in permutations(known, len(wanted.cells))
    )
