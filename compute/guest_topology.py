"""What a flavor and an image say of a guest's processors and memory, in Nova's keys, words and order of precedence.

``hw:numa_nodes``, ``hw:numa_cpus.N``, ``hw:numa_mem.N``, ``hw:cpu_policy``, ``hw:cpu_thread_policy``,
``hw:mem_page_size`` of a flavor, and ``hw_numa_nodes`` and so on of an image; ``hw:cpu_dedicated_mask`` of a
flavor alone. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from typing import Literal, NamedTuple, cast

from compute.cpu_sets import parse_cpu_set
from compute.exceptions import GuestTopologyInvalid

Strings = Mapping[str, str]
ThreadPolicy = Literal["prefer", "isolate", "require"]
#: A page size in KiB, or one of the words below.
PageSize = int | Literal["", "small", "large", "any"]

MASK = "hw:cpu_dedicated_mask"
CPU_POLICIES = ("dedicated", "shared", "mixed")
THREAD_POLICIES = ("prefer", "isolate", "require")
#: Every key by which something of this is asked for begins so; a look at these alone is cheap.
_BEGINNINGS = (
    *("numa_nodes", "cpu_policy", "cpu_dedicated_mask", "cpu_thread_policy", "mem_page_size"),
)
_UNITS = {"": 1, "k": 1, "kb": 1, "kib": 1, "m": 1024, "mb": 1024, "mib": 1024}
_UNITS |= {"g": 1024**2, "gb": 1024**2, "gib": 1024**2}
MOST_PAGE = 1024**3  # KiB
_OF_TOPOLOGY = re.compile(r"hw[:_](numa|cpu|mem_page_size)")


class WantedCell(NamedTuple):
    """A NUMA cell of a guest: its processors by their numbers, and its memory in MiB.

    Of a guest whose processors are dedicated these float all the same: the last ``shared`` of them.
    """

    cpus: tuple[int, ...]
    ram: int
    shared: int = 0


class WantedTopology(NamedTuple):
    """What a guest asks of its host's cells: each of its own lies within one of these, no two in the same."""

    cells: tuple[WantedCell, ...]
    dedicated: bool = False
    threads: ThreadPolicy = "prefer"
    page_size: PageSize = ""

    def pinned(self, cell: WantedCell) -> tuple[int, ...]:
        """Return those of a cell's processors that get one of the host's for themselves."""
        return cell.cpus[: len(cell.cpus) - cell.shared] if self.dedicated else ()

    @property
    def own(self) -> int:
        """How many of all processors do."""
        return sum(len(self.pinned(cell)) for cell in self.cells)

    def words(self) -> str:
        """Return it for an explanation: ``2 NUMA nodes, 4 dedicated CPUs, pages of 2,048 KiB``."""
        nodes = len(self.cells)
        shared = sum(cell.shared for cell in self.cells)
        found = [f"{nodes} NUMA node{'' if nodes == 1 else 's'}"]
        if self.dedicated:
            mixed = f" and {shared} shared" if shared else ""
            found.append(f"{self.own} dedicated CPU{'' if self.own == 1 else 's'}{mixed}")
            found += [f"threads {self.threads}d"] if self.threads != "prefer" else []
        if isinstance(self.page_size, int):
            found.append(f"pages of {self.page_size:,} KiB")
        elif self.page_size:
            found.append(f"{self.page_size} pages")
        return ", ".join(found)


def wanted_topology(
    extra_specs: Strings, properties: Strings, *, vcpus: int, ram: int
) -> WantedTopology | None:
    """Return what flavor and image ask for; None where they ask for nothing. Raises GuestTopologyInvalid."""
    if not any(
        f"hw:{key}" in extra_specs or f"hw_{key}" in properties for key in _BEGINNINGS
    ):  # what nearly every server asks
        return None
    nodes = _nodes(extra_specs, properties)
    page_size = _page_size(extra_specs, properties)
    policy = _cpu_policy(extra_specs, properties)
    dedicated = policy in ("dedicated", "mixed")
    threads = _thread_policy(extra_specs, properties)
    if threads is not None and not dedicated:
        raise GuestTopologyInvalid(
            "Cannot set cpu thread pinning policy in a non dedicated cpu pinning policy"
        )
    mask = _dedicated_mask(extra_specs, policy, vcpus=vcpus)
    if nodes is None and not page_size and not dedicated:
        return None
    cells = _cells(extra_specs, properties, nodes=nodes, vcpus=vcpus, ram=ram)
    return WantedTopology(
        cells=tuple(_mixed(cell, mask) for cell in cells) if mask else cells,
        dedicated=dedicated,
        threads=threads or "prefer",
        page_size=page_size,
    )


def without_topology(said: Strings) -> Strings:
    """Return what a flavor or an image says besides of a guest's processors and pages."""
    return {key: said[key] for key in said if not _OF_TOPOLOGY.match(key)}


def _said(extra_specs: Strings, properties: Strings, key: str) -> tuple[str, str]:
    """Return what the flavor and what the image says of a key."""
    return (
        extra_specs.get(f"hw:{key}", "").strip().lower(),
        properties.get(f"hw_{key}", "").strip().lower(),
    )


def _either(extra_specs: Strings, properties: Strings, key: str) -> str:
    """Return what is said of a key that the image may not say again."""
    flavor, image = _said(extra_specs, properties, key)
    if flavor and image:
        raise GuestTopologyInvalid(
            f"Image property 'hw_{key}' is not permitted to override NUMA configuration set "
            "against the flavor"
        )
    return flavor or image


def _nodes(extra_specs: Strings, properties: Strings) -> int | None:
    said = _either(extra_specs, properties, "numa_nodes")
    if not said:
        return None
    if not (said.isascii() and said.isdigit()) or not 0 < int(said[:9]) < 10**8:
        raise GuestTopologyInvalid(
            f"The property 'numa_nodes' cannot be '{said[:80]}'. It must be a number greater than 0"
        )
    return int(said)


def _cells(
    extra_specs: Strings, properties: Strings, *, nodes: int | None, vcpus: int, ram: int
) -> tuple[WantedCell, ...]:
    cpus = _numbered(extra_specs, properties, "numa_cpus") if nodes else []
    memory = _numbered(extra_specs, properties, "numa_mem") if nodes else []
    number = nodes or 1
    if not cpus and not memory:
        if vcpus % number or ram % number:
            raise GuestTopologyInvalid(
                "Instance CPUs and/or memory cannot be evenly distributed across instance NUMA "
                "nodes. Explicit assignment of CPUs and memory to nodes is required"
            )
        each = vcpus // number
        return tuple(
            WantedCell(tuple(range(index * each, (index + 1) * each)), ram // number)
            for index in range(number)
        )
    if len(cpus) != number or len(memory) != number:
        raise GuestTopologyInvalid("CPU and memory allocation must be provided for all NUMA nodes")
    found = tuple(
        WantedCell(_cpus_of(said, vcpus), _memory_of(mib))
        for said, mib in zip(cpus, memory, strict=True)
    )
    if not all(cell.cpus and cell.ram for cell in found):
        raise GuestTopologyInvalid("CPU and memory allocation must be provided for all NUMA nodes")
    _check_whole(found, vcpus=vcpus, ram=ram)
    return found


def _numbered(extra_specs: Strings, properties: Strings, key: str) -> list[str]:
    """Return what is said of node 0, 1 and so on, up to the first of which nothing is said."""
    found: list[str] = []
    for number in count():
        said = _either(extra_specs, properties, f"{key}.{number}")
        if not said:
            return found
        found.append(said)
    raise AssertionError


def _cpus_of(said: str, vcpus: int) -> tuple[int, ...]:
    try:
        found = parse_cpu_set(said, most=65536)
    except ValueError as error:
        raise GuestTopologyInvalid(f"Invalid inclusion expression '{said[:80]}'") from error
    if found and max(found) >= vcpus:
        raise GuestTopologyInvalid(f"CPU number {max(found)} is larger than max {vcpus - 1}")
    return found


def _memory_of(said: str) -> int:
    if not (said.isascii() and said.isdigit()) or len(said) > 9:
        raise GuestTopologyInvalid(f"Memory of a NUMA node is a number of MiB, not '{said[:80]}'")
    return int(said)


def _check_whole(cells: tuple[WantedCell, ...], *, vcpus: int, ram: int) -> None:
    left = set(range(vcpus))
    for cell in cells:
        for cpu in cell.cpus:
            if cpu not in left:
                raise GuestTopologyInvalid(f"CPU number {cpu} is assigned to two nodes")
            left.remove(cpu)
    if left:
        said = ",".join(map(str, sorted(left)))
        raise GuestTopologyInvalid(f"CPU number {said} is not assigned to any node")
    total = sum(cell.ram for cell in cells)
    if total != ram:
        raise GuestTopologyInvalid(f"{total} MB of memory assigned, but expected {ram} MB")


def _cpu_policy(extra_specs: Strings, properties: Strings) -> str:
    flavor, image = _said(extra_specs, properties, "cpu_policy")
    for source, said in (("flavor extra specs", flavor), ("image properties", image)):
        _check_word("CPU policy", source, said, CPU_POLICIES)
    if (flavor, image) in (("shared", "dedicated"), ("shared", "mixed"), ("mixed", "dedicated")):
        raise GuestTopologyInvalid(
            "Image property 'hw_cpu_policy' is not permitted to override CPU pinning policy set "
            "against the flavor"
        )
    return flavor or image


def _dedicated_mask(extra_specs: Strings, policy: str, *, vcpus: int) -> frozenset[int]:
    """Return which processors of a guest of policy ``mixed`` are dedicated; none of another one."""
    said = extra_specs.get(MASK, "").strip()
    if policy != "mixed":
        if said:
            raise GuestTopologyInvalid(f"Cannot specify '{MASK}' without the 'mixed' policy.")
        return frozenset()
    if not said:
        raise GuestTopologyInvalid(f"The 'mixed' CPU policy needs '{MASK}' of the flavor.")
    whole = f"0-{vcpus - 1},{said}" if said.startswith("^") else said
    try:
        found = frozenset(parse_cpu_set(whole, most=65536))
    except ValueError as error:
        raise GuestTopologyInvalid(f"Invalid inclusion expression '{said[:80]}'") from error
    everything = frozenset(range(vcpus))
    if not found or found >= everything:
        raise GuestTopologyInvalid(
            f"Mixed instance must have at least 1 pinned vCPU and 1 unpinned vCPU. See '{MASK}'."
        )
    if not found <= everything:
        raise GuestTopologyInvalid(
            "Mixed instance dedicated vCPU(s) mask is not a subset of vCPUs in the flavor. "
            f"See '{MASK}'"
        )
    return found


def _mixed(cell: WantedCell, mask: frozenset[int]) -> WantedCell:
    """Return a cell with its dedicated processors first."""
    shared = tuple(cpu for cpu in cell.cpus if cpu not in mask)
    own = tuple(cpu for cpu in cell.cpus if cpu in mask)
    return cell._replace(cpus=own + shared, shared=len(shared))


def _thread_policy(extra_specs: Strings, properties: Strings) -> ThreadPolicy | None:
    flavor, image = _said(extra_specs, properties, "cpu_thread_policy")
    for source, said in (("flavor extra specs", flavor), ("image properties", image)):
        _check_word("CPU thread policy", source, said, THREAD_POLICIES)
    if flavor in ("", "prefer"):
        return cast(ThreadPolicy, image or flavor) or None
    if image and image != flavor:
        raise GuestTopologyInvalid(
            "Image property 'hw_cpu_thread_policy' is not permitted to override CPU thread "
            "pinning policy set against the flavor"
        )
    return cast(ThreadPolicy, flavor)


def _check_word(what: str, source: str, said: str, known: tuple[str, ...]) -> None:
    if said and said not in known:
        raise GuestTopologyInvalid(
            f"{what} requested from '{source}' is invalid, given: '{said[:80]}', "
            f"available: '{', '.join(known)}'."
        )


def _page_size(extra_specs: Strings, properties: Strings) -> PageSize:
    flavor, image = _said(extra_specs, properties, "mem_page_size")
    if image and not flavor:
        raise GuestTopologyInvalid(f"Page size {image[:80]} forbidden against '<empty>'")
    if not flavor:
        return ""
    size = _size(flavor)
    if image and size not in ("any", "large"):
        raise GuestTopologyInvalid(f"Page size {image[:80]} forbidden against '{flavor[:80]}'")
    return _size(image) if image else size


def _size(said: str) -> PageSize:
    """Return a word, or ``2048``, ``2MB``, ``1GB`` in KiB."""
    if said in ("small", "large", "any"):
        return cast(PageSize, said)
    digits = said.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = _UNITS.get(said[len(digits) :].strip())
    if unit is None or not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        raise GuestTopologyInvalid(f"Invalid memory page size '{said[:80]}'")
    found = int(digits) * unit
    if not 0 < found <= MOST_PAGE:
        raise GuestTopologyInvalid(f"Invalid memory page size '{said[:80]}'")
    return found
