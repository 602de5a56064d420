"""Django's SQLite backend with fair waiting: writers queue at a file lock before they take SQLite's.

SQLite's own busy handler is unfair: with a few writers one can wait out seconds (OPERATIONS,
"Databases"). Every transaction here is IMMEDIATE and takes an advisory lock first; reads outside a
transaction take none and, with WAL, wait for nobody.
"""

from __future__ import annotations

import fcntl
import os
from typing import Any

from django.db.backends.sqlite3 import base

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class LockingCursor(base.SQLiteCursorWrapper):
    """A cursor whose single writes outside a transaction take the queue's lock too."""

    wrapper: DatabaseWrapper

    def execute(self, query: Any, params: Any = None) -> Any:
        """Run one statement, queued when it writes on its own."""
        wrapper = self.wrapper
        if wrapper.queue_held or not str(query).lstrip()[:7].upper().startswith(_WRITES):
            return super().execute(query, params)
        wrapper.enter_queue()
        try:
            return super().execute(query, params)
        finally:
            wrapper.leave_queue()


class DatabaseWrapper(base.DatabaseWrapper):
    """The connection; ``queue_held`` tells whether this one is at the head of the writers' queue."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queue: int | None = None
        self.queue_held = False

    def _queue_path(self) -> str | None:
        name = str(self.settings_dict["NAME"])
        return None if name == ":memory:" or name.startswith("file:") else f"{name}.lock"

    def enter_queue(self) -> None:
        """Wait for the head of the writers' queue."""
        if self.queue_held:
            return
        path = self._queue_path()
        if path is not None:
            if self._queue is None:
                self._queue = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._queue, fcntl.LOCK_EX)
        self.queue_held = True

    def leave_queue(self) -> None:
        """Let the next writer go."""
        if self.queue_held and self._queue is not None:
            fcntl.flock(self._queue, fcntl.LOCK_UN)
        self.queue_held = False

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor that queues."""
        cursor = self.connection.cursor(factory=LockingCursor)
        cursor.wrapper = self
        return cursor

    def _start_transaction_under_autocommit(self) -> None:
        self.enter_queue()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self.leave_queue()
            raise

    def _commit(self) -> Any:
        try:
            return super()._commit()  # type: ignore[misc]
        finally:
            self.leave_queue()

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]
        finally:
            self.leave_queue()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]
        finally:
            self.leave_queue()
            if self._queue is not None:
                os.close(self._queue)
                self._queue = None
