"""One download: redirects checked hop by hop, no credentials, no proxy, no decompression, limits."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import httpcore

from cloudweb.exceptions import ServiceUnavailable
from cloudweb.version import RELEASE
from image.download.connecting import CheckedBackend, Deadline, Resolver, system_resolver
from image.download.rules import Rules, Target, UrlRefused

MAX_HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({408, 425, 429})


class DownloadBroke(ServiceUnavailable):
    """The other side does not answer, or left off; trying again may help."""

    code = "image_download_broke"


class DownloadTooSlow(UrlRefused):
    """The other side drips, so that it would hold a place others wait for."""

    code = "image_download_too_slow"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: to connect, between two bytes (and for an answer's head), for the whole.

    ``rate`` is the least bytes per second, on average over ``window`` seconds of waiting.
    """

    connect: float = 10
    idle: float = 60
    total: float = 4 * 3600
    rate: int = 0
    window: float = 60

    @property
    def of_each(self) -> dict[str, float]:
        """As the HTTP library takes them."""
        return {
            "connect": self.connect,
            "read": self.idle,
            "write": self.idle,
            "pool": self.connect,
        }


class Download:
    """The body of an answer as a stream; ``length`` is what the other side announced."""

    def __init__(self, answer: httpcore.Response, target: Target, limits: Limits) -> None:
        self.target, self._limits = target, limits
        self._waited, self._came = 0.0, 0
        self.length = _length(answer)
        self._chunks = answer.iter_stream()
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, b"" at the end; raise DownloadBroke, DownloadTooSlow."""
        while not self._rest:
            began = time.monotonic()
            with _said(self.target):
                chunk = next(iter(self._chunks), None)
            if chunk is None:
                return b""
            self._count(len(chunk), waited=time.monotonic() - began)
            self._rest = chunk
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    def _count(self, size: int, *, waited: float) -> None:
        """Judge the rate by the time that was spent waiting alone: our disk may be slow, too."""
        self._came, self._waited = self._came + size, self._waited + waited
        if self._waited < self._limits.window:
            return
        rate = self._came / self._waited
        if rate < self._limits.rate:
            raise DownloadTooSlow(
                f"{self.target} sends too slowly: {rate / 1024:.1f} KiB/s, "
                f"at least {self._limits.rate / 1024:g} are needed."
            )
        self._came, self._waited = 0, 0.0


@contextmanager
def download(
    url: str, *, rules: Rules, limits: Limits, resolve: Resolver = system_resolver
) -> Iterator[Download]:
    """Open a URL for reading. Raises UrlRefused (for good), DownloadBroke (try again)."""
    deadline = Deadline(limits.total)
    target = rules.target(url)
    backend = CheckedBackend(allow=rules.allow, resolve=resolve, deadline=deadline)
    context = ssl.create_default_context(cafile=rules.ca or None)
    with httpcore.ConnectionPool(
        ssl_context=context, network_backend=backend, max_connections=1, http2=False, retries=0
    ) as pool:
        for _ in range(MAX_HOPS + 1):
            with _said(target), deadline.within(limits.connect + limits.idle):
                answer = pool.handle_request(_request(target, limits))
            try:
                if answer.status not in _REDIRECTS:
                    _check(answer, target)
                    yield Download(answer, target, limits)
                    return
                target = _next_hop(answer, target, rules)
            finally:
                answer.close()
    raise UrlRefused(f"The download was redirected more than {MAX_HOPS} times.")


def _request(target: Target, limits: Limits) -> httpcore.Request:
    return httpcore.Request(
        "GET",
        httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
        headers={
            "Host": target.authority,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": f"cloudweb/{RELEASE}",
        },
        extensions={"timeout": limits.of_each},
    )


def _next_hop(answer: httpcore.Response, target: Target, rules: Rules) -> Target:
    location = _header(answer, b"location")
    if not location:
        raise UrlRefused(f"{target} redirects to nowhere.")
    port = f"{target.scheme}://{target.authority}{target.path}"
    following = rules.target(urljoin(port, location))
    if target.scheme == "https" and following.scheme != "https":
        raise UrlRefused(f"{target} redirects from https to plain http.")
    return following


def _check(answer: httpcore.Response, target: Target) -> None:
    status = answer.status
    if status >= 500 or status in _TRY_AGAIN:
        raise DownloadBroke(f"{target} answered {status}.")
    if status != 200:
        raise UrlRefused(f"{target} answered {status}.")
    if _header(answer, b"content-encoding").lower() not in ("", "identity"):
        raise UrlRefused(f"{target} is sent compressed though that was not asked for.")


def _length(answer: httpcore.Response) -> int | None:
    text = _header(answer, b"content-length")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _header(answer: httpcore.Response, name: bytes) -> str:
    values = [value for key, value in answer.headers if key.lower() == name]
    return values[0].decode("latin-1").strip() if values else ""


@contextmanager
def _said(target: Target) -> Iterator[None]:
    """Turn the HTTP library's errors into sentences; they never name an address."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise DownloadBroke(f"{target} took too long.", detail=repr(error)) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise UrlRefused(
                f"The certificate of {target.host} is not valid.", detail=repr(error)
            ) from error
        raise DownloadBroke(
            f"{target} does not answer or broke off.", detail=repr(error)
        ) from error
