"""A dnsmasq process to keep: in a session of its own, found again by its pid file, run as a user without rights."""

from __future__ import annotations

import grp
import pwd
import shutil
from collections.abc import Sequence
from pathlib import Path

from cloudweb import process
from cloudweb.driver import DriverError
from network.drivers.linuxbridge import namespaces

SERVER_USERS = ("dnsmasq", "nobody")


class Dnsmasq:
    """The process whose files are in ``directory``; it outlives us."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pid_file = directory / "pid"

    def words(self, user: pwd.struct_passwd) -> Sequence[str]:
        """Return what every command line of ours begins with."""
        return (
            "dnsmasq",
            "--conf-file=/dev/null",
            "--no-hosts",
            "--no-resolv",
            "--bind-interfaces",
            "--except-interface=lo",
            f"--user={user.pw_name}",
            f"--group={grp.getgrgid(user.pw_gid).gr_name}",
            f"--pid-file={self.pid_file}",
            f"--log-facility={self.directory / 'log'}",
            "--quiet-dhcp",
            "--quiet-dhcp6",
            "--quiet-ra",
            "--leasefile-ro",
        )

    def pid(self) -> int | None:
        """Return the running server's pid, also when a crash cost us the pid file."""
        pid = process.read_pid(self.pid_file)
        if pid is not None and self._is_ours(pid):
            return pid
        if not self.directory.exists():
            return None
        running = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return next((pid for pid in running if self._is_ours(pid)), None)

    def start(self, namespace: str | None, command: Sequence[str]) -> None:
        """Start it in the place of the one that runs; raise DriverError when it does not start."""
        self.halt()
        try:
            process.run(*namespaces.command(namespace, *command))
        except process.CommandFailed as error:
            missing = shutil.which("dnsmasq") is None
            raise DriverError(
                "dnsmasq is not installed on this host (apt-get install dnsmasq-base)."
                if missing
                else "The host's DHCP server does not start.",
                detail=error.detail,
            ) from error

    def halt(self) -> None:
        """End the process; absent is fine."""
        pid = self.pid()
        if pid is not None:
            process.stop(pid, exe="dnsmasq")
        self.pid_file.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        if not process.is_running(pid, exe="dnsmasq"):
            return False
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"--pid-file={self.pid_file}".encode() in words


def server_user() -> pwd.struct_passwd:
    """Return whom the servers run as; raise DriverError where the host has none of them."""
    for name in SERVER_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DriverError(f"The host has no user for its DHCP servers: {' or '.join(SERVER_USERS)}.")
