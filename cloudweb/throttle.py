"""How often something may be asked for: counted once for all API processes, in the broker's Redis.

Redis is a doorbell here, too: while it is away nothing is refused and nothing waits for it.
"""

from __future__ import annotations

import hashlib
import math
import time
from functools import cache

import structlog
from django.conf import settings
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import ConnectionPool, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.retry import Retry

from cloudweb.exceptions import TooManyRequests

log = structlog.get_logger(__name__)
#: Seconds a command may take, and for which Redis is left alone after one failed.
PATIENCE, PAUSE = 0.25, 5.0


class Counter:
    """Counts in one Redis; admits everything while that is away."""

    def __init__(self, socket: str) -> None:
        pool = ConnectionPool(
            connection_class=UnixDomainSocketConnection,
            path=socket,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._storage = RedisStorage(
            "redis://",
            connection_pool=pool,
            key_prefix="cloudweb:throttle",
            wrap_exceptions=True,
        )
        self._windows = SlidingWindowCounterRateLimiter(self._storage)
        self._away_until = 0.0

    def wait(self, limit: RateLimitItem, *key: str) -> int:
        """Count one request; return 0, or the seconds to wait where it is one too many."""
        if time.monotonic() < self._away_until:
            return 0
        try:
            if self._windows.hit(limit, *key):
                return 0
            return self._seconds_left(limit, *key)
        except StorageError as error:
            if not self._away_until or time.monotonic() >= self._away_until:
                log.warning("nothing is throttled: the broker's Redis is away", detail=str(error))
            self._away_until = time.monotonic() + PAUSE
            return 0

    def _seconds_left(self, limit: RateLimitItem, *key: str) -> int:
        """Return when a refused request would pass: the window before counts as far as it reaches
        into the last ``length`` seconds. (What the library offers here says 1 for some full windows.)
        """
        length = limit.get_expiry()
        before, before_left, current, current_left = self._storage.get_sliding_window(
            limit.key_for(*key), length
        )
        if current < limit.amount and before:
            left = before_left - (limit.amount - current) * length / before
        else:
            left = current_left - length
        return max(1, math.ceil(left))


@cache
def _counter(socket: str) -> Counter:
    return Counter(socket)


@cache
def _limits(text: str) -> list[RateLimitItem]:
    return parse_many(text)


def admit(kind: str, key: str) -> None:
    """Count one request of a kind by whom ``key`` names; raise TooManyRequests over its limit.

    Keys are kept as digests: they may be user names, of any length.
    """
    text = settings.THROTTLES.get(kind)
    if not text:
        return
    digest = hashlib.blake2b(key.encode(errors="replace"), digest_size=16).hexdigest()
    for limit in _limits(text):
        if seconds := _counter(settings.THROTTLE_SOCKET).wait(limit, kind, digest):
            raise TooManyRequests(retry_after=seconds, detail=f"{kind}: over {limit}")
