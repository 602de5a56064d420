"""One request: its body from the loop, the call in a thread, its answer back through the loop."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import close_old_connections, connections
from django.utils.module_loading import import_string

from cloudweb.pulse import pulse
from cloudweb.server import environ as requests
from cloudweb.server.answers import PIECE, Answer, Application, FileBlocks, Outflow, call
from cloudweb.server.bodies import Gone, Inflow, Receive, Spool, SpoolFull
from cloudweb.server.connection import Connection
from cloudweb.server.environ import Environ
from cloudweb.server.holding import ENVIRON, Holds, hold_of
from cloudweb.server.limits import Limits, Pace, Shares

log = structlog.get_logger(__name__)
Send = Callable[[Any], Awaitable[None]]
REQUESTS = "requests"  # what shows progress
#: Answered by a thread of their own, however busy the others are.
PROBES = ("/healthz", "/readyz")


class Busy(Exception):
    """Too much of this kind is under way."""


class Bridge:
    """The ASGI application around Django's WSGI one."""

    def __init__(self, application: Application, *, limits: Limits, spool: Path) -> None:
        self._application, self._limits = application, limits
        self._spool = Spool(spool)
        self.threads = ThreadPoolExecutor(limits.threads, "request")
        self.probes = ThreadPoolExecutor(1, "probe")
        self.files = ThreadPoolExecutor(8, "file")
        self.holds = Holds(_news, self.threads)
        self._transfers = Shares(each=limits.transfers_of_one, most=limits.transfers)
        self._clients = Shares(each=limits.connections, most=limits.most_connections)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket."""
        if scope.get("type") == "websocket":
            await self._serve_socket(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send)
        environ = requests.environ_of(scope)
        client = requests.client_of(environ)
        exchange.client = client or environ["REMOTE_ADDR"]
        if client and not self._clients.take(client):
            await exchange.say(429, "Too many requests from this address.")
            return
        try:
            if refused := requests.refusal(scope):
                await exchange.say(*refused)
            else:
                await self._answer(exchange, environ)
        except TimeoutError:
            await exchange.say(408, "The request came too slowly.")
        except (Busy, SpoolFull):
            await exchange.say(503, "Too many transfers are under way; try again in a moment.")
        except Gone:
            pass
        except asyncio.CancelledError:  # the server ends
            exchange.abort()
        finally:
            if client:
                self._clients.give(client)

    async def _serve_socket(self, scope: Any, receive: Receive, send: Send) -> None:
        """Hand a WebSocket to whom settings.WEBSOCKETS names for the beginning of its path."""
        for beginning, dotted in settings.WEBSOCKETS.items():
            if scope["path"].startswith(beginning):
                await import_string(dotted)(scope, receive, send, threads=self.threads)
                return
        await receive()
        await send({"type": "websocket.close"})

    async def _answer(self, exchange: Exchange, environ: Environ) -> None:
        length, chunked = requests.length_of(environ), requests.is_chunked(environ)
        if requests.is_upload(environ, larger_than=self._limits.max_body):
            await self._upload(exchange, environ)
        elif not chunked and (not length or length > self._limits.max_body):
            environ["wsgi.input"] = io.BytesIO()  # Django refuses what is too large unread
            exchange.unread = exchange.closes = length > 0
            await self._run(exchange, environ)
        else:
            pace = self._pace(self._limits.body_seconds)
            with self._spool.file() as file:
                size = await self._spool.take(
                    file, exchange.receive, most=self._limits.max_body, pace=pace
                )
                exchange.unread = exchange.closes = size > self._limits.max_body
                environ["wsgi.input"], environ["CONTENT_LENGTH"] = file, str(size)
                environ.pop("HTTP_TRANSFER_ENCODING", None)
                await self._run(exchange, environ)

    async def _run(self, exchange: Exchange, environ: Environ) -> None:
        pool = self.probes if environ["PATH_INFO"] in PROBES else self.threads

        def work() -> Answer:
            if exchange.gone:
                raise Gone
            try:
                return call(self._application, environ)
            finally:
                pulse().beat(REQUESTS)

        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(pool, work)
        if hold := hold_of(answer):
            await self.holds.wait(*hold, exchange.receive)
            environ[ENVIRON] = hold[0]
            environ["wsgi.input"].seek(0)
            answer = await loop.run_in_executor(pool, work)
            hold_of(answer)
        await self._send(exchange, answer)

    async def _upload(self, exchange: Exchange, environ: Environ) -> None:
        """Run the call in a thread of its own, which reads the body while it arrives."""
        inflow = Inflow()
        environ["wsgi.input"] = inflow
        pace = self._pace(self._limits.transfer_seconds)
        with self._share(exchange.client) as run:
            answering = run(lambda: call(self._application, environ))
            feeding = asyncio.create_task(inflow.feed(exchange.receive, pace=pace))
            try:
                answer = await asyncio.shield(answering)
            except asyncio.CancelledError:
                feeding.cancel()  # the thread's next read fails, and it cleans up
                with contextlib.suppress(asyncio.CancelledError):
                    await feeding
                raise
            broken = inflow.broken  # before we break it off ourselves
            feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feeding
        exchange.closes = not inflow.ended
        exchange.unread = exchange.closes and not broken
        await self._send(exchange, answer)

    async def _send(self, exchange: Exchange, answer: Answer) -> None:
        exchange.pace = self._pace(self._limits.transfer_seconds)
        try:
            if answer.rest is None:
                await exchange.send_whole(answer)
            elif isinstance(answer.rest, FileBlocks):
                await self._send_file(exchange, answer, answer.rest)
            else:
                await self._send_generated(exchange, answer)
            if exchange.unread:
                await self._linger(exchange)
            await exchange.finish()
        except (TimeoutError, BrokenPipeError):
            exchange.abort()

    async def _send_file(self, exchange: Exchange, answer: Answer, file: FileBlocks) -> None:
        loop = asyncio.get_running_loop()
        try:
            await exchange.start(answer)
            block = answer.body
            while block and not exchange.gone:
                await exchange.piece(block)
                block = await loop.run_in_executor(self.files, file.read)
        finally:
            await asyncio.shield(loop.run_in_executor(self.files, file.close))

    async def _send_generated(self, exchange: Exchange, answer: Answer) -> None:
        blocks: Any = answer.rest
        flow = Outflow()
        with contextlib.ExitStack() as stack:
            try:
                run = stack.enter_context(self._share(exchange.client))
            except Busy:
                answer.close()
                raise
            done = run(lambda: flow.run(blocks))
            stack.callback(flow.give_up)
            await exchange.start(answer)
            while not exchange.gone and (block := await flow.next()) is not None:
                await exchange.piece(block)
            flow.give_up()
            await done

    async def _linger(self, exchange: Exchange) -> None:
        """Take what a client still sends, so that he reads our answer instead of a reset."""
        pace = self._pace(self._limits.body_seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.transfer_seconds):
                while not exchange.gone:
                    message = await pace.wait(exchange.receive())
                    if message["type"] == "http.disconnect" or not message.get("more_body"):
                        return
                    pace.earn(len(message["body"]))

    @contextlib.contextmanager
    def _share(self, client: str) -> Any:
        """Give the means to run something in a new thread; raise Busy when there are enough."""
        if not self._transfers.take(client):
            raise Busy
        loop = asyncio.get_running_loop()
        running: list[asyncio.Future[Any]] = []

        def run(work: Callable[[], Any]) -> asyncio.Future[Any]:
            future = loop.create_future()
            running.append(future)
            threading.Thread(
                target=_in_thread, args=(work, future, loop), name="transfer", daemon=True
            ).start()
            return future

        try:
            yield run
        finally:
            for future in running:
                future.add_done_callback(lambda _done: self._transfers.give(client))

    def _pace(self, seconds: float) -> Pace:
        return Pace(seconds=seconds, rate=self._limits.least_rate)


def _news() -> Collection[str]:
    """Ask what has news for those whose answers are held; the thread keeps its connection as for a request."""
    close_old_connections()
    found: Collection[str] = import_string(settings.HELD)()
    return found


def _in_thread(
    work: Callable[[], Any], future: asyncio.Future[Any], loop: asyncio.AbstractEventLoop
) -> None:
    """Run a transfer to its end; what it used of the database ends with its thread."""
    result, error = None, None
    try:
        result = work()
    except BaseException as raised:  # noqa: BLE001  # whoever waits for the future raises it
        error = raised
    finally:
        connections.close_all()

    def tell() -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    with contextlib.suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(tell)


class Exchange:
    """The client's side of one request."""

    def __init__(self, scope: Any, receive: Receive, send: Send) -> None:
        self.receive, self._send = receive, send
        self._connection: Connection = scope["connection"]
        self.client = ""  # who is counted for its transfers
        self.pace: Pace | None = None
        self.unread = False  # something of the body is still to come
        self.closes = False  # no other request follows on this connection
        self._started = self._finished = False

    @property
    def gone(self) -> bool:
        """Tell whether the connection is lost."""
        return self._connection.lost

    def abort(self) -> None:
        """End the connection now."""
        self._connection.abort()

    async def say(self, status: int, text: str) -> None:
        """Answer a few words of the front's own, and close."""
        if self._started or self.gone:
            self.abort()
            return
        body = f"{text}\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"),
                   (b"content-length", str(len(body)).encode())]  # fmt: skip
        if status == 503:
            headers.append((b"retry-after", b"5"))
        await self.start(Answer(status, headers))
        await self._out({"type": "http.response.body", "body": body})

    async def start(self, answer: Answer) -> None:
        """Send status and headers."""
        self._started = True
        if self.closes:
            answer.headers.append((b"connection", b"close"))
        await self._out(
            {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        )

    async def piece(self, data: bytes) -> None:
        """Send a part; wait while the client has not read enough of the one before."""
        await self._out({"type": "http.response.body", "body": data, "more_body": True})
        if self.pace is not None:
            self.pace.earn(len(data))

    async def send_whole(self, answer: Answer) -> None:
        """Send an answer that is there."""
        await self.start(answer)
        if len(answer.body) <= PIECE and not self.unread:
            await self.finish(answer.body)
            return
        view = memoryview(answer.body)
        for at in range(0, len(view), PIECE):
            await self.piece(bytes(view[at : at + PIECE]))

    async def finish(self, last: bytes = b"") -> None:
        """Say that this was all."""
        if not self._finished and not self.gone:
            self._finished = True
            await self._out({"type": "http.response.body", "body": last})

    async def _out(self, message: Any) -> None:
        """Send; when the client has not read what was sent before, only for so long."""
        if self._connection.flow.write_paused and self.pace is not None:
            await self.pace.wait(self._send(message))
        else:
            await self._send(message)
