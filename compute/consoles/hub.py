"""The one reader of a guest's serial line: QEMU serves one client, and many may want to look.

What a viewer does not read in time he loses, oldest first: nobody makes the others wait, and what is kept is
bounded in bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

#: Bytes of the newest output that who comes later sees, and that are kept for who does not read.
TAIL, BEHIND = 64 * 1024, 256 * 1024
READ = 16 * 1024
#: Seconds until a line that is gone is tried again.
AGAIN = 0.5
#: Seconds for which what is typed waits for the line.
TYPED_AHEAD = 2.0
GONE = b"\r\n\x1b[2m[The server does not run. Its console comes back with it.]\x1b[0m\r\n"


class GuestGone(Exception):
    """There is no such guest any more."""


class Viewer:
    """Who looks: what he has not read yet."""

    def __init__(self, first: bytes) -> None:
        self._waiting = bytearray(first)
        self._news = asyncio.Event()
        self._ended = False
        if first:
            self._news.set()

    def show(self, data: bytes) -> None:
        """Keep it for him; the oldest of what is too much is lost."""
        self._waiting += data
        del self._waiting[:-BEHIND]
        self._news.set()

    def end(self) -> None:
        """Say that nothing more will come."""
        self._ended = True
        self._news.set()

    async def read(self) -> bytes:
        """Return what is new; empty at the end."""
        while not self._waiting and not self._ended:
            self._news.clear()
            await self._news.wait()
        found = bytes(self._waiting)
        self._waiting.clear()
        return found


class Hub:
    """One guest's serial line; it is connected to while somebody looks.

    ``connect`` returns a connected socket; OSError: not now, GuestGone: never again.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[socket.socket]], *, before: bytes = b""
    ) -> None:
        self._connect = connect
        self._tail = bytearray(before[-TAIL:])
        self._viewers: set[Viewer] = set()
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self.ended = False

    @property
    def is_idle(self) -> bool:
        """Tell whether nobody looks."""
        return not self._viewers

    def join(self) -> Viewer:
        """Let somebody look; he sees the newest output first."""
        viewer = Viewer(bytes(self._tail))
        self._viewers.add(viewer)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Let him go; the line is hung up after the last one."""
        self._viewers.discard(viewer)
        if not self._viewers and self._task is not None:
            self._task.cancel()

    async def type(self, data: bytes) -> None:
        """Send what somebody typed; while the guest does not run it goes nowhere."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(TYPED_AHEAD):
                await self._connected.wait()
            if self._writer is not None:
                self._writer.write(data)
                await self._writer.drain()

    async def _run(self) -> None:
        told = False
        try:
            while True:
                try:
                    reader, self._writer = await asyncio.open_unix_connection(
                        sock=await self._connect()
                    )
                    self._connected.set()
                    told = False
                    await self._follow(reader)
                except GuestGone:
                    break
                except OSError:
                    pass
                finally:
                    self._hang_up()
                if not told:
                    self._show(GONE)
                    told = True
                await asyncio.sleep(AGAIN)
        finally:
            self.ended = True
            for viewer in self._viewers:
                viewer.end()

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(READ):
            self._show(data)

    def _show(self, data: bytes) -> None:
        self._tail += data
        del self._tail[:-TAIL]
        for viewer in self._viewers:
            viewer.show(data)

    def _hang_up(self) -> None:
        self._connected.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
