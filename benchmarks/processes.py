"""What a process tree costs: CPU time and memory, read from /proc."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(stat[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def cpu_ms(pids: list[int]) -> float:
    """Return user and system time so far, of the processes and of their children that ended."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in stat[11:15])
    return total * 1000 / TICK


def pss_mib(pid: int) -> float:
    """Return the proportional set size of one process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def name_of(pid: int) -> str:
    """Return what a process of the cloud is called: api, control, host, base, plane, or its program."""
    name = Path(f"/proc/{pid}/comm").read_text().strip()
    if name.startswith("cw-"):
        return name.removeprefix("cw-")
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    if "cloudweb.supervisor" in words:
        return "supervisor"
    return Path(words[0].split(" ")[0]).name


@dataclass
class Cost:
    """CPU milliseconds and SQL statements spent while a block ran."""

    cpu_ms: float = 0.0
    statements: int = 0


class Meter:
    """Measures the whole control plane of one cloud, and the database server beside it if there is one."""

    def __init__(self, pid: int, counters: Path, database: int | None = None) -> None:
        self.pids, self.counters, self._database = tree(pid), counters, database

    def cpu_ms(self) -> float:
        """Return the CPU time so far; the database's backends come and go."""
        return cpu_ms([*self.pids, *(tree(self._database) if self._database else ())])

    def statements(self) -> int:
        """Return how many SQL statements all processes have run."""
        return sum(
            struct.unpack("Q", path.read_bytes()[:8].ljust(8, b"\0"))[0]  # one may just be made
            for path in self.counters.glob("*.count")
        )

    @contextlib.contextmanager
    def measured(self) -> Iterator[Cost]:
        """Fill in what the block cost."""
        cost = Cost()
        cpu, statements = self.cpu_ms(), self.statements()
        yield cost
        cost.cpu_ms = self.cpu_ms() - cpu
        cost.statements = self.statements() - statements
