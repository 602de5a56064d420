"""Which directory a back end's is: a mount that is missing leaves another one in its place.

The pool and the host's own state hold the same mark. A pool without it, where the host knows one, is not
the pool: whatever is said of its volumes, and what is made there, would be wrong.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from cloudweb.driver import DriverError
from cloudweb.files import write_atomically
from cloudweb.keeping import kept_secret

_MARK = ".pool"


def check_identity(pool: Path, state: Path) -> None:
    """Mark a new pool; raise DriverError for a directory that is not the one it was."""
    known, found = _read(state / "pool.id"), _read(pool / _MARK)
    if known and known != found:
        raise DriverError(
            f"{pool} is not the directory in which the volumes are: is its file system mounted? "
            "If they are lost for good, remove the file pool.id of the back end.",
            detail=f"{state / 'pool.id'} says {known}, the directory {found or 'nothing'}",
        )
    if not found:
        found = uuid.uuid4().hex
        write_atomically(pool / _MARK, f"{found}\n")
    if not known:
        write_atomically(state / "pool.id", f"{found}\n")


def storage_id(shared: Path) -> str:
    """Return what several hosts that have the same storage mounted call it."""
    return kept_secret(shared / ".storage", fresh=uuid.uuid4().hex)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""
