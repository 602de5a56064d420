"""Who calls: an X-Auth-Token, or the dashboard's session for a browser.

The base library imports no app: settings name the functions that turn a token or a logged-in user
into a RequestContext (``CLOUDWEB_TOKEN_CONTEXT``, ``CLOUDWEB_SESSION_CONTEXT``).
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from cloudweb.api.links import identity_url
from cloudweb.context import RequestContext


class TokenContext(Protocol):
    """Validate a token: return its context or raise Unauthorized."""

    def __call__(
        self, token: str, *, request_id: str, remote_address: str, method: str, path: str
    ) -> RequestContext: ...


class SessionContext(Protocol):
    """Return the context a logged-in browser acts under."""

    def __call__(self, request: HttpRequest) -> RequestContext: ...


@cache
def _load(setting: str) -> Any:
    return import_string(getattr(settings, setting))


def remote_address(request: HttpRequest) -> str:
    """Return the client's address as the server saw it."""
    return str(request.META.get("REMOTE_ADDR", ""))


def session_context(request: HttpRequest) -> RequestContext:
    """Return the context of a logged-in browser, for pages that are no REST views."""
    make: SessionContext = _load("CLOUDWEB_SESSION_CONTEXT")
    return make(request)


def operator_context(request: HttpRequest) -> RequestContext:
    """Return the context of an operator in the admin site."""
    make: SessionContext = _load("CLOUDWEB_OPERATOR_CONTEXT")
    return make(request)


class Caller:
    """What DRF calls a user: it only carries the context."""

    is_authenticated = True
    is_active = True

    def __init__(self, context: RequestContext) -> None:
        self.context = context
        self.pk = context.user_id


class TokenAuthentication(BaseAuthentication):
    """Read X-Auth-Token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return the caller and its context; None without the header."""
        token = request.headers.get("X-Auth-Token")
        if not token:
            return None
        validate: TokenContext = _load("CLOUDWEB_TOKEN_CONTEXT")
        http = request._request
        context = validate(
            token,
            request_id=getattr(http, "request_id", ""),
            remote_address=remote_address(http),
            method=str(http.method),
            path=http.path,
        )
        return Caller(context), context

    def authenticate_header(self, request: Request) -> str:
        """Make a missing token a 401, not a 403."""
        return f'Keystone uri="{identity_url(request._request)}"'


class BrowserSession(SessionAuthentication):
    """Accept the dashboard's session (with its CSRF token for writes) where no token was sent."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return the caller and its context for a logged-in browser."""
        found = super().authenticate(request)
        if found is None:
            return None
        context = session_context(request._request)
        return Caller(context), context


class HasToken(BasePermission):
    """Every view but discovery and log-in wants a valid token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the caller was authenticated."""
        return isinstance(request.auth, RequestContext)
