"""The consoles of guests in memory: a line that answers what is typed, and a screen of one colour."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from abc import abstractmethod
from collections.abc import Callable

from compute.drivers.base import SerialConsole, VncConsole
from compute.objects import GuestRef

WIDTH, HEIGHT = 320, 200
#: A pixel's form by RFC 6143: 32 bits, true colour, eight bits each.
PIXELS = struct.pack(">BBBBHHHBBB3x", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
COLOUR = bytes((0x8C, 0x57, 0x2E, 0))
#: How long each message of a client is after its first byte; two of them say their length themselves.
MESSAGES = {0: 19, 3: 9, 4: 7, 5: 5}


class FakeConsoles(SerialConsole, VncConsole):
    """What a simulated guest answers whoever looks at it."""

    def connect_serial(self, ref: GuestRef) -> socket.socket:
        """Return a line that says what it is, and repeats each line that is typed."""
        return _served(self._name_of_running(ref), _answer)

    def connect_vnc(self, ref: GuestRef) -> socket.socket:
        """Return a screen by RFC 6143."""
        return _served(self._name_of_running(ref), _draw)

    @abstractmethod
    def _name_of_running(self, ref: GuestRef) -> str:
        """Return the guest's name. Raises GuestNotFound; ConnectionRefusedError while it does not run."""


def _served(name: str, serve: Callable[[socket.socket, str], None]) -> socket.socket:
    theirs, ours = socket.socketpair()

    def run() -> None:
        with ours, contextlib.suppress(OSError, EOFError):
            serve(ours, name)

    threading.Thread(target=run, name="fake-console", daemon=True).start()
    return theirs


def _answer(line: socket.socket, name: str) -> None:
    line.sendall(f"Simulated guest {name}\r\n$ ".encode())
    typed = b""
    while data := line.recv(4096):
        typed += data
        line.sendall(data.replace(b"\r", b""))
        while b"\r" in typed:
            said, _, typed = typed.partition(b"\r")
            line.sendall(b"\r\nyou said: " + said.strip() + b"\r\n$ ")


def _draw(screen: socket.socket, name: str) -> None:
    screen.sendall(b"RFB 003.008\n")
    _take(screen, 12)
    screen.sendall(b"\x01\x01")  # one kind of security: none
    _take(screen, 1)
    screen.sendall(struct.pack(">I", 0))
    _take(screen, 1)
    title = name.encode()
    screen.sendall(
        struct.pack(">HH", WIDTH, HEIGHT) + PIXELS + struct.pack(">I", len(title)) + title
    )
    drawn = False
    while True:
        kind = _take(screen, 1)[0]
        if kind == 2:  # encodings
            _take(screen, 4 * struct.unpack(">xH", _take(screen, 3))[0])
        elif kind == 6:  # the clipboard
            _take(screen, struct.unpack(">3xI", _take(screen, 7))[0])
        elif kind in MESSAGES:
            wanted = _take(screen, MESSAGES[kind])
            if kind == 3 and not (drawn and wanted[0]):
                screen.sendall(struct.pack(">BxHHHHHi", 0, 1, 0, 0, WIDTH, HEIGHT, 0))
                screen.sendall(COLOUR * (WIDTH * HEIGHT))
                drawn = True
        else:
            return


def _take(sock: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = sock.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found
