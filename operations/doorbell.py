"""The doorbell: after the commit a background thread tells the control workers to look.

A broker that is down costs a request nothing; the sweep finds what nobody rang for some seconds later.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from django.db import transaction

from cloudweb import rpc

_lock = threading.Lock()
_queue: queue.SimpleQueue[Callable[[], object]] | None = None


def _work(jobs: queue.SimpleQueue[Callable[[], object]]) -> None:
    while True:
        jobs.get()()


def later(job: Callable[[], object]) -> None:
    """Run a job (which must not raise) in this process's background thread."""
    global _queue
    with _lock:
        if _queue is None:
            _queue = queue.SimpleQueue()
            threading.Thread(target=_work, args=(_queue,), name="doorbell", daemon=True).start()
        _queue.put(job)


def ring_after_commit(operation_id: object) -> None:
    """Ring for an operation once the current transaction has committed."""
    key = str(operation_id)
    transaction.on_commit(lambda: later(lambda: rpc.ring(key)), robust=True)
