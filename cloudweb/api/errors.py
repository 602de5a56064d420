"""The one place that renders errors, in the dialect of the service a path belongs to.

Shapes: API contract 1.2. Errors inside views come through ``exception_handler`` (DRF), those outside
(unknown route, middleware, a bug) through ``error_response``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from django.http import HttpRequest, HttpResponse
from rest_framework.response import Response

from cloudweb.api.links import identity_url
from cloudweb.api.xml import XmlRenderer, asks_for_xml, dumps
from cloudweb.exceptions import CloudwebError
from cloudweb.mounts import dialect_of
from cloudweb.refusals import normalize, status_of

log = structlog.get_logger(__name__)


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
    dialect = dialect_of(request.path)
    status = status_of(error, dialect.service)
    _log(exc, error, status, request.path)
    body = dialect.envelope(error, status)
    return Response(body, status=status, headers=headers_for(error, status, request))


def error_response(request: HttpRequest, exc: BaseException) -> HttpResponse:
    """Render an error raised outside any DRF view, in the envelope of the path's service."""
    error = normalize(exc)
    dialect = dialect_of(request.path)
    status = status_of(error, dialect.service)
    _log(exc, error, status, request.path)
    body = dialect.envelope(error, status)
    is_xml = dialect.speaks_xml and asks_for_xml(request)
    return HttpResponse(
        dumps(body) if is_xml else orjson.dumps(body),
        status=status,
        content_type=XmlRenderer.media_type if is_xml else "application/json",
        headers=headers_for(error, status, request),
    )
