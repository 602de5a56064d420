"""Answers about what a server is inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict

from cloudweb.api.answers import Answer
from cloudweb.database.clock import now
from compute.guest_use import GuestUse

if TYPE_CHECKING:
    from instances.models import Instance


#: KiB.
ORDINARY_PAGE = 4


class ProcessorUse(Answer):
    """A processor; ``time`` in ns."""

    id: int
    time: int | None
    utilisation: int | None


class DiskUsed(Answer):
    """A disk."""

    read_bytes: int | None
    read_requests: int | None
    write_bytes: int | None
    write_requests: int | None
    errors_count: int | None


class CardUsed(Answer):
    """A card."""

    mac_address: str | None
    rx_octets: int | None
    rx_errors: int | None
    rx_drop: int | None
    rx_packets: int | None
    rx_rate: int | None
    tx_octets: int | None
    tx_errors: int | None
    tx_drop: int | None
    tx_packets: int | None
    tx_rate: int | None


class MemoryUse(Answer):
    """Memory in MiB."""

    maximum: int | None
    used: int | None


class Diagnostics(Answer):
    """What a guest uses; up to 2.47 other keys, by the names that its hypervisor has for its parts."""

    model_config = ConfigDict(extra="allow")

    state: str = ""
    driver: str = ""
    hypervisor: str | None = None
    hypervisor_os: str | None = None
    uptime: int | None = None
    config_drive: bool = False
    num_cpus: int = 0
    num_nics: int = 0
    num_disks: int = 0
    cpu_details: list[ProcessorUse] = []
    nic_details: list[CardUsed] = []
    disk_details: list[DiskUsed] = []
    memory_details: MemoryUse | None = None


class TopologyNode(Answer):
    """A NUMA node of a server; operators see where on its host."""

    memory_mb: int
    vcpu_set: list[int]
    siblings: list[list[int]]
    host_node: int = 0
    cpu_pinning: dict[str, int] = {}


class Topology(Answer):
    """The NUMA nodes of a server."""

    nodes: list[TopologyNode]
    pagesize_kb: int | None


class PostedPassword(Answer):
    """A password, encrypted by the key of the server's user, in base64; empty where there is none."""

    password: str


def topology_of(cells: Sequence[Mapping[str, Any]], *, on_host: bool) -> dict[str, Any]:
    """Return where a server's cells lie, of its host only where the caller may know that."""
    nodes = []
    for cell in cells:
        node = {
            "memory_mb": cell["ram"],
            "vcpu_set": sorted(cell["cpus"]),
            "siblings": cell["siblings"],
        }
        if on_host:
            pins = zip(cell["cpus"], cell["pins"], strict=False)
            node["cpu_pinning"] = {str(cpu): pin for cpu, pin in pins}
            node["host_node"] = cell["host_cell"]
        nodes.append(node)
    return {
        "nodes": nodes,
        "pagesize_kb": (cells[0]["page_size"] or ORDINARY_PAGE) if cells else None,
    }


def diagnostics_of(instance: Instance, used: GuestUse) -> dict[str, Any]:
    """Return what a guest uses as it is told from 2.48 on."""
    since = instance.launched_at
    return {
        "state": used.power_state,
        "driver": used.driver,
        "hypervisor": used.hypervisor or None,
        "hypervisor_os": "linux",
        "uptime": int((now() - since).total_seconds()) if since else None,
        "config_drive": instance.config_drive,
        "num_cpus": len(used.processors),
        "num_nics": len(used.cards),
        "num_disks": len(used.disks),
        "cpu_details": [
            {"id": place, "time": time, "utilisation": None}
            for place, time in enumerate(used.processors)
        ],
        "nic_details": [
            {
                "mac_address": card.mac or None,
                **{
                    f"{way}_{what}": getattr(card, f"{way}_{what}")
                    for way in ("rx", "tx")
                    for what in ("octets", "errors", "drop", "packets")
                },
                "rx_rate": None,
                "tx_rate": None,
            }
            for card in used.cards
        ],
        "disk_details": [
            {
                "read_bytes": disk.read_bytes,
                "read_requests": disk.read_requests,
                "write_bytes": disk.write_bytes,
                "write_requests": disk.write_requests,
                "errors_count": disk.errors,
            }
            for disk in used.disks
        ],
        "memory_details": {
            "maximum": used.memory // 1024,
            "used": used.memory_used // 1024 if used.memory_used is not None else None,
        },
    }


def older_diagnostics_of(used: GuestUse) -> dict[str, Any]:
    """Return it as libvirt's driver told it before: a key for each number."""
    found: dict[str, Any] = {f"cpu{at}_time": time for at, time in enumerate(used.processors)}
    for disk in used.disks:
        found |= {
            f"{disk.name}_read": disk.read_bytes,
            f"{disk.name}_read_req": disk.read_requests,
            f"{disk.name}_write": disk.write_bytes,
            f"{disk.name}_write_req": disk.write_requests,
            f"{disk.name}_errors": -1 if disk.errors is None else disk.errors,
        }
    for card in used.cards:
        for way in ("rx", "tx"):
            found[f"{card.name}_{way}"] = getattr(card, f"{way}_octets")
            for key in ("packets", "errors", "drop"):
                found[f"{card.name}_{way}_{key}"] = getattr(card, f"{way}_{key}")
    found["memory"] = used.memory
    for name, value in (("actual", used.memory_actual), ("rss", used.memory_rss)):
        if value is not None:
            found[f"memory-{name}"] = value
    return found
