"""What is left in hosts' NUMA cells, and on which hosts a server's topology does not fit.

Statements keep the other hosts away; what is left is looked at one by one, and only for servers that ask for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet

from cloudweb.placing import together
from compute import conf
from compute.guest_topology import WantedTopology
from compute.models import Claim, Host
from compute.scheduler.filters import conditions
from compute.scheduler.fitting import CellPlace, fit, pages_for, rooms
from compute.scheduler.request import PlacementRequest

#: Where in a host's cells a server lies (``CellPlace.stored``); None of one that asked for nothing of it.
Cells = list[dict[str, Any]] | None
_FACTS = (
    *("number", "name", "cells", "cells_taken"),
    *("cpu_ratio", "shared_cpu_ratio", "ram_ratio", "shared_ram_ratio"),
)


def look(number: int, wanted: WantedTopology) -> tuple[int, tuple[CellPlace, ...] | str]:
    """Return where in a host's cells a guest would lie, or why nowhere, as of how many had come there.

    The number is read first: who comes while claims are read makes it an old one.
    """
    host = Host.objects.filter(number=number).values(*_FACTS).first()
    if host is None:
        return 0, "is gone"
    return host["cells_taken"], _fit(host, wanted, _held([number])[number])


def with_refused(request: PlacementRequest, project_id: str) -> PlacementRequest:
    """Return the request with all hosts left out that would do but for their cells, each with why."""
    wanted = request.numa
    if wanted is None:
        return request
    request = replace(request, project_id=project_id, cells_refused=())
    rows = Host.objects.with_room().filter(together(conditions(request))).order_by("number")
    hosts = list(rows.values(*_FACTS))
    held = _held(rows.values("number"))
    judged = ((host["name"], _fit(host, wanted, held[host["number"]])) for host in hosts)
    refused = tuple((name, found) for name, found in judged if isinstance(found, str))
    return replace(request, cells_refused=refused)


def _fit(
    host: Mapping[str, Any], wanted: WantedTopology, held: Iterable[Mapping[str, Any]]
) -> tuple[CellPlace, ...] | str:
    def ratio(name: str) -> float:
        own, shared = host[f"{name}_ratio"], host[f"shared_{name}_ratio"]
        known = own if own is not None else shared
        return float(getattr(conf.CAPACITY, f"{name}_ratio") if known is None else known)

    return fit(wanted, rooms(host["cells"], held, cpu_ratio=ratio("cpu"), ram_ratio=ratio("ram")))


def _held(
    hosts: Iterable[int] | QuerySet[Host, Any],
) -> Mapping[int, list[Mapping[str, Any]]]:
    """Return by host what of its cells is held."""
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    claims = Claim.objects.filter(host__in=hosts, cells__isnull=False).order_by()
    for number, cells in claims.values_list("host_id", "cells"):
        found[number] += cells or ()
    return found


@dataclass(frozen=True, slots=True)
class CellUse:
    """A cell of a host, and what of it is held: processors, MiB of ordinary memory, pages by their size in KiB."""

    id: int
    cpus: int
    ram: int
    shared: tuple[int, ...]
    dedicated: tuple[int, ...]
    held: tuple[int, ...]
    ram_held: int
    pages: tuple[tuple[int, int, int], ...]  # size, how many, and how many of them are held


def in_use(host: Host) -> list[CellUse]:
    """Return the cells of a host with what of each is held."""
    held, found = _held([host.pk])[host.pk], []
    for cell in host.cells:
        mine = [one for one in held if one["host_cell"] == cell["id"]]
        pools = []
        for pool in cell.get("pages", ()):
            taken = [one for one in mine if one["page_size"] == pool["size"]]
            pages = sum(pages_for(one["ram"], pool["size"]) for one in taken)
            pools.append((pool["size"], pool["total"], pages))
        found.append(
            CellUse(
                id=cell["id"],
                cpus=cell["cpus"],
                ram=cell["ram"],
                shared=tuple(cell.get("shared", ())),
                dedicated=tuple(cell.get("dedicated", ())),
                held=tuple(sorted(cpu for one in mine for cpu in one["holds"])),
                ram_held=sum(one["ram"] for one in mine if not one["page_size"]),
                pages=tuple(pools),
            )
        )
    return found


def held_by(cells: Cells) -> int:
    """Return how many processors these keep from others."""
    return sum(len(cell["holds"]) for cell in cells or ())


def with_the_same_pages(wanted: WantedTopology | None, cells: Cells) -> WantedTopology | None:
    """Return what a guest that runs asks of another host: pages of the size that it has.

    One that was started by an older release has no cells of its own, and gets none before it starts anew.
    """
    if wanted is None or not cells:
        return None
    sizes = {cell["page_size"] for cell in cells}
    if len(sizes) != 1 or not wanted.page_size:
        return wanted
    return wanted._replace(page_size=sizes.pop() or "small")


def answers(wanted: WantedTopology | None, cells: Cells) -> bool:
    """Tell whether a place is what is wanted."""
    if wanted is None or cells is None:
        return wanted is None and cells is None
    shape = [(tuple(cell["cpus"]), cell["ram"], len(cell["pins"])) for cell in cells]
    sizes = {cell["page_size"] for cell in cells}
    right = (
        all(sizes) if wanted.page_size == "large"
        else sizes == {wanted.page_size} if isinstance(wanted.page_size, int) and wanted.page_size > 4
        else wanted.page_size == "any" or sizes == {0}
    )  # fmt: skip
    return right and shape == [
        (cell.cpus, cell.ram, len(wanted.pinned(cell))) for cell in wanted.cells
    ]
