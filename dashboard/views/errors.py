"""Errors as pages; whoever is logged in keeps his navigation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cloudweb.exceptions import CloudwebError
from dashboard.components.words import spoken
from dashboard.views.frame import frame_of_an_error

TITLES = {
    400: "That made no sense",
    403: "You may not do this",
    404: "There is nothing here",
    409: "Not possible right now",
    429: "A little slower, please",
    503: "Back in a moment",
}
BROKEN = frozenset({500, 503})


def error_page(request: HttpRequest, error: CloudwebError) -> HttpResponse:
    """Return the error as a page with its status; it needs no database."""
    title = TITLES.get(error.status, "That did not work")
    response = _page(request, error.status, title, spoken(error))
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what no view could be asked."""
    return _page(request, 400, TITLES[400], "The request is malformed.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself forbids."""
    return _page(request, 403, TITLES[403], "Your role does not allow this.")


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without the token of its page (settings: CSRF_FAILURE_VIEW)."""
    text = "Go back, reload the page and try again."
    return _page(request, 403, "This page was too old", text)


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that leads nowhere."""
    text = "The address is wrong, or what was here is gone or belongs to another project."
    return _page(request, 404, TITLES[404], text)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer where our own code gave up."""
    text = (
        "The fault is ours and was written to the log. Nothing was done by halves: try again, or "
        "ask the operator."
    )
    return _page(request, 500, "Something broke", text)


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    data: dict[str, Any] = {
        "status": status,
        "title": title,
        "text": text,
        "request_id": getattr(request, "request_id", ""),
        **frame_of_an_error(request, broken=status in BROKEN),
    }
    return render(request, "dashboard/error.html", data, status=status)
