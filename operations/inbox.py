"""The inbox: the two queues hosts may write to, read by consumers that run exactly one thing.

A worker that registers tasks would run any of them for whoever may push to its queue, and forged
callbacks would make it publish (tried, OPERATIONS). So these readers are no Celery workers: they look at
the message as data and drop whatever is not ``inbox.deliver`` with one plain argument.
"""

from __future__ import annotations

import math
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, ClassVar

import structlog
from django.db import close_old_connections
from kombu import Connection
from kombu.mixins import ConsumerMixin

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.pulse import pulse
from cloudweb.reports import StepReport
from cloudweb.rpc import DELIVER, direct
from cloudweb.signing import BadSignature
from cloudweb.topics import INBOX, REPORTS
from operations import services
from operations.conductor import accept_ended, hear, read_mark, receive
from operations.hearing import Incoming

log = structlog.get_logger(__name__)
FORBIDDEN_HEADERS = ("group", "eta", "expires", "stamped_headers", "stamps")
FORBIDDEN_EMBEDDED = ("callbacks", "errbacks", "chain", "chord")
WORKERS = 4
TOGETHER = 500  # reports are taken together at most


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


class Reader(ConsumerMixin, threading.Thread):
    """A thread that reads one queue of what hosts say; it reconnects by itself."""

    queue: ClassVar[str]
    prefetch: ClassVar[int]

    def __init__(self, connection: Connection) -> None:
        threading.Thread.__init__(self, name=self.queue, daemon=True)
        self.connection = connection

    def run(self, *_: Any, **__: Any) -> None:
        """Consume until told to stop; whatever happens, begin anew."""
        pulse().part(self.name)
        while not self.should_stop:
            try:
                ConsumerMixin.run(self)
            except Exception:
                log.exception("inbox begins anew", queue=self.queue)
                time.sleep(1)
        pulse().excuse(self.name)

    def consume(self, *_: Any, **__: Any) -> Iterator[None]:  # type: ignore[override]  # the stub forgot what it gives
        """Read what comes, whoever wrote it: bytes that are no message end nothing."""
        context: Any = self.consumer_context()
        with context as (connection, _channel, _consumers):
            while not self.should_stop:
                self.on_iteration()
                pulse().beat(self.name)
                try:
                    connection.drain_events(timeout=self.look_up())
                except TimeoutError:
                    continue
                except (ValueError, LookupError, TypeError, AttributeError) as error:
                    log.warning("inbox message is unreadable", error=repr(error))
                yield

    def on_connection_error(self, exc: Exception, interval: int) -> None:
        """Show that one who waits for the broker does not hang."""
        super().on_connection_error(exc, interval)
        pulse().beat(self.name)

    def stop(self) -> None:
        """End soon; what was not read stays in the queue."""
        self.should_stop = True

    def get_consumers(self, Consumer: Any, channel: Any) -> list[Any]:  # noqa: N803 - kombu's name
        """Consume the one queue."""
        return [
            Consumer(
                queues=[direct(self.queue)],
                on_message=self._on_message,
                accept=["json"],
                prefetch_count=self.prefetch,
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
        if envelope is None:
            log.warning("inbox message dropped")
            message.ack()
        elif self.has_room():
            message.ack()
            self.take(envelope)

    def look_up(self) -> float:
        """Return how long to wait for a message before something else is done."""
        return 1.0

    @abstractmethod
    def has_room(self) -> bool:
        """Wait for room for one more; False when it is time to stop: the message stays in the queue."""

    @abstractmethod
    def take(self, envelope: dict[str, Any]) -> None:
        """Act on what a host said, now or soon."""


class Inbox(Reader):
    """Replies and answers, each worked on by one of a few threads; no more are read than those work on.

    Hosts of earlier releases put their reports here too.
    """

    queue = INBOX
    prefetch = WORKERS

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="inbox")
        self._room = threading.BoundedSemaphore(WORKERS * 2)

    def has_room(self) -> bool:
        """Wait until a thread is about to be free."""
        while not self.should_stop:
            if self._room.acquire(timeout=1):
                return True
        return False

    def take(self, envelope: dict[str, Any]) -> None:
        """Hand it to the next free thread."""
        self._pool.submit(self._handle, envelope)

    def _handle(self, envelope: dict[str, Any]) -> None:
        try:
            close_old_connections()
            receive(envelope)
        except Exception:
            log.exception("inbox message failed")
        finally:
            self._room.release()


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
    prefetch = TOGETHER

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

    def has_room(self) -> bool:
        """There is room: as soon as it is filled it is written."""
        return not self.should_stop

    def take(self, envelope: dict[str, Any]) -> None:
        """Gather a report; what is neither that nor a mark of ours does not belong here."""
        if "mark" in envelope:
            try:
                self._mark = read_mark(envelope)
            except (BadSignature, KeyError, TypeError, ValueError) as error:
                log.warning("mark refused", error=str(error))
                return
            self._read_after = self._mark[1]
        elif envelope.get("kind") == "report":
            self._gathered.append(Incoming(envelope, now(), self._read_after))
        else:
            log.warning("no report", host=envelope.get("host"), kind=envelope.get("kind"))

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
