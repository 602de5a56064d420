"""What every page gets: a content security policy, and an error page where a view gave up."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from cloudweb.api.errors import normalize
from cloudweb.api.mounts import service_of
from cloudweb.exceptions import ServiceUnavailable
from dashboard.views.errors import error_page

Next = Callable[[HttpRequest], HttpResponseBase]
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
#: Swagger's page and the browsable API set styles inside their markup; scripts stay ours alone.
FOREIGN_STYLES = f"{POLICY}; style-src 'self' 'unsafe-inline'"


class PageMiddleware:
    """Pages load scripts, styles and pictures from here alone; a lost database is a page, too."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            foreign = service_of(request.path) or request.path.startswith("/api/")
            response.headers.setdefault(
                "Content-Security-Policy", FOREIGN_STYLES if foreign else POLICY
            )
            response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Show what is away for now; anything else is left to Django's own handling."""
        if service_of(request.path):
            return None
        error = normalize(exception)
        return error_page(request, error) if isinstance(error, ServiceUnavailable) else None
