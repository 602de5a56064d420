"""A control worker: advances operations, runs periodic tasks, reads the inbox, sweeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery
from django.db import close_old_connections
from django.utils.module_loading import autodiscover_modules
from kombu import Connection

from cloudweb.conf import beat_is_apart
from cloudweb.database.sqlite.durability import commit_progress_alone
from cloudweb.rpc import ADVANCE, PERIODIC
from operations import jobs, services
from operations.engine import advance
from operations.inbox import Inbox, Reports
from operations.periodic.beat import Beat
from operations.periodic.runs import runs
from operations.rings import Rings
from operations.sweep import Sweep


def prepare(
    app: Celery, topics: tuple[str, ...], concurrency: int, to_start: list[Callable[[], Any]]
) -> None:
    """Register the tasks of the worker's queues and note the threads it needs.

    So many operations are advanced side by side for whoever rings.
    """
    autodiscover_modules("manager")  # they bring the periodic tasks
    commit_progress_alone()

    def opened(operation_id: str) -> None:
        close_old_connections()
        advance(operation_id)

    def rung(name: str) -> None:
        close_old_connections()
        runs().ring(name)

    app.task(name=ADVANCE, ignore_result=True)(opened)
    app.task(name=PERIODIC, ignore_result=True)(rung)
    to_start.append(lambda: _begin(Sweep(topics)))
    to_start.append(Jobs)
    if "conductor" in topics:
        options = dict(app.conf.broker_transport_options)
        here = services.topic_here("conductor")

        def connection() -> Connection:
            return Connection(app.conf.broker_url, transport_options=options)

        to_start.append(lambda: _begin(Rings(connection(), concurrency)))
        to_start.append(lambda: _begin(Inbox(connection())))
        to_start.append(lambda: _begin(Reports(connection(), here)))
        if not beat_is_apart():
            to_start.append(lambda: _begin(Beat(app)))


def ring_only() -> None:
    """Be the beat of a cloud with many control workers, until told to stop."""
    from cloudweb.celery import app

    Beat(app).run()


class Jobs:
    """The pool of jobs of this worker, as something that is stopped with it."""

    def stop(self) -> None:
        """Let jobs leave off; another worker takes them up."""
        jobs.stop()


def _begin(thread: Any) -> Any:
    thread.start()
    return thread
