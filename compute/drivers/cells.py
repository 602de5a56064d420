"""A host's NUMA cells, and which of their processors are for whom, as the host's settings say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from compute import conf
from compute.topology_objects import NumaCell, PagePool

#: Pages of this size in KiB, and smaller ones, are ordinary memory.
ORDINARY = 4


def numa_cell(
    *,
    number: int,
    cpus: Sequence[int],
    ram: int,
    siblings: Iterable[Sequence[int]],
    pages: Mapping[int, int],
) -> NumaCell:
    """Return a cell; ``ram`` in MiB, ``pages`` how many there are by their size in KiB."""
    dedicated = tuple(cpu for cpu in cpus if cpu in conf.CPU_DEDICATED_SET)
    shared = tuple(
        cpu
        for cpu in cpus
        if cpu not in dedicated and (conf.CPU_SHARED_SET is None or cpu in conf.CPU_SHARED_SET)
    )
    cores = {tuple(cpu for cpu in core if cpu in cpus) for core in siblings}
    return NumaCell(
        id=number,
        cpus=len(cpus),
        ram=ram,
        shared=shared,
        dedicated=dedicated,
        siblings=tuple(sorted(core for core in cores if len(core) > 1)),
        pages=tuple(
            PagePool(size=size, total=total)
            for size, total in sorted(pages.items())
            if size > ORDINARY and total > 0
        ),
    )


def floating(cells: Iterable[NumaCell]) -> tuple[int, ...]:
    """Return the processors of guests that are not pinned; none where no setting keeps any for others."""
    if not conf.CPU_DEDICATED_SET and conf.CPU_SHARED_SET is None:
        return ()
    return tuple(cpu for cell in cells for cpu in cell.shared)


def simulated(*, cpus: int, ram: int) -> tuple[NumaCell, ...]:
    """Return the cells of a simulated host, alike but for what does not divide; two threads a core."""
    number = max(1, min(conf.FAKE_CELLS, cpus))
    found = []
    for index in range(number):
        own = range(index * cpus // number, (index + 1) * cpus // number)
        mib = ram // number
        found.append(
            numa_cell(
                number=index,
                cpus=own,
                ram=mib,
                siblings=[(cpu, cpu + 1) for cpu in own[::2]],
                pages={2048: mib * conf.FAKE_LARGE_PAGES // 100 // 2},
            )
        )
    return tuple(found)
