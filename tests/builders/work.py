"""Orders a driver works for, that a test can break off at a chosen point."""

from __future__ import annotations

from cloudweb.driver import Interrupted


class CountedWork:
    """Lets ``allowed`` checkpoints pass and interrupts at the next one; None interrupts never."""

    def __init__(self, allowed: int | None = None) -> None:
        self.allowed, self.passed = allowed, 0

    def checkpoint(self) -> None:
        """Count, or raise Interrupted."""
        if self.allowed is not None and self.passed >= self.allowed:
            raise Interrupted
        self.passed += 1

    def progress(self, percent: int, text: str = "") -> None:
        """Take no notice."""
