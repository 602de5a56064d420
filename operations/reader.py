"""Readers of the control plane's own queues: plain messages, read as data and worked on by a few threads."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import structlog
from django.db import close_old_connections
from kombu import Connection
from kombu.mixins import ConsumerMixin

from cloudweb.pulse import pulse
from cloudweb.rpc import direct, put_back

log = structlog.get_logger(__name__)
Message = dict[str, Any]
WORKERS = 4


class Reader(ConsumerMixin, threading.Thread):
    """A thread that reads one queue; it reconnects by itself.

    A message is gone from the broker when it is read: what is lost here is reported again, or found by the
    sweep. So no more is read than there is room for, and the broker keeps no books about it.
    """

    queue: ClassVar[str]

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
                log.exception("reading begins anew", queue=self.queue)
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
                    log.warning("message is unreadable", queue=self.queue, error=repr(error))
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
                no_ack=True,
            )
        ]

    def _on_message(self, message: Any) -> None:
        try:
            said = self.read(message.headers or {}, message.decode())
        except Exception as error:  # noqa: BLE001 - a message that cannot be decoded is dropped
            log.warning("message is unreadable", queue=self.queue, error=repr(error))
            return
        if said is None:
            log.warning("message dropped", queue=self.queue)
        elif self.has_room():
            self.take(said)
        else:
            put_back(self.queue, said)

    def read(self, headers: Mapping[str, Any], body: Any) -> Message | None:
        """Return what a message says; None for what does not belong here."""
        return body if isinstance(body, dict) else None

    def look_up(self) -> float:
        """Return how long to wait for a message before something else is done."""
        return 1.0

    @abstractmethod
    def has_room(self) -> bool:
        """Wait for room for one more; False when it is time to stop: the message goes back."""

    @abstractmethod
    def take(self, message: Message) -> None:
        """Act on what was said, now or soon."""


class PooledReader(Reader):
    """Each message is worked on by one of a few threads; no more are read than those work on."""

    def __init__(self, connection: Connection, workers: int = WORKERS) -> None:
        super().__init__(connection)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=self.queue)
        self._room = threading.BoundedSemaphore(workers * 2)

    @abstractmethod
    def work(self, message: Message) -> None:
        """Do what one message asks for."""

    def has_room(self) -> bool:
        """Wait until a thread is about to be free."""
        while not self.should_stop:
            if self._room.acquire(timeout=1):
                return True
        return False

    def take(self, message: Message) -> None:
        """Hand it to the next free thread."""
        self._pool.submit(self._handle, message)

    def _handle(self, message: Message) -> None:
        try:
            close_old_connections()
            self.work(message)
        except Exception:
            log.exception("message failed", queue=self.queue)
        finally:
            self._room.release()
