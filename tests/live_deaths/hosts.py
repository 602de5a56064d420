"""What of two hosts can die or stand still, by pids as this machine sees them; and what they have of a server."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import libvirt

from cloudweb import process
from compute.drivers.libvirt.connection import run_event_loop
from tests.host.cloud.census import leftovers
from tests.host.cloud.namespaces import NamespacedHost
from tests.infrastructure import wait_until

#: MiB of memory a second: so that there is a way on which something can happen; and no way to speak of.
SLOW, FAST = 4, 1024
#: What of packet filters is numbered as it comes.
NUMBERS = re.compile(r'"cw[^"]*"|\bcw\w+|(?<=_)\d+|0x[0-9a-f]{8}')
#: What of the things on a host is numbered as it comes, or is an attachment's own: a move makes another one.
DIFFERENT = re.compile(
    r"(process \S+) \d+|(link) \S+|(domain-)\d+|(daemons/)[0-9a-f-]{36}(?=\.relay$)"
)
#: By it hosts see whether they share a directory; it goes when one is asked again.
PASSING = "file compute/guests/.shared-"
RESUMED = libvirt.VIR_DOMAIN_EVENT_RESUMED


class Mortal:
    """One host: its agents, its libvirtd, the QEMU of one server."""

    def __init__(self, host: NamespacedHost) -> None:
        self.host, self.name = host, host.name

    def agents(self) -> list[int]:
        return [self.host.agents]

    def libvirtd(self) -> list[int]:
        return self._programs("libvirtd")

    def qemu(self, server_id: str) -> list[int]:
        """Return the server's guests that run here; one that is dying is none."""
        return [one for one in self._programs("qemu-system") if server_id in _words(one)]

    def removed(self, server_id: str) -> list[str]:
        """Return the disks of a server that runs here which nobody else could open any more."""
        opened = []
        for pid in self.qemu(server_id):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(FileNotFoundError):  # it was closed meanwhile
                    opened.append(str(link.readlink()))
        return [one for one in opened if "/guests/" in one and one.endswith("(deleted)")]

    def _programs(self, name: str) -> list[int]:
        found, here = [], Path(f"/proc/{self.host.first_process}/ns/pid").readlink()
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                program = (entry / "exe").readlink().name
                if program.startswith(name) and (entry / "ns" / "pid").readlink() == here:
                    found.append(int(entry.name))
        return found

    @property
    def socket(self) -> Path:
        root = Path(f"/proc/{self.host.first_process}/root")
        (found,) = (root / "run").glob("**/libvirt/libvirt-sock")
        return found

    @contextmanager
    def libvirt(self) -> Iterator[libvirt.virConnect]:
        """Speak to its libvirtd, while that lives."""
        opened = libvirt.open(f"qemu:///system?socket={self.socket}")
        try:
            yield opened
        finally:
            with suppress(libvirt.libvirtError):
                opened.close()

    def has_sent(self, server_id: str, *what: str) -> bool:
        """Tell whether some of a guest is on its way: of its disks, or its memory."""
        with suppress(libvirt.libvirtError), self.libvirt() as connection:
            said = connection.lookupByUUIDString(server_id).jobStats()
            return any(said.get(f"{one}_processed", 0) for one in what)
        return False

    def set_speed(self, server_id: str, mib: int) -> None:
        """Let the memory of a guest that leaves go over at so many MiB a second."""
        with self.libvirt() as connection:
            connection.lookupByUUIDString(server_id).migrateSetMaxSpeed(mib)

    def domains(self) -> dict[str, str]:
        """Return what libvirt knows here, by id: its state, and whether it is kept."""
        with self.libvirt() as connection:
            return {
                one.UUIDString(): f"{one.state()} {'kept' if one.isPersistent() else 'passing'}"
                for one in connection.listAllDomains()
            }

    def left(self) -> Counter[str]:
        """Return what is on the host of ports, guests and volumes, without what differs each time."""
        found = leftovers(self.host.directory, run=self.host.run)
        return Counter(
            DIFFERENT.sub(r"\1\2\3\4", one)
            for one in found
            if not one.startswith(("process qemu-system", PASSING))
        ) + Counter("guest runs" for _ in self._programs("qemu-system"))

    def filters(self) -> Counter[str]:
        """Return the lines of its packet filters, without what differs each time."""
        lines = self.host.run("nft", "--stateless", "list", "ruleset").splitlines()
        return Counter(NUMBERS.sub("N", line.strip()) for line in lines)


def kill(pids: Sequence[int]) -> None:
    """End processes at once."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        wait_until(lambda pid=pid: not _lives(pid), what=f"{pid} is dead")


def freeze(pids: Sequence[int]) -> list[int]:
    """Let processes stand still; return them."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return [*pids]


def thaw(pids: Sequence[int]) -> None:
    """Let those go on that live."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _words(pid: int) -> str:
    return " ".join(process.words_of(pid))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class AtArrival:
    """Kills as soon as a guest that came runs on its new host, before its libvirt can say so."""

    def __init__(self, there: Mortal, server_id: str, victims: Sequence[int]) -> None:
        run_event_loop()
        self._victims, self._server_id, self.fired = victims, server_id, threading.Event()
        self._connection = libvirt.open(f"qemu:///system?socket={there.socket}")
        self._connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._seen, None
        )

    def _seen(self, _: object, domain: libvirt.virDomain, event: int, *__: object) -> None:
        if event == RESUMED and domain.UUIDString() == self._server_id:
            for pid in self._victims:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.fired.set()
