"""Errors in the OpenAPI schema: which an operation can answer, and their shape in each service."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from cloudweb.api.errors import FAULTS

WRITING = ("POST", "PUT", "PATCH", "DELETE")
WITH_BODY = ("POST", "PUT", "PATCH")
_TEXT = {"type": "string"}
_MESSAGE = {**_TEXT, "description": "A sentence for people; clients read the status."}
_CODE = {"type": "integer", "description": "The HTTP status."}


def possible(*, service: str, method: str, has_token: bool, has_parameters: bool) -> Iterator[int]:
    """Yield what any operation like this can answer beside what its view declares."""
    yield from (400, 414, 429, 503)
    if has_token:
        yield from (401, 403)
    if has_parameters or service in ("compute", "network"):
        yield 404  # compute: the microversion has no such route; network: what a body refers to
    if service == "compute":
        yield 406
    if method in WRITING:
        yield 409
    if method in WITH_BODY:
        yield 413
    if method == "POST" and has_token:
        yield 422  # an Idempotency-Key that came with another request


def shape(service: str, status: int) -> dict[str, Any]:
    """Return the JSON schema of an error's body, as ``errors.envelope`` makes it."""
    if status == 401 or service in ("identity", "image"):
        return _object(error=_object(code=_CODE, message=_MESSAGE, title=_TEXT))
    if service == "network":
        return _object(NeutronError=_object(type=_TEXT, message=_MESSAGE, detail=_TEXT))
    fault = _object(code=_CODE, message=_MESSAGE)
    fault["properties"]["retryAfter"] = _TEXT
    return _object(**{FAULTS.get(status, "computeFault"): fault})


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
    if service == "compute":
        headers["X-Compute-Request-Id"] = header("The same id.", pattern=request_id)
        for name in ("OpenStack-API-Version", "X-OpenStack-Nova-API-Version", "Vary"):
            headers[name] = header("The microversion this answer is in.")
    return headers


def header(description: str, *, required: bool = True, **facts: Any) -> dict[str, Any]:
    """Return a header object."""
    return {"description": description, "required": required, "schema": {**_TEXT, **facts}}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
