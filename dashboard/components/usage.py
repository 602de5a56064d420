"""Bars: how much of a limit is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from identity.quotas import UNLIMITED

#: resource of the quota -> its name on the page, its unit, its icon.
SHOWN = {
    "instances": ("Servers", "", "server-2"),
    "cores": ("vCPUs", "", "cpu"),
    "ram": ("Memory", "MiB", "device-sd-card"),
    "key_pairs": ("Key pairs", "", "key"),
}


class Usage(Protocol):
    """Limits and use of a project by resource, as the managers of quotas tell them."""

    @property
    def limits(self) -> Mapping[str, int]:
        """Return the limits."""

    @property
    def used(self) -> Mapping[str, int]:
        """Return what is used."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One limit; ``limit`` None is no limit."""

    name: str
    text: str
    unit: str
    icon: str
    used: int
    limit: int | None

    @property
    def left(self) -> int | None:
        """What may still be taken; None without a limit."""
        return None if self.limit is None else max(0, self.limit - self.used)

    @property
    def percent(self) -> int:
        """How full it is; 0 without a limit."""
        if self.limit is None:
            return 0
        return 100 if self.limit == 0 else min(100, round(100 * self.used / self.limit))

    @property
    def tone(self) -> str:
        """Amber from three quarters on, red when all is taken."""
        return "danger" if self.percent >= 100 else "warning" if self.percent >= 75 else "info"


def bars(usage: Usage, shown: Mapping[str, tuple[str, str, str]] = SHOWN) -> Sequence[Bar]:
    """Return the bars in the order of the page."""
    found = []
    for name, (text, unit, icon) in shown.items():
        limit = usage.limits[name]
        used = usage.used.get(name, 0)
        found.append(Bar(name, text, unit, icon, used, None if limit == UNLIMITED else limit))
    return found
