"""What may be kept of an answer: nothing, unless whoever made it says so."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

Next = Callable[[HttpRequest], HttpResponseBase]


class NoStoreMiddleware:
    """Keep answers out of caches of browsers and proxies.

    Tokens, credentials, passwords, key pairs, consoles and user data are in many of them, and what
    is new should not have to be thought of: static files and the schema say that they may be kept.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
