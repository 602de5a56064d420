"""Connections that go exactly to an address that was checked, and end at a deadline."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any

import httpcore

from image.download.addresses import Address, Network, is_allowed
from image.download.rules import UrlRefused

Resolver = Callable[[str, int], Sequence[Address]]


def system_resolver(host: str, port: int) -> list[Address]:
    """Ask the system for a name's addresses, once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


class CheckedBackend(httpcore.NetworkBackend):
    """Resolves a name once, drops what is not allowed, and connects to the rest by number.

    The name stays in the Host header and in TLS, and is never resolved a second time.
    """

    def __init__(self, *, allow: Sequence[Network], resolve: Resolver, until: float) -> None:
        self._allow, self._resolve, self._until = allow, resolve, until
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
                    str(address), port, remaining(self._until, timeout)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
            else:
                return TimedStream(stream, self._until)
        raise last


class TimedStream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline of the whole."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream, self._until = stream, until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read."""
        return self._stream.read(max_bytes, remaining(self._until, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write."""
        self._stream.write(buffer, remaining(self._until, timeout))

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
            ssl_context, server_hostname, remaining(self._until, timeout)
        )
        return TimedStream(stream, self._until)

    def get_extra_info(self, info: str) -> Any:
        """Ask the connection."""
        return self._stream.get_extra_info(info)


def remaining(until: float, timeout: float | None) -> float:
    """Return how long a wait may take; raise ReadTimeout when the time is over."""
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time of the whole download is over")
    return left if timeout is None else min(timeout, left)
