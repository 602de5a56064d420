"""What one client may take of the API: time, bytes, connections."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from cloudweb.conf import api_threads, env

T = TypeVar("T")
#: Of a request's first line, and of its whole head; what is longer is refused (414, 431).
MAX_LINE = 8190
MAX_HEAD = 64 * 1024
MAX_HEADERS = 100
#: Bytes of small bodies that are on their way, of all clients together.
MAX_SPOOLED = 64 * 1024**2
#: Files that are open whatever clients do.
OWN_FILES = 128


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings of the front (docs/operating.md); seconds are how long a client may let us wait."""

    threads: int = 16
    transfers: int = 64  # uploads and generated answers under way, each with a thread of its own
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    transfer_seconds: float = 30.0
    least_rate: float = 16384.0  # bytes a second, either direction
    connections: int = 256  # of one address
    most_connections: int = 4096
    max_body: int = 1_048_576

    @property
    def transfers_of_one(self) -> int:
        """How many transfers one address may have: the others get their part."""
        return max(1, self.transfers // 2)


def limits() -> Limits:
    """Return the limits that the environment sets.

    Raises ValueError with a sentence for one that is not positive.
    """
    usual = Limits()
    found = {
        "transfers": env.int("API_TRANSFERS", default=usual.transfers),
        "header_seconds": env.float("API_HEADER_SECONDS", default=usual.header_seconds),
        "body_seconds": env.float("API_BODY_SECONDS", default=usual.body_seconds),
        "transfer_seconds": env.float("API_TRANSFER_SECONDS", default=usual.transfer_seconds),
        "least_rate": env.float("API_LEAST_RATE", default=usual.least_rate),
        "connections": env.int("API_CONNECTIONS", default=usual.connections),
        "max_body": env.int("API_MAX_BODY", default=usual.max_body),
        "threads": api_threads(),
    }
    for name, value in found.items():
        if value <= 0:
            raise ValueError(f"API_{name.upper()} is {value}; it must be greater than nothing.")
    return Limits(**found, most_connections=_most_connections())


def _most_connections() -> int:
    """Take all the files this process may have; a connection with a download needs two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(64, (soft - OWN_FILES) // 2)


class Pace:
    """A client's account of time: making us wait takes from it, bytes give back, up to what it was.

    So who sends or reads at the least rate goes on for ever, and who stops or drips is out when it
    is empty, however fast he was before.
    """

    def __init__(self, *, seconds: float, rate: float) -> None:
        self._left = self._most = seconds
        self._rate = rate

    async def wait(self, what: Awaitable[T]) -> T:
        """Wait for the client; raise TimeoutError when his time is up."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(max(0.001, self._left)):
                return await what
        finally:
            self._left -= time.monotonic() - started

    def earn(self, size: int) -> None:
        """Give back for so many bytes."""
        self._left = min(self._most, self._left + size / self._rate)


class Shares:
    """Counts what clients hold: no one more than ``each``, all together no more than ``most``."""

    def __init__(self, *, each: int, most: int) -> None:
        self._each, self._most = each, most
        self._held: Counter[str] = Counter()
        self.total = 0

    def take(self, client: str) -> bool:
        """Count one more, or say that there is none left for this client."""
        if self.total >= self._most or self._held[client] >= self._each:
            return False
        self._held[client] += 1
        self.total += 1
        return True

    def give(self, client: str) -> None:
        """Count one less."""
        self.total -= 1
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]
