"""Up to which of the control plane's notices a host has taken what lies in its queues (OPERATIONS 22).

A queue is read in order: who has read a notice has read every order that was put there before it. So
the control plane knows an order that is lost from one that waits in the queue of a host without time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager


class Taken:
    """By domain, the time that the last notice bore of which all before it is recorded; thread-safe.

    The last, not the latest: a control plane's clock that was wrong for a while counts no longer than that.
    """

    def __init__(self, domains: Iterable[str]) -> None:
        self._at = dict.fromkeys(domains, 0.0)
        self._lock = threading.Lock()
        self._last = 0
        self._at_work: set[int] = set()  # numbers of the messages that are being recorded
        self._read: list[tuple[int, str, float]] = []  # notices, after which message

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Hold back notices that are read while a message is judged and recorded."""
        with self._lock:
            self._last = number = self._last + 1
            self._at_work.add(number)
        try:
            yield
        finally:
            with self._lock:
                self._at_work.discard(number)
                self._count()

    def note(self, domain: str, time: float) -> None:
        """Note a notice that was read from a domain's queue, and the time it bears."""
        with self._lock:
            self._read.append((self._last, domain, time))
            self._count()

    def times(self) -> Mapping[str, float]:
        """Return the times (Unix, by the control plane's clock); 0 where none was read yet."""
        with self._lock:
            return dict(self._at)

    def _count(self) -> None:
        first = min(self._at_work, default=self._last + 1)
        for _, domain, time in (one for one in self._read if one[0] < first):
            self._at[domain] = time
        self._read = [one for one in self._read if one[0] >= first]
