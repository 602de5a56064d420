"""Where each OpenStack service is mounted, and which service a path belongs to."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

#: URL prefix -> service name. The first element of the path decides.
MOUNTS = {
    "identity": "identity",
    "compute": "compute",
    "network": "network",
    "image": "image",
    "volume": "volume",
    "database": "database",
    "audit": "audit",
}


def service_of(path: str) -> str | None:
    """Return the service that a path is under, or None for the dashboard and admin."""
    return MOUNTS.get(path.lstrip("/").split("/", 1)[0])


def base_url(request: HttpRequest) -> str:
    """Return scheme, host and mount root as clients see them, without a trailing slash.

    That is PUBLIC_URL where it is set, else what the request came by.
    """
    return settings.PUBLIC_URL.rstrip("/") or f"{request.scheme}://{request.get_host()}"


def identity_url(request: HttpRequest) -> str:
    """Return where a client without a valid token finds identity (WWW-Authenticate)."""
    try:
        return f"{base_url(request)}/identity"
    except DisallowedHost:  # the answer to a broken Host header must not break on it again
        return "/identity"
