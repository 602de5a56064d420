"""Where a process may die: each point of OPERATIONS 34 is named in the code it stands in.

In production ``reach`` is one dictionary look-up. The kill kit (``operations/testing.py``) arms a
point through the environment; the process that reaches it for the n-th time writes the proof and
dies by SIGKILL, or stops by SIGSTOP.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

POINTS = frozenset(
    {
        "start.before_commit",
        "start.after_commit",
        "claim.before",
        "claim.after",
        "local.before_commit",
        "local.after_commit",
        "order.before_commit",
        "order.after_commit",
        "cast.before",
        "cast.after",
        "record.before",
        "record.after",
        "effect.before",
        "effect.after",
        "outcome.before",
        "outcome.after",
        "accept.before_commit",
        "accept.after_commit",
        "reply.before",
        "reply.after",
        "settle.before_commit",
        "settle.after_commit",
        "start_job.before_commit",
        "start_job.after_commit",
        "job.before",
        "job.after",
        "end_job.before_commit",
        "end_job.after_commit",
        "leave_job.before",
        "undo.before_commit",
        "undo.after_commit",
        "end.before_commit",
        "end.after_commit",
    }
)

_lock = threading.Lock()
_armed = os.environ.get("CLOUDWEB_KILL_AT", "")  # "<point>:<n>:<proof file>[:STOP]"
_seen = 0


def reach(point: str) -> None:
    """Pass a point; die here if the kill kit armed it."""
    if not _armed:
        return
    _die_if_due(point)


def _die_if_due(point: str) -> None:
    global _seen
    name, count, proof, *rest = _armed.split(":")
    if name != point:
        return
    with _lock:
        _seen += 1
        if _seen != int(count) or Path(proof).exists():
            return
        Path(proof).write_text(f"{point} {os.getpid()}\n")
    os.kill(os.getpid(), signal.SIGSTOP if rest[:1] == ["STOP"] else signal.SIGKILL)
