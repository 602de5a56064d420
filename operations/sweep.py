"""The sweep: a timer thread in every control worker that picks up what nobody works on.

It needs no broker: a lost doorbell, order or reply, a dead conductor or host costs time, never truth
(OPERATIONS 10).
"""

from __future__ import annotations

import random
import socket
import threading
import uuid
from datetime import timedelta
from functools import partial

import structlog
from django.db import close_old_connections

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.pulse import pulse
from cloudweb.version import RELEASE
from operations import restored, services
from operations.engine import advance, due_ids
from operations.hands import Hands
from operations.models import Service
from operations.periodic.runs import runs

log = structlog.get_logger(__name__)
BATCH = 100


class Sweep(threading.Thread):
    """One for each control worker; also writes that its services are alive. It does no work of its own."""

    def __init__(self, topics: tuple[str, ...], hands: Hands | None = None) -> None:
        super().__init__(name="sweep", daemon=True)
        self.topics = topics
        self._hands = hands or Hands()
        self.boot_id = uuid.uuid4().hex
        self._stop_now = threading.Event()
        self._ticks = 0

    def stop(self) -> None:
        """End after the current round."""
        self._stop_now.set()
        self._hands.stop()

    def run(self) -> None:
        """Sweep until told to stop; a database that is away is tried again."""
        pulse().part(self.name)
        while not self._stop_now.wait(0 if self._ticks == 0 else intervals().sweep):
            self._guard(self.tick)
            self._ticks += 1
            pulse().beat(self.name)
        pulse().excuse(self.name)

    def _guard(self, job: object) -> None:
        try:
            close_old_connections()
            assert callable(job)
            job()
        except Exception:
            log.exception("sweep met an error")

    def tick(self) -> None:
        """Do one round."""
        per_report = max(1, round(intervals().report / intervals().sweep))
        if self._ticks % per_report == 0:
            self._heartbeat()
            self._guard(restored.remember)
        hand_out_due(self._hands, grace=timedelta(seconds=intervals().lost_ring))
        self._hands.take("changes of services", services.announce_changes)
        runs().hand_out()

    def _heartbeat(self) -> None:
        host = socket.gethostname().lower()
        wanted = [(services.topic_here(topic), topic, host) for topic in self.topics]
        for row in services.ensure(wanted).values():
            values: dict[str, object] = {"last_seen_at": now(), "is_up": True}
            if row.boot_id != self.boot_id:
                values |= {"boot_id": self.boot_id, "up_since": now(), "version": RELEASE}
            Service.objects.filter(id=row.id).update(**values)


def hand_out_due(hands: Hands, *, grace: timedelta = timedelta(0)) -> int:
    """Let others work on everything that is due, each by itself; return how many were handed out.

    Who was started within the grace is heard of by the doorbell: two would come to one operation.
    """
    ids = due_ids(now(), BATCH, grace=grace)
    random.shuffle(ids)
    return sum(hands.take(operation_id, partial(advance, operation_id)) for operation_id in ids)
