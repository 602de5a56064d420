"""What every page gets: its content security policy, and an error page where a view gave up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from cloudweb.api.throttling import admit_log_in
from cloudweb.exceptions import ServiceUnavailable, TooManyRequests
from cloudweb.mounts import service_of
from cloudweb.refusals import normalize
from dashboard.views.errors import error_page

#: Where a browser sends a name, a password or a second factor.
LOG_INS = (settings.LOGIN_URL, "/admin/login")
Next = Callable[[HttpRequest], HttpResponseBase]
#: Swagger's page and the browsable API set styles inside their markup; scripts stay ours alone.
FOREIGN_STYLES = {"style-src": [SELF, UNSAFE_INLINE]}


class PageMiddleware:
    """A policy for pages alone (settings: CONTENT_SECURITY_POLICY); a lost database is a page, too."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: Any = self.get_response(request)
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            response._csp_exempt = True  # noqa: SLF001  # nothing a browser would run
        elif service_of(request.path) or request.path.startswith("/api/"):
            response._csp_update = FOREIGN_STYLES  # noqa: SLF001  # as csp.decorators do
        return response  # type: ignore[no-any-return]

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Count attempts to log in by their address; one too many is a page, too."""
        if request.method != "POST" or not request.path.startswith(LOG_INS):
            return None
        try:
            admit_log_in(request)
        except TooManyRequests as error:
            return error_page(request, error)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Show what is away or too much for now; all else is left to Django's own handling."""
        if service_of(request.path):
            return None
        error = normalize(exception)
        known = isinstance(error, ServiceUnavailable | TooManyRequests)
        return error_page(request, error) if known else None
