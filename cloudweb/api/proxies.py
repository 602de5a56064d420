"""Whom to believe about a request's origin: X-Forwarded-* from trusted proxies alone.

Without them anyone could choose the address the audit log shows, the host in his links, and a fresh
address for each guess of a password. Believed headers become what Django reads; others are dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from cloudweb.addresses import parse_address

log = structlog.get_logger(__name__)
Next = Callable[[HttpRequest], HttpResponseBase]
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO",
             "HTTP_X_FORWARDED_PORT")  # fmt: skip
#: Strangers a process has complained about already; it complains about a few alone.
_strangers: set[str] = set()
MOST_STRANGERS = 20


class ProxyMiddleware:
    """Make REMOTE_ADDR the client's; stands before everything that asks who or where."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        said = {name: request.META[name] for name in FORWARDED if name in request.META}
        if said:
            peer = str(request.META.get("REMOTE_ADDR", ""))
            for name in said:
                del request.META[name]
            if is_trusted(peer):
                _believe(request, said, peer)
            else:
                _complain(peer)
        return self.get_response(request)


def is_trusted(address: str) -> bool:
    """Tell whether an address is a proxy of ours (TRUSTED_PROXIES)."""
    found = _address(_without_interface(address))
    return found is not None and any(found in network for network in settings.TRUSTED_PROXIES)


def _believe(request: HttpRequest, said: dict[str, str], peer: str) -> None:
    """Take the client's address, and the host and scheme that the nearest proxy was asked for.

    Each proxy appends to a list, so the last entry is the one our own proxy vouches for.
    """
    request.META["REMOTE_ADDR"] = client_address(said.get("HTTP_X_FORWARDED_FOR", ""), peer)
    for name in ("HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO"):
        if name in said:
            request.META[name] = said[name].rpartition(",")[2].strip()


def client_address(forwarded: str, peer: str) -> str:
    """Return the nearest address of X-Forwarded-For that is no proxy of ours."""
    nearest = peer
    for entry in reversed(forwarded.split(",")):
        found = _address(_without_port(entry.strip()))
        if found is None:
            break
        nearest = str(found)
        if not is_trusted(nearest):
            break
    return nearest


def _without_port(entry: str) -> str:
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _without_interface(peer: str) -> str:
    """Return a peer's address without the interface that the kernel adds to a link-local one."""
    return peer.partition("%")[0]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address; one of IPv4 inside IPv6 as the IPv4 one that it is."""
    try:
        found = parse_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def plain_address(text: str) -> str:
    """Return an address in its one form; what is none as it is."""
    return str(_address(text) or text)


def one_client(address: str) -> str:
    """Return what stands for one client: its IPv4 address, or the /64 an IPv6 user has whole."""
    found = _address(_without_interface(address))
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, 64), strict=False))
    return str(found or address)


def _complain(peer: str) -> None:
    if peer not in _strangers and len(_strangers) < MOST_STRANGERS:
        _strangers.add(peer)
        log.warning(
            "X-Forwarded headers ignored; if this is your reverse proxy, name it in TRUSTED_PROXIES",
            peer=peer,
        )
