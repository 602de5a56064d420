"""QMP: how a daemon of QEMU is spoken to, over its monitor's Unix socket.

A monitor serves one client at a time, so a connection is opened for a few commands and closed. Source:
QEMU's docs/interop/qmp-spec.txt.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from cloudweb.driver import DriverError, TransientDriverError

TIMEOUT = 20.0


class DaemonSilent(TransientDriverError):
    """The daemon that serves a volume does not answer."""

    code = "volume_daemon_silent"
    default_message = "What serves the volume does not answer."


class CommandRefused(DriverError):
    """The daemon refused a command."""

    code = "volume_daemon_refused"
    default_message = "What serves the volume refused to do this."


class Monitor:
    """One connection to a daemon's monitor."""

    def __init__(self, stream: IO[bytes], connection: socket.socket) -> None:
        self._stream, self._connection = stream, connection

    def run(self, command: str, **arguments: Any) -> Any:
        """Run a command and return what it returned; raise CommandRefused, DaemonSilent."""
        words = {name.replace("_", "-"): value for name, value in arguments.items()}
        message = {"execute": command, **({"arguments": words} if words else {})}
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
            while True:
                answer = self._read()
                if "error" in answer:
                    raise CommandRefused(detail=f"{command}: {answer['error'].get('desc')}")
                if "return" in answer:
                    return answer["return"]
        except OSError as error:
            raise DaemonSilent(detail=f"{command}: {error}") from error

    def _read(self) -> Mapping[str, Any]:
        line = self._stream.readline()
        if not line:
            raise DaemonSilent(detail="the monitor was closed")
        found: Mapping[str, Any] = json.loads(line)
        return found

    def wait_for_job(self, job: str, *, timeout: float = 600) -> None:
        """Return when a job has ended; raise CommandRefused with its error."""
        limit = time.monotonic() + timeout
        while time.monotonic() < limit:
            found = [one for one in self.run("query-jobs") if one["id"] == job]
            if not found:
                return
            if found[0]["status"] == "concluded":
                self.run("job-dismiss", id=job)
                if "error" in found[0]:
                    raise CommandRefused(detail=f"{job}: {found[0]['error']}")
                return
            time.sleep(0.02)
        raise DaemonSilent(detail=f"{job} does not end")


@contextmanager
def monitor(path: Path, *, timeout: float = TIMEOUT) -> Iterator[Monitor]:
    """Give a connection to the monitor at ``path``; raise DaemonSilent where nobody answers."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        try:
            connection.connect(str(path))
            stream = connection.makefile("rb")
        except OSError as error:
            raise DaemonSilent(detail=f"{path}: {error}") from error
        with stream:
            found = Monitor(stream, connection)
            try:
                stream.readline()  # its greeting
            except OSError as error:
                raise DaemonSilent(detail=f"{path}: {error}") from error
            found.run("qmp_capabilities")
            yield found
    finally:
        connection.close()
