"""What the machine under an agent has used since it started: of its own disks and cards, so nothing counts twice.

https://docs.kernel.org/filesystems/proc.html, https://docs.kernel.org/admin-guide/iostats.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC, SYS = Path("/proc"), Path("/sys/class")
SECTOR = 512  # what the kernel counts in, whatever the disk has
#: Columns of /proc/stat that are work: user (with its guests), nice, system, irq, softirq.
WORK = (0, 1, 2, 5, 6)


class HostUse(NamedTuple):
    """Seconds of all processors together, memory in KiB, bytes."""

    processors: int
    cpu: float
    memory: int
    memory_used: int
    read: int
    written: int
    received: int
    sent: int


def host_use(proc: Path = PROC, classes: Path = SYS) -> HostUse:
    """Return what was used until now; of memory what no program could have at once."""
    times = (proc / "stat").read_text().splitlines()
    ticks = [int(word) for word in times[0].split()[1:]]
    memory = dict(_named(proc / "meminfo"))
    total, free = (int(memory[name][0]) for name in ("MemTotal", "MemAvailable"))
    disks = [
        words[3:]
        for words in map(str.split, (proc / "diskstats").read_text().splitlines())
        if (classes / "block" / words[2] / "device").exists()
    ]
    cards = [
        words
        for name, words in _named(proc / "net" / "dev")
        if (classes / "net" / name / "device").exists()
    ]
    return HostUse(
        processors=sum(line.startswith("cpu") for line in times) - 1,
        cpu=sum(ticks[place] for place in WORK) / os.sysconf("SC_CLK_TCK"),
        memory=total,
        memory_used=total - free,
        read=sum(int(words[2]) for words in disks) * SECTOR,
        written=sum(int(words[6]) for words in disks) * SECTOR,
        received=sum(int(words[0]) for words in cards),
        sent=sum(int(words[8]) for words in cards),
    )


def _named(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the lines of ``name: words``."""
    for line in path.read_text().splitlines():
        name, colon, words = line.partition(":")
        if colon:
            yield name.strip(), words.split()
