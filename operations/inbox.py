"""The inbox: the two queues hosts may write to, read by consumers that run exactly one thing.

A worker that registers tasks would run any of them for whoever may push to its queue, and forged
callbacks would make it publish (tried, OPERATIONS). So these readers are no Celery workers: they look at
the message as data and drop whatever is no envelope.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import structlog
from django.db import close_old_connections
from kombu import Connection

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.reports import StepReport
from cloudweb.rpc import DELIVER
from cloudweb.signing import BadSignature
from cloudweb.topics import INBOX, REPORTS
from operations import services
from operations.conductor import accept_ended, hear, read_mark, receive
from operations.hearing import Incoming
from operations.reader import Message, PooledReader, Reader

log = structlog.get_logger(__name__)
FORBIDDEN_HEADERS = ("group", "eta", "expires", "stamped_headers", "stamps")
FORBIDDEN_EMBEDDED = ("callbacks", "errbacks", "chain", "chord")
TOGETHER = 500  # reports are taken together at most


def envelope_of(headers: Mapping[str, Any], body: Any) -> Message | None:
    """Return the envelope of a well-formed message; None for anything else.

    Hosts of the release before send it as the one argument of a Celery task.
    """
    if "task" not in headers:
        return body if isinstance(body, dict) else None
    if headers["task"] != DELIVER or any(headers.get(name) for name in FORBIDDEN_HEADERS):
        return None
    if not isinstance(body, list | tuple) or len(body) != 3:
        return None
    args, kwargs, embedded = body
    if kwargs or not isinstance(args, list | tuple) or len(args) != 1:
        return None
    if not isinstance(embedded, Mapping) or any(embedded.get(n) for n in FORBIDDEN_EMBEDDED):
        return None
    return args[0] if isinstance(args[0], dict) else None


class Inbox(PooledReader):
    """Replies and answers. Hosts of earlier releases put their reports here too."""

    queue = INBOX

    def read(self, headers: Mapping[str, Any], body: Any) -> Message | None:
        """Return the envelope."""
        return envelope_of(headers, body)

    def work(self, message: Message) -> None:
        """Take what a host said."""
        receive(message)


class Following:
    """One thread that takes the steps which hosts reported as ended; each host's newest report counts."""

    def __init__(self, accept: Callable[[str, Sequence[StepReport]], None]) -> None:
        self._accept = accept
        self._lock = threading.Lock()
        self._newest: dict[str, Sequence[StepReport]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reported-steps")

    def put(self, host: str, ended: Sequence[StepReport]) -> None:
        """Let these be taken, unless the host names others before their turn."""
        if not ended:
            return
        with self._lock:
            waits = host in self._newest
            self._newest[host] = ended
        if not waits:
            self._pool.submit(self._next, host)

    def _next(self, host: str) -> None:
        with self._lock:
            ended = self._newest.pop(host)
        try:
            close_old_connections()
            self._accept(host, ended)
        except Exception:
            log.exception("reported steps failed", host=host)


class Reports(Reader):
    """Reports, past all replies: those that come within two seconds are written together.

    Between them it puts marks of its control worker, by which is known how far they are read.
    """

    queue = REPORTS

    def __init__(self, connection: Connection, topic: str) -> None:
        super().__init__(connection)
        self.topic = topic
        self._gathered: list[Incoming] = []
        self._ended = Following(accept_ended)
        self._mark: tuple[str, datetime] | None = None
        self._read_after: datetime | None = None
        self._written_at = self._marked_at = -math.inf

    def look_up(self) -> float:
        """Often enough to write in time."""
        return intervals().gather / 4

    def on_iteration(self) -> None:
        """Write what was gathered when it is time to, and put the next mark."""
        super().on_iteration()
        moment, pause = time.monotonic(), intervals().gather
        is_time = moment - self._written_at >= pause or len(self._gathered) >= TOGETHER
        if (self._gathered or self._mark) and is_time:
            self._written_at = moment
            self.write()
        if moment - self._marked_at >= pause:
            self._marked_at = moment
            services.put_mark(self.topic)

    def read(self, headers: Mapping[str, Any], body: Any) -> Message | None:
        """Return the envelope, or a mark of ours."""
        return envelope_of(headers, body)

    def has_room(self) -> bool:
        """There is room: as soon as it is filled it is written."""
        return not self.should_stop

    def take(self, message: Message) -> None:
        """Gather a report; what is neither that nor a mark of ours does not belong here."""
        if "mark" in message:
            try:
                self._mark = read_mark(message)
            except (BadSignature, KeyError, TypeError, ValueError) as error:
                log.warning("mark refused", error=str(error))
                return
            self._read_after = self._mark[1]
        elif message.get("kind") == "report":
            self._gathered.append(Incoming(message, now(), self._read_after))
        else:
            log.warning("no report", host=message.get("host"), kind=message.get("kind"))

    def write(self) -> None:
        """Take what was gathered, then note how far that is."""
        gathered, self._gathered = self._gathered, []
        mark, self._mark = self._mark, None
        try:
            close_old_connections()
            hear(gathered, ended=self._ended.put)
            if mark is not None:
                services.note_read(*mark)
        except Exception:
            log.exception("reports failed", reports=len(gathered))
