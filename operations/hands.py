"""A few threads for what a timer finds: it hands out and goes on, and waits for nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import close_old_connections

from cloudweb.shares import Pool

log = structlog.get_logger(__name__)
HANDS, MOST = 4, 100


class Hands:
    """Takes so much and no more; nothing twice at a time."""

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool = pool or ThreadPoolExecutor(HANDS, thread_name_prefix="hand")
        self._lock = threading.Lock()
        self._held: set[Hashable] = set()

    def take(self, key: Hashable, job: Callable[[], object]) -> bool:
        """Do a job some time soon; tell whether it was taken: not while it is held, or all are full."""
        with self._lock:
            if key in self._held or len(self._held) >= MOST:
                return False
            self._held.add(key)
        try:
            self._pool.submit(self._do, key, job)
        except RuntimeError:  # no thread is to be had just now, or the end has come
            self._let_go(key)
            return False
        return True

    def stop(self) -> None:
        """Begin nothing more; what was not begun is found again by others."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _do(self, key: Hashable, job: Callable[[], object]) -> None:
        try:
            close_old_connections()
            job()
        except Exception:
            log.exception("what was handed out failed", work=str(key))
        finally:
            self._let_go(key)

    def _let_go(self, key: Hashable) -> None:
        with self._lock:
            self._held.discard(key)
