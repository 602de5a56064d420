"""POSTs that may be sent again: the same ``Idempotency-Key`` and request give the first answer (OPERATIONS 38).

The answer is kept in the transaction that made what it tells of, so it is there exactly if that is. Of two
at once both do the work and one commits it; the other is taken back and gets the first one's answer. What
is refused made nothing: its key stays free. A key is its project's, and of one caller in it: nobody else
reads the answer, which may hold a secret, nor does he himself once a policy that let him pass no longer does.

The base library imports no app: settings name who keeps answers (``CLOUDWEB_FIRST_ANSWERS``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.module_loading import import_string
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb import policy
from cloudweb.context import RequestContext
from cloudweb.database.late import late_transaction
from cloudweb.exceptions import (
    CloudwebError,
    InvalidInput,
    PolicyNotAuthorized,
    ServiceUnavailable,
)
from cloudweb.first_answers import FirstAnswers, KeyTaken
from cloudweb.microversions import Microversion
from cloudweb.refusals import normalize

HEADER = "Idempotency-Key"
LONGEST = 255
_KEY = re.compile(rf"[\x21-\x7e]{{1,{LONGEST}}}", re.ASCII)
Handler = Callable[..., Any]


class IdempotencyKeyReused(CloudwebError):
    """A key counts for one request: one path, one body, one caller."""

    status = 422
    code = "idempotency_key_reused"
    default_message = (
        "Invalid input for field/attribute Idempotency-Key. "
        "It was sent before with another request: use a new key."
    )


@cache
def _answers() -> FirstAnswers:
    found: FirstAnswers = import_string(settings.CLOUDWEB_FIRST_ANSWERS)()
    return found


def key_of(request: Request) -> str | None:
    """Return the key a request came with; raise InvalidInput for one that is none."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        reason = f"It must be 1 to {LONGEST} printable ASCII characters without a space."
        raise InvalidInput(field=HEADER, value=key, reason=reason)
    return key


def answered_once(
    handler: Handler, key: str, version: Microversion, request: Request, *args: Any, **kwargs: Any
) -> Any:
    """Answer a request, or give the answer that the same request had before.

    Raises what the handler raises, IdempotencyKeyReused, PolicyNotAuthorized, and TooManyRequests.
    """
    context = request.auth
    assert isinstance(context, RequestContext)
    scope, text = _scope(context), _text(request, context, version)
    known = _known(scope, key, text, context)
    if known is not None:
        return known
    _answers().check_room(scope)
    refusal: Exception | None = None
    try:
        with late_transaction():
            try:
                with policy.noting_passed() as passed:
                    response = handler(request, *args, **kwargs)
            except Exception as error:
                if normalize(error).status >= 500:
                    raise
                refusal = error  # what was counted meanwhile (a wrong passcode) is committed
            else:
                _keep(scope, key, text, response, {what for who, what in passed if who == context})
    except KeyTaken:
        known = _known(scope, key, text, context)
        if known is None:
            raise ServiceUnavailable(retry_after=1) from None
        return known
    if refusal is not None:
        known = _known(
            scope, key, text, context
        )  # what stood in its way may be what its twin just made
        if known is None:
            raise refusal
        return known
    return response


def _keep(scope: str, key: str, text: str, response: Any, policies: set[str]) -> None:
    if not isinstance(response, Response) or response.status_code >= 400:
        return
    headers = {name: value for name, value in response.items() if name != "Content-Type"}
    answer = {
        "status": response.status_code,
        "headers": headers,
        "data": response.data,
        "policies": sorted(policies),
    }
    _answers().keep(scope, key, _digest(text, settings.SECRET_KEY), orjson.dumps(answer))


def _known(scope: str, key: str, text: str, context: RequestContext) -> Response | None:
    """Return the first answer to this request; raise IdempotencyKeyReused when it was to another.

    Raises PolicyNotAuthorized when the caller might not do it any more.
    """
    found = _answers().find(scope, key)
    if found is None:
        return None
    fingerprint, kept = found
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(constant_time_compare(fingerprint, _digest(text, one)) for one in secrets):
        raise IdempotencyKeyReused
    answer = orjson.loads(kept)
    for name in answer.get("policies", ()):
        if name not in policy.RULES:  # of another release
            raise PolicyNotAuthorized(name)
        policy.check(context, name)
    return Response(answer["data"], status=answer["status"], headers=answer["headers"])


def _scope(context: RequestContext) -> str:
    if context.project_id is not None:
        return f"project:{context.project_id}"
    if context.domain_id is not None:
        return f"domain:{context.domain_id}"
    return "system" if context.system_scope else f"user:{context.user_id}"


def _text(request: Request, context: RequestContext, version: Microversion) -> str:
    """Return all that makes two requests the same, however their bodies are written."""
    http = request._request
    caller = [context.user_id, context.credential_id, context.trust_id, context.restricted]
    said = [http.method, http.get_full_path_info(), str(version), caller, request.data]
    return json.dumps(said, sort_keys=True, separators=(",", ":"), default=str)


def _digest(text: str, secret: str) -> str:
    """Return what tells requests apart and tells nothing of them: a body may hold a password."""
    return salted_hmac("cloudweb.api.once", text, secret=secret, algorithm="sha256").hexdigest()
