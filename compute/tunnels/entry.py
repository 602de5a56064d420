"""A guest's way to a volume that another host serves: one small process for each disk.

Run by path, isolated (``python -I -S entry.py --socket=… --export=… …``), so it imports the standard library alone.
It says on its standard error why it cannot begin; else it goes on in the background, where it outlives the agent.

To the guest's QEMU it is an NBD server on a Unix socket; to the volume's server it is this host, by TLS (NBD's
STARTTLS). Of what a client may ask before it begins it lets through what a QEMU needs, and for the one export alone,
for that server has others, which are not this guest's. From then on it passes on what both say; of the answers it
looks at their lengths alone, and passes on whole ones. It answers nothing by itself: when the server goes the guest's
connection ends, and the guest's QEMU comes again.

A qemu-nbd in its place asks the server before each read whether there are holes, for it serves requests itself: each
read went to the other host twice.

The format of what both say first: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from compute.tunnels.lines import impatient

HELLO = 10.0  # seconds for each answer until data is read and written
CLIENTS = 16  # at a time; a guest's QEMU has one, and another one while it exchanges them
CHUNK = 512 * 1024
RECORD = 16 * 1024  # of TLS, at most
KEPT = 256 * 1024  # of an answer that is not whole yet
LONGEST = 64 * 1024  # of an option
GREETING = struct.Struct(">8s8sH")
OPTION = struct.Struct(">8sII")
ANSWER = struct.Struct(">QIII")
#: How answers to requests begin: the size of the head, where in it stands how much data follows, in how many bytes.
HEADS = {
    b"\x67\x44\x66\x98": (16, 16, 0),
    b"\x66\x8e\x33\xef": (20, 16, 4),
    b"\x6e\x8a\x27\x8c": (32, 24, 8),
}
OPTION_MAGIC, ANSWER_MAGIC = b"IHAVEOPT", 0x3E889045565A9
MODERN = struct.pack(">I", 3)  # what a client of today says it understands
ABORT, STARTTLS, INFO, GO = 2, 5, 6, 7
BLOCK_SIZE = struct.pack(">HH", 1, 3)  # one thing of an export that is asked for
STRUCTURED, LIST_CONTEXT, SET_CONTEXT, EXTENDED = 8, 9, 10, 11
NAMED = (INFO, GO, LIST_CONTEXT, SET_CONTEXT)
BARE = (ABORT, STRUCTURED, EXTENDED)
ACK, UNSUPPORTED, ERROR = 1, 0x80000001, 0x80000000


class Refused(Exception):
    """One side said what the other must not hear, or nothing that is NBD."""


def exactly(receive: Callable[[int], bytes], count: int) -> bytes:
    """Return so many bytes of a connection."""
    found = b""
    while len(found) < count:
        more = receive(count - len(found))
        if not more:
            raise Refused("the connection ended")
        found += more
    return found


class Server:
    """A connection to the volume's server: TLS in memory, so that one read brings many records."""

    def __init__(self, address: str, port: int, name: str, context: ssl.SSLContext) -> None:
        self.line = socket.create_connection((address, port), timeout=HELLO)
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._raw, self._plain = bytearray(CHUNK), bytearray(KEPT + CHUNK + RECORD)
        self._there = self._passed = self._next = 0  # in ``_plain``
        self.is_structured = False
        self._tls = context.wrap_bio(self._came, self._goes, server_hostname=name or address)
        try:
            impatient(self.line)
            self.greeting = self._ask_for_tls()
            self._shake_hands()
        except BaseException:
            self.line.close()
            raise

    def _ask_for_tls(self) -> bytes:
        """Return how the server greets."""
        greeting = exactly(self.line.recv, GREETING.size)
        if GREETING.unpack(greeting)[:2] != (b"NBDMAGIC", OPTION_MAGIC):
            raise Refused("the server does not speak NBD")
        self.line.sendall(MODERN + OPTION.pack(OPTION_MAGIC, STARTTLS, 0))
        said = ANSWER.unpack(exactly(self.line.recv, ANSWER.size))
        if said != (ANSWER_MAGIC, STARTTLS, ACK, 0):
            raise Refused("the server does not speak TLS")
        return greeting

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.line.sendall(self._goes.read())
                self._more()
            else:
                self.line.sendall(self._goes.read())
                return

    def _more(self) -> None:
        count = self.line.recv_into(self._raw)
        if not count:
            raise Refused("the server went away")
        self._came.write(memoryview(self._raw)[:count])

    def sealed(self, data: memoryview | bytes) -> bytes:
        """Return what is to be sent so that the server hears this."""
        self._tls.write(data)
        return self._goes.read()

    def opened(self) -> tuple[memoryview, bytes]:
        """Receive; return what the guest is to hear now, and what TLS itself has to send. Raises Refused at its end."""
        room, kept = memoryview(self._plain), self._there - self._passed
        room[:kept] = bytes(room[self._passed : self._there])
        self._more()
        there = kept
        with contextlib.suppress(ssl.SSLWantReadError):
            while more := self._tls.read(CHUNK, room[there:]):
                there += int(more)  # it says how many, not what
        self._there, self._passed = there, self._whole(room[:there])
        self._next -= self._passed
        return room[: self._passed], self._goes.read()

    def _whole(self, said: memoryview) -> int:
        """Return how much of it is whole answers, or so much that it is not kept: a guest wakes for each piece.

        ``_next`` is where an answer begins, or will. What is not known goes on as it comes, as do all answers to a
        client that did not ask for structured ones: there it cannot be told where they end.
        """
        whole = 0
        while self.is_structured and self._next <= len(said):
            whole = self._next
            magic = bytes(said[whole : whole + 4])
            size, at, width = HEADS.get(magic, (0, 0, 0))
            self.is_structured = size > 0 or len(magic) < 4
            if not size or len(said) - whole < size:
                break
            follows = int.from_bytes(said[whole + at : whole + at + width])
            self._next = whole + size + follows
        if not self.is_structured:
            self._next = len(said)
            return len(said)
        return len(said) if len(said) - whole >= KEPT else whole

    def say(self, data: bytes) -> None:
        """Send, and wait until it went."""
        self.line.sendall(self.sealed(data))

    def hear(self, count: int) -> bytes:
        """Return the next bytes that it says."""

        def some(most: int) -> bytes:
            while True:
                try:
                    return self._tls.read(most)
                except ssl.SSLWantReadError:
                    self._more()

        return exactly(some, count)

    def answers(self, option: int) -> tuple[bytes, bool]:
        """Return all that it answers to an option, and whether it agreed."""
        said = b""
        while True:
            head = self.hear(ANSWER.size)
            magic, of, kind, size = ANSWER.unpack(head)
            if magic != ANSWER_MAGIC or of != option or size > LONGEST:
                raise Refused("the server does not answer")
            said += head + self.hear(size)
            if kind == ACK or kind & ERROR:
                return said, kind == ACK


class Entry:
    """The way to one export."""

    def __init__(self, told: argparse.Namespace) -> None:
        self._told, self._export = told, told.export.encode()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.load_verify_locations(told.certificates / "ca-cert.pem")
        own = (told.certificates / f"client-{one}.pem" for one in ("cert", "key"))
        self._context.load_cert_chain(*own)

    def connected(self) -> Server:
        """Return a connection to the volume's server."""
        told = self._told
        return Server(told.address, told.port, told.tls_name, self._context)

    def look(self) -> None:
        """Raise where the export is not there for us."""
        server = self.connected()
        with server.line:
            # who does not ask for it is refused where there is one, as for an encrypted disk
            asked = struct.pack(">I", len(self._export)) + self._export + BLOCK_SIZE
            server.say(OPTION.pack(OPTION_MAGIC, INFO, len(asked)) + asked)
            if not server.answers(INFO)[1]:
                raise Refused("the server does not let us in there")

    def serve(self, guest: socket.socket) -> None:
        """Bring one client through."""
        with guest, contextlib.suppress(OSError, Refused):
            guest.settimeout(HELLO)
            server = self.connected()
            with server.line:
                guest.sendall(server.greeting)
                if exactly(guest.recv, 4) != MODERN:
                    raise Refused("a client of another time")
                while not self._option(guest, server):
                    pass
                carry(guest, server)

    def _option(self, guest: socket.socket, server: Server) -> bool:
        """Let a client ask for one thing; return whether it begins now."""
        head = exactly(guest.recv, OPTION.size)
        magic, option, size = OPTION.unpack(head)
        if magic != OPTION_MAGIC or size > LONGEST:
            raise Refused("the client does not speak NBD")
        data = exactly(guest.recv, size)
        name = struct.pack(">I", len(self._export)) + self._export
        if not ((option in BARE and not data) or (option in NAMED and data.startswith(name))):
            guest.sendall(ANSWER.pack(ANSWER_MAGIC, option, UNSUPPORTED, 0))
            return False
        server.say(head + data)
        said, agreed = server.answers(option)
        guest.sendall(said)
        server.is_structured |= agreed and option in (STRUCTURED, EXTENDED)
        if option == ABORT:
            raise Refused("the client went")
        return option == GO and agreed


def carry(guest: socket.socket, server: Server) -> None:
    """Pass on what both say until one goes; neither is heard while the other has not taken what it said."""
    guest.setblocking(False)
    server.line.setblocking(False)
    ours, theirs = guest.fileno(), server.line.fileno()
    buffer = memoryview(bytearray(CHUNK))
    up, down = memoryview(b""), memoryview(b"")  # what is on its way to the server, to the guest
    poll, read, write = select.poll(), select.POLLIN, select.POLLOUT
    poll.register(ours, read)
    poll.register(theirs, read)
    while True:
        for line, event in poll.poll():
            if event & ~(read | write) and not event & read:
                raise Refused("one side went away")
            if event & write:
                if line == ours:
                    down = sent(guest, down)
                else:
                    up = sent(server.line, up)
            elif line == ours:
                count = guest.recv_into(buffer)
                if not count:
                    raise Refused("the guest went away")
                up = sent(server.line, joined(up, server.sealed(buffer[:count])))
            else:
                said, own = server.opened()
                down = sent(guest, said) if said else said
                if own:  # TLS itself has an answer, such as new keys
                    up = sent(server.line, joined(up, own))
        poll.modify(ours, write if down else 0 if up else read)
        poll.modify(theirs, write if up else 0 if down else read)


def joined(first: memoryview, then: bytes) -> memoryview:
    """Return one after the other; there is seldom a first."""
    return memoryview(bytes(first) + then if first else then)


def sent(line: socket.socket, data: memoryview) -> memoryview:
    """Send what can be sent at once; return the rest."""
    with contextlib.suppress(BlockingIOError):
        return data[line.send(data) :]
    return data


def words() -> argparse.Namespace:
    """Return what we were told."""
    parser = argparse.ArgumentParser()
    for one in ("--address", "--tls-name", "--export"):
        parser.add_argument(one, required=True)
    parser.add_argument("--port", type=int, required=True)
    for one in ("--socket", "--certificates"):
        parser.add_argument(one, type=Path, required=True)
    return parser.parse_args()


def main() -> int:
    """Listen, and leave a process behind that does so for ever."""
    told = words()
    try:
        entry = Entry(told)
        entry.look()
        os.umask(0o177)
        place = socket.socket(socket.AF_UNIX)
        place.bind(str(told.socket))
        place.listen()
    except (OSError, Refused) as error:
        sys.stderr.write(f"{told.address}:{told.port}: {error or type(error).__name__}\n")
        return 1
    if pid := os.fork():
        told.socket.with_name(f"{told.socket.name}.pid").write_text(f"{pid}\n")
        return 0
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    while True:
        guest, _ = place.accept()
        if threading.active_count() > CLIENTS:
            guest.close()
            continue
        threading.Thread(target=entry.serve, args=(guest,), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
