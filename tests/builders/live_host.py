"""A host of libvirt's in mounts of its own, whose driver is called from outside: guests go between two of them.

Run as ``python -m tests.builders.live_host NAME HOME``; ``LiveHost`` starts it and calls the driver.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

import libvirt

from cloudweb import process
from cloudweb.driver import DriverError, Unguarded
from compute.drivers.libvirt import LibvirtDriver
from tests.infrastructure import ROOT, wait_until

KEY = b"of a test"
#: Connections that listen as long as the process lives.
_listening: list[libvirt.virConnect] = []
SCRIPT = 'mount -t tmpfs tmpfs /run && exec "$@"'


class LiveHost:
    """One host; each call is a connection of its own, so that one may wait while another asks."""

    def __init__(self, name: str, home: Path) -> None:
        self.name, self.home = name, home
        self._worker: Any = None

    def start(self) -> None:
        """Start the process that has the driver; what an earlier one left is found again."""
        words = (sys.executable, "-m", "tests.builders.live_host", self.name, str(self.home))
        # mounts of its own: both hosts have the same places for sockets, as two machines would
        enter: tuple[str, ...] = ("unshare", "--mount", "sh", "-c", SCRIPT, "sh")
        if (holder := self.home / "mounts").exists():
            enter = ("nsenter", f"--mount=/proc/{holder.read_text()}/ns/mnt")
        self._worker = process.start_child(
            *enter, *words, cwd=ROOT, log=self.home / "worker.log",
            env={"DJANGO_SETTINGS_MODULE": "cloudweb.settings.agent", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        wait_until(
            lambda: self._socket.exists() or self._worker.poll() is not None, what="it starts"
        )
        assert self._worker.poll() is None, (self.home / "worker.log").read_text()[-3000:]
        if not holder.exists():
            keeper = process.start_detached(
                *("nsenter", f"--mount=/proc/{self._worker.pid}/ns/mnt", "sleep", "infinity"),
                log=self.home / "keeper.log",
            )
            holder.write_text(str(keeper))

    @property
    def libvirtd(self) -> int:
        """Return the pid of its libvirtd."""
        pid = process.read_pid(self.home / "run" / "libvirtd.pid")
        assert pid is not None
        return pid

    @property
    def _socket(self) -> Path:
        return self.home / "worker.sock"

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call the driver; raise what it raised, by its class and words."""
        with Client(str(self._socket), authkey=KEY) as line:
            line.send((method, args, kwargs))
            kind, said = line.recv()
        if kind == "error":
            module, name, message, detail = said
            raise getattr(importlib.import_module(module), name)(message, detail=detail)
        return said

    def end(self) -> None:
        """Take all guests, libvirt and the mounts away."""
        if self._worker is None:
            return
        self("delete_everything")
        self.kill()
        os.kill(int((self.home / "mounts").read_text()), signal.SIGKILL)

    def kill(self) -> None:
        """End the process that has the driver at once."""
        self._worker.kill()
        self._worker.wait()
        self._socket.unlink(missing_ok=True)


def serve(name: str, home: Path) -> None:
    """Do what is asked for, each in a thread of its own."""
    driver = LibvirtDriver(home / "state", name, "private", run_dir=home / "run")
    driver.start(lambda _guest_id, _power_state: None)
    with Listener(str(home / "worker.sock"), authkey=KEY) as listener:
        while True:
            line = listener.accept()
            threading.Thread(target=_answer, args=(driver, line), daemon=True).start()


def _answer(driver: LibvirtDriver, line: Connection) -> None:
    with line:
        method, args, kwargs = line.recv()
        found: Callable[..., Any] = driver
        if method == "kill_at_arrival":
            found, method = kill_at_arrival, ""
            args = (driver,)
        for part in filter(None, method.split(".")):
            found = getattr(found, part)
        if kwargs.pop("works", False):
            kwargs["work"] = Unguarded()
        if method == "live_migrate":
            kwargs["progress"] = lambda seen: print(seen, flush=True)
        try:
            line.send(("ok", found(*args, **kwargs)))
        except DriverError as error:
            kind = type(error)
            line.send(("error", (kind.__module__, kind.__name__, error.message, error.detail)))


def kill_at_arrival(driver: LibvirtDriver) -> None:
    """Kill this host's libvirt as soon as a guest that came runs."""
    pid = process.read_pid(driver.daemon.pid_file)
    assert pid is not None
    connection = libvirt.open(f"qemu:///system?socket={driver.daemon.socket}")

    def seen(_connection: Any, _domain: Any, event: int, *_: Any) -> None:
        if event == libvirt.VIR_DOMAIN_EVENT_RESUMED:
            os.kill(pid, signal.SIGKILL)

    connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, seen, None)
    _listening.append(connection)


if __name__ == "__main__":
    os.umask(0o022)
    serve(sys.argv[1], Path(sys.argv[2]))
