"""A guest is asked, and who asks waits for the answer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import transaction

from cloudweb.conf import api_threads
from cloudweb.database.clock import now
from cloudweb.exceptions import ServiceUnavailable
from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from databases import conf, fake_guest
from databases.exceptions import (
    DatabaseInstanceNotFound,
    GuestRefused,
    GuestSilent,
    NotInDatabase,
)
from databases.mail import written
from databases.models import DatabaseInstance, GuestAgent, Letter
from databases.states import SILENT_FOR, LetterState

LOOK_EVERY = 0.1


def ask(instance: DatabaseInstance, method: Method[Any], payload: VersionedObject) -> Any:
    """Return what the guest answers; call outside of a transaction, so that it gets the letter.

    Raises GuestSilent, and takes the letter back; NotInDatabase, GuestRefused; DatabaseInstanceNotFound where it
    is deleted meanwhile; ServiceUnavailable where too many wait for guests already.
    """
    if conf.GUESTS != "fake":
        _check_is_heard(instance)
    with _WAITING.one_more(instance.project_id):
        return _ask(instance, method, payload)


def _check_is_heard(instance: DatabaseInstance) -> None:
    since = now() - SILENT_FOR
    if not GuestAgent.objects.filter(instance=instance, reported_at__gt=since).exists():
        raise GuestSilent(instance.id)


class Waiting:
    """Counts the API's threads that wait for guests: a few of each project, and never most of all.

    So a guest that does not answer takes no thread from those who ask for something else.
    """

    def __init__(self, *, each: int, most: int) -> None:
        self._each, self._most = each, most
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    @contextmanager
    def one_more(self, project_id: str) -> Iterator[None]:
        """Count one for the time of a block; raise ServiceUnavailable where there is none left."""
        with self._lock:
            if self._held[project_id] >= self._each or self._held.total() >= self._most:
                raise ServiceUnavailable(
                    "Too many wait for their databases' answers.", retry_after=2
                )
            self._held[project_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[project_id] -= 1


_WAITING = Waiting(each=2, most=max(2, api_threads() // 4))


def _ask(instance: DatabaseInstance, method: Method[Any], payload: VersionedObject) -> Any:
    letter = written(instance, method, payload, within=timedelta(seconds=conf.ANSWER_WITHIN))
    if conf.GUESTS == "fake":
        with transaction.atomic():
            fake_guest.answer(letter)
    _wait(letter)
    Letter.objects.filter(id=letter.id).delete()  # nobody reads it again
    if letter.error is not None:
        kind = NotInDatabase if letter.error["code"] == "not_found" else GuestRefused
        raise kind(letter.error["public"], detail=letter.error.get("detail", ""))
    if method.answer is None or letter.answer is None:
        return None
    return method.answer.load(letter.answer)


def _wait(letter: Letter) -> None:
    rows = Letter.objects.filter(id=letter.id)
    until = time.monotonic() + conf.ANSWER_WITHIN
    while letter.state != LetterState.ANSWERED:
        if time.monotonic() > until:
            if rows.exclude(state=LetterState.ANSWERED).update(state=LetterState.WITHDRAWN):
                raise GuestSilent(letter.instance_id)
        else:
            time.sleep(LOOK_EVERY)
        try:
            letter.refresh_from_db()
        except Letter.DoesNotExist as error:
            raise DatabaseInstanceNotFound(letter.instance_id) from error
