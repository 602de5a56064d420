"""Fair shares of a host's threads: whoever waits its turn takes none (OPERATIONS 45).

Work of one lane (a scope, or a network whose ports are wired in turn) is done one after the other, so
it never takes more than one thread. Between the lanes of a domain, and between domains, turns go round;
each domain always has a thread that no other takes. What takes long gives its place to others and goes
on beside them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from cloudweb.conf import intervals

Kind = Literal["ordinary", "urgent", "patient"]
#: How many of each kind run at once; what takes long counts among the patient.
PLACES: dict[Kind, int] = {"urgent": 2, "patient": 64, "ordinary": 6}
Lanes = OrderedDict[str, deque["Job"]]


class Pool(Protocol):
    """Where jobs run; tests bring one that runs them on the spot."""

    def submit(self, job: Callable[..., Any], /, *args: Any) -> Any:
        """Run a job some time. Raises RuntimeError when no thread is to be had."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more."""


@dataclass(eq=False, slots=True)
class Job:
    """Something to do; ``run`` does not raise."""

    kind: Kind
    domain: str
    lane: str
    run: Callable[[], None]
    began: float | None = None  # on the monotonic clock


class Shares:
    """Hands the threads of a host to its jobs. Nothing is run under its lock."""

    def __init__(self, domains: Collection[str], pool: Pool | None = None) -> None:
        self._pool = pool or ThreadPoolExecutor(sum(PLACES.values()), thread_name_prefix="order")
        self._most = max(1, PLACES["ordinary"] - max(0, len(domains) - 1))  # of one domain
        self._lock = threading.Lock()
        self._waiting: dict[Kind, OrderedDict[str, Lanes]] = {
            kind: OrderedDict() for kind in PLACES
        }
        self._running: dict[str, Job] = {}  # by lane
        self._taken: Counter[Kind] = Counter()
        self._ordinary: Counter[str] = Counter()  # places taken, by domain

    def submit(self, job: Job) -> None:
        """Take a job; it runs when it is its turn."""
        with self._lock:
            self._enqueue(job)
        self._hand_out()

    def withdraw(self, job: Job) -> bool:
        """Take back a job; tell whether it had not begun."""
        with self._lock:
            lanes = self._waiting[job.kind].get(job.domain)
            if lanes is None or job not in lanes.get(job.lane, ()):
                return False
            self._dequeue(job)
            return True

    def look(self) -> None:
        """Let those that take long leave their places to others; called every second."""
        late = time.monotonic() - intervals().long_order
        with self._lock:
            for job in self._running.values():
                free = self._taken["patient"] < PLACES["patient"]
                if free and job.kind != "patient" and job.began is not None and job.began < late:
                    self._give_back(job)
                    job.kind = "patient"
                    self._take(job)
        self._hand_out()

    def stop(self) -> None:
        """Begin nothing more; what runs goes on."""
        with self._lock:
            for waiting in self._waiting.values():
                waiting.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _hand_out(self) -> None:
        while True:
            with self._lock:
                job = self._next()
            if job is None:
                return
            try:
                self._pool.submit(self._run, job)
            except RuntimeError:  # no thread is to be had just now, or the end has come
                with self._lock:
                    self._end(job)
                    job.began = None
                    self._enqueue(job, first=True)
                return

    def _run(self, job: Job) -> None:
        try:
            job.run()
        finally:
            with self._lock:
                self._end(job)
            self._hand_out()

    def _next(self) -> Job | None:
        """Choose whose turn it is, and take its place."""
        for kind, waiting in self._waiting.items():
            if self._taken[kind] >= PLACES[kind]:
                continue
            job = next(self._may_begin(waiting, ordinary=kind == "ordinary"), None)
            if job is not None:
                self._dequeue(job)
                job.began = time.monotonic()
                self._running[job.lane] = job
                self._take(job)
                return job
        return None

    def _may_begin(self, waiting: OrderedDict[str, Lanes], *, ordinary: bool) -> Iterator[Job]:
        for domain, lanes in waiting.items():
            if ordinary and self._ordinary[domain] >= self._most:
                continue
            for lane, jobs in lanes.items():
                if lane not in self._running:
                    yield jobs[0]

    def _enqueue(self, job: Job, *, first: bool = False) -> None:
        lanes = self._waiting[job.kind].setdefault(job.domain, OrderedDict())
        jobs = lanes.setdefault(job.lane, deque())
        if first:
            jobs.appendleft(job)
        else:
            jobs.append(job)

    def _dequeue(self, job: Job) -> None:
        """Take a job out; its lane and its domain are last in the round now."""
        waiting = self._waiting[job.kind]
        lanes = waiting[job.domain]
        jobs = lanes[job.lane]
        jobs.remove(job)
        if jobs:
            lanes.move_to_end(job.lane)
        else:
            del lanes[job.lane]
        if lanes:
            waiting.move_to_end(job.domain)
        else:
            del waiting[job.domain]

    def _take(self, job: Job) -> None:
        self._taken[job.kind] += 1
        if job.kind == "ordinary":
            self._ordinary[job.domain] += 1

    def _give_back(self, job: Job) -> None:
        self._taken[job.kind] -= 1
        if job.kind == "ordinary":
            self._ordinary[job.domain] -= 1

    def _end(self, job: Job) -> None:
        if self._running.get(job.lane) is job:
            del self._running[job.lane]
            self._give_back(job)
