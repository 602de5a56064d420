"""The one place that renders errors: four envelopes, by the service a path belongs to.

Shapes: API contract 1.2. Errors inside views come through ``exception_handler`` (DRF), those outside
(unknown route, middleware, a bug) through ``error_response``.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from django.http import HttpRequest, HttpResponse
from rest_framework.response import Response

from cloudweb import exceptions as errors
from cloudweb.api.links import identity_url
from cloudweb.exceptions import CloudwebError
from cloudweb.mounts import service_of
from cloudweb.refusals import normalize, status_of

log = structlog.get_logger(__name__)

FAULTS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    422: "unprocessableEntity",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
QUOTA_TYPE = "OverQuota"


def envelope(service: str | None, error: CloudwebError, status: int) -> dict[str, Any]:
    """Return the body that clients of this service expect."""
    message = error.message
    if service in ("compute", "volume", "database") and not isinstance(error, errors.Unauthorized):
        fault: dict[str, Any] = {"code": status, "message": message}
        if error.retry_after is not None and status in (413, 429):
            fault["retryAfter"] = str(error.retry_after)
        return {
            FAULTS.get(status, "computeFault" if service != "database" else "instanceFault"): fault
        }
    if service == "network" and not isinstance(error, errors.Unauthorized):
        kind = QUOTA_TYPE if isinstance(error, errors.QuotaExceeded) else type(error).__name__
        return {"NeutronError": {"type": kind, "message": message, "detail": ""}}
    # Image has no form of its own: this is one that glanceclient can read, as all others can.
    return {"error": {"code": status, "message": message, "title": HTTPStatus(status).phrase}}


def headers_for(error: CloudwebError, status: int, request: HttpRequest) -> dict[str, str]:
    """Return Retry-After and WWW-Authenticate where they belong."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if status == 401:
        headers["WWW-Authenticate"] = f'Keystone uri="{identity_url(request)}"'
    return headers


def _log(exc: BaseException, error: CloudwebError, status: int, path: str) -> None:
    if status >= 500 and status != 503:
        log.error("request failed", path=path, detail=error.detail, exc_info=exc)
    elif error.detail:
        log.info("request refused", path=path, status=status, code=error.code, detail=error.detail)


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Render an error raised inside a DRF view (settings: EXCEPTION_HANDLER)."""
    request = context["request"]
    error = normalize(exc)
    service = service_of(request.path)
    status = status_of(error, service)
    _log(exc, error, status, request.path)
    return Response(
        envelope(service, error, status), status=status, headers=headers_for(error, status, request)
    )


def error_response(request: HttpRequest, exc: BaseException) -> HttpResponse:
    """Render an error raised outside any DRF view, as JSON in the envelope of the path's service."""
    error = normalize(exc)
    service = service_of(request.path)
    status = status_of(error, service)
    _log(exc, error, status, request.path)
    return HttpResponse(
        orjson.dumps(envelope(service, error, status)),
        status=status,
        content_type="application/json",
        headers=headers_for(error, status, request),
    )
