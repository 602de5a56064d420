"""Ways in: how a guest reaches a volume that another host serves, without its host's certificate.

Who has a host's certificate gets at all volumes that its guests have on other hosts. So QEMU, which
runs as the guest's own user, is given a Unix socket that is the guest's alone, as for a volume of its
own host; a process of root's stands behind that and speaks TLS (``compute/tunnels/entry.py``). It outlives us,
and is started again when it died; the guest's QEMU waits meanwhile, as it does for the volume's server.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import structlog

from cloudweb import process
from cloudweb.driver import DriverError, TransientDriverError
from cloudweb.files import PASSED_THROUGH, make_directory, write_atomically
from cloudweb.records import forget, read_record
from compute.objects import DiskSource, GuestDisk, GuestSpec

log = structlog.get_logger(__name__)
PROGRAM = Path(__file__).resolve().parents[2] / "tunnels" / "entry.py"
#: What such a process is: ours, or a qemu-nbd, as all were until 0.1; one runs until its disk is taken away.
_KINDS = (Path(sys.executable).resolve().name, "qemu-nbd")
#: Every user may pass here: guests connect as users of their own.
ENTRIES_DIR = Path("/run/cloudweb-entries")


class Entries:
    """The ways in of one host, by guest and serial of the disk."""

    def __init__(self, directory: Path, certificates: Path) -> None:
        self._directory, self._certificates = directory, certificates

    def through(self, spec: GuestSpec) -> GuestSpec:
        """Return a guest whose disks are all reached on this host; what that needs is started."""
        disks = tuple(self.of(spec.id, disk) for disk in spec.disks)
        return spec if disks == spec.disks else spec.model_copy(update={"disks": disks})

    def of(self, guest_id: str, disk: GuestDisk) -> GuestDisk:
        """Return a disk as its guest is to be given it; raise DriverError where it cannot be reached."""
        source = disk.source
        if source is None or source.kind != "nbd_tls":
            return disk
        socket = self._socket(guest_id, disk.serial, disk.name)
        words = self._command(socket, source)
        if not self._is_running(socket, words):
            self._start(socket, words)
        here = DiskSource(kind="nbd_unix", path=str(socket), export=source.export)
        return disk.model_copy(update={"source": here})

    def renew(self, guest_id: str, serial: str) -> None:
        """Connect anew: a client hears of a volume's size when it comes."""
        for socket in self._sockets(guest_id, serial):
            words = self._recorded(socket)
            if words is not None:
                self._start(socket, words)

    def tend(self) -> None:
        """Start again what died; the guest's QEMU comes back to the same socket."""
        for record in self._directory.glob("*.json"):
            socket = record.with_suffix("")
            words = self._recorded(socket)
            if words is None or self._is_running(socket, words):
                continue
            try:
                self._start(socket, words)
            except DriverError as error:
                log.warning("a volume of another host is not reached", detail=error.detail)

    def drop(self, guest_id: str, serial: str = "", *, but: GuestDisk | None = None) -> None:
        """Take a disk's away, except to what it is now; without a serial all of a guest."""
        kept = self._socket(guest_id, but.serial, but.name) if but is not None else None
        for socket in self._sockets(guest_id, serial):
            if socket != kept:
                self._drop(socket)

    def drop_target(self, guest_id: str, serial: str, name: str, *, used: Collection[str]) -> None:
        """Take the one away that led to what a disk was to become, unless it became that."""
        socket = self._socket(guest_id, serial, name)
        if str(socket) not in used:
            self._drop(socket)

    def _drop(self, socket: Path) -> None:
        self._end(socket)
        forget(socket.with_name(f"{socket.name}.json"))

    def drop_everything(self) -> None:
        """Take all away, with the directory."""
        for kind in _KINDS:
            process.kill(self.processes(kind), exe=kind)
        shutil.rmtree(self._directory, ignore_errors=True)

    def census(self) -> Sequence[str]:
        """Return what is left: files and processes."""
        files = (path.name for path in sorted(self._directory.glob("*")))
        return [*files, *(str(pid) for kind in _KINDS for pid in self.processes(kind))]

    def processes(self, kind: str = _KINDS[0]) -> Sequence[int]:
        """Return the pids of all, recorded or not."""
        return process.running(kind, f"--socket={self._directory}/")

    def _command(self, socket: Path, source: DiskSource) -> Sequence[str]:
        if not (self._certificates / "client-cert.pem").exists():
            raise DriverError(
                "This host has no certificate yet; its servers cannot reach volumes of others.",
                detail=str(self._certificates),
            )
        return (
            f"--socket={socket}",
            f"--certificates={self._certificates}",
            f"--address={source.address}",
            f"--port={source.port}",
            f"--tls-name={source.tls_name}",
            f"--export={source.export}",
        )

    def _start(self, socket: Path, words: Sequence[str]) -> None:
        """Start one in place of what is there; the socket stays its owner's."""
        make_directory(self._directory.parent, PASSED_THROUGH)
        make_directory(self._directory, PASSED_THROUGH)
        owner = socket.lstat() if socket.exists() else None
        self._end(socket, keep_owner=True)
        write_atomically(socket.with_name(f"{socket.name}.json"), json.dumps([*words]))
        socket.unlink(missing_ok=True)
        try:
            process.run(*_whole(words), timeout=30)
        except process.CommandFailed as error:
            if owner is not None:  # who it belonged to is not forgotten
                socket.touch(mode=0o600)
                os.chown(socket, owner.st_uid, owner.st_gid)
            raise TransientDriverError(
                "A volume on another host cannot be reached now.", detail=error.detail
            ) from error
        if owner is not None:
            os.chown(socket, owner.st_uid, owner.st_gid, follow_symlinks=False)
        socket.chmod(0o600)

    def _end(self, socket: Path, *, keep_owner: bool = False) -> None:
        word = f"--socket={socket}"
        for kind in _KINDS:
            found = [pid for pid in process.running(kind, word) if word in process.words_of(pid)]
            process.kill(found, exe=kind)
        Path(f"{socket}.pid").unlink(missing_ok=True)
        if not keep_owner:
            socket.unlink(missing_ok=True)

    def _is_running(self, socket: Path, words: Sequence[str]) -> bool:
        pid = process.read_pid(Path(f"{socket}.pid"))
        return pid is not None and list(process.words_of(pid))[-len(words) :] == [*words]

    def _recorded(self, socket: Path) -> Sequence[str] | None:
        return read_record(socket.with_name(f"{socket.name}.json"), _parse)

    def _socket(self, guest_id: str, serial: str, name: str) -> Path:
        """Return where a guest finds what is under a disk; ``name`` says which, of those it ever had."""
        which = "" if name in ("", serial) else f"-{_short(name)}"
        return self._directory / f"{_short(guest_id)}-{_short(serial)}{which}"

    def _sockets(self, guest_id: str, serial: str) -> list[Path]:
        disk = f"-{_short(serial)}" if serial else "-"
        found = self._directory.glob(f"{_short(guest_id)}{disk}*.json")
        return sorted(record.with_suffix("") for record in found)


def _short(text: str) -> str:
    """Return a name for what may be long: a socket's path has 107 characters."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _whole(words: Sequence[str]) -> Sequence[str]:
    """Return the command for what was recorded; a qemu-nbd's is whole."""
    ours = (sys.executable, "-I", "-S", str(PROGRAM))
    return [*ours, *words] if words[0].startswith("-") else words


def _parse(record: object) -> Sequence[str]:
    if not isinstance(record, list) or not record:
        raise TypeError
    return [str(word) for word in record]
