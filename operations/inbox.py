"""The inbox: the one queue hosts may write to, read by a consumer that runs exactly one thing.

A worker that registers tasks would run any of them for whoever may push to its queue, and forged
callbacks would make it publish (tried, OPERATIONS). So this reader is no Celery worker: it looks at
the message as data and drops whatever is not ``inbox.deliver`` with one plain argument.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.db import close_old_connections
from kombu import Connection
from kombu.mixins import ConsumerMixin

from cloudweb.rpc import DELIVER, direct
from cloudweb.topics import INBOX
from operations.conductor import receive

log = structlog.get_logger(__name__)
FORBIDDEN_HEADERS = ("group", "eta", "expires", "stamped_headers", "stamps")
FORBIDDEN_EMBEDDED = ("callbacks", "errbacks", "chain", "chord")
WORKERS = 4


def envelope_of(headers: Mapping[str, Any], properties: Mapping[str, Any], body: Any) -> Any:
    """Return the envelope of a well-formed message; None for anything else."""
    if headers.get("task") != DELIVER or any(headers.get(name) for name in FORBIDDEN_HEADERS):
        return None
    if not isinstance(body, list | tuple) or len(body) != 3:
        return None
    args, kwargs, embedded = body
    if kwargs or not isinstance(args, list | tuple) or len(args) != 1:
        return None
    if not isinstance(embedded, Mapping) or any(embedded.get(n) for n in FORBIDDEN_EMBEDDED):
        return None
    return args[0] if isinstance(args[0], dict) else None


class Inbox(ConsumerMixin, threading.Thread):
    """The consuming thread; it reconnects by itself."""

    def __init__(self, connection: Connection) -> None:
        threading.Thread.__init__(self, name="inbox", daemon=True)
        self.connection = connection
        self.pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="inbox")

    def run(self, *_: Any, **__: Any) -> None:
        """Consume until told to stop."""
        ConsumerMixin.run(self)

    def stop(self) -> None:
        """End soon; what was not read stays in the queue."""
        self.should_stop = True

    def get_consumers(self, Consumer: Any, channel: Any) -> list[Any]:  # noqa: N803 - kombu's name
        """Consume the one queue."""
        return [
            Consumer(
                queues=[direct(INBOX)],
                on_message=self._on_message,
                accept=["json"],
                prefetch_count=WORKERS * 4,
            )
        ]

    def _on_message(self, message: Any) -> None:
        try:
            envelope = envelope_of(
                message.headers or {}, message.properties or {}, message.decode()
            )
        except Exception as error:  # noqa: BLE001 - a message that cannot be decoded is dropped
            log.warning("inbox message is unreadable", error=repr(error))
            envelope = None
        message.ack()
        if envelope is None:
            log.warning("inbox message dropped")
            return
        self.pool.submit(self._handle, envelope)

    def _handle(self, envelope: dict[str, Any]) -> None:
        try:
            close_old_connections()
            receive(envelope)
        except Exception:
            log.exception("inbox message failed")
