"""What this cloud knows of an OpenID Connect provider it is a client of."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
DEFAULT_SCOPES = "openid profile email"


@dataclass(frozen=True, slots=True)
class OidcClient:
    """A registration at a provider.

    ``audiences`` are what an access token may be meant for beside ``client_id``; ``hosts`` are
    those that may serve the provider's endpoints beside the issuer's own.
    """

    provider_id: str
    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: str = DEFAULT_SCOPES
    audiences: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    asks_userinfo: bool = False

    def accepts(self, url: str) -> bool:
        """Tell whether a URL is the provider's: over TLS (or on this machine), on a host of its own."""
        if not is_fit_for_tokens(url):
            return False
        host = urlsplit(url).netloc.lower()
        return host in (urlsplit(self.issuer).netloc.lower(), *self.hosts)


def is_fit_for_tokens(url: str) -> bool:
    """Tell whether a URL is whole, without credentials, and https or on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises for one that is none
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
