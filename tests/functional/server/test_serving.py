"""The listening socket."""

from __future__ import annotations

import asyncio
import socket

import pytest

from cloudweb.server.serving import listen


def test_small_answers_do_not_wait_for_an_acknowledgement() -> None:
    """asyncio turns Nagle's algorithm off for connections of a socket that names its protocol."""

    async def is_undelayed() -> bool:
        loop, found = asyncio.get_running_loop(), asyncio.Event()
        undelayed = []

        class Look(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                accepted = transport.get_extra_info("socket")
                undelayed.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                found.set()

        sock = listen("127.0.0.1", 0)
        server = await loop.create_server(Look, sock=sock)
        _, writer = await asyncio.open_connection(*sock.getsockname())
        await found.wait()
        writer.close()
        server.close()
        return bool(undelayed[0])

    assert asyncio.run(is_undelayed())


def test_every_address_is_one_of_both_kinds() -> None:
    with listen("::", 0) as sock:
        port = sock.getsockname()[1]
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, port), timeout=10).close()


def test_a_port_that_is_taken_is_an_error() -> None:
    with listen("127.0.0.1", 0) as sock, pytest.raises(OSError, match="in use"):
        listen(*sock.getsockname())
