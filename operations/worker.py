"""A control worker: advances operations, reads the inbox, sweeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery
from django.db import close_old_connections
from kombu import Connection

from cloudweb.database.sqlite.durability import commit_progress_alone
from operations import jobs
from operations.engine import advance
from operations.inbox import Inbox
from operations.sweep import Sweep


def prepare(
    app: Celery, topics: tuple[str, ...], doorbell: str, to_start: list[Callable[[], Any]]
) -> None:
    """Register the doorbell's task and note the threads this worker needs."""

    commit_progress_alone()

    def opened(operation_id: str) -> None:
        close_old_connections()
        advance(operation_id)

    app.task(name=doorbell, ignore_result=True)(opened)
    to_start.append(lambda: _begin(Sweep(topics)))
    to_start.append(Jobs)
    if "conductor" in topics:
        options = dict(app.conf.broker_transport_options)
        to_start.append(
            lambda: _begin(Inbox(Connection(app.conf.broker_url, transport_options=options)))
        )


class Jobs:
    """The pool of jobs of this worker, as something that is stopped with it."""

    def stop(self) -> None:
        """Let jobs leave off; another worker takes them up."""
        jobs.stop()


def _begin(thread: Any) -> Any:
    thread.start()
    return thread
