"""Machines that exist nowhere: for clouds of fake hosts, and for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import ClassVar

from compute.fencing.base import FenceDriver, FenceFailed, Power


@dataclass
class FakeMachines:
    """What every fake power control of this process drives, by the name of the host.

    ``broken`` are hosts whose control does not answer, ``stuck`` those that it cannot switch off.
    """

    powers: dict[str, Power] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    cuts: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


class FakeFence(FenceDriver):
    """A machine that is on until it is switched off."""

    has_address = False
    machines: ClassVar[FakeMachines] = FakeMachines()

    def power(self) -> Power:
        """Return how it was left."""
        self._answer()
        return self.machines.powers.get(self.place.host, "on")

    def off(self) -> None:
        """Switch it off."""
        self._answer()
        with self.machines.lock:
            self.machines.cuts.append(self.place.host)
            if self.place.host not in self.machines.stuck:
                self.machines.powers[self.place.host] = "off"

    def on(self) -> None:
        """Switch it on."""
        self._answer()
        with self.machines.lock:
            self.machines.powers[self.place.host] = "on"

    def _answer(self) -> None:
        if self.place.host in self.machines.broken:
            raise FenceFailed
