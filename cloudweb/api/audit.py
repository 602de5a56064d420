"""Tells the audit log from where a request came, and writes what had to wait for its end."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from cloudweb import audit
from cloudweb.api.auth import remote_address
from cloudweb.mounts import service_of


class AuditMiddleware:
    """Stands around all that may open a transaction."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with audit.visit(
            origin=origin_of(request.path),
            request_id=getattr(request, "request_id", ""),
            remote_address=remote_address(request),
        ):
            return self.get_response(request)


def origin_of(path: str) -> str:
    """Return through which front door a path leads."""
    if service_of(path) or path.startswith("/api/"):
        return "api"
    return "admin" if path.startswith("/admin/") else "dashboard"
