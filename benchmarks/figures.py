"""The table of figures: what was measured beside what is to be beaten, and the goal."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured number; ``to_beat`` is another system's on the same kind of machine.

    ``goal`` is the most it should be, or with ``at_least`` the least.
    """

    what: str
    value: float
    unit: str
    to_beat: float | None = None
    goal: float | None = None
    at_least: bool = False

    def line(self) -> str:
        """Return the row as it is printed."""
        beside = f"{self.to_beat:>12,.2f}" if self.to_beat is not None else " " * 12
        ratio = ""
        if self.to_beat and self.value:
            ratio = f"{max(self.to_beat, self.value) / min(self.to_beat, self.value):.1f} x"
        row = f"{self.what:<58}{self.value:>12,.2f} {self.unit:<10}{beside}{ratio:>10}"
        return f"{row}{self._judged()}".rstrip()

    def _judged(self) -> str:
        if self.goal is None:
            return ""
        is_met = self.value >= self.goal if self.at_least else self.value <= self.goal
        return f"{self.goal:>12,.2f} {'met' if is_met else 'MISSED'}"


def heading() -> str:
    """Name the machine, and the columns."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024**2
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}\n\n"
        f"{'':<58}{'measured':>12} {'':<10}{'to beat':>12}{'ratio':>10}{'goal':>12}"
    )
