"""JSON records on a host's disk, read as if a disk could damage them.

What cannot be read is renamed beside (``<name>.damaged-<time>``) and counts as lost until somebody
writes the record again. So one damaged file takes nothing with it, and can still be looked at.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import structlog

from cloudweb.driver import TransientDriverError
from cloudweb.files import drafts_of, sync_directory
from cloudweb.objects import IncompatibleObject

T = TypeVar("T")
log = structlog.get_logger(__name__)
MARK = ".damaged-"
DAMAGED = (ValueError, TypeError, LookupError, AttributeError, RecursionError, IncompatibleObject)
BAD_DISK = (errno.EIO, errno.EUCLEAN, errno.EISDIR)


def read_record(path: Path, parse: Callable[[Any], T]) -> T | None:
    """Return what ``parse`` makes of a record; None when there is none, or none any more.

    Raises TransientDriverError where the record may be well, but cannot be read now.
    """
    try:
        return parse(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except DAMAGED as error:  # its text may hold what is in the record
        set_aside(path, reason=type(error).__name__)
    except OSError as error:
        if error.errno not in BAD_DISK:
            raise TransientDriverError(
                "A record of this host cannot be read now.", detail=f"{path}: {error}"
            ) from error
        set_aside(path, reason=str(error))
    return None


def set_aside(path: Path, *, reason: str) -> None:
    """Rename a damaged file beside."""
    aside = path.with_name(f"{path.name}{MARK}{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
    try:
        path.rename(aside)
        sync_directory(path.parent)
    except OSError:  # nobody can read it where it is either
        log.exception("a damaged record cannot be set aside", path=str(path))
        return
    log.error("a damaged record was set aside", path=str(aside), reason=reason)


def set_aside_in(directory: Path) -> Sequence[Path]:
    """Return the files that were set aside in a directory."""
    return sorted(directory.glob(f"*{MARK}*"))


def lost_in(directory: Path) -> Sequence[str]:
    """Return the names (without ``.json``) of the records that were damaged and not written again."""
    names = {path.name.partition(MARK)[0] for path in set_aside_in(directory)}
    return sorted(name.removesuffix(".json") for name in names if not (directory / name).exists())


def forget(path: Path) -> None:
    """Remove a record, what of it was set aside, and what was never finished of it; absent is fine."""
    found = [path, *path.parent.glob(f"{path.name}{MARK}*"), *drafts_of(path)]
    for one in found:
        one.unlink(missing_ok=True)
    if path.parent.exists():
        sync_directory(path.parent)
