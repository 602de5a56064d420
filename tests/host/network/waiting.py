"""Waiting for what another process does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.infrastructure import PATIENCE


def appears(condition: Callable[[], bool], *, timeout: float = PATIENCE) -> None:
    """Return once the condition holds; fail after the timeout."""
    pause, deadline = threading.Event(), time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        pause.wait(0.02)
