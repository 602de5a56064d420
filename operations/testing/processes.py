"""Real workers for kill tests: forked from the test's process, so that a new one costs milliseconds.

Each child is a Celery worker with the threads that belong to its topics, over a real Redis and the
test's database; the code that runs is the product's. A child that is armed kills itself with SIGKILL
at its point and leaves a proof that it was there.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from django.db import connections, transaction

from cloudweb import killpoints, rpc, service
from cloudweb.topics import CONTROL, HOST_DOMAINS, host_topic
from operations import doorbell, jobs
from operations.models import Service
from operations.periodic import runs
from operations.starting import PARTS

_fork = get_context("fork")


@dataclass(frozen=True, slots=True)
class KillAt:
    """Die when ``point`` is reached for the ``count``-th time; ``proof`` is written first.

    ``step``: only where it is reached for this step, ``<direction>.<index>`` (``do.3``).
    """

    point: str
    proof: Path
    count: int = 1
    freeze: bool = False  # SIGSTOP instead of SIGKILL
    step: str = ""

    def __str__(self) -> str:
        """Return the form ``cloudweb/killpoints.py`` reads."""
        direction, _, index = self.step.partition(".")
        first = int(index or 0) * PARTS
        where = f"@{direction}.{first}-{first + PARTS - 1}" if self.step else ""
        return f"{self.point}{where}:{self.count}:{self.proof}{':STOP' if self.freeze else ''}"


class Processes:
    """The worker processes of one small cloud."""

    def __init__(self, directory: Path, broker_url: str) -> None:
        self.directory, self.broker_url = directory, broker_url
        self._children: dict[str, BaseProcess] = {}
        self._before: Any = None

    def __enter__(self) -> Processes:
        """Point this process at the broker too."""
        from cloudweb.celery import app

        self._before = app.conf.broker_url
        app.conf.update(broker_url=self.broker_url)
        _forget_connections(app)  # drops the pools of the broker before
        rpc._sender = None  # noqa: SLF001
        return self

    def __exit__(self, *_: object) -> None:
        """End all children."""
        from cloudweb.celery import app

        for name in list(self._children):
            self.kill(name)
        app.conf.update(broker_url=self._before)
        _forget_connections(app)  # drops the pools
        rpc._sender = None  # noqa: SLF001

    def start_control(self, name: str = "control", *, kill_at: KillAt | None = None) -> None:
        """Start a control worker for all control queues."""
        serve: Callable[[], int] = lambda: service.run(list(CONTROL), concurrency=2)  # noqa: E731
        self._start_and_see(name, serve, kill_at, "conductor")

    def start_beat(self, name: str = "beat") -> None:
        """Start what rings for periodic tasks where control workers do not (BEAT=apart)."""
        self._start(name, lambda: _done(service.ring), None)

    def start_host(self, host: str, *, kill_at: KillAt | None = None) -> None:
        """Start the worker of a host's agents, on the drivers the environment names."""

        def serve() -> int:
            os.environ["CLOUDWEB_HOST"] = host
            os.environ["CLOUDWEB_HOST_DIR"] = str(self.directory / host)
            topics = [host_topic(domain, host) for domain in HOST_DOMAINS]
            return service.run(topics, concurrency=2)

        self._start_and_see(host, serve, kill_at, *(HOST_DOMAINS if self._has_control() else ()))

    def start_job(self, name: str, job: Callable[[], object], *, kill_at: KillAt) -> None:
        """Start a child that does one thing in one thread, and may be frozen in it."""
        self._start(name, lambda: _done(job), kill_at)

    def wait(self, name: str, seconds: float = 120) -> int | None:
        """Wait until a child has ended; return its exit code."""
        child = self._children[name]
        child.join(seconds)
        return child.exitcode

    def call(self, job: Callable[[], object], *, kill_at: KillAt | None = None) -> int | None:
        """Run a job in a child of its own (what an API process does); return its exit code."""
        self._start("caller", lambda: _done(job), kill_at)
        child = self._children.pop("caller")
        child.join(120)
        return child.exitcode

    def _has_control(self) -> bool:
        return any(self.is_alive(name) for name in self._children if name.startswith("control"))

    def _start_and_see(
        self, name: str, serve: Callable[[], int], kill_at: KillAt | None, *domains: str
    ) -> None:
        """Start a child and wait until it has said so (or died, if it is armed).

        The test's process has threads, a live server's among them, and a fork copies the locks that
        they hold just then; a child that does not come up for that is replaced.
        """
        for _ in range(3):
            before = _boot_ids(domains)
            self._start(name, serve, kill_at)
            limit = time.monotonic() + 60
            while time.monotonic() < limit:
                if not domains or not self.is_alive(name) or _boot_ids(domains) != before:
                    return
                time.sleep(0.01)
            self.kill(name)
        raise AssertionError(f"{name} does not come up")

    def _start(self, name: str, serve: Callable[[], int], kill_at: KillAt | None) -> None:
        connections.close_all()
        doorbell_is_quiet()
        child = _fork.Process(target=_run, args=(serve, str(kill_at or "")), daemon=True)
        child.start()
        self._children[name] = child

    def is_alive(self, name: str) -> bool:
        """Tell whether a child lives."""
        return name in self._children and self._children[name].is_alive()

    def kill(self, name: str) -> None:
        """End a child by SIGKILL; one that is dead already is fine."""
        child = self._children.pop(name, None)
        if child is None:
            return
        if child.is_alive() and child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
        child.join(120)

    def freeze(self, name: str) -> None:
        """Stop a child by SIGSTOP while it writes nothing: a frozen writer would stop all others.

        This process is SQLite's one writer until each thread of the child has come to a halt; a signal
        alone is still on its way when the call returns, and who waited for the lock could have it by then.
        """
        pid = self._children[name].pid
        assert pid is not None
        with transaction.atomic():
            os.kill(pid, signal.SIGSTOP)
            limit = time.monotonic() + 60
            while _states_of_threads(pid) != {"T"}:
                assert time.monotonic() < limit, f"{name} does not stop"
                time.sleep(0.01)

    def thaw(self, name: str) -> None:
        """Let a frozen child go on."""
        pid = self._children[name].pid
        assert pid is not None
        os.kill(pid, signal.SIGCONT)


def _boot_ids(domains: tuple[str, ...]) -> dict[str, str]:
    rows = Service.objects.filter(domain__in=domains)
    return dict(rows.values_list("topic", "boot_id"))


def _states_of_threads(pid: int) -> set[str]:
    """Return the states of a process's threads, as letters of proc(5)."""
    stats = Path(f"/proc/{pid}/task").glob("*/stat")
    return {stat.read_text().rpartition(")")[2].split()[0] for stat in stats}


def _forget_connections(app: Any) -> None:
    """Drop pools of connections without closing them, as Celery's own children do."""
    app._after_fork()  # noqa: SLF001 - the one way Celery has


def _done(job: Callable[[], object]) -> int:
    job()
    return 0


def doorbell_is_quiet() -> None:
    """Wait until this process's doorbell thread has nothing to do, so that a fork copies no held lock."""
    from operations.testing.memory import doorbell_quiet

    doorbell_quiet()


def _run(serve: Callable[[], int], kill_at: str) -> None:
    """Be a fresh process: own session, own threads, own connections, armed or not."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    killpoints.arm(kill_at)
    rpc._sender = None  # noqa: SLF001
    doorbell._queue = None  # noqa: SLF001
    jobs._pool = None  # noqa: SLF001 - its threads did not come along
    runs._runs = None  # noqa: SLF001 - nor did these
    from cloudweb.celery import app

    _forget_connections(app)  # what Celery's own children do: no inherited connection
    code = serve()
    sender = doorbell._queue  # noqa: SLF001
    limit = time.monotonic() + 5
    while sender is not None and not sender.empty() and time.monotonic() < limit:
        time.sleep(0.01)
    os._exit(code)
