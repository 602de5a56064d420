"""A guest is asked, and who asks waits for the answer."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.db import transaction

from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from databases import conf, fake_guest
from databases.exceptions import GuestRefused, GuestSilent, NotInDatabase
from databases.mail import written
from databases.models import DatabaseInstance, Letter
from databases.states import LetterState

LOOK_EVERY = 0.1


def ask(instance: DatabaseInstance, method: Method[Any], payload: VersionedObject) -> Any:
    """Return what the guest answers; call outside of a transaction, so that it gets the letter.

    Raises GuestSilent, and takes the letter back; NotInDatabase, GuestRefused.
    """
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
        letter.refresh_from_db()
