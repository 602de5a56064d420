"""What extra specs of flavors that OpenStack knows may say, in Nova's words: checked from 2.86 on.

Keys that nobody knows are an operator's own, unless they begin like those that are known. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from compute.guest_topology import CPU_POLICIES, THREAD_POLICIES

#: Returns what is wrong with a value; nothing where it makes sense.
Check = Callable[[str], str]
_TRUTHS = frozenset(["1", "t", "true", "on", "y", "yes", "0", "f", "false", "off", "n", "no"])
_CPUS = r"\^?\d+(-\d+)?(,\^?\d+(-\d+)?)*"


class Known(NamedTuple):
    """Extra specs by a pattern of their keys."""

    key: re.Pattern[str]
    check: Check


def refused(key: str, value: str) -> str:
    """Return why an extra spec is refused, or nothing."""
    for known in _KNOWN:
        if known.key.fullmatch(key):
            return known.check(value)
    space, colon, _ = key.partition(":")
    if colon and _SPACES.fullmatch(space):
        return f"extra spec '{key}' does not appear to be a valid extra spec."
    return ""


def _number(value: str, least: int | None = None) -> str:
    try:
        number = int(value)
    except ValueError:
        return f"'{value}' is not a valid integer value."
    if least is not None and number < least:
        return f"'{value}' is less than the min value of '{least}'."
    return ""


def _from_0(value: str) -> str:
    return _number(value, 0)


def _from_1(value: str) -> str:
    return _number(value, 1)


def _truth(value: str) -> str:
    if value.strip().lower() in _TRUTHS:
        return ""
    return f"'{value}' is not a valid boolean-like value."


def _anything(_: str) -> str:
    return ""


def _one_of(words: Iterable[str]) -> Check:
    known = tuple(words)

    def check(value: str) -> str:
        return "" if value in known else f"'{value}' is not one of: {', '.join(known)}."

    return check


def _like(form: str) -> Check:
    def check(value: str) -> str:
        return "" if re.fullmatch(form, value) else f"'{value}' is not of the format '{form}'."

    return check


def _table(rows: Mapping[str, Check]) -> tuple[Known, ...]:
    return tuple(Known(re.compile(key), check) for key, check in rows.items())


_KNOWN = _table(
    {
        r"hw:cpu_policy": _one_of(CPU_POLICIES),
        r"hw:cpu_thread_policy": _one_of(THREAD_POLICIES),
        r"hw:emulator_threads_policy": _one_of(("isolate", "share")),
        r"hw:(cpu_dedicated_mask|cpu_realtime_mask|numa_cpus\.\d+)": _like(_CPUS),
        r"hw:numa_nodes|hw:numa_mem\.\d+": _from_1,
        r"hw:(cpu_(max_)?|max_cpu_)(sockets|cores|threads)": _from_1,
        r"hw:mem_page_size": _like(r"(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)"),
        r"hw:pci_numa_affinity_policy": _one_of(("required", "preferred", "legacy", "socket")),
        r"hw:(cpu_realtime|mem_encryption|hide_hypervisor_id|boot_menu|pmu|locked_memory)": _truth,
        r"hw:(vif_multiqueue_enabled|virtio_packed_ring|ephemeral_encryption)": _truth,
        r"hw:ephemeral_encryption_format": _one_of(("luks",)),
        r"hw:(serial_port_count|maxphysaddr_bits)": _from_0,
        r"hw:maxphysaddr_mode": _one_of(("emulate", "passthrough")),
        r"hw:viommu_model": _one_of(("auto", "intel", "smmuv3", "virtio")),
        r"hw:pmem": _like(r"[a-zA-Z0-9_]+(,[a-zA-Z0-9_]+)*,?"),
        r"hw:tpm_model": _one_of(("tpm-tis", "tpm-crb")),
        r"hw:tpm_version": _one_of(("1.2", "2.0")),
        r"hw:watchdog_action": _one_of(("none", "pause", "poweroff", "reset", "disabled")),
        r"hw:(tpm_secret_security|sound_model|usb_model|redirected_usb_ports)": _anything,
        r"hw_rng:allowed": _truth,
        r"hw_rng:rate_(bytes|period)": _from_0,
        r"hw_video:ram_max_mb": _from_0,
        r"os:secure_boot": _one_of(("required", "optional", "disabled")),
        r"quota:(cpu|memory|disk_io|vif)_shares_level": _anything,
        r"quota:(cpu|memory|disk_io|vif)_(limit|reservation|shares_share)": _number,
        r"quota:cpu_(shares|period|quota)": _from_0,
        r"quota:disk_(read|write|total)_(bytes|iops)_sec": _from_0,
        r"quota:vif_(inbound|outbound)_(average|peak|burst)": _from_0,
        r"trait[a-zA-Z0-9_-]*:[A-Z0-9_]{1,255}": _one_of(("required", "forbidden")),
        r"resources[a-zA-Z0-9_-]*:[A-Z0-9_]{1,255}": _from_0,
    }
)
#: What begins so and is not in the table is a slip of the pen.
_SPACES = re.compile(r"hw|hw_rng|hw_video|quota|trait[a-zA-Z0-9_-]*|resources[a-zA-Z0-9_-]*")
