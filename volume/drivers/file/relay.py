"""Relays: how another host gets a volume whose daemon serves guests of its own host on a socket.

A daemon has one server. So one qemu-nbd for each such attachment stands between: on the socket it is a
client like others, to the other host it is a server on a port of its own, over TLS, for that host alone.
It waits for a daemon that is started again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cloudweb import process
from cloudweb.driver import TransientDriverError
from cloudweb.wire import AUTHZ, TLS, Wire, authz_list, listener, tls_creds

PROGRAM = "qemu-nbd"
_RECONNECT = 3600  # seconds
#: As systemd hands over a socket: as file 3, to the process of this id. (Not every sh knows files beyond 9.)
_HANDED_OVER = 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{place}'


class Relays:
    """The relays of one back end, by attachment."""

    def __init__(self, directory: Path, wire: Wire) -> None:
        self._directory, self._wire = directory, wire

    def ensure(
        self, attachment_id: str, *, socket: Path, port: int, host: str, read_only: bool
    ) -> None:
        """Make one run."""
        if self.is_running(attachment_id):
            return
        self.stop(attachment_id)
        target = f"driver=nbd,server.type=unix,server.path={socket},export={attachment_id}"
        words = (
            PROGRAM,
            "--fork",
            "--persistent",
            "--shared=0",
            self._word(attachment_id),
            f"--export-name={attachment_id}",
            "--object",
            tls_creds(self._wire),
            "--object",
            authz_list([host]),
            f"--tls-creds={TLS}",
            f"--tls-authz={AUTHZ}",
            "--discard=unmap",
            *(("--read-only",) if read_only else ()),
            "--image-opts",
            f"{target},reconnect-delay={_RECONNECT}",
        )
        try:
            with listener(self._wire, port) as place:
                said = _HANDED_OVER.format(place=place)
                process.run("bash", "-c", said, PROGRAM, *words, timeout=30, keep=(place,))
        except process.CommandFailed as error:
            raise TransientDriverError(
                "The volume cannot be served to another host now.", detail=error.detail
            ) from error

    def is_running(self, attachment_id: str) -> bool:
        """Tell whether an attachment has one."""
        pid = process.read_pid(self._pid_file(attachment_id))
        return (
            pid is not None
            and process.is_running(pid, exe=PROGRAM)
            and self._word(attachment_id) in process.words_of(pid)
        )

    def stop(self, attachment_id: str) -> None:
        """End an attachment's at once, also one whose pid file was not written yet, or is lost."""
        word = self._word(attachment_id)
        process.kill([pid for pid in self._all() if word in process.words_of(pid)], exe=PROGRAM)
        process.let_end(process.read_pid(self._pid_file(attachment_id)))  # its port is free then
        self._pid_file(attachment_id).unlink(missing_ok=True)

    def census(self) -> Sequence[str]:
        """Return what is left of any: processes, pid files."""
        files = [f"relay {path.stem}" for path in sorted(self._directory.glob("*.relay"))]
        return [*files, *(f"process {pid}" for pid in self._all())]

    def _all(self) -> Sequence[int]:
        prefix = f"--pid-file={self._directory}/"
        return process.running(PROGRAM, prefix)

    def _word(self, attachment_id: str) -> str:
        return f"--pid-file={self._pid_file(attachment_id)}"

    def _pid_file(self, attachment_id: str) -> Path:
        return self._directory / f"{attachment_id}.relay"
