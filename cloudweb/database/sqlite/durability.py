"""What a commit waits for: the disk, except where what is written would only be done again.

By default every commit is on the disk when it returns (``synchronous=FULL``), so nobody is told what a
power failure takes back. A control worker's own progress is not waited for (``NORMAL``): a claim, a step or
a report that is lost is made again, for each is idempotent, and the next waiting commit of any process
takes along all that came before it.
"""

from __future__ import annotations

import os
from contextlib import suppress

_progress_alone = False


def commit_progress_alone() -> None:
    """Let connections that this process opens from now on commit without waiting for the disk."""
    global _progress_alone
    _progress_alone = True


def statement() -> str:
    """Return what a new connection is told first."""
    return f"PRAGMA synchronous={'NORMAL' if _progress_alone else 'FULL'}"


def flush(path: str) -> None:
    """Wait until all that was committed to the database of this path is on the disk.

    What is no longer in the log was flushed before it left. SQLite's locks are not on the log, so
    closing it here takes none away.
    """
    with suppress(FileNotFoundError):
        log = os.open(f"{path}-wal", os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fdatasync(log)
        finally:
            os.close(log)
