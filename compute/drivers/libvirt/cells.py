"""Where a guest lies in its host's NUMA cells, and the cells it sees itself, as libvirt says it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from compute.cpu_sets import cpu_set
from compute.objects import GuestSpec


def place(domain: ET.Element, spec: GuestSpec, *, floating: Sequence[int]) -> None:
    """Add its virtual processors and their places, and those of its memory."""
    _pages(domain, spec)
    vcpu = ET.SubElement(domain, "vcpu")
    vcpu.text = str(spec.vcpus)
    if not spec.cells:
        if floating:
            vcpu.set("cpuset", cpu_set(floating))
        return
    tune = ET.SubElement(domain, "cputune")
    runs_on: set[int] = set()
    places = {
        cpu: cell.pins[number : number + 1] or cell.floats_on
        for cell in spec.cells
        for number, cpu in enumerate(cell.cpus)
    }
    for cpu, on in sorted(places.items()):
        ET.SubElement(tune, "vcpupin", vcpu=str(cpu), cpuset=cpu_set(on))
        runs_on.update(on)
    ET.SubElement(tune, "emulatorpin", cpuset=cpu_set(runs_on))
    numa = ET.SubElement(domain, "numatune")
    nodes = cpu_set(cell.host_cell for cell in spec.cells)
    ET.SubElement(numa, "memory", mode="strict", nodeset=nodes)
    for number, cell in enumerate(spec.cells):
        ET.SubElement(
            numa, "memnode", cellid=str(number), mode="strict", nodeset=str(cell.host_cell)
        )


def _pages(domain: ET.Element, spec: GuestSpec) -> None:
    large = {cell.page_size for cell in spec.cells if cell.page_size}
    if not large:
        return
    backing = ET.SubElement(ET.SubElement(domain, "memoryBacking"), "hugepages")
    for size in sorted(large):
        cells = cpu_set(number for number, one in enumerate(spec.cells) if one.page_size == size)
        ET.SubElement(backing, "page", size=str(size), unit="KiB", nodeset=cells)


def show(cpu: ET.Element, spec: GuestSpec) -> None:
    """Add what the guest sees of it: sockets, cores and threads, and cells of its own."""
    if spec.processors is not None:
        seen = {name: str(number) for name, number in spec.processors.model_dump().items()}
        ET.SubElement(cpu, "topology", seen)
    if spec.cells:
        numa = ET.SubElement(cpu, "numa")
        for number, cell in enumerate(spec.cells):
            ET.SubElement(
                numa,
                "cell",
                id=str(number),
                cpus=cpu_set(cell.cpus),
                memory=str(cell.ram),
                unit="MiB",
            )
