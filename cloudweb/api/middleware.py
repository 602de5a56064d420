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
from cloudweb.context import new_request_id
from cloudweb.exceptions import (
    BadRequest,
    CloudwebError,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    RequestTooLarge,
    UriTooLong,
)
from cloudweb.mounts import service_of

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
#: Where a slash after a collection is an empty id. (Keystone takes it for the collection.)
NO_EMPTY_IDS = frozenset({"compute", "image", "network"})
#: Compute's first version: the calls of the lowest microversion, whatever the headers say.
FIRST_COMPUTE, COMPUTE = "/compute/v2/", "/compute/v2.1/"
#: Characters of path and query; a little less than what the front reads (cloudweb/server/limits.py).
MAX_URL = 8000
Next = Callable[[HttpRequest], HttpResponseBase]


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
        if service_of(request.path) == "compute":
            response.headers["X-Compute-Request-Id"] = request_id
        return response


class ServiceMiddleware:
    """Make a service's paths and errors what its clients expect.

    A trailing slash (and network's ``.json``) is ignored without a redirect unless it stands where
    an id belongs, the microversion is negotiated and echoed, and whatever is raised or not found
    gets the service's envelope.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        service = service_of(request.path)
        if service is None:
            return self.get_response(request)
        given = request.path_info
        path = given.rstrip("/")
        if service == "network" and path.endswith(".json"):
            path = path.removesuffix(".json")
        is_first = path.startswith(FIRST_COMPUTE)
        request.path_info = path.replace(FIRST_COMPUTE, COMPUTE, 1) if is_first else path
        if len(request.get_full_path()) > MAX_URL:
            return error_response(request, UriTooLong())
        if "\x00" in path or self._lacks_id(service, given):  # no database can look it up
            return error_response(request, NotFound())
        if "%00" in request.META.get("QUERY_STRING", ""):
            return error_response(request, BadRequest("A query must not hold null characters."))
        versions = microversion.RANGES.get(service)
        if versions is None:
            return self._answer(request)
        try:
            version = microversion.negotiate(versions, {} if is_first else request.headers)
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

    def _lacks_id(self, service: str, path: str) -> bool:
        """Tell whether a path ends where an id should follow: it is nobody's, not the list."""
        if service not in NO_EMPTY_IDS or not path.endswith("/"):
            return False
        try:
            resolve(f"{path.rstrip('/').replace(FIRST_COMPUTE, COMPUTE, 1)}/x")
        except Resolver404:
            return False
        return True

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render what a plain Django view under a service raised."""
        return error_response(request, exception) if service_of(request.path) else None
