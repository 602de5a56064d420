"""What a way in makes of a TLS connection; the other end of it is in memory."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from pathlib import Path

import pytest

from compute.tunnels import entry
from operations.certificates import Authority, new_authority, write_certificate


class Line:
    """A connection to a volume's server, which calls itself h1."""

    def __init__(self, place: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place / "server-cert.pem", place / "server-key.pem")
        self._heard, self.says = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._heard, self.says, server_side=True)
        greeting = entry.GREETING.pack(b"NBDMAGIC", entry.OPTION_MAGIC, 1)
        agrees = entry.ANSWER.pack(entry.ANSWER_MAGIC, entry.STARTTLS, entry.ACK, 0)
        self._plain, self._asked = greeting + agrees, False

    def sendall(self, data: bytes) -> None:
        if self._asked:
            self._heard.write(data)
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
        self._asked = True

    def recv(self, count: int) -> bytes:
        found, self._plain = self._plain[:count], self._plain[count:]
        return found

    def recv_into(self, room: bytearray) -> int:
        said = self.says.read(len(room))
        room[: len(said)] = said
        return len(said)

    def setsockopt(self, *_: object) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    write_certificate(Authority(new_authority()), "h1", tmp_path)
    made = Line(tmp_path)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: made)
    return made


def connected(place: Path, name: str) -> entry.Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(place / "ca-cert.pem")
    return entry.Server("192.0.2.1", 10809, name, context)


def answer(count: int) -> bytes:
    """A structured one with so much data."""
    return b"\x66\x8e\x33\xef" + struct.pack(">HHQI", 1, 1, 7, count) + bytes(count)


def test_another_host_is_not_taken_for_the_volumes(line: Line, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(tmp_path, "h2")


def test_nothing_that_came_is_left_behind(line: Line, tmp_path: Path) -> None:
    """However an answer lies in what came at once; nobody would look before more comes."""
    server = connected(tmp_path, "h1")
    server.is_structured = True
    said = answer(8) + answer(900_000)
    line.tls.write(said)
    heard = b""
    while line.says.pending:
        heard += bytes(server.opened()[0])
    assert heard == said
