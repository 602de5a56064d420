"""Where those come in who look at consoles: each with a ticket that counts once, for one console, for a minute.

A thread of its own with a loop, started with the first ticket. The first line that comes in is the ticket; after
``ok`` the console's bytes go both ways as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from cloudweb.driver import DriverError
from compute.consoles.hub import GuestGone, Hub
from compute.drivers.base import ConsoleLog, GuestNotFound, Hypervisor, SerialConsole, VncConsole
from compute.objects import ConsoleEntry, ConsoleOpening, GuestRef

log = structlog.get_logger(__name__)
#: Seconds for which a ticket counts, and in which who comes must have shown it.
TICKET, SHOWN_WITHIN = 60.0, 10.0
MOST_TICKETS = 1000
#: Lines of the log that who opens a serial console sees first.
LINES = 100
READ = 16 * 1024
#: Seconds for which who looks may take nothing of a picture before he is let go.
UNREAD = 30.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket is for, and until when by the monotonic clock."""

    opening: ConsoleOpening
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a host lets in: a Unix socket, and by TLS on ``address`` where that is not empty."""

    path: Path
    certificates: Path
    address: str = ""
    port: int = 0


class ConsoleDesk:
    """The consoles of one host."""

    def __init__(self, driver: Hypervisor, door: Door) -> None:
        self._driver, self._door = driver, door
        self._tickets: dict[str, Ticket] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hubs: dict[str, Hub] = {}
        self._port = 0  # of TLS, once it is listened to

    def open(self, opening: ConsoleOpening) -> ConsoleEntry:
        """Return where a console is, with a ticket; raise DriverError where there is none of the kind."""
        wanted = SerialConsole if opening.kind == "serial" else VncConsole
        if not isinstance(self._driver, wanted):
            raise DriverError(f"This server's hypervisor has no {opening.kind} console.")
        self._driver.get(opening.id)
        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._listen()
            now = time.monotonic()
            self._tickets = {key: one for key, one in self._tickets.items() if one.until > now}
            if len(self._tickets) >= MOST_TICKETS:
                raise DriverError("Too many consoles are being opened on this host.")
            self._tickets[ticket] = Ticket(opening, now + TICKET)
        door = self._door
        return ConsoleEntry(
            path=str(door.path),
            address=door.address if self._port else "",
            port=self._port,
            ticket=ticket,
        )

    # -- the loop

    def _listen(self) -> None:
        if self._loop is not None:
            return
        loop, ready = asyncio.new_event_loop(), threading.Event()
        problems: list[Exception] = []

        def run() -> None:
            asyncio.set_event_loop(loop)
            try:
                loop.run_until_complete(self._start())
            except Exception as error:  # noqa: BLE001  # who waits raises it
                problems.append(error)
            ready.set()
            if not problems:
                loop.run_forever()

        threading.Thread(target=run, name="consoles", daemon=True).start()
        ready.wait()
        if problems:
            raise DriverError(
                "This host cannot serve consoles now.", detail=str(problems[0])
            ) from problems[0]
        self._loop = loop

    async def _start(self) -> None:
        door = self._door
        with contextlib.suppress(FileNotFoundError):
            door.path.unlink()
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(str(door.path))
        door.path.chmod(0o600)
        await asyncio.start_unix_server(self._come_in, sock=server)
        if door.address and (door.certificates / "server-cert.pem").exists():
            try:
                await self._start_tls(door)
            except OSError as error:  # those of this machine come in all the same
                log.warning("consoles are not served to other machines", detail=str(error))

    async def _start_tls(self, door: Door) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(
            door.certificates / "server-cert.pem", door.certificates / "server-key.pem"
        )
        listener = await asyncio.start_server(
            self._come_in, host=door.address, port=door.port, ssl=context,
            ssl_handshake_timeout=SHOWN_WITHIN,
        )  # fmt: skip
        self._port = listener.sockets[0].getsockname()[1]

    async def _come_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(SHOWN_WITHIN):
                line = await reader.readline()
            with self._lock:
                ticket = self._tickets.pop(line.decode(errors="replace").strip(), None)
            if ticket is None or ticket.until < time.monotonic():
                log.warning("console without a ticket", peer=str(writer.get_extra_info("peername")))
                return
            if ticket.opening.kind == "serial":
                await self._serial(ticket.opening, reader, writer)
            else:
                await self._picture(ticket.opening, reader, writer)
        except (OSError, TimeoutError, ValueError, DriverError, asyncio.IncompleteReadError):
            pass  # who came has gone, or the guest
        finally:
            writer.close()

    async def _serial(
        self, opening: ConsoleOpening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        hub = await self._hub(opening)
        viewer = hub.join()
        writer.write(b"ok\n")
        typing = asyncio.create_task(_type(reader, hub))
        showing = asyncio.create_task(_show(viewer.read, writer))
        try:
            await asyncio.wait((typing, showing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            hub.leave(viewer)
            if hub.is_idle:
                self._hubs.pop(opening.id, None)
            await _ended(typing, showing)

    async def _picture(
        self, opening: ConsoleOpening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        driver = self._driver
        assert isinstance(driver, VncConsole)
        connect: Callable[[GuestRef], socket.socket] = driver.connect_vnc
        sock = await asyncio.to_thread(connect, _ref(opening))
        theirs, ours = await asyncio.open_unix_connection(sock=sock)
        writer.write(b"ok\n")
        to_guest = asyncio.create_task(_show(lambda: reader.read(READ), ours))
        to_viewer = asyncio.create_task(_show(lambda: theirs.read(READ), writer))
        try:
            await asyncio.wait((to_guest, to_viewer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ours.close()
            await _ended(to_guest, to_viewer)

    async def _hub(self, opening: ConsoleOpening) -> Hub:
        hub = self._hubs.get(opening.id)
        if hub is None or hub.ended:
            before = await asyncio.to_thread(self._newest, opening)
            known = self._hubs.get(opening.id)
            if known is not None and not known.ended:
                return known
            hub = self._hubs[opening.id] = Hub(lambda: self._line(opening), before=before)
        return hub

    def _newest(self, opening: ConsoleOpening) -> bytes:
        if not isinstance(self._driver, ConsoleLog):
            return b""
        text = self._driver.console_output(_ref(opening), length=LINES)
        return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    async def _line(self, opening: ConsoleOpening) -> socket.socket:
        driver = self._driver
        assert isinstance(driver, SerialConsole)
        try:
            return await asyncio.to_thread(driver.connect_serial, _ref(opening))
        except GuestNotFound as error:
            raise GuestGone from error
        except DriverError as error:
            raise ConnectionError(str(error)) from error


def _ref(opening: ConsoleOpening) -> GuestRef:
    return GuestRef(id=opening.id, name=opening.name)


async def _type(reader: asyncio.StreamReader, hub: Hub) -> None:
    while data := await reader.read(READ):
        await hub.type(data)


async def _show(read: Callable[[], Awaitable[bytes]], writer: asyncio.StreamWriter) -> None:
    while data := await read():
        writer.write(data)
        async with asyncio.timeout(UNREAD):
            await writer.drain()


async def _ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
