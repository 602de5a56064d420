"""Errors as pages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cloudweb.exceptions import CloudwebError

TITLES = {
    403: "You may not do this",
    404: "There is nothing here",
    409: "Not possible right now",
    429: "A little slower, please",
    503: "Back in a moment",
}


def error_page(request: HttpRequest, error: CloudwebError) -> HttpResponse:
    """Return the error as a page with its status; it needs no database."""
    data = {
        "status": error.status,
        "title": TITLES.get(error.status, "That did not work"),
        "text": error.message,
        "request_id": getattr(request, "request_id", ""),
    }
    response = render(request, "dashboard/error.html", data, status=error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
