"""The ladder by which a migration always ends: more downtime in steps, held still or over at once, called off."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from cloudweb.driver import Work
from compute.drivers.libvirt.live_job import LiveJob
from compute.live_objects import LiveRequest
from compute.live_progress import LivePhase, LiveProgress

#: How often it is looked how far a guest is. Seconds.
LOOK = 0.2


class Ladder:
    """One migration's way up; ``asked`` tells what operators asked for meanwhile ("", "force", "abort")."""

    def __init__(
        self,
        job: LiveJob,
        request: LiveRequest,
        *,
        post_copy: bool,
        asked: Callable[[], str],
        on_hold: Callable[[], None],
        is_lost: Callable[[], bool],
    ) -> None:
        self._job, self._request, self._post_copy = job, request, post_copy
        self._asked, self._on_hold, self._is_lost = asked, on_hold, is_lost
        self._step, self._memory_since = 0, 0.0
        self._phase: LivePhase = "preparing"
        self._held_at: float | None = None
        self.reason: Literal["", "asked", "deadline"] = ""

    def climb(self, progress: Callable[[LiveProgress], None], work: Work) -> None:
        """Return when libvirt is done with it, or waits for the other host in vain.

        ``reason`` says whether we called it off, and why.
        """
        try:
            while not self._job.wait(LOOK) and not self._is_lost():
                work.checkpoint()
                now = self._job.progress(self._request.spec.id, self._phase)
                self._push(now)
                progress(now)
        except BaseException:
            if self._phase != "post-copy":
                self._job.abort()
            while not self._job.wait(LOOK) and not self._is_lost():
                pass
            raise

    def _push(self, now: LiveProgress) -> None:
        elapsed = time.monotonic() - self._job.began
        if self._phase == "post-copy":
            return
        asked = self._asked()
        if asked == "abort":
            self._call_off("asked")
        elif self._held_at is not None:
            if elapsed - self._held_at > self._request.deadline:
                self._call_off("deadline")
        elif asked == "force" or elapsed > self._request.deadline:
            if asked != "force" and self._request.timeout_action == "abort":
                self._call_off("deadline")
            else:
                self._finish(now, elapsed)
        elif now.memory_remaining and not now.disk_remaining:
            self._raise_downtime()

    def _raise_downtime(self) -> None:
        """Allow more of it, one step each so many seconds of copying memory."""
        request, now = self._request, time.monotonic()
        if self._step == 0:
            self._memory_since = now
        wanted = min(request.steps, 1 + int((now - self._memory_since) / request.step_seconds))
        if wanted > self._step:
            self._step = wanted
            more = (request.most_downtime - request.downtime) * (wanted - 1)
            self._job.push(request.downtime + more // max(1, request.steps - 1))
            if wanted > 1:
                self._phase = "downtime"

    def _finish(self, now: LiveProgress, elapsed: float) -> None:
        may = self._post_copy and now.memory_remaining and not now.disk_remaining
        if may and self._job.go_over():
            self._phase = "post-copy"
            return
        self._on_hold()
        self._job.push(self._request.most_downtime)
        self._job.hold_still()
        self._phase, self._held_at = "suspended", elapsed

    def _call_off(self, reason: Literal["asked", "deadline"]) -> None:
        self.reason = self.reason or reason
        self._job.abort()
