"""The WebSocket of a console: from a viewer's browser to the host of the guest, and back.

Bytes go through as they are, in binary messages. Who speaks the sub-protocol ``console.cloudweb`` is told more, in
text messages of JSON: ``{"next": token}`` to come back with when the line broke, ``{"recorded": words}`` where what
is shown is kept, ``{"error": words}`` before the end. Others see that it is recorded as a line of the console.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import structlog
from django.conf import settings
from django.db import close_old_connections

from cloudweb.api.proxies import client_address, is_trusted
from cloudweb.exceptions import CloudwebError
from instances.api.console_tape import Tape
from instances.exceptions import ConsoleUnreachable
from instances.manager import OpenedConsole, redeem, renewed
from operations.certificates import authority_pem

log = structlog.get_logger(__name__)
R = TypeVar("R")
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
TALKS = "console.cloudweb"
#: What programs ask for who know of binary messages only.
PLAIN = ("binary", "base64")
KINDS = ("serial", "novnc")
READ = 16 * 1024
#: Seconds for the way to the host, between two tokens, and in which a viewer must read what he is sent.
REACH, RENEW, UNREAD = 5.0, 240.0, 30.0
RECORDED = "This console is recorded for the managers of its project."
#: The end as WebSockets say it: refused, gone for good, try again.
REFUSED, OVER, LATER = 4403, 4410, 4503


class Viewer:
    """One WebSocket."""

    def __init__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        offered = list(scope.get("subprotocols") or ())
        self.talks = TALKS in offered
        self._protocol = (
            TALKS if self.talks else next((one for one in PLAIN if one in offered), None)
        )
        self._accepted = False

    @property
    def kind(self) -> str:
        """The kind of console that the path names; empty for none."""
        kind = str(self._scope["path"]).rstrip("/").rpartition("/")[2]
        return kind if kind in KINDS else ""

    @property
    def token(self) -> str:
        """The token in the query."""
        query = str(self._scope["query_string"].decode("latin-1"))
        return parse_qs(query).get("token", [""])[0]

    @property
    def address(self) -> str:
        """Where it comes from, as far as a trusted proxy says."""
        client = self._scope.get("client")
        peer = str(client[0]) if client else ""
        said = self._header(b"x-forwarded-for")
        return client_address(said, peer) if said and is_trusted(peer) else peer

    def is_of_this_site(self) -> bool:
        """Tell whether a browser comes from a page of ours; programs name no origin."""
        origin = self._header(b"origin")
        if not origin:
            return True
        ours = {urlsplit(settings.PUBLIC_URL).netloc, self._header(b"host")}
        ours.add(self._header(b"x-forwarded-host"))
        return urlsplit(origin).netloc in ours - {""}

    def _header(self, name: bytes) -> str:
        values = [value for key, value in self._scope["headers"] if key == name]
        return str(values[-1].decode("latin-1")) if values else ""

    async def accept(self) -> None:
        """Begin."""
        self._accepted = True
        await self._send({"type": "websocket.accept", "subprotocol": self._protocol})

    async def tell(self, **words: str) -> None:
        """Say something about the line, to who listens to that."""
        if self.talks:
            await self._send({"type": "websocket.send", "text": json.dumps(words)})

    async def greet(self, token: str, *, recorded: bool) -> None:
        """Say how to come back, and that it is recorded: to who listens to nothing else as a line of the console."""
        await self.tell(next=token, **({"recorded": RECORDED} if recorded else {}))
        if recorded and not self.talks:
            await self.show(f"\r\n\x1b[1m[{RECORDED}]\x1b[0m\r\n".encode())

    async def show(self, data: bytes) -> None:
        """Send what the guest said; TimeoutError for who does not read."""
        async with asyncio.timeout(UNREAD):
            await self._send({"type": "websocket.send", "bytes": data})

    async def read(self) -> bytes | None:
        """Return what was typed; None at the end."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return None
        data: bytes = message.get("bytes") or (message.get("text") or "").encode()
        return data

    async def end(self, code: int, words: str = "", **more: str) -> None:
        """Say why it ends, and end it; who does not listen to words is refused at once."""
        if not self._accepted and self.talks:
            await self.accept()
        if words:
            await self.tell(error=words, **more)
        await self._send({"type": "websocket.close", "code": code})


async def serve(
    scope: Mapping[str, Any], receive: Receive, send: Send, *, threads: Executor
) -> None:
    """Let a viewer look until he, the guest or the time ends it."""
    viewer = Viewer(scope, receive, send)
    await receive()
    if not viewer.kind or not viewer.is_of_this_site():
        await viewer.end(REFUSED)
        return
    try:
        opened = await _in_thread(
            threads, partial(redeem, viewer.token, kind=viewer.kind, remote_address=viewer.address)
        )
        reader, writer = await _reach(opened)
    except ConsoleUnreachable as error:
        await viewer.end(LATER, error.message, next=error.next_token)
        return
    except CloudwebError as error:
        await viewer.end(REFUSED, error.message)
        return
    tape = Tape(opened.recording_id, partial(_in_thread, threads)) if opened.recording_id else None
    try:
        await viewer.accept()
        await viewer.greet(opened.next_token, recorded=tape is not None)
        await _look(viewer, reader, writer, opened, threads, tape)
    finally:
        writer.close()
        if tape is not None:
            await tape.end()


async def _look(
    viewer: Viewer,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    opened: OpenedConsole,
    threads: Executor,
    tape: Tape | None,
) -> None:
    async def typing() -> None:
        while (data := await viewer.read()) is not None:
            writer.write(data)
            await writer.drain()

    async def showing() -> None:
        while data := await reader.read(READ):
            if tape is not None:
                await tape.hear(data)
            await viewer.show(data)

    async def renewing() -> None:
        token = opened.next_token
        while token:
            await asyncio.sleep(RENEW)
            token = await _in_thread(threads, partial(renewed, token, recorded=tape is not None))
            if token:
                await viewer.tell(next=token)

    works = [typing, showing, renewing, *([tape.run] if tape is not None else ())]
    tasks = [asyncio.create_task(one()) for one in works]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if tasks[0] not in done:  # he is still there
        with contextlib.suppress(OSError, TimeoutError):
            if tasks[2] in done:
                await viewer.end(OVER, "You have looked for as long as one may: open it again.")
            else:
                await viewer.end(LATER)


async def _reach(opened: OpenedConsole) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Come in at the host: by its socket on this machine, by TLS on others."""
    try:
        async with asyncio.timeout(REACH):
            if Path(opened.path).exists():
                reader, writer = await asyncio.open_unix_connection(opened.path)
            elif opened.address:
                reader, writer = await asyncio.open_connection(
                    opened.address, opened.port, ssl=_trust(), server_hostname=opened.host
                )
            else:
                raise ConsoleUnreachable(
                    "The host of this server serves consoles to its own machine alone.", ""
                )
            writer.write(f"{opened.ticket}\n".encode())
            if await reader.readline() == b"ok\n":
                return reader, writer
            writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        log.warning("console not reached", host=opened.host, detail=str(error))
    raise ConsoleUnreachable("The host of this server does not answer for now.", opened.next_token)


def _trust() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority_pem())


async def _in_thread(threads: Executor, work: Callable[[], R]) -> R:
    """Do what asks the database where requests do."""

    def run() -> R:
        close_old_connections()
        try:
            return work()
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(threads, run)
