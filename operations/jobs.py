"""Jobs: long work of the control plane, in a thread of its own and outside any transaction.

While a job runs its operation stays claimed: one thread of the process renews the leases of all jobs
and writes how far they are. A job whose claim is lost (pre-empted, given up, taken over after a freeze)
is told so at its next look, and what it does after that no longer counts.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import structlog
from django.db import close_old_connections, connections, transaction
from django.db.models import Q

from cloudweb.conf import env, intervals
from cloudweb.database.clock import now
from cloudweb.database.settled import settle
from cloudweb.killpoints import reach
from operations.doorbell import ring_after_commit
from operations.guard import Lost, guarded, lease
from operations.models import Operation, Step
from operations.states import Direction, OperationState, StepState

log = structlog.get_logger(__name__)


class Running:
    """A job under way, as its work sees it. ``epoch`` is of this attempt alone."""

    def __init__(self, operation: Operation, row: Step) -> None:
        self.operation, self.row = operation, row
        self.epoch = operation.epoch
        self._lost = threading.Event()
        self._progress: tuple[int, str] = (0, "")
        self._written = self._progress

    def check(self) -> None:
        """Raise Lost when this attempt no longer counts; ask before every effect."""
        if self._lost.is_set():
            raise Lost

    def report(self, percent: int, text: str = "") -> None:
        """Say how far the work is; it is shown within a few seconds."""
        self._progress = (min(100, max(0, percent)), text[:200])

    def lose(self) -> None:
        """Tell the work to leave off."""
        self._lost.set()

    def renew(self) -> None:
        """Keep the claim and write the progress, or note that the claim is lost."""
        moment = now()
        rows = guarded(self.operation).filter(
            Q(direction=Direction.UNDO) | Q(past_pivot=True) | Q(deadline_at__gt=moment)
        )
        late = self.row.deadline_at is not None and self.row.deadline_at <= moment
        if late or not rows.update(lease_until=lease()):
            self.lose()
            return
        if self._progress != self._written:
            percent, text = self._written = self._progress
            Step.objects.filter(id=self.row.id, epoch=self.epoch, state=StepState.STARTED).update(
                heard_at=moment, progress=percent, progress_text=text
            )

    def put_back(self) -> None:
        """Let any worker go on with the operation, unless it is somebody else's already."""
        reach("leave_job.before", self.row.place)
        with transaction.atomic():
            mine = Operation.objects.filter(
                id=self.operation.id, epoch=self.epoch, state=OperationState.RUNNING
            )
            if mine.update(state=OperationState.READY, next_at=now(), owner="", lease_until=None):
                ring_after_commit(self.operation.id)


class Pool(Protocol):
    """Where jobs run."""

    def take(self, project_id: str) -> bool:
        """Take a place for a project's job; False when there is none for it now."""

    def give_back(self, project_id: str) -> None:
        """Give up a place that was taken for nothing."""

    def submit(self, running: Running, body: Callable[[], None]) -> None:
        """Run a job in the place that was taken for it."""


class Threads:
    """A thread for each job, so many at once, and one that renews all leases.

    Slow jobs of one project leave places to the others: each has ``share`` at most, and the last free
    place is for a project that has none.
    """

    def __init__(self, size: int, *, share: int | None = None) -> None:
        self._size = size
        self._share = min(size, share or max(1, size // 2))
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._running: dict[Running, threading.Thread] = {}
        self._keeper: threading.Thread | None = None
        self._stopped = threading.Event()

    def take(self, project_id: str) -> bool:
        """Take a place."""
        with self._lock:
            free, mine = self._size - self._taken.total(), self._taken[project_id]
            needed = 1 if mine == 0 else 2
            if self._stopped.is_set() or free < needed or mine >= self._share:
                return False
            self._taken[project_id] += 1
            return True

    def give_back(self, project_id: str) -> None:
        """Give up a place."""
        with self._lock:
            self._taken[project_id] -= 1
            self._taken += Counter()  # forgets who has none

    def submit(self, running: Running, body: Callable[[], None]) -> None:
        """Start a thread; daemons, so that a process that ends does not wait for a download."""
        thread = threading.Thread(
            target=self._run, args=(running, body), name=f"job-{running.row.name}", daemon=True
        )
        with self._lock:
            self._running[running] = thread
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="jobs", daemon=True)
                self._keeper.start()
        thread.start()

    def _run(self, running: Running, body: Callable[[], None]) -> None:
        try:
            settle()  # its effects are outside the database: files that go do not come back
            body()
        except Exception:
            log.exception("a job could not be recorded; its lease runs out", job=running.row.name)
        finally:
            with self._lock:
                del self._running[running]
            self.give_back(running.operation.project_id)
            connections.close_all()

    def _keep(self) -> None:
        while not self._stopped.wait(intervals().lease / 5):
            with self._lock:
                jobs = list(self._running)
            for running in jobs:
                try:
                    close_old_connections()
                    running.renew()
                except Exception:
                    log.exception("a job's lease could not be renewed", job=running.row.name)
        connections.close_all()

    def stop(self) -> None:
        """Take no more; let those that run leave off and be taken up by another worker."""
        self._stopped.set()
        with self._lock:
            running = dict(self._running)
        for job in running:
            job.lose()
        for thread in running.values():
            thread.join(2)


_pool: Pool | None = None
_lock = threading.Lock()


def pool() -> Pool:
    """Return this process's pool (CONTROL_JOBS at once, CONTROL_JOBS_PER_PROJECT of one project)."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = Threads(
                env.int("CONTROL_JOBS", default=4),
                share=env.int("CONTROL_JOBS_PER_PROJECT", default=0),
            )
        return _pool


def stop() -> None:
    """Stop this process's pool, if there is one."""
    if isinstance(_pool, Threads):
        _pool.stop()
