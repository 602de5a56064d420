"""A question that a host must answer now: five seconds, then 503 with Retry-After."""

from __future__ import annotations

import time
from typing import Any

from cloudweb.conf import intervals
from cloudweb.driver import DriverError
from cloudweb.exceptions import ServiceUnavailable
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
    host = peer(question.host, question.contract.domain)
    if not host.up:
        raise HostDidNotAnswer
    payload = payload_for(question, host.speaks)
    row = Answer.objects.create(host=question.host)
    message = signed_for(
        question.host,
        {
            "call": str(row.id),
            "method": question.method,
            "scope": question.scope,
            "payload": payload,
        },
    )
    try:
        if not send_order(question.host, question.method, message):
            raise HostDidNotAnswer(detail="the broker is away")
        return _wait(row, timeout or max(intervals().call, 2.0))
    finally:
        Answer.objects.filter(id=row.id).delete()


def _wait(row: Answer, timeout: float) -> dict[str, Any]:
    limit = time.monotonic() + timeout
    pause = 0.005
    while time.monotonic() < limit:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
        body = (
            Answer.objects.filter(id=row.id, body__isnull=False)
            .values_list("body", flat=True)
            .first()
        )
        if body is None:
            continue
        if body.get("outcome") != "DONE":
            error = body.get("error") or {}
            raise DriverError(str(error.get("public") or ""), detail=str(error.get("detail", "")))
        result: dict[str, Any] = body.get("result") or {}
        return result
    raise HostDidNotAnswer
