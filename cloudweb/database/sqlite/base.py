"""Django's SQLite backend with fair waiting: writers queue at a file lock before they take SQLite's.

SQLite's own busy handler is unfair: with a few writers one can wait out seconds (OPERATIONS,
"Databases"). Every transaction here is IMMEDIATE and takes an advisory lock first; reads outside a
transaction take none and, with WAL, wait for nobody.

A file that was removed or replaced while the process had it open is not written to any more: SQLite
would go on with what nobody else sees, or make an empty one.
"""

from __future__ import annotations

import fcntl
import os
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from cloudweb.database.sqlite.durability import flush, statement
from cloudweb.database.sqlite.identity import is_known, remember

#: KiB of pages that a connection keeps. Any write of another makes it forget all, so more is memory for nothing:
#: there is a connection for each thread, and the kernel has the pages once for all of them.
CACHE = 512
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class FileGone(OperationalError):
    """The database is not the file that this process opened first."""

    def __init__(self) -> None:
        super().__init__(
            "its file was removed or replaced while it was open; stop the cloud, put the file back "
            "from a backup and start again"
        )


class LockingCursor(base.SQLiteCursorWrapper):
    """A cursor whose single writes outside a transaction take the queue's lock too."""

    wrapper: DatabaseWrapper

    def execute(self, query: Any, params: Any = None) -> Any:
        """Run one statement, queued when it writes on its own."""
        wrapper = self.wrapper
        wrapper.begin_if_late(query)
        if wrapper.queue_held or not str(query).lstrip()[:7].upper().startswith(_WRITES):
            return super().execute(query, params)
        wrapper.enter_queue()
        try:
            return super().execute(query, params)
        finally:
            wrapper.leave_queue()

    def executemany(self, query: Any, param_list: Any) -> Any:
        """Run one statement many times."""
        self.wrapper.begin_if_late(query)
        return super().executemany(query, param_list)


class DatabaseWrapper(base.DatabaseWrapper):
    """The connection; ``queue_held`` tells whether this one is at the head of the writers' queue."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queue: int | None = None
        self.queue_held = False
        self.begins_late = (
            False  # the next transaction waits for its first write (late_transaction)
        )
        self._is_late = False

    def _path(self) -> str | None:
        name = str(self.settings_dict["NAME"])
        return None if name == ":memory:" or name.startswith("file:") else name

    def get_new_connection(self, conn_params: Any) -> Any:
        """Open the file, and no other one than before. Raises FileGone."""
        path = self._path()
        if path is None:
            return super().get_new_connection(conn_params)
        if not is_known(path):
            raise FileGone
        opened = super().get_new_connection(conn_params)
        opened.execute(statement())
        opened.execute(f"PRAGMA cache_size=-{CACHE}")
        remember(path)
        return opened

    def flush(self) -> None:
        """Wait until all that was committed is on the disk."""
        path = self._path()
        if path is not None:
            flush(path)

    def is_usable(self) -> bool:
        """Tell whether a request may begin with this connection; not when its file is gone."""
        path = self._path()
        return (path is None or is_known(path)) and super().is_usable()

    def enter_queue(self) -> None:
        """Wait for the head of the writers' queue. Raises FileGone."""
        if self.queue_held:
            return
        path = self._path()
        if path is not None:
            if self._queue is None:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self._queue = os.open(f"{path}.lock", flags, 0o600)
            fcntl.flock(self._queue, fcntl.LOCK_EX)
            if not is_known(path):
                fcntl.flock(self._queue, fcntl.LOCK_UN)
                raise FileGone
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

    def begin_if_late(self, query: Any) -> None:
        """Begin the transaction that waited for a write, or for a savepoint in it."""
        if self._is_late and str(query).lstrip()[:9].upper().startswith((*_WRITES, "SAVEPOINT")):
            self._is_late = False
            self._start_transaction_under_autocommit()

    def _start_transaction_under_autocommit(self) -> None:
        if self.begins_late:
            self.begins_late, self._is_late = False, True
            return
        self.enter_queue()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self.leave_queue()
            raise

    def _commit(self) -> Any:
        self._is_late = False
        try:
            return super()._commit()  # type: ignore[misc]
        finally:
            self.leave_queue()

    def _rollback(self) -> Any:
        self._is_late = False
        try:
            return super()._rollback()  # type: ignore[misc]
        finally:
            self.leave_queue()

    def _close(self) -> Any:
        self.begins_late = self._is_late = False
        try:
            return super()._close()  # type: ignore[misc]
        finally:
            self.leave_queue()
            if self._queue is not None:
                os.close(self._queue)
                self._queue = None
