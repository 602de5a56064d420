"""Machines without a power control that we could ask: a human switches them off, and says so."""

from __future__ import annotations

from compute.fencing.base import FenceDriver, FenceRefused, Power


class ManualFence(FenceDriver):
    """Refuses what only a human can do; the confirmation is ``HostFailureManager.confirm_off``."""

    has_address = False

    def power(self) -> Power:
        """Return that nobody knows."""
        return "unknown"

    def off(self) -> None:
        """Say who has to."""
        raise FenceRefused(
            f"Nothing here can switch {self.place.host} off: do it by hand, then confirm that it is off."
        )

    def on(self) -> None:
        """Say who has to."""
        raise FenceRefused(f"Nothing here can switch {self.place.host} on: do it by hand.")
