"""Delays, failures and hangs to order, for the fake drivers.

Ordered from code, or from a JSON file beside a driver's state so that another process can order them:
``{"spawn": {"fail": 2, "transient": true, "when": "before", "delay": 0.1, "hang": false}}``.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cloudweb.driver import DiskFull, DriverError, TransientDriverError, Work

When = Literal["before", "after"]


@dataclass(slots=True)
class Rule:
    """What one method shall suffer; ``fail`` counts down, -1 fails for ever."""

    fail: int = 0
    transient: bool = True
    when: When = "before"
    message: str = "Ordered to fail."
    full: bool = False  # for want of room on the disk
    delay: float = 0.0
    hang: bool = False


class Faults:
    """The faults of one driver, by method name."""

    __slots__ = ("_changed", "_file", "_file_time", "_rules")

    def __init__(self, file: Path | None = None) -> None:
        self._rules: dict[str, Rule] = {}
        self._changed = threading.Condition()
        self._file, self._file_time = file, 0

    def fail(
        self,
        method: str,
        *,
        times: int = 1,
        transient: bool = True,
        when: When = "before",
        message: str = "Ordered to fail.",
        full: bool = False,
    ) -> None:
        """Let the next calls fail, before or after their effect; ``times`` -1 is for ever."""
        with self._changed:
            rule = self._rules.setdefault(method, Rule())
            rule.fail, rule.transient, rule.when, rule.message = times, transient, when, message
            rule.full = full

    def delay(self, method: str, seconds: float) -> None:
        """Let each call take that much longer."""
        with self._changed:
            self._rules.setdefault(method, Rule()).delay = seconds

    def hang(self, method: str) -> None:
        """Let calls wait before their effect until ``release``."""
        with self._changed:
            self._rules.setdefault(method, Rule()).hang = True

    def release(self, method: str) -> None:
        """Let the hanging calls of a method go on."""
        with self._changed:
            if method in self._rules:
                self._rules[method].hang = False
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget all faults; what hangs goes on."""
        with self._changed:
            self._rules.clear()
            self._changed.notify_all()

    @contextmanager
    def around(self, method: str, work: Work) -> Iterator[None]:
        """Run a method with its faults; a wait is left when ``work`` was interrupted."""
        self._read_file()
        if not self._rules:
            yield
            return
        self._wait(method, work)
        self._raise(method, "before")
        yield
        self._raise(method, "after")

    def _wait(self, method: str, work: Work) -> None:
        with self._changed:
            rule = self._rules.get(method, Rule())
            until = time.monotonic() + rule.delay
            while True:
                rule = self._rules.get(method, Rule())
                left = until - time.monotonic()
                if not rule.hang and left <= 0:
                    return
                work.checkpoint()
                self._changed.wait(0.05 if rule.hang else min(left, 0.05))
                self._read_file()

    def _raise(self, method: str, when: When) -> None:
        with self._changed:
            rule = self._rules.get(method)
            if rule is None or rule.when != when or rule.fail == 0:
                return
            if rule.fail > 0:
                rule.fail -= 1
            if rule.full:
                raise DiskFull
            raise (TransientDriverError if rule.transient else DriverError)(rule.message)

    def _read_file(self) -> None:
        if self._file is None:
            return
        try:
            changed = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            changed = 0
        if changed == self._file_time:
            return
        with self._changed:
            self._file_time = changed
            orders = json.loads(self._file.read_text()) if changed else {}
            self._rules = {method: Rule(**rule) for method, rule in orders.items()}
            self._changed.notify_all()
