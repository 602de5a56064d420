"""Which cells of a host a guest's cells go to, and onto which processors: pure functions.

A cell of the guest lies within one cell of the host, and no two of them in the same. Each pair is judged by
itself, so that which goes where is a matching, found by augmenting paths: where there is one, it is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from compute.guest_topology import ThreadPolicy, WantedCell, WantedTopology

Stored = Mapping[str, Any]


class CellPlace(NamedTuple):
    """Where a cell of a guest lies. ``pins`` are for the first of its processors, the rest float. ``holds`` are
    those that nobody else gets: its pins, and more of their cores where these are to be its own."""

    wanted: WantedCell
    host_cell: int
    pins: tuple[int, ...] = ()
    holds: tuple[int, ...] = ()
    floats_on: tuple[int, ...] = ()
    page_size: int = 0
    siblings: tuple[tuple[int, ...], ...] = ()

    def stored(self) -> dict[str, Any]:
        """Return it as claims keep it; ``GuestCell`` reads all of it but ``holds``."""
        return {
            "cpus": list(self.wanted.cpus),
            "ram": self.wanted.ram,
            "host_cell": self.host_cell,
            "pins": list(self.pins),
            "holds": list(self.holds),
            "floats_on": list(self.floats_on),
            "page_size": self.page_size,
            "siblings": [list(one) for one in self.siblings],
        }


@dataclass(slots=True)
class CellRoom:
    """What a cell of a host has left. ``small`` MiB of ordinary memory, ``pages`` by their size in KiB."""

    id: int
    shared: tuple[int, ...]
    free: set[int]
    cores: tuple[frozenset[int], ...]
    floating: float
    small: float
    pages: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, cell: Stored, *, cpu_ratio: float, ram_ratio: float) -> CellRoom:
        """Return a cell that nobody is in."""
        pages = {pool["size"]: pool["total"] for pool in cell.get("pages", ())}
        large = sum(size * total for size, total in pages.items()) // 1024
        shared = tuple(cell.get("shared", ()))
        return cls(
            id=cell["id"],
            shared=shared,
            free=set(cell.get("dedicated", ())),
            cores=tuple(frozenset(core) for core in cell.get("siblings", ())),
            floating=len(shared) * cpu_ratio,
            small=max(0, cell["ram"] - large) * ram_ratio,
            pages=pages,
        )

    def take(self, held: Stored) -> None:
        """Let a guest's cell have its part."""
        self.free -= {*held["holds"]}
        self.floating -= len(held["cpus"]) - len(held["pins"])
        if held["page_size"]:
            left = self.pages.get(held["page_size"], 0)
            self.pages[held["page_size"]] = left - pages_for(held["ram"], held["page_size"])
        else:
            self.small -= held["ram"]


def pages_for(ram: int, size: int) -> int:
    """Return how many pages of ``size`` KiB hold ``ram`` MiB."""
    return -(-ram * 1024 // size)


def rooms(
    cells: Sequence[Stored], held: Iterable[Stored], *, cpu_ratio: float, ram_ratio: float
) -> list[CellRoom]:
    """Return what the cells of a host have left, of which these are held; the emptiest first."""
    found = {
        cell["id"]: CellRoom.of(cell, cpu_ratio=cpu_ratio, ram_ratio=ram_ratio) for cell in cells
    }
    for one in held:
        if one["host_cell"] in found:
            found[one["host_cell"]].take(one)
    return sorted(found.values(), key=lambda room: (-room.small, -len(room.free), room.id))


def fit(wanted: WantedTopology, room: Sequence[CellRoom]) -> tuple[CellPlace, ...] | str:
    """Return a place for each cell of the guest; or a sentence, after "the host", why there is none."""
    if len(wanted.cells) > len(room):
        cells = f"{len(room)} NUMA cell" + ("" if len(room) == 1 else "s")
        return f"has {cells}" if room else "tells no NUMA cells"
    judged = [[_place(wanted, cell, one) for one in room] for cell in wanted.cells]
    taken: dict[int, int] = {}  # index of a room -> index of a guest's cell
    for index in range(len(wanted.cells)):
        if not _match(index, judged, taken, set()):
            return next(
                (one for one in judged[index] if isinstance(one, str)),
                "has too few NUMA cells with room",
            )
    by_cell = {cell: number for number, cell in taken.items()}
    places = [judged[index][by_cell[index]] for index in range(len(wanted.cells))]
    return tuple(one for one in places if not isinstance(one, str))


def _match(
    index: int, judged: Sequence[Sequence[CellPlace | str]], taken: dict[int, int], seen: set[int]
) -> bool:
    """Give a cell a room: a free one, else one whose guest finds another."""
    fits = [number for number, place in enumerate(judged[index]) if not isinstance(place, str)]
    for number in sorted(fits, key=lambda one: one in taken):
        if number in seen:
            continue
        seen.add(number)
        if number not in taken or _match(taken[number], judged, taken, seen):
            taken[number] = index
            return True
    return False


def _place(wanted: WantedTopology, cell: WantedCell, room: CellRoom) -> CellPlace | str:
    size = _page_size(wanted, cell, room)
    if isinstance(size, str):
        return size
    own = wanted.pinned(cell)
    floating = len(cell.cpus) - len(own)
    if floating and floating > min(len(room.shared), room.floating):
        return "has too few shared CPUs left in a NUMA cell"
    found = pin(len(own), room, wanted.threads)
    if found is None:
        return "has too few dedicated CPUs left in a NUMA cell"
    pins, holds = found
    return CellPlace(
        cell,
        room.id,
        pins,
        holds,
        floats_on=room.shared if floating else (),
        page_size=size,
        siblings=_siblings(own, pins, room),
    )


def _page_size(wanted: WantedTopology, cell: WantedCell, room: CellRoom) -> int | str:
    """Return the size of the pages that the cell gets, 0 for ordinary ones; or why there are none."""
    asked = wanted.page_size
    large = [
        size
        for size in sorted(room.pages, reverse=True)
        if (asked in ("large", "any") or asked == size)
        and cell.ram * 1024 % size == 0
        and room.pages[size] >= pages_for(cell.ram, size)
    ]
    if asked not in ("", "small", "any", 4):
        return large[0] if large else "has too few large pages left in a NUMA cell"
    if asked == "any" and large:
        return large[0]
    if cell.ram <= room.small:
        return 0
    return large[0] if large else "has too little memory left in a NUMA cell"


def pin(
    number: int, room: CellRoom, threads: ThreadPolicy
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the processors for so many virtual CPUs, and those that are held for them; None for too few.

    ``prefer`` fills cores, the freest first; ``require`` takes cores of several threads alone, whole but for the
    last; ``isolate`` one thread of each core, of which nobody else gets another.
    """
    alone = [frozenset({cpu}) for cpu in sorted(room.free - frozenset().union(*room.cores))]
    cores = sorted([*room.cores, *alone], key=lambda core: (-len(core & room.free), min(core)))
    if threads == "isolate":
        whole = [core for core in cores if core <= room.free][:number]
        if len(whole) < number:
            return None
        return tuple(min(core) for core in whole), tuple(sorted(frozenset().union(*whole)))
    if threads == "require":
        cores = [core for core in cores if len(core) > 1 and core <= room.free]
    order = [cpu for core in cores for cpu in sorted(core & room.free)]
    pins = tuple(order[:number])
    return (pins, tuple(sorted(pins))) if len(pins) == number else None


def _siblings(
    own: tuple[int, ...], pins: tuple[int, ...], room: CellRoom
) -> tuple[tuple[int, ...], ...]:
    """Return which of the guest's cpus are on threads of one core."""
    found = (
        tuple(cpu for cpu, host in zip(own, pins, strict=True) if host in core)
        for core in room.cores
    )
    return tuple(sorted(one for one in found if len(one) > 1))
