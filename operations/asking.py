"""Questions that hosts must answer now: five seconds, then 503 with Retry-After; several hosts at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from cloudweb.conf import intervals
from cloudweb.driver import DriverError
from cloudweb.exceptions import CloudwebError, ServiceUnavailable
from cloudweb.messages import Question
from cloudweb.rpc import Order, send_order
from operations.models import Answer
from operations.orders import signed_for
from operations.services import peer
from operations.versions import payload_for


class HostDidNotAnswer(ServiceUnavailable):
    """The host of the resource is away for now."""

    code = "host_did_not_answer"
    default_message = "The host of this resource does not answer for now."


def ask(question: Order, *, timeout: float | None = None) -> dict[str, Any]:
    """Ask a host and wait for its answer (the wire form of the method's answer object).

    Raises HostDidNotAnswer when the host is down, the broker is away or the time is over, HostTooOld, and
    DriverError with the host's own sentence when it says that it cannot.
    """
    row = _send(question)
    try:
        found = _await([row.id], timeout or _patience())
    finally:
        Answer.objects.filter(id=row.id).delete()
    if row.id not in found:
        raise HostDidNotAnswer
    return _said(found[row.id])


def ask_all(
    questions: Sequence[Order], *, timeout: float | None = None
) -> list[dict[str, Any] | CloudwebError]:
    """Ask hosts side by side and wait for all; what ``ask`` would raise for one stands in its answer's place."""
    found: list[dict[str, Any] | CloudwebError | UUID] = []
    for question in questions:
        try:
            found.append(_send(question).id)
        except CloudwebError as error:
            found.append(error)
    rows = [one for one in found if isinstance(one, UUID)]
    try:
        bodies = _await(rows, timeout or _patience())
    finally:
        Answer.objects.filter(id__in=rows).delete()
    return [_one(bodies, one) if isinstance(one, UUID) else one for one in found]


def _one(bodies: Mapping[UUID, dict[str, Any]], row_id: UUID) -> dict[str, Any] | CloudwebError:
    if row_id not in bodies:
        return HostDidNotAnswer()
    try:
        return _said(bodies[row_id])
    except DriverError as error:
        return error


def _patience() -> float:
    return max(intervals().call, 2.0)


def _send(question: Order) -> Answer:
    """Put a question on its host's queue; return the row that the answer will be in."""
    host = peer(question.host, question.contract.domain)
    if not host.up:
        raise HostDidNotAnswer
    payload = payload_for(question, host.speaks)
    row = Answer.objects.create(host=question.host)
    message = signed_for(
        question.host,
        Question(
            call=str(row.id),
            method=question.method,
            scope=question.scope,
            payload=payload,
        ),
    )
    if not send_order(question.host, question.method, message):
        Answer.objects.filter(id=row.id).delete()
        raise HostDidNotAnswer(detail="the broker is away")
    return row


def _await(rows: Iterable[UUID], timeout: float) -> Mapping[UUID, dict[str, Any]]:
    """Return what was answered, once all were or the time is over."""
    left, found = {*rows}, dict[UUID, dict[str, Any]]()
    limit = time.monotonic() + timeout
    pause = 0.005
    while left and time.monotonic() < limit:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
        answered = Answer.objects.filter(id__in=left, body__isnull=False)
        found |= dict(answered.values_list("id", "body"))
        left -= found.keys()
    return found


def _said(body: Mapping[str, Any]) -> dict[str, Any]:
    if body.get("outcome") != "DONE":
        error = body.get("error") or {}
        raise DriverError(str(error.get("public") or ""), detail=str(error.get("detail", "")))
    result: dict[str, Any] = body.get("result") or {}
    return result
