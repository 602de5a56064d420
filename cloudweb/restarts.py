"""Which children the supervisor started again, how often, when last and why: for the health page.

A file in ``var/run``, for API and supervisor are two processes; it begins anew with the supervisor.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from cloudweb.conf import var_dir
from cloudweb.files import write_atomically


def restarts() -> dict[str, dict[str, Any]]:
    """Return by name of the child how often, when last (UTC) and why it ended."""
    try:
        found = json.loads(_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def note(name: str, why: str) -> None:
    """Note that a child ended and is started again; never a reason not to."""
    known = restarts()
    count = known.get(name, {}).get("count", 0) + 1
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    known[name] = {"count": count, "at": at, "why": why}
    with contextlib.suppress(OSError):
        write_atomically(_file(), json.dumps(known))


def clear() -> None:
    """Begin anew."""
    with contextlib.suppress(OSError):
        _file().unlink(missing_ok=True)


def _file() -> Path:
    return var_dir() / "run" / "restarts.json"
