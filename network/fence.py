"""Whether a host that is out of reach gives up what another may have taken over."""

from __future__ import annotations

import time


class Fence:
    """Up from so many seconds after the control plane was heard last, or the start; never with 0."""

    def __init__(self, after: float) -> None:
        self._after, self._since = after, time.monotonic()
        self._was_up = False

    @property
    def is_wanted(self) -> bool:
        """Tell whether it ever goes up."""
        return self._after > 0

    @property
    def is_up(self) -> bool:
        """Tell whether nothing was heard for too long."""
        up = self.is_wanted and time.monotonic() - self._since > self._after
        self._was_up = self._was_up or up
        return up

    def heard(self) -> None:
        """Note that the control plane answered."""
        self._since = time.monotonic()

    def came_down(self) -> bool:
        """Tell, once, that it was up and is not any more."""
        came, self._was_up = self._was_up and not self.is_up, False
        return came
