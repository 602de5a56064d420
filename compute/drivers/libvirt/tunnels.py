"""The tunnels that guests go through from host to host: started, found again, ended.

A tunnel's process is of root's and outlives the agent (``compute/tunnels/program.py``). QEMU and libvirt are
given Unix sockets: no guest's QEMU has its host's certificate, and libvirt listens to no other host.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.driver import DriverError, TransientDriverError
from cloudweb.files import PASSED_THROUGH, make_directory, write_atomically
from cloudweb.wire import Wire, listening
from compute.drivers.libvirt.entries import ENTRIES_DIR
from compute.drivers.libvirt.files import file_name

PROGRAM = Path(__file__).resolve().parents[2] / "tunnels" / "program.py"
#: The same on all hosts: libvirt knows one name for both ends of a disk's copy.
PLACES = ENTRIES_DIR / "live"
START_SECONDS = 30.0
#: A tunnel that nobody ended ends by itself.
LIFE_SECONDS = 3 * 24 * 3600.0


class Tunnels:
    """The tunnels of one host, by guest. ``directory`` holds what they were told."""

    def __init__(self, directory: Path, wire: Wire) -> None:
        self._directory, self._wire = directory, wire

    def place(self, guest_id: str) -> Path:
        """Return where the sockets of a guest are; short, as a socket's path must be."""
        return PLACES / hashlib.sha256(file_name(guest_id).encode()).hexdigest()[:16]

    def sockets(self, guest_id: str) -> dict[str, str]:
        """Return each channel's socket."""
        place = self.place(guest_id)
        return {channel: str(place / channel) for channel in ("libvirt", "memory", "disks")}

    def open_exit(
        self, guest_id: str, *, from_host: str, libvirt: Path, uid: int, reaches: Sequence[str]
    ) -> int:
        """Let in a guest from that host; return the port. QEMU makes its sockets in a place of its own."""
        told = {
            "kind": "exit",
            "peer": from_host,
            "sockets": {**self.sockets(guest_id), "libvirt": str(libvirt)},
            "owners": {"libvirt": os.geteuid(), "memory": uid, "disks": uid},
            "reaches": [*reaches],
        }
        known = self._known(guest_id)
        if known is not None and known == {**known, **told} and self.is_open(guest_id):
            return int(known["port"])
        self.close(guest_id)
        self._make_place(guest_id, uid)
        port = self._free_port()
        self._start(guest_id, {**told, "address": self._wire.address, "port": port})
        return port

    def open_entrance(
        self, guest_id: str, *, to_host: str, address: str, port: int, uid: int
    ) -> None:
        """Lead to the exit of that host."""
        told = {
            "kind": "entrance",
            "peer": to_host,
            "address": address,
            "port": port,
            "sockets": self.sockets(guest_id),
            "owners": {"libvirt": os.geteuid(), "memory": os.geteuid(), "disks": uid},
        }
        known = self._known(guest_id)
        if known is not None and known == {**known, **told} and self.is_open(guest_id):
            return
        self.close(guest_id)
        self._make_place(guest_id, os.geteuid())
        self._start(guest_id, told)

    def is_open(self, guest_id: str) -> bool:
        """Tell whether a guest has one."""
        return bool(self._processes(str(self._config(guest_id))))

    def is_held(self, guest_id: str) -> bool:
        """Tell whether nobody on this host knows where a guest is: the other one went at the switch."""
        config = self._config(guest_id)
        return config.with_name(f"{config.name}.held").exists()

    def close(self, guest_id: str) -> None:
        """End a guest's, whatever goes through it."""
        config = self._config(guest_id)
        process.kill(self._processes(str(config)), exe=_exe())
        for suffix in ("", ".ready", ".held"):
            config.with_name(f"{config.name}{suffix}").unlink(missing_ok=True)
        config.with_suffix(".log").unlink(missing_ok=True)
        shutil.rmtree(self.place(guest_id), ignore_errors=True)

    def close_all(self) -> None:
        """End all of this installation."""
        for config in self._directory.glob("*.json"):
            self.close(config.stem)
        process.kill(self._processes(f"{self._directory}/"), exe=_exe())

    def log(self, guest_id: str) -> str:
        """Return the end of what a tunnel said."""
        try:
            said = self._config(guest_id).with_suffix(".log").read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return said[-2000:]

    def census(self) -> Sequence[str]:
        """Return what is left: files and processes."""
        files = [path.name for path in sorted(self._directory.glob("*"))]
        return [*files, *map(str, self._processes(f"{self._directory}/"))]

    def _make_place(self, guest_id: str, uid: int) -> None:
        make_directory(ENTRIES_DIR, PASSED_THROUGH)
        make_directory(PLACES, PASSED_THROUGH)
        place = self.place(guest_id)
        place.mkdir(mode=0o711)
        place.chmod(0o711)  # whatever the umask is
        os.chown(place, uid, -1)

    def _start(self, guest_id: str, told: Mapping[str, Any]) -> None:
        if not (self._wire.certificates / "server-cert.pem").exists():
            raise DriverError(
                "This host has no certificate yet; no server can come to it, or go, while it runs.",
                detail=str(self._wire.certificates),
            )
        make_directory(self._directory)
        config = self._config(guest_id)
        whole = {
            "reaches": [],
            "certificates": str(self._wire.certificates),
            "seconds": LIFE_SECONDS,
        }
        write_atomically(config, json.dumps({**whole, **told}), mode=0o600)
        ready = config.with_name(f"{config.name}.ready")
        ready.unlink(missing_ok=True)
        pid = process.start_detached(
            *(sys.executable, "-I", "-S", str(PROGRAM), str(config)),
            log=config.with_suffix(".log"),
        )
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if not process.is_running(pid, exe=_exe()) or time.monotonic() > deadline:
                detail = self.log(guest_id)
                self.close(guest_id)
                raise TransientDriverError(
                    "The way to the other host could not be opened.", detail=detail
                )
            time.sleep(0.02)

    def _known(self, guest_id: str) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self._config(guest_id).read_text()))
        except (FileNotFoundError, ValueError):
            return None

    def _config(self, guest_id: str) -> Path:
        return self._directory / f"{file_name(guest_id)}.json"

    def _processes(self, word: str) -> Sequence[int]:
        found = process.running(_exe(), word)
        return [pid for pid in found if str(PROGRAM) in process.words_of(pid)]

    def _free_port(self) -> int:
        taken = listening()
        found = next((port for port in self._wire.ports if port not in taken), None)
        if found is None:
            raise TransientDriverError("All of the host's ports for servers that come are in use.")
        return found


def _exe() -> str:
    return Path(sys.executable).resolve().name
