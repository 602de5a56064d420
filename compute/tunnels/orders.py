"""What of libvirt's orders goes through a tunnel: those that let one guest come in, as its new host said it may.

A message of libvirt's (its documentation: "RPC protocol") is its length, six words of 32 bits (program, version,
procedure, type, serial, status), and what the procedure is told, by XDR; all big-endian. Standard library alone.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from compute.tunnels.domains import strange

HEAD = struct.Struct(">IIIIiIi")
#: libvirt's own limits of a message and of a string in it.
LARGEST, LONGEST = 32 * 1024**2, 4 * 1024**2
REMOTE, KEEPALIVE = 0x20008086, 0x6B656570
PREPARE, FINISH = 303, 306  # with parameters by name
#: open, close, list of ways to log in, "do you have …", and to hear that the connection ends (or not)
HARMLESS = frozenset({1, 2, 66, 60, 360, 361})
CALL, NEWS = 0, 2
PING, PONG = 1, 2
#: live, peer to peer, paused, copied disks, "safe, I say", post-copy; never "define it there".
FLAGS = 1 | 2 | 1 << 5 | 1 << 6 | 1 << 9 | 1 << 15
PARAMETERS = frozenset(
    {
        "destination_xml",
        "migrate_uri",
        "disks_uri",
        "migrate_disks",
        "bandwidth",
        "bandwidth.postcopy",
        "destination_name",
    }
)
_SIZES = {1: 4, 2: 4, 3: 8, 4: 8, 5: 8, 6: 4}
_STRING = 7


class Refused(Exception):
    """What may not go through; the text is for the log."""


class Message(NamedTuple):
    """One of libvirt's; ``whole`` are its bytes."""

    program: int
    procedure: int
    kind: int
    serial: int
    whole: bytes

    @property
    def told(self) -> _Told:
        """What the procedure is told."""
        return _Told(self.whole[HEAD.size :])


class Messages:
    """What one side says, as its messages."""

    def __init__(self) -> None:
        self._rest = b""

    def of(self, data: bytes) -> Iterator[Message]:
        """Yield what is whole of what came; raise Refused."""
        self._rest += data
        while len(self._rest) >= HEAD.size:
            length, program, _, procedure, kind, serial, _ = HEAD.unpack_from(self._rest)
            if not HEAD.size <= length <= LARGEST:
                raise Refused(f"a message of {length} bytes")
            if len(self._rest) < length:
                return
            whole, self._rest = self._rest[:length], self._rest[length:]
            yield Message(program, procedure, kind, serial, whole)


class Orders:
    """What one connection says; ``reaches`` is what its guest may reach (``domains``)."""

    def __init__(self, reaches: Collection[str]) -> None:
        self._reaches = frozenset(reaches)
        self._messages = Messages()

    def __call__(self, data: bytes) -> bytes:
        """Return what is whole of what came, and may go on; raise Refused."""
        passed = []
        for message in self._messages.of(data):
            if message.program != KEEPALIVE:
                self._check(message)
            passed.append(message.whole)
        return b"".join(passed)

    def _check(self, message: Message) -> None:
        procedure = message.procedure
        if message.program != REMOTE or message.kind != CALL:
            raise Refused(f"program {message.program:x}, type {message.kind}")
        if procedure in HARMLESS:
            return
        if procedure not in (PREPARE, FINISH):
            raise Refused(f"procedure {procedure}")
        told = message.told
        parameters = told.parameters()
        told.opaque()  # the cookie
        if (flags := told.number()) & ~FLAGS:
            raise Refused(f"flags {flags:x}")
        if unknown := set(parameters) - PARAMETERS:
            raise Refused(f"parameters {sorted(unknown)}")
        self._check_guest(parameters)
        if procedure == PREPARE and (
            found := strange(parameters.get("destination_xml", ""), self._reaches)
        ):
            raise Refused(f"a guest that reaches {found[:10]}")

    def _check_guest(self, parameters: Mapping[str, str]) -> None:
        for name in ("migrate_uri", "disks_uri"):
            if parameters.get(name, "") not in {"", *self._reaches}:
                raise Refused(f"{name} {parameters[name]!r}")
        called = parameters.get("destination_name")
        if called is not None and f"name {called}" not in self._reaches:
            raise Refused(f"a guest {called!r}")


class Switch:
    """Whether the other host was told to let the guest run, and has not answered.

    A libvirt whose connection ends then lets its own guest go on, whatever the other one did.
    """

    def __init__(self) -> None:
        self._sent, self._heard = Messages(), Messages()
        self._waits: int | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether nobody knows now where the guest is."""
        return self._waits is not None

    def sent(self, data: bytes) -> bytes:
        """Take notice of what this host says."""
        for message in self._sent.of(data):
            if message.program == REMOTE and message.procedure == FINISH and message.kind == CALL:
                told = message.told
                told.parameters()
                told.opaque()
                told.number()
                if not told.number():  # not cancelled
                    self._waits = message.serial
        return data

    def heard(self, data: bytes) -> bytes:
        """Take notice of what the other host answers."""
        for message in self._heard.of(data):
            if message.kind != CALL and message.serial == self._waits:
                self._waits = None
        return data


def pong(data: bytes, messages: Messages) -> bytes:
    """Return the answers to libvirt's question whether somebody is there."""
    found = (one for one in messages.of(data) if one.program == KEEPALIVE and one.procedure == PING)
    return b"".join(HEAD.pack(HEAD.size, KEEPALIVE, 1, PONG, NEWS, 0, 0) for _ in found)


class _Told:
    """What a procedure is told, read from its beginning."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def _take(self, size: int) -> bytes:
        found = self._body[self._at : self._at + size]
        if len(found) != size:
            raise Refused("a message that ends early")
        self._at += size
        return found

    def number(self) -> int:
        return int.from_bytes(self._take(4))

    def opaque(self) -> bytes:
        length = self.number()
        if length > LONGEST:
            raise Refused(f"{length} bytes in a message")
        found = self._take(length)
        self._take(-length % 4)
        return found

    def parameters(self) -> dict[str, str]:
        """Return those that are text, the others as an empty one; each name counts once but for lists."""
        found: dict[str, str] = {}
        for _ in range(self.number()):
            name, kind = self.opaque().decode(errors="replace"), self.number()
            if name in found and name != "migrate_disks":
                raise Refused(f"{name} twice")
            if kind == _STRING:
                found[name] = self.opaque().decode(errors="replace")
            elif kind in _SIZES:
                self._take(_SIZES[kind])
                found[name] = ""
            else:
                raise Refused(f"{name} of type {kind}")
        return found
