"""What a URL must look like before anything is asked of anybody: scheme, host, port, no credentials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from django.conf import settings

from cloudweb.exceptions import BadRequest
from image.download.addresses import Network, networks

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?")
_NETLOC = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\[\]:@]*)(?::\d{0,5})?")
_PRINTABLE = re.compile(
    r"[\x21-\x5b\x5d-\x7e]+"
)  # ASCII without blanks, controls and the backslash
_PORTS = {"http": 80, "https": 443}
MAX_URL = 2048


class UrlRefused(BadRequest):
    """A URL that this cloud does not download from."""

    code = "image_url_refused"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was taken apart once, so that nobody reads it another way."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """Return the URL without its query, which may be a secret."""
        return f"{self.scheme}://{self.authority}{self.path.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator's settings allow."""

    schemes: Sequence[str]
    ports: Sequence[int]
    hosts: Sequence[str]
    deny_hosts: Sequence[str]
    allow: Sequence[Network]
    ca: str = ""

    @classmethod
    def of_settings(cls) -> Rules:
        """Read them."""
        return cls(
            schemes=settings.IMAGE_DOWNLOAD_SCHEMES,
            ports=settings.IMAGE_DOWNLOAD_PORTS,
            hosts=settings.IMAGE_DOWNLOAD_HOSTS,
            deny_hosts=settings.IMAGE_DOWNLOAD_DENY_HOSTS,
            allow=networks(settings.IMAGE_DOWNLOAD_ALLOW),
            ca=settings.IMAGE_DOWNLOAD_CA,
        )

    def target(self, url: str) -> Target:
        """Take a URL apart; raise UrlRefused, which says what is wrong with it."""
        if len(url) > MAX_URL or not _PRINTABLE.fullmatch(url):
            raise UrlRefused("The URL is malformed or too long.")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UrlRefused("The URL is malformed.") from None
        if parts.scheme not in self.schemes or parts.scheme not in _PORTS:
            raise UrlRefused(f"The URL must begin with {_either(f'{s}://' for s in self.schemes)}.")
        if "@" in parts.netloc:
            raise UrlRefused("The URL must hold no user name or password.")
        if not _NETLOC.fullmatch(parts.netloc):
            raise UrlRefused("The URL names no valid host.")
        host = _host(parts.hostname or "")
        port = _PORTS[parts.scheme] if port is None else port
        if port not in self.ports:
            raise UrlRefused(f"The port must be {_either(map(str, self.ports))}, not {port}.")
        if _listed(host, self.deny_hosts) or (self.hosts and not _listed(host, self.hosts)):
            raise UrlRefused(f"This cloud does not download from {host}.")
        query = f"?{parts.query}" if parts.query else ""
        return Target(parts.scheme, host, port, f"{parts.path or '/'}{query}")


def _host(text: str) -> str:
    if ":" in text:
        try:
            address = IPv6Address(text)
        except ValueError:
            raise UrlRefused("The URL names no valid host.") from None
        if address.scope_id is not None:
            raise UrlRefused("The URL names no valid host.")
        return str(address)
    host = text.lower().removesuffix(".")
    if not _HOST.fullmatch(host) or ".." in host:
        raise UrlRefused("The URL names no valid host.")
    return host


def _listed(host: str, patterns: Iterable[str]) -> bool:
    """Tell whether a host is listed: itself, or below a name that begins with a dot."""
    return any(
        host == pattern or (pattern.startswith(".") and host.endswith(pattern))
        for pattern in (one.lower() for one in patterns)
    )


def _either(words: Iterable[str]) -> str:
    return " or ".join(words) or "(nothing is allowed)"
