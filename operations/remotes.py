"""What hosts have done here: methods of objects bound to them, each call once (``cloudweb/remotes.py``)."""

from __future__ import annotations

from functools import cache
from typing import Any

import structlog
from django.db import transaction

from cloudweb.driver import load_class
from cloudweb.exceptions import CloudwebError, Conflict, ServiceUnavailable
from cloudweb.messages import Envelope
from cloudweb.objects import IncompatibleObject, VersionedObject
from cloudweb.remotes import AnswerMessage, ObjectAction, RemoteMethod
from cloudweb.reports import CallAnswer, HeardMethod
from cloudweb.rpc import send_to_host
from cloudweb.topics import HOST_DOMAINS
from operations.models import RemoteCall
from operations.orders import signed_message

log = structlog.get_logger(__name__)


class NotBound(Conflict):
    """The object is not this host's, or there is none: a host is not told which."""

    code = "not_bound"
    default_message = "There is no such object on this host."


class UnknownMethod(Conflict):
    """A newer release's method, or none at all."""

    code = "unknown_method"
    default_message = "The control plane does not know this."


@cache
def heard() -> tuple[HeardMethod, ...]:
    """Return the methods that are done here, and the versions that are read."""
    return tuple(
        HeardMethod(
            method=name,
            object=method.object.VERSION,
            argument=method.argument.VERSION if method.argument else None,
        )
        for name, method in sorted(RemoteMethod.REGISTRY.items())
    )


def act(host: str, message: Envelope) -> None:
    """Do what a host asks for, and answer where it waits. Raises IncompatibleObject for what is no action."""
    action = ObjectAction.load(message.body)
    answer = _once(host, action)
    if action.domain in HOST_DOMAINS:
        said = AnswerMessage(answer=answer)
        signed = signed_message(said, host=host, domain=action.domain)
        send_to_host(host, action.domain, f"{action.domain}.answer", signed)


def _once(host: str, action: ObjectAction) -> dict[str, Any]:
    """Return the answer of a call; what it does is committed with it, once."""
    with transaction.atomic():
        row, is_new = RemoteCall.objects.get_or_create(host=host, call=action.call)
        if is_new:
            row.answer = _answer(host, action).dump()
            row.save(update_fields=["answer"])
        answer: dict[str, Any] = row.answer
        return answer


def _answer(host: str, action: ObjectAction) -> CallAnswer:
    """Do it; a refusal is an answer, and leaves nothing. Raises ServiceUnavailable: it may be said again."""
    try:
        with transaction.atomic():
            answer = _do(host, action)
    except ServiceUnavailable:
        raise
    except CloudwebError as error:
        log.warning("a host was refused", host=host, method=action.method, code=error.code,
                    detail=error.detail)  # fmt: skip
        # the detail is for our log: a host is told no more than what its tenants may be
        said = {"code": error.code, "public": error.message, "detail": ""}
        return CallAnswer(call=action.call, outcome="FINAL", error=said)
    return CallAnswer(call=action.call, outcome="DONE", result=answer.dump() if answer else {})


def _do(host: str, action: ObjectAction) -> VersionedObject | None:
    method = RemoteMethod.REGISTRY.get(action.method)
    if method is None:
        raise UnknownMethod(detail=action.method[:96])
    owner = method.object.load(action.object)
    if load_class(method.bound)(owner) != host:
        raise NotBound(detail=repr(owner)[:500])
    if (method.argument is None) != (action.argument is None):
        raise IncompatibleObject(detail=f"{method.name} takes {method.argument}")
    argument = method.argument.load(action.argument) if method.argument else None  # type: ignore[arg-type]
    answer: VersionedObject | None = (
        load_class(method.does)(host, owner, argument)
        if method.argument
        else load_class(method.does)(host, owner)
    )
    return answer
