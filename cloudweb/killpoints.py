"""Where a process may die: each point of OPERATIONS 34 is named in the code it stands in.

Each is passed with the step it is passed for, so that a step may be killed by itself. In production
``reach`` looks at one variable. The kill kit (``operations/testing``) arms a point of a process, which
then writes the proof and dies by SIGKILL (or stops by SIGSTOP) there; drills watch every point.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

POINTS = frozenset(
    {
        "start.before_commit",
        "start.after_commit",
        "claim.before",
        "claim.after",
        "step.before",
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
        "child.before_commit",
        "child.after_commit",
        "wake.before_commit",
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

#: The operation, the seq of the step's row (WHOLE: the point is not about one step) and the direction.
Place = tuple[str, int, str]
WHOLE = -1
Watcher = Callable[[str, Place], None]


class Armed:
    """What kills this process: ``<point>[@<direction>.<first>-<last seq>]:<n>:<proof file>[:STOP]``."""

    def __init__(self, text: str) -> None:
        where, count, proof, *rest = text.split(":")
        self.point, _, step = where.partition("@")
        self.direction, _, seqs = step.partition(".")
        self.seqs = [int(seq) for seq in seqs.split("-")] if seqs else []
        self.count, self.proof = int(count), Path(proof)
        self.signal = signal.SIGSTOP if rest[:1] == ["STOP"] else signal.SIGKILL
        self._seen = 0
        self._lock = threading.Lock()

    def __call__(self, point: str, place: Place) -> None:
        """Die if this is the place, for the n-th time."""
        _, seq, direction = place
        if point != self.point or self.direction not in ("", direction):
            return
        if self.seqs and not self.seqs[0] <= seq <= self.seqs[1]:
            return
        with self._lock:
            self._seen += 1
            if self._seen != self.count or self.proof.exists():
                return
            self.proof.write_text(f"{point} {os.getpid()}\n")
        os.kill(os.getpid(), self.signal)


_watcher: Watcher | None = None


def watch(watcher: Watcher | None) -> Watcher | None:
    """Let every point of this process be told to ``watcher``; return who was told before."""
    global _watcher
    before, _watcher = _watcher, watcher
    return before


def arm(text: str) -> None:
    """Let this process die where the text says; nowhere, when there is none."""
    watch(Armed(text) if text else None)


def reach(point: str, place: Place) -> None:
    """Pass a point; die here if somebody has seen to that."""
    if _watcher is not None:
        _watcher(point, place)


def whole(operation_id: object) -> Place:
    """Return the place of a point that is about an operation, not about one step of it."""
    return str(operation_id), WHOLE, ""


arm(os.environ.get("CLOUDWEB_KILL_AT", ""))
