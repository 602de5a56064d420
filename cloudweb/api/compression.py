"""Pages go compressed to browsers; answers of the services go as they are.

Secrets of a page whose size could be watched (BREACH) are safe: the token of its forms is masked anew
each time, and Django pads what it compresses by a random length.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from cloudweb.mounts import service_of


class PageCompressionMiddleware(GZipMiddleware):
    """Compress HTML outside the services."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        """Leave all else alone: programs reach the API over fast lines, its time is dearer."""
        kind = response.headers.get("Content-Type", "")
        if not kind.startswith("text/html") or service_of(request.path):
            return response
        return super().process_response(request, response)
