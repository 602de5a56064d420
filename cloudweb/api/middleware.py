"""What wraps every request: its id, the path without a trailing slash, microversion, late errors."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.cache import patch_vary_headers

from cloudweb.api import microversion
from cloudweb.api.errors import error_response
from cloudweb.api.xml import SUFFIX
from cloudweb.context import new_request_id
from cloudweb.dialect import Dialect
from cloudweb.dialects import CLOUD
from cloudweb.exceptions import (
    BadRequest,
    CloudwebError,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    RequestTooLarge,
    UriTooLong,
)
from cloudweb.mounts import dialect_of, service_of

log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(r"^req-[0-9a-fA-F-]{36}\Z")
#: What Django answers on its own (unknown route, broken Host header ...), as errors of ours.
DJANGOS_OWN: dict[int, type[CloudwebError]] = {
    400: BadRequest,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: RequestTooLarge,
}
#: Characters of path and query; a little less than what the front reads (cloudweb/server/limits.py).
MAX_URL = 8000
Next = Callable[[HttpRequest], HttpResponseBase]


def _current(path: str, dialect: Dialect) -> str:
    """Return a path of the older version as one of the current."""
    older = f"/{dialect.service}/{dialect.older}/"
    if not dialect.older or not path.startswith(older):
        return path
    return f"/{dialect.service}/{dialect.version}/{path.removeprefix(older)}"


class RequestIdMiddleware:
    """Give each request an id, log its end, and answer with the id in every service's header."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = new_request_id()
        request.request_id = request_id  # type: ignore[attr-defined]
        given = request.headers.get("X-OpenStack-Request-Id", "")
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if _REQUEST_ID.match(given):
            structlog.contextvars.bind_contextvars(global_request_id=given)
        try:
            response = self.get_response(request)
            log.debug(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
        finally:
            structlog.contextvars.unbind_contextvars("request_id", "global_request_id")
        response.headers["X-OpenStack-Request-Id"] = request_id
        for name in dialect_of(request.path).request_ids:
            response.headers[name] = request_id
        return response


#: Of those alone a path's end says what the answer is to be; what is changed or deleted may be called so.
NAME_NOTHING = ("GET", "HEAD", "POST")


class ServiceMiddleware:
    """Make a service's paths and errors what its clients expect.

    A trailing slash (and the dialect's suffix) is ignored without a redirect unless it stands where
    an id belongs, the microversion is negotiated and echoed, and whatever is raised or not found
    gets the service's envelope.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        dialect = dialect_of(request.path)
        if dialect is CLOUD:
            return self.get_response(request)
        given = request.path_info
        path = given.rstrip("/").removesuffix(dialect.suffix)
        if dialect.speaks_xml and request.method in NAME_NOTHING and path.endswith(SUFFIX):
            path, request.has_xml_suffix = path.removesuffix(SUFFIX), True  # type: ignore[attr-defined]
        request.path_info = _current(path, dialect)
        is_older = request.path_info != path
        if len(request.get_full_path()) > MAX_URL:
            return error_response(request, UriTooLong())
        if "\x00" in path or self._lacks_id(dialect, given):  # no database can look it up
            return error_response(request, NotFound())
        if "%00" in request.META.get("QUERY_STRING", ""):
            return error_response(request, BadRequest("A query must not hold null characters."))
        versions = dialect.versions
        if versions is None:
            return self._answer(request)
        try:
            version = microversion.negotiate(versions, {} if is_older else request.headers)
        except CloudwebError as error:
            response = error_response(request, error)
            version = versions.minimum
        else:
            request.microversion = version  # type: ignore[attr-defined]
            response = self._answer(request)
        for name, value in microversion.response_headers(versions, version).items():
            response.headers[name] = value
        patch_vary_headers(response, microversion.request_headers(versions))
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_ours = hasattr(response, "accepted_renderer") or response.headers.get(
            "Content-Type", ""
        ).startswith("application/json")
        if response.status_code < 400 or is_ours:
            return response  # type: ignore[return-value]
        error = DJANGOS_OWN.get(response.status_code, CloudwebError)()
        return error_response(request, error)

    def _lacks_id(self, dialect: Dialect, path: str) -> bool:
        """Tell whether a path ends where an id should follow: it is nobody's, not the list."""
        if not dialect.refuses_empty_ids or not path.endswith("/"):
            return False
        try:
            resolve(f"{_current(path.rstrip('/'), dialect)}/x")
        except Resolver404:
            return False
        return True

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render what a plain Django view under a service raised."""
        return error_response(request, exception) if service_of(request.path) else None
