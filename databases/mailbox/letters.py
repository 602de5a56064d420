"""A guest's letters: handed out in order until they are answered, each signed for this guest alone."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import uuid4

import orjson
from django.db import transaction
from django.db.models import Case, When

from cloudweb.database.clock import now
from cloudweb.encryption import decrypt
from cloudweb.identifiers import as_uuid
from cloudweb.objects import IncompatibleObject, VersionedObject
from cloudweb.rpc import Method
from databases import rpc
from databases.mail import OPEN
from databases.models import GuestAgent, Letter
from databases.objects import GuestReport, GuestResult, LetterMessage
from databases.states import LetterState
from operations.orders import signed_for_guest
from operations.waking import wake

#: The code of what an agent was not asked, for it would not understand.
TOO_OLD = "too_old"
Wire = dict[str, Any]


def next_letter(agent: GuestAgent, report: GuestReport) -> Wire | None:
    """Return the first letter that the guest does not have, signed; None where there is none.

    What it cannot be told in its version is answered in its place.
    """
    speaks = {one.method: one.version for one in report.speaks}
    rows = Letter.objects.filter(
        instance_id=agent.instance_id, state__in=OPEN, deadline_at__gt=now()
    ).exclude(id__in=_ids(report.under_way))
    # a certificate first: what is prepared after it has TLS from its beginning
    first = Case(When(method=rpc.INSTALL_CERTIFICATE.name, then=0), default=1)
    for letter in rows.order_by(first, "created_at", "id"):
        try:
            payload = _payload(letter, speaks)
        except IncompatibleObject as error:
            words = _words("The database's agent is too old for this.", str(error.detail))
            _end(letter, error={**words, "code": TOO_OLD})
            continue
        taken = Letter.objects.filter(id=letter.id, state__in=OPEN)
        if taken.update(state=LetterState.FETCHED, fetched_at=now()):
            return signed_for_guest(
                str(agent.instance_id),
                LetterMessage(
                    letter=str(letter.id),
                    number=int(letter.created_at.timestamp() * 1_000_000),
                    op=str(letter.operation or ""),
                    epoch=letter.epoch,
                    method=letter.method,
                    payload=payload,
                ),
            )
    return None


def answered(agent: GuestAgent, result: GuestResult) -> bool:
    """Take what came of a letter; return False where it is not one of this guest's.

    One that was answered or withdrawn before stays as it is.
    """
    letter = Letter.objects.filter(
        id=as_uuid(result.letter) or uuid4(), instance_id=agent.instance_id
    ).first()
    if letter is None:
        return False
    answer, error = None, None
    if result.outcome == "DONE":
        kind = Method.REGISTRY[letter.method].answer
        try:
            answer = kind.load(result.answer or {}).dump() if kind else None
        except IncompatibleObject as broken:
            error = _words("The database's agent gave an answer that is none.", str(broken.detail))
    elif result.error is not None:
        error = result.error.model_dump()
    else:
        error = _words("A later operation took its place.", result.outcome)
    _end(letter, answer=answer, error=error)
    return True


def _end(letter: Letter, *, answer: Wire | None = None, error: Wire | None = None) -> None:
    with transaction.atomic():
        rows = Letter.objects.filter(id=letter.id, state__in=OPEN)
        ended = rows.update(
            state=LetterState.ANSWERED, answer=answer, error=error, answered_at=now(), payload=""
        )
        if ended and letter.operation is not None:
            wake(letter.operation)


def _payload(letter: Letter, speaks: dict[str, str]) -> Wire:
    kind: type[VersionedObject] = Method.REGISTRY[letter.method].payload
    if letter.method not in speaks:
        raise IncompatibleObject(detail=f"the guest does not know {letter.method}")
    return kind.load(orjson.loads(decrypt(letter.payload))).dump(version=speaks[letter.method])


def _words(public: str, detail: str) -> Wire:
    return {"code": "guest", "public": public, "detail": detail}


def _ids(names: Collection[str]) -> list[Any]:
    return [found for found in map(as_uuid, names) if found is not None]


def waiting() -> set[str]:
    """Return whose mailboxes hold a letter that was not fetched yet, as held polls are named."""
    rows = Letter.objects.filter(state=LetterState.POSTED, deadline_at__gt=now())
    return {f"guestagent.{one}" for one in rows.values_list("instance_id", flat=True).distinct()}
