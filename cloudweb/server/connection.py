"""One TCP connection: uvicorn's protocol with deadlines, and with bounds on what a client may pile up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from cloudweb.api.proxies import is_trusted, one_client
from cloudweb.server.limits import MAX_HEAD, MAX_HEADERS, Limits, Shares

#: Requests sent ahead of their answers; clients that pipeline send two or three.
MAX_PIPELINED = 16
#: What asyncio reads at once: so much may stand before an unfinished head in one piece of data.
READ = 256 * 1024
#: Bytes around each byte of a body at most: chunks of one byte have five or six.
FRAMES = 16


def _last_words(status: str, text: str) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
        f"Connection: close\r\n\r\n{text}"
    ).encode()


TOO_MANY = _last_words("429 Too Many Requests", "Too many connections from this address.\n")
TOO_LARGE = _last_words("431 Request Header Fields Too Large", "The headers are too long.\n")


class Connection(HttpToolsProtocol):
    """Ends by itself when its client is silent, drips headers, or does not read the last answer."""

    limits: ClassVar[Limits]
    shares: ClassVar[Shares]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lost = False
        self._holder = ""  # who is counted for it; nobody for a trusted proxy
        self._running: RequestResponseCycle | None = None
        self._in_head = self._in_message = False
        self._received = self._of_body = 0  # bytes of the message that comes in
        self._head_timer: asyncio.TimerHandle | None = None
        self._end_timer: asyncio.TimerHandle | None = None

    @classmethod
    def under(cls, limits: Limits) -> type[Connection]:
        """Return the class of all connections of one server."""
        shares = Shares(each=limits.connections, most=limits.most_connections)
        return type("Connection", (cls,), {"limits": limits, "shares": shares})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, unless its address has enough of them."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not is_trusted(address):
            self._holder = one_client(address)
            if not self.shares.take(self._holder):
                self._holder = ""
                self._refuse(TOO_MANY)
                return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what it held; whoever works for it learns that nobody waits."""
        self.lost = True
        if self._holder:
            self.shares.give(self._holder)
            self._holder = ""
        self._head_is_here()
        self._unset_keepalive_if_required()
        if self._end_timer is not None:
            self._end_timer.cancel()
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; the deadline of a head runs from its first byte (even an empty line)."""
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()
        super().data_received(data)
        if self._in_message and not self.transport.is_closing():
            self._received += len(data)
            if self._received > MAX_HEAD + READ + FRAMES * self._of_body:
                self._stop_this()
        self._end_in_time()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on; what it holds is given back when it is lost."""
        self._head_is_here()
        super().handle_websocket_upgrade()
        socket = self.transport.get_protocol()
        lost = socket.connection_lost

        def give_back(exc: Exception | None) -> None:
            lost(exc)
            self.lost = True
            if self._holder:
                self.shares.give(self._holder)
                self._holder = ""

        socket.connection_lost = give_back  # type: ignore[method-assign]

    def _stop_this(self) -> None:
        """End what brings no body: a head, an extension of a chunk or a trailer without end."""
        if self._running is not None and not self._running.response_complete:
            self.abort()
        else:
            self._refuse(TOO_LARGE)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self.scope["connection"] = self  # type: ignore[typeddict-unknown-key]
        self._in_head = self._in_message = True
        self._received = self._of_body = 0
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; one more than allowed shows that there were too many. A trailer is none."""
        if self._in_head and len(self.headers) <= MAX_HEADERS:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._of_body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here as a whole."""
        self._in_message = False
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        """A head is complete; the request starts, or waits for its turn."""
        self._in_head = False
        self._head_is_here()
        if len(self.pipeline) >= MAX_PIPELINED:
            self.abort()
        if not self.transport.is_closing():
            super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it."""
        super().on_response_complete()
        self._end_in_time()

    def timeout_keep_alive_handler(self) -> None:
        """Close after a time without a request."""
        super().timeout_keep_alive_handler()
        self._end_in_time()

    def shutdown(self) -> None:
        """Close after the answer that is under way."""
        super().shutdown()
        self._end_in_time()

    def abort(self) -> None:
        """End now; what was not sent is lost."""
        for cycle in (self._running, self.cycle):
            if cycle is not None:
                cycle.disconnected = True
        with contextlib.suppress(
            OSError
        ):  # a reset: the kernel keeps nothing for who does not read
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        self.transport.abort()

    def _refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()
        self._end_in_time()

    def _end_in_time(self) -> None:
        """Let a closed connection that nobody reads end all the same."""
        if self.transport.is_closing() and self._end_timer is None and not self.lost:
            self._head_is_here()
            self._end_timer = self.loop.call_later(self.limits.transfer_seconds, self.abort)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.limits.header_seconds, self._late)

    def _head_is_here(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _late(self) -> None:
        self._head_timer = None
        if self.cycle is None or (self.cycle.response_complete and not self.pipeline):
            self.abort()
        else:  # it reads nothing while it works: the client may have sent it long ago
            self._expect_head()
