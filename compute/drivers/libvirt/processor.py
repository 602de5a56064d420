"""What libvirt says of a host's processors: the flags that guests see, and which memory is near to which."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import libvirt
import structlog

from compute.cpu_sets import parse_cpu_set
from compute.drivers.cells import numa_cell
from compute.topology_objects import NumaCell

log = structlog.get_logger(__name__)
ARCHITECTURE, MACHINE = "x86_64", "q35"


def flags(connection: libvirt.virConnect, *, accelerated: bool) -> tuple[str, ...]:
    """Return the flags of the processor that guests are given, in libvirt's words.

    Of the model that libvirt offers, and what that brings along: the host's own by KVM, else QEMU's.
    """
    kind = "kvm" if accelerated else "qemu"
    try:
        offered = connection.getDomainCapabilities(None, ARCHITECTURE, MACHINE, kind)
        model = _model(offered)
        if not model:
            return ()
        whole = connection.baselineHypervisorCPU(
            None,
            ARCHITECTURE,
            MACHINE,
            kind,
            [model],
            libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES,
        )
    except libvirt.libvirtError as error:
        log.warning("libvirt does not tell the flags of guests' processors", detail=str(error))
        return ()
    found = ET.fromstring(whole).findall("feature")  # noqa: S314  from our own libvirt
    return tuple(sorted(one.get("name", "") for one in found if one.get("policy") != "disable"))


def _model(offered: str) -> str:
    """Return the processor that ``host-model`` stands for, as a document; empty where there is none."""
    mode = ET.fromstring(offered).find("cpu/mode[@name='host-model'][@supported='yes']")  # noqa: S314
    model = None if mode is None else mode.find("model")
    if mode is None or model is None:
        return ""
    processor = ET.Element("cpu")
    ET.SubElement(processor, "model").text = model.text
    processor.extend(mode.findall("feature"))
    return ET.tostring(processor, encoding="unicode")


def cells(capabilities: str) -> tuple[NumaCell, ...]:
    """Return the cells of a capabilities document, and which of their processors are for whom."""
    found = ET.fromstring(capabilities).findall("host/topology/cells/cell")  # noqa: S314
    return tuple(
        numa_cell(
            number=int(cell.get("id", "0")),
            cpus=[int(cpu.get("id", "0")) for cpu in cell.findall("cpus/cpu")],
            ram=int(cell.findtext("memory") or 0) // 1024,
            siblings=[
                parse_cpu_set(cpu.get("siblings") or cpu.get("id") or "0")
                for cpu in cell.findall("cpus/cpu")
            ],
            pages={
                int(pages.get("size", "0")): int(pages.text or 0)
                for pages in cell.findall("pages[@unit='KiB']")
            },
        )
        for cell in found
    )
