"""Connections that go exactly to an address that was checked, and end at a deadline."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpcore

from cloudweb.addresses import parse_address
from image.download.addresses import Address, Network, is_allowed
from image.download.rules import UrlRefused

Resolver = Callable[[str, int], Sequence[Address]]


def system_resolver(host: str, port: int) -> list[Address]:
    """Ask the system for a name's addresses, once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(parse_address(str(entry[4][0]).partition("%")[0]) for entry in found))


class Deadline:
    """When the waiting ends: of the whole, or before that of an answer's head."""

    def __init__(self, total: float) -> None:
        self._end = self._until = time.monotonic() + total

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End every wait so soon, however the bytes drip."""
        self._until = min(self._end, time.monotonic() + seconds)
        try:
            yield
        finally:
            self._until = self._end

    def remaining(self, timeout: float | None) -> float:
        """Return how long a wait may take; raise ReadTimeout when the time is over."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time of the download or of its head is over")
        return left if timeout is None else min(timeout, left)


class CheckedBackend(httpcore.NetworkBackend):
    """Resolves a name once, drops what is not allowed, and connects to the rest by number.

    The name stays in the Host header and in TLS, and is never resolved a second time.
    """

    def __init__(self, *, allow: Sequence[Network], resolve: Resolver, deadline: Deadline) -> None:
        self._allow, self._resolve, self._deadline = allow, resolve, deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first allowed address that answers; raise UrlRefused when none is."""
        try:
            found = self._resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        allowed = [address for address in found if is_allowed(address, self._allow)]
        if not allowed:
            raise UrlRefused(f"This cloud does not download from the address of {host}.")
        last: Exception = httpcore.ConnectError("no address")
        for address in allowed:
            try:
                stream = self._plain.connect_tcp(
                    str(address), port, self._deadline.remaining(timeout)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
            else:
                return TimedStream(stream, self._deadline)
        raise last


class TimedStream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read."""
        return self._stream.read(max_bytes, self._deadline.remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write."""
        self._stream.write(buffer, self._deadline.remaining(timeout))

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Encrypt; the certificate must be of the name in the URL."""
        stream = self._stream.start_tls(
            ssl_context, server_hostname, self._deadline.remaining(timeout)
        )
        return TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Ask the connection."""
        return self._stream.get_extra_info(info)
