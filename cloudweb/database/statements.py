"""Counts SQL statements for the benchmarks: one number in a small file for each process."""

from __future__ import annotations

import mmap
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


class StatementCounter:
    """An execute wrapper that adds one to ``<pid>.count``, shared memory that a reader may sum up."""

    def __init__(self, directory: Path) -> None:
        path = directory / f"{os.getpid()}.count"
        path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self._lock, self._count = threading.Lock(), 0

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        with self._lock:
            self._count += 1
            self._memory[:8] = struct.pack("Q", self._count)
        return execute(*statement)


def count_into(directory: Path) -> None:
    """Count the statements of every connection that is opened from now on."""
    directory.mkdir(parents=True, exist_ok=True)
    counters: dict[int, StatementCounter] = {}

    def install(connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
        pid = os.getpid()  # a worker that was forked counts for itself
        if pid not in counters:
            counters[pid] = StatementCounter(directory)
        connection.execute_wrappers.append(counters[pid])

    connection_created.connect(install, weak=False, dispatch_uid="cloudweb.statements")
