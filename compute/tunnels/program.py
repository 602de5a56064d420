"""The tunnel that a guest goes through: one small process at each of the two hosts, for one guest.

Run by path, isolated (``python -I -S program.py CONFIG``), so it imports the standard library alone. It outlives
the agent: a guest on its way arrives whoever is away. CONFIG is a JSON file of root's:

* ``kind``: ``entrance`` at the host that the guest leaves, ``exit`` at the one it goes to
* ``certificates``: a host's directory of them; ``peer``: the name that the other host's certificate must say
* ``address``, ``port``: where the exit listens, by TLS, and where the entrance connects
* ``sockets``: channel -> path. The entrance listens on them, for what is to appear at the exit's.
* ``owners``: channel -> uid. Who may connect at the entrance; whose socket the exit connects to.
* ``reaches``: at the exit, what the guest may reach on this host (``domain.py``); no other one comes in.
* ``seconds``: after so many the process ends by itself.

The channels: ``libvirt``, ``memory`` and ``disks``. QEMU, which runs as the guest's user, so needs no
certificate of its host. Of libvirt's orders the exit lets through what a migration needs and nothing else
(``orders.py``): who took a host over does not so get all those that its guests go to.

A connection that is cut ends within ``SILENCE`` seconds, however long the kernel would try by itself.
``CONFIG.ready`` appears when it listens. ``CONFIG.held`` appears at the entrance when the other host went while
it was to let the guest run: libvirt, which would let its own go on then, is kept waiting until the agent, who asks
the other host, ends this process or the guest.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from compute.tunnels.lines import SILENCE, impatient
from compute.tunnels.orders import Messages, Orders, Refused, Switch, pong

ORGANIZATION = "cloudweb"
CHANNELS = ("libvirt", "memory", "disks")
CHUNK = 512 * 1024
Look = Callable[[bytes], bytes]
HELLO = 10.0


def context_of(config: dict[str, Any]) -> ssl.SSLContext:
    """Return what both ends prove who they are with."""
    home = Path(config["certificates"])
    server = config["kind"] == "exit"
    purpose = ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT
    made = ssl.SSLContext(purpose)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_verify_locations(home / "ca-cert.pem")
    own = "server" if server else "client"
    made.load_cert_chain(home / f"{own}-cert.pem", home / f"{own}-key.pem")
    return made


def is_named(certificate: Any, peer: str) -> bool:
    """Tell whether a certificate is this host's."""
    said = [pair for part in (certificate or {}).get("subject", ()) for pair in part]
    return sorted(said) == [("commonName", peer), ("organizationName", ORGANIZATION)]


async def carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, look: Look = lambda data: data
) -> None:
    """Bring what one side says to the other, until it ends; ``look`` returns what may go on."""
    while data := await reader.read(CHUNK):
        if passed := look(data):
            writer.write(passed)
            await writer.drain()


async def join(
    ours: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    theirs: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    *,
    of_theirs: Look = lambda data: data,
    of_ours: Look = lambda data: data,
) -> None:
    """Carry both ways until one side ends; what it said before that arrives."""
    ways = [
        asyncio.create_task(carry(theirs[0], ours[1], of_theirs)),
        asyncio.create_task(carry(ours[0], theirs[1], of_ours)),
    ]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    for said in await asyncio.gather(*ways, return_exceptions=True):
        if isinstance(said, Refused):
            note(f"refused: {said}")


class Tunnel:
    """One end of it."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.config = json.loads(place.read_text())
        self.context = context_of(self.config)

    async def listen(self) -> None:
        """Be there for whom it is for."""
        if self.config["kind"] == "exit":
            await asyncio.start_server(
                self._from_host, self.config["address"], self.config["port"],
                ssl=self.context, ssl_handshake_timeout=HELLO, limit=2 * CHUNK,
            )  # fmt: skip
            return
        for channel in CHANNELS:
            place = Path(self.config["sockets"][channel])
            with contextlib.suppress(FileNotFoundError):
                place.unlink()
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.bind(str(place))
            os.chown(place, self.config["owners"][channel], -1)
            place.chmod(0o600)

            def begin(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, channel: str = channel
            ) -> Any:
                return self._from_guest(channel, reader, writer)

            await asyncio.start_unix_server(begin, sock=line, limit=2 * CHUNK)

    async def _from_guest(
        self, channel: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Bring a connection of this host's to the other host."""
        with ended(writer):
            theirs = await asyncio.open_connection(
                self.config["address"], self.config["port"], ssl=self.context,
                server_hostname=self.config["peer"], ssl_handshake_timeout=HELLO, limit=2 * CHUNK,
            )  # fmt: skip
            with ended(theirs[1]):
                impatient(theirs[1].get_extra_info("socket"))
                self._check(theirs[1])
                theirs[1].write(f"{channel}\n".encode())
                switch = Switch()
                looks = {"of_ours": switch.sent, "of_theirs": switch.heard}
                await join((reader, writer), theirs, **looks if channel == "libvirt" else {})
                await flushed(writer, theirs[1])
                if switch.is_open and not reader.at_eof():
                    await self._hold(reader, writer)

    async def _from_host(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let in what the other host says, to where its guest arrives."""
        with ended(writer):
            impatient(writer.get_extra_info("socket"))
            self._check(writer)
            async with asyncio.timeout(HELLO):
                channel = (await reader.readline()).decode(errors="replace").strip()
            if channel not in CHANNELS:
                raise Refused(f"a channel {channel[:20]!r}")
            line = self._connected(channel)
            ours = await asyncio.open_unix_connection(sock=line, limit=2 * CHUNK)
            with ended(ours[1]):
                orders = {"of_theirs": Orders(self.config["reaches"])}
                await join(ours, (reader, writer), **orders if channel == "libvirt" else {})
                await flushed(ours[1], writer)

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let libvirt wait, its guest held still, until somebody knows where it is and ends us."""
        self._place.with_name(f"{self._place.name}.held").touch()
        note("the other host went when it was to let the guest run")
        messages = Messages()
        while data := await reader.read(CHUNK):
            writer.write(pong(data, messages))
            await writer.drain()

    def _check(self, writer: asyncio.StreamWriter) -> None:
        if not is_named(writer.get_extra_info("peercert"), self.config["peer"]):
            raise Refused(f"who is not {self.config['peer']}")

    def _connected(self, channel: str) -> socket.socket:
        """Connect to a socket; one that a guest put in place of its own leads nowhere."""
        place = Path(self.config["sockets"][channel])
        found = os.open(place, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            facts = os.fstat(found)
            if not stat.S_ISSOCK(facts.st_mode) or facts.st_uid != self.config["owners"][channel]:
                raise Refused(f"{place} is not what it should be")
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.connect(f"/proc/self/fd/{found}")
            return line
        finally:
            os.close(found)


@contextlib.contextmanager
def ended(writer: asyncio.StreamWriter) -> Any:
    """Close it at the end; what went wrong is one line of the log."""
    try:
        yield
    except (OSError, TimeoutError, Refused, asyncio.IncompleteReadError) as error:
        note(f"{type(error).__name__}: {error}")
    finally:
        writer.close()


def note(text: str) -> None:
    """Write a line for the operator."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def flushed(*writers: asyncio.StreamWriter) -> None:
    """Wait until what was said has gone."""
    for writer in writers:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(SILENCE):
                await writer.drain()


async def main(place: Path) -> None:
    """Serve until the end of it."""
    tunnel = Tunnel(place)
    await tunnel.listen()
    place.with_name(f"{place.name}.ready").touch()
    await asyncio.sleep(tunnel.config["seconds"])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
