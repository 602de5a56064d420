"""The periodic tasks of a host's agents: each in a thread of its own, never two runs of one at once.

An operator's settings come in answers to reports. They, and when what rarely runs last began, stay on the
host's disk, so that a restart neither forgets a pause nor puts off for ever what runs once a day.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from cloudweb.agent import Agent
from cloudweb.exceptions import CloudwebError
from cloudweb.files import write_atomically
from cloudweb.periodic import SHORTEST, PeriodicTask, marked
from cloudweb.records import read_record
from cloudweb.reports import Notice, PeriodicSetting, PeriodicState

log = structlog.get_logger(__name__)
RARE = 300  # seconds; what runs less often is news each time, and is noted on the disk
TOLD_EVERY = 60.0  # how all is, in a report
LONGEST_ERROR = 1000


@dataclass(slots=True)
class _Task:
    """One task and how it stands. ``answered`` is the newest run asked for that was begun."""

    declared: PeriodicTask
    run: Callable[[], Any]
    next_at: float  # by the monotonic clock
    known_at: float = 0.0  # when the host first had it
    every: int | None = None
    paused: bool = False
    asked: int = 0
    answered: int = 0
    running: bool = False
    started_at: float | None = None
    ended_at: float | None = None
    seconds: float | None = None
    runs: int = 0
    error: str = ""
    error_at: float | None = None

    @property
    def interval(self) -> int:
        return self.every or self.declared.every

    def wait(self) -> float:
        """Return the seconds from the last run (or the first start with it) to the next that are left."""
        since = time.time() - (self.started_at or self.known_at)
        return min(self.interval, max(0.0, self.interval - since))

    def is_due(self, moment: float) -> bool:
        if self.running:
            return False
        return self.asked > self.answered or (not self.paused and self.next_at <= moment)


class Timetable:
    """Runs what agents declare by ``@periodic``; ``tick`` begins what is due."""

    def __init__(
        self,
        path: Path,
        agents: Mapping[str, Agent],
        *,
        more: Mapping[PeriodicTask, Callable[[], Any]] | None = None,
    ) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._told_at = float("-inf")
        self._is_news = True
        self._newest = float(
            "-inf"
        )  # of the settings that were followed, by the control plane's clock
        moment = time.monotonic()
        self._tasks = {
            one.name: _Task(one, getattr(agent, one.method), moment + one.every)
            for domain, agent in agents.items()
            for one in _declared(type(agent), domain)
        }
        for one, run in (more or {}).items():
            self._tasks[one.name] = _Task(one, run, moment + one.every)
        self._restore(read_record(path, _parse) or {})

    def _restore(self, kept: Mapping[str, Mapping[str, Any]]) -> None:
        moment, clock = time.monotonic(), time.time()
        for name, task in self._tasks.items():
            record = kept.get(name, {})
            task.every, task.paused = record.get("every"), bool(record.get("paused"))
            task.asked = task.answered = int(record.get("answered", 0))
            task.started_at = record.get("started_at")
            task.known_at = record.get("known_at", clock)
            task.next_at = moment + task.wait()
        if not self._tasks.keys() <= kept.keys():
            self._keep()

    # -- life

    def start(self) -> None:
        """Begin what is due from now on."""
        if self._tasks:
            threading.Thread(target=self._work, name="timetable", daemon=True).start()

    def stop(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        self._stopping.set()
        self._wake.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self.tick())
            self._wake.clear()

    def tick(self) -> float:
        """Begin what is due, each in a thread; return how many seconds nothing will be."""
        with self._lock:
            moment = time.monotonic()
            due = [task for task in self._tasks.values() if task.is_due(moment)]
            for task in due:
                self._begin(task, moment)
            if any(task.interval >= RARE or task.asked for task in due):
                self._keep()
            waiting = [
                task.next_at - moment
                for task in self._tasks.values()
                if not task.running and not task.paused
            ]
        for task in due:
            name = f"periodic-{task.declared.name}"
            threading.Thread(target=self._run, args=(task,), name=name, daemon=True).start()
        return max(0.01, min(waiting, default=3600.0))

    def _begin(self, task: _Task, moment: float) -> None:
        task.running, task.started_at = True, time.time()
        task.answered = task.asked
        if task.next_at <= moment:
            task.next_at = max(task.next_at + task.interval, moment)

    def _run(self, task: _Task) -> None:
        began, error = time.monotonic(), ""
        try:
            task.run()
        except CloudwebError as problem:
            log.warning("a periodic task failed", task=task.declared.name, error=problem.message)
            error = f"{problem.message} {problem.detail}".strip()
        except Exception as problem:
            log.exception("a periodic task failed", task=task.declared.name)
            error = repr(problem)
        with self._lock:
            rare = task.interval >= RARE or error != task.error
            task.running, task.ended_at = False, time.time()
            task.seconds, task.runs = time.monotonic() - began, task.runs + 1
            if error:
                task.error, task.error_at = error[:LONGEST_ERROR], task.ended_at
            self._is_news = self._is_news or rare or task.asked > 0
        self._wake.set()

    # -- what the control plane is told, and says

    def news(self, *, full: bool) -> tuple[PeriodicState, ...] | None:
        """Return how all tasks stand; None where little happened since that was last told."""
        with self._lock:
            moment = time.monotonic()
            if not (full or self._is_news or moment - self._told_at >= TOLD_EVERY):
                return None
            self._is_news, self._told_at = False, moment
            return tuple(_state(task, moment) for task in self._tasks.values())

    def follow(self, notice: Notice) -> None:
        """Take what operators set, unless it is older than what is known."""
        if not notice.periodic:
            return
        with self._lock:
            if notice.now < self._newest:
                return
            self._newest = notice.now
            for setting in notice.periodic:
                task = self._tasks.get(setting.name)
                if task is not None:
                    _follow(task, setting)
            self._keep()
            self._is_news = True
        self._wake.set()

    def _keep(self) -> None:
        record = {
            name: {
                "every": task.every,
                "paused": task.paused,
                "answered": task.answered,
                "started_at": task.started_at,
                "known_at": task.known_at,
            }
            for name, task in self._tasks.items()
        }
        try:
            write_atomically(self._path, json.dumps(record))
        except OSError:
            log.exception("the timetable could not be kept")


def _declared(kind: type, domain: str) -> Iterator[PeriodicTask]:
    """Give the tasks of an agent's class and those it is made of, each name once."""
    seen = set()
    for base in kind.__mro__:
        for task in marked(base, prefix=domain):
            if task.name not in seen:
                seen.add(task.name)
                yield task


def _follow(task: _Task, setting: PeriodicSetting) -> None:
    before = task.interval
    task.every, task.paused = setting.every, setting.paused
    task.asked = max(task.asked, setting.asked)
    if task.interval != before:
        task.next_at = time.monotonic() + task.wait()


def _state(task: _Task, moment: float) -> PeriodicState:
    return PeriodicState(
        name=task.declared.name,
        does=task.declared.does,
        default_every=task.declared.every,
        every=task.every,
        paused=task.paused,
        answered=task.answered,
        running=task.running,
        started_at=task.started_at,
        ended_at=task.ended_at,
        seconds=task.seconds,
        runs=task.runs,
        error=task.error,
        error_at=task.error_at,
        next_in=max(0.0, task.next_at - moment),
    )


def _parse(record: Any) -> dict[str, dict[str, Any]]:
    """Check what was kept; raise TypeError or ValueError for what this did not write."""
    for one in record.values():
        every = 1 if one["every"] is None else one["every"]
        whole = all(type(number) is int for number in (every, one["answered"]))
        if not whole or every < SHORTEST or one["answered"] < 0 or type(one["paused"]) is not bool:
            raise ValueError(f"not a setting: {one}")
        if not math.isfinite(one["started_at"] or 0.0) or not math.isfinite(one["known_at"]):
            raise ValueError(f"not a time: {one}")
    return dict(record)
