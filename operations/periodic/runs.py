"""Runs of managers' periodic tasks in this process: each in a thread of its own, under a renewed lease."""

from __future__ import annotations

import threading

import structlog
from django.db import close_old_connections, connections

from cloudweb.conf import intervals
from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from cloudweb.periodic import TASKS, PeriodicTask
from operations.periodic import claims, table

log = structlog.get_logger(__name__)


class Runs:
    """At most one run of each task here; whether it is due, and nobody else's, the database says."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, claims.Claim | None] = {}
        self._keeper: threading.Thread | None = None
        self._is_registered = False

    def ring(self, name: object) -> None:
        """Run a task if it is due; what is not declared here is nobody's to name."""
        task = TASKS.get(name)
        if task is None:
            log.warning("a ring for a periodic task that is not known here", task=str(name)[:100])
            return
        with self._lock:
            if task.name in self._running:
                return
            self._running[task.name] = None
        thread = threading.Thread(
            target=self._run, args=(task,), name=f"periodic-{task.name}", daemon=True
        )
        thread.start()

    def hand_out(self) -> None:
        """Begin what should have been rung a while ago: the sweep calls this each second."""
        if not self._is_registered:
            table.register()
            self._is_registered = True
        for name in claims.overdue():
            self.ring(name)

    def _run(self, task: PeriodicTask) -> None:
        try:
            close_old_connections()
            claim = claims.take(task.name)
            if claim is None:
                return
            self._keep(claim)
            if not claims.finish(claim, error=_do(task)):
                log.warning("a periodic task outlived its lease", task=task.name)
        except Exception:
            log.exception("a periodic task could not be recorded", task=task.name)
        finally:
            with self._lock:
                del self._running[task.name]
            connections.close_all()

    def _keep(self, claim: claims.Claim) -> None:
        """Let one thread renew the leases of all runs, for as long as there are any."""
        with self._lock:
            self._running[claim.name] = claim
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._renew, name="periodic", daemon=True)
                self._keeper.start()

    def _renew(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(intervals().lease / 5)
            with self._lock:
                held = [claim for claim in self._running.values() if claim is not None]
                if not held:
                    self._keeper = None
                    break
            for claim in held:
                try:
                    close_old_connections()
                    claims.renew(claim)
                except Exception:
                    log.exception("a periodic task's lease could not be renewed", task=claim.name)
        connections.close_all()


def _do(task: PeriodicTask) -> str:
    """Run a task; return what went wrong, as operators read it."""
    context = RequestContext.system()
    structlog.contextvars.bind_contextvars(request_id=context.request_id, periodic=task.name)
    try:
        getattr(task.owner(context), task.method)()
    except CloudwebError as problem:
        log.warning("a periodic task failed", task=task.name, error=problem.message)
        return f"{problem.message} {problem.detail}".strip()
    except Exception as problem:
        log.exception("a periodic task failed", task=task.name)
        return repr(problem)
    finally:
        structlog.contextvars.unbind_contextvars("request_id", "periodic")
    return ""


_runs: Runs | None = None
_lock = threading.Lock()


def runs() -> Runs:
    """Return this process's runs."""
    global _runs
    with _lock:
        if _runs is None:
            _runs = Runs()
        return _runs
