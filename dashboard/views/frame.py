"""What is around every page: navigation, projects to switch to, who is logged in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest

from cloudweb.exceptions import CloudwebError, Unauthorized
from dashboard.components.navigation import navigation
from identity.sessions import context_of, operator_context_of, projects_of


def frame_of(request: HttpRequest, section: str) -> dict[str, Any]:
    """Return it for a logged-in user; raise Unauthorized."""
    context = context_of(request)
    return {
        "context": context,
        "navigation": navigation(section, context),
        "projects": projects_of(request),
        "is_operator": _is_operator(request),
    }


def frame_of_an_error(request: HttpRequest, *, broken: bool) -> dict[str, Any]:
    """Return as much of it as can be had; nothing for strangers.

    ``broken``: database or code cannot be relied on, so nobody is asked who this is.
    """
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return {}
    least = {"context": None, "navigation": navigation("", None)}
    if broken:
        return least
    try:
        return frame_of(request, "")
    except Unauthorized:
        return {}
    except (CloudwebError, DatabaseError):
        return least


def _is_operator(request: HttpRequest) -> bool:
    try:
        return operator_context_of(request).is_admin
    except CloudwebError:
        return False
