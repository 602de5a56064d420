"""The address that a console's token is part of: a page for browsers, a WebSocket for programs."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest

from cloudweb.api.links import base_url
from instances.manager import ConsoleAccess

#: Under it are pages and WebSockets alike: ``<PATH>/serial``, ``<PATH>/novnc``.
PATH = "/consoles"


def address_of(request: HttpRequest, access: ConsoleAccess) -> str:
    """Return where to look; programs of a serial console speak WebSocket, as Nova's do."""
    base = base_url(request)
    if access.kind == "serial":
        base = base.replace("http", "ws", 1)
    return f"{base}{path_of(access)}"


def path_of(access: ConsoleAccess) -> str:
    """Return the same without the server's own name."""
    return f"{PATH}/{access.kind}?{urlencode({'token': access.token})}"
