"""Errors in the OpenAPI schema: which an operation can answer, and their shape in each service."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from cloudweb.api.microversion import request_headers
from cloudweb.dialect import Dialect
from cloudweb.dialects import CLOUD, DIALECTS
from cloudweb.exceptions import CloudwebError

WRITING = ("POST", "PUT", "PATCH", "DELETE")
WITH_BODY = ("POST", "PUT", "PATCH")
_TEXT = {"type": "string"}
#: What attributes of an envelope mean, where their names do not say it.
_MEANINGS = {
    "code": "The HTTP status.",
    "message": "A sentence for people; clients read the status.",
}


def possible(
    *, dialect: Dialect, method: str, has_token: bool, has_parameters: bool
) -> Iterator[int]:
    """Yield what any operation like this can answer beside what its view declares."""
    yield from (400, 414, 429, 503, *dialect.usual)
    if has_token:
        yield from (401, 403)
    if has_parameters:
        yield 404
    if method in WRITING:
        yield 409
    if method in WITH_BODY:
        yield 413
    if method == "POST" and has_token:
        yield 422  # an Idempotency-Key that came with another request


def shape(service: str, status: int) -> dict[str, Any]:
    """Return the JSON schema of an error's body, drawn from what the dialect makes of one."""
    envelope = DIALECTS.get(service, CLOUD).envelope
    return _drawn(
        envelope(CloudwebError(), status), most=envelope(CloudwebError(retry_after=1), status)
    )


def _drawn(least: dict[str, Any], *, most: dict[str, Any]) -> dict[str, Any]:
    """Describe an object; what ``most`` has beyond ``least`` may be left out."""
    properties = {}
    for key, value in most.items():
        if isinstance(value, dict):
            properties[key] = _drawn(least[key], most=value)
        else:
            kind = {"type": "integer"} if isinstance(value, int) else _TEXT
            meaning = _MEANINGS.get(key)
            properties[key] = {**kind, **({"description": meaning} if meaning else {})}
    return {
        "type": "object",
        "properties": properties,
        "required": list(least),
        "additionalProperties": False,
    }


def answer(service: str, status: int) -> dict[str, Any]:
    """Return the response object of an error."""
    headers = dict(headers_of(service))
    if status == 401:
        headers["WWW-Authenticate"] = header('Where to log in: Keystone uri="…".', required=True)
    if status in (413, 429, 503):
        headers["Retry-After"] = header("Seconds to wait.", required=status == 429)
    return {
        "description": HTTPStatus(status).phrase,
        "headers": headers,
        "content": {"application/json": {"schema": shape(service, status)}},
    }


def headers_of(service: str) -> dict[str, Any]:
    """Return what every answer of a service carries."""
    request_id = "^req-[0-9a-f-]{36}$"
    headers = {
        "X-OpenStack-Request-Id": header("The id of this request in every log.", pattern=request_id)
    }
    dialect = DIALECTS.get(service, CLOUD)
    for name in dialect.request_ids:
        headers[name] = header("The same id.", pattern=request_id)
    if dialect.versions is not None:
        for name in (*request_headers(dialect.versions), "Vary"):
            headers[name] = header("The microversion this answer is in.")
    return headers


def header(description: str, *, required: bool = True, **facts: Any) -> dict[str, Any]:
    """Return a header object."""
    return {"description": description, "required": required, "schema": {**_TEXT, **facts}}
