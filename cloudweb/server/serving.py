"""The server process: binds, serves until a signal, ends within the time its supervisor gives."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import uvicorn

from cloudweb.pulse import pulse
from cloudweb.server.answers import Application
from cloudweb.server.bridge import REQUESTS, Bridge
from cloudweb.server.connection import Connection
from cloudweb.server.limits import Limits

LOOP = "loop"  # what shows progress, beside REQUESTS
KEEP_ALIVE = 15  # seconds an idle connection is kept
#: Seconds for answers under way, and for threads after that; the supervisor waits 3.5.
GRACE, THREADS_GRACE = 2, 0.8


class Server(uvicorn.Server):
    """Wakes once a second instead of ten times, and at once for a signal.

    It shows progress while its loop turns and requests are answered. Where there are none, a thread that
    is free is knocked at.
    """

    def __init__(self, config: uvicorn.Config, *, bridge: Bridge) -> None:
        super().__init__(config)
        self._bridge, self._threads = bridge, bridge.threads
        self._knock: Future[None] | None = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer who is held, and end."""
        self._bridge.holds.release()
        await super().shutdown(sockets)

    def show_progress(self) -> None:
        """Beat for the loop; let a thread beat for all that answer requests."""
        pulse().beat(LOOP)
        if self._knock is None or self._knock.done():
            self._knock = self._threads.submit(pulse().beat, REQUESTS)

    async def main_loop(self) -> None:
        """Sleep until the end."""
        self._loop, self._signalled = asyncio.get_running_loop(), asyncio.Event()
        pulse().part(LOOP)
        pulse().part(REQUESTS)
        pulse().ready()
        while not await self.on_tick(0):
            self.show_progress()
            try:
                async with asyncio.timeout(1):
                    await self._signalled.wait()
            except TimeoutError:
                continue

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin the end."""
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._signalled.set)


def listen(host: str, port: int) -> socket.socket:
    """Return the listening socket; ``::`` listens for IPv4 too. Raises OSError.

    It names its protocol: asyncio sends small answers at once (TCP_NODELAY) where a socket does.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
        sock.bind((host, port))
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    return sock


def serve(application: Application, *, sock: socket.socket, limits: Limits, spool: Path) -> None:
    """Serve until SIGTERM or SIGINT."""
    bridge = Bridge(application, limits=limits, spool=spool)
    config = uvicorn.Config(
        bridge,
        loop="asyncio",
        http=Connection.under(limits),
        ws="wsproto",
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again at its end
        signal.signal(number, lambda *_: None)
    Server(config, bridge=bridge).run(sockets=[sock])
    for pool in (bridge.threads, bridge.probes, bridge.files):
        pool.shutdown(wait=False, cancel_futures=True)
    _end_threads()


def _end_threads() -> None:
    """Wait a moment for requests that go on without a client, then end all the same."""
    deadline = time.monotonic() + THREADS_GRACE
    ours = ("request", "probe", "file", "transfer")
    for thread in threading.enumerate():
        if thread.name.startswith(ours):
            thread.join(max(0, deadline - time.monotonic()))
            if thread.is_alive():
                logging.getLogger(__name__).warning("Ended in the middle of a request.")
                sys.stderr.flush()
                os._exit(0)
