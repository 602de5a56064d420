"""By which names the cloud may be asked: what a request says of its host goes into links.

With PUBLIC_URL no link depends on it, with ALLOWED_HOSTS an operator has said which names count.
Without either a request must name the address it came to, or this machine; anybody can then follow
the links, and nobody can have them lead elsewhere.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from cloudweb.addresses import parse_address
from cloudweb.api.errors import error_response
from cloudweb.api.proxies import plain_address
from cloudweb.conf import host_name, listen_address
from cloudweb.exceptions import BadRequest
from cloudweb.mounts import service_of

#: Asked by machines that know no name, and answered without a link.
NAMELESS = ("/healthz", "/readyz", "/metadata")
UNKNOWN = (
    "The cloud is not known by the host name of this request. Ask it by its address, or have its "
    "operator set PUBLIC_URL or ALLOWED_HOSTS."
)
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(\d{1,5}))?\Z")
Next = Callable[[HttpRequest], HttpResponseBase]


class HostMiddleware:
    """Refuse a request by a name that is not ours, before anything builds a link."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not settings.HOSTS_BY_ADDRESS or is_ours(request) or request.path.startswith(NAMELESS):
            return self.get_response(request)
        if service_of(request.path):
            return error_response(request, BadRequest(UNKNOWN))
        return HttpResponse(f"{UNKNOWN}\n", status=400, content_type="text/plain")


def is_ours(request: HttpRequest) -> bool:
    """Tell whether a request names its own address and port, or the loopback (a tunnel has any port)."""
    try:
        found = _HOST.match(request.get_host().lower())
    except DisallowedHost:
        return False
    if found is None:
        return False
    name = plain_address(found[1].strip("[]"))
    port = found[2] or ("443" if request.is_secure() else "80")
    if name == "localhost" or _is_loopback(name):
        return True
    here = plain_address(str(request.META.get("SERVER_NAME", "")))
    return port == str(request.META.get("SERVER_PORT")) and (name == here or name in _own_names())


def _is_loopback(name: str) -> bool:
    try:
        return parse_address(name).is_loopback
    except ValueError:
        return False


@cache
def _own_names() -> frozenset[str]:
    return frozenset({socket.gethostname().lower(), host_name(), listen_address()[0].lower()})
