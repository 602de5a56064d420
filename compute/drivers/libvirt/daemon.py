"""Which libvirt daemon: the machine's own where it runs, else a private one of this installation.

The private one sees its own /etc/libvirt, /var/lib/libvirt, /run/libvirt, /var/log/libvirt and
/var/cache/libvirt through a mount namespace, because libvirt's QEMU driver has no option for them. It
lives in a session of its own, outlives us and is adopted again; guests outlive it in turn. Its guests
find their disks there too, so the data directory itself may be closed to them.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from cloudweb import process
from cloudweb.files import PASSED_THROUGH
from cloudweb.files import PRIVATE as PRIVATE_MODE
from compute.drivers.base import HypervisorUnavailable

log = structlog.get_logger(__name__)

MACHINE_URI = "qemu:///system"
MACHINE_SOCKETS = (Path("/run/libvirt/libvirt-sock"), Path("/run/libvirt/virtqemud-sock"))
AUTO, PRIVATE = "auto", "private"
PROGRAM = "libvirtd"
START_SECONDS = 60.0  # on a machine that is very busy

DAEMON_CONF = """\
# who reaches these sockets is root on this host: they are root's alone, in a directory of root's
auth_unix_rw = "none"
unix_sock_ro_perms = "0600"
unix_sock_rw_perms = "0600"
unix_sock_admin_perms = "0600"
listen_tls = 0
listen_tcp = 0
host_uuid = "{host_uuid}"
log_outputs = "3:stderr"
# sees {places}
"""
QEMU_CONF = """\
# no virtlogd beside us: QEMU writes the serial logs itself, and their size is limited by the driver
stdio_handler = "file"
security_driver = "none"
namespaces = []
cgroup_controllers = []
# file owners are the driver's business; libvirt would chown shared bases
dynamic_ownership = 0
remember_owner = 0
# libvirt looks at QEMU as root, who sees KVM as guests may not (else it looks again at every order);
# each guest's label names the user it runs as
user = "root"
group = "root"
# a QEMU that was taken over makes no memory dumps, processes without end or files without number
max_core = 0
max_processes = 16384
max_files = 8192
"""


def answers(path: Path) -> bool:
    """Tell whether somebody listens on a Unix socket; a stale file does not count."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True


class Daemon:
    """Finds or starts the daemon a driver talks to.

    ``uri`` is a libvirt URI, ``auto`` (the machine's daemon if it answers, else a private one; the
    choice is kept, since guests are known to one daemon alone) or ``private``.
    """

    #: Where a guest of the private daemon finds the directory of all guests.
    GUESTS = Path("/var/lib/libvirt/guests")

    def __init__(self, state_dir: Path, run_dir: Path, uri: str = AUTO) -> None:
        self.wanted = uri
        self.home, self.run_dir = state_dir / "libvirt", run_dir
        self.guests = state_dir / "guests"
        self.socket = run_dir / "libvirt" / "libvirt-sock"
        self.pid_file = run_dir / "libvirtd.pid"

    def uri(self) -> str:
        """Return where to connect; start the private daemon if it should run and does not."""
        if self.wanted not in (AUTO, PRIVATE):
            return self.wanted
        if not self.is_private():
            return MACHINE_URI
        self.ensure()
        return f"{MACHINE_URI}?socket={self.socket}"

    def is_private(self) -> bool:
        """Tell whether the private daemon is the one: by order, by an earlier choice, or for want of another."""
        if self.wanted != AUTO:
            return self.wanted == PRIVATE
        choice = self.home / "choice"
        if not choice.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            machine = any(answers(path) for path in MACHINE_SOCKETS)
            choice.write_text("machine\n" if machine else "private\n")
        return choice.read_text().strip() == "private"

    def ensure(self) -> None:
        """Make the private daemon run and answer, set up as it is today; raise HypervisorUnavailable.

        One that an older version set up otherwise is replaced: who was connected to it is not any more.
        """
        self._close_doors()
        if self._running() and self._is_set_up() and answers(self.socket):
            return
        if os.geteuid() != 0:
            raise HypervisorUnavailable(
                "No libvirt daemon answers and only root can start one: run as root, or start libvirtd."
            )
        program = shutil.which(PROGRAM, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is None:
            raise HypervisorUnavailable(
                "libvirt is not installed: apt-get install libvirt-daemon-system"
            )
        with self._only_one():
            if self._running():
                if not self._is_set_up():
                    log.warning(
                        "the private libvirtd was set up by an older version; it is replaced"
                    )
                elif self._wait():
                    return
                else:
                    log.warning("the private libvirtd does not answer; it is started anew")
                self._stop()
            self._start(program)

    def hangs(self) -> None:
        """End the private daemon that accepts and does not answer; the next opening starts another."""
        if self.is_private():
            log.warning("the private libvirtd hangs; it is ended")
            self.stop()

    def stop(self) -> None:
        """End the private daemon; guests go on."""
        with self._only_one():
            self._stop()

    def _running(self) -> bool:
        return process.is_running(process.read_pid(self.pid_file), exe=PROGRAM)

    def _stop(self) -> None:
        pid = process.read_pid(self.pid_file)
        if pid is not None:
            process.stop(pid, exe=PROGRAM)
        self.pid_file.unlink(missing_ok=True)

    def _start(self, program: str) -> None:
        self._prepare()
        # one that is just dying takes connections for a moment after its program is gone
        self.socket.unlink(missing_ok=True)
        mounts = "; ".join(
            f"mkdir -p {target} && mount --bind {shlex.quote(str(source))} {target}"
            for source, target in self._places()
        )
        script = (
            f"set -e; {mounts}; exec {program} --config /etc/libvirt/libvirtd.conf "
            "--pid-file /run/libvirt/libvirtd.pid"
        )
        process.start_detached(
            *("unshare", "--mount", "sh", "-c", script),
            log=self.home / "libvirtd.log",
            pid_file=self.pid_file,
        )
        if not self._wait():
            raise HypervisorUnavailable(
                f"Cloudweb's own libvirtd does not start; its log is {self.home / 'libvirtd.log'}.",
                detail=_end_of(self.home / "libvirtd.log"),
            )
        log.info("a private libvirtd was started", pid=process.read_pid(self.pid_file))

    def _wait(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if answers(self.socket):
                return True
            # until it has become libvirtd it is unshare, then sh
            pid = process.read_pid(self.pid_file)
            if pid is None or not any(
                process.is_running(pid, exe=exe)
                for exe in (PROGRAM, "unshare", "sh", "dash", "bash")
            ):
                return False
            time.sleep(0.05)
        return False

    def _places(self) -> Iterator[tuple[Path, str]]:
        yield self.home / "etc", "/etc/libvirt"
        yield self.home / "lib", "/var/lib/libvirt"
        yield self.home / "cache", "/var/cache/libvirt"
        yield self.home / "log", "/var/log/libvirt"
        yield self.run_dir / "libvirt", "/run/libvirt"
        yield self.guests, os.fspath(self.GUESTS)

    def _doors(self) -> Iterator[tuple[Path, int]]:
        """Yield each directory and its mode: QEMU, as another user, passes through two of them."""
        passed = (self.home / "lib", self.guests)
        for source, _ in self._places():
            yield source, PASSED_THROUGH if source in passed else PRIVATE_MODE
        yield self.home, PRIVATE_MODE
        yield self.run_dir, PRIVATE_MODE

    def _close_doors(self) -> None:
        """Give directories and sockets that are there the modes they are made with today."""
        for directory, mode in self._doors():
            with suppress(FileNotFoundError):
                directory.chmod(mode)
        for found in (self.run_dir / "libvirt").glob("*-sock*"):
            with suppress(FileNotFoundError):
                found.chmod(0o600)

    def _prepare(self) -> None:
        self._forget_other_boots()
        for directory, mode in self._doors():
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(mode)
        for path, text in self._configuration().items():
            path.write_text(text)

    def _configuration(self) -> dict[Path, str]:
        """Return the files that the daemon reads when it starts."""
        uuid_file = self.home / "host_uuid"
        if not uuid_file.exists():
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            uuid_file.write_text(f"{uuid.uuid4()}\n")
        places = ", ".join(f"{source} at {target}" for source, target in self._places())
        conf = DAEMON_CONF.format(host_uuid=uuid_file.read_text().strip(), places=places)
        etc = self.home / "etc"
        return {etc / "libvirtd.conf": conf, etc / "qemu.conf": QEMU_CONF}

    def _is_set_up(self) -> bool:
        """Tell whether the daemon that runs read what it would read if it were started now."""
        return all(
            path.exists() and path.read_text() == text
            for path, text in self._configuration().items()
        )

    def _forget_other_boots(self) -> None:
        """Drop run-time state of another boot or pid namespace: its pids are others' processes now."""
        stamp = self.run_dir / "boot"
        now = boot_identity()
        with suppress(FileNotFoundError):
            if stamp.read_text() == now:
                return
            shutil.rmtree(self.run_dir / "libvirt", ignore_errors=True)
        self.run_dir.mkdir(parents=True, exist_ok=True)
        stamp.write_text(now)

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        self.run_dir.mkdir(parents=True, exist_ok=True)
        with (self.run_dir / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def boot_identity() -> str:
    """Return what is another one after a boot, and in another pid namespace."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    first = Path("/proc/1/stat").read_text().rpartition(")")[2].split()
    return f"{boot_id} {Path('/proc/self/ns/pid').readlink()} {first[19]}"


def _end_of(log_file: Path) -> str:
    try:
        return log_file.read_text(errors="replace")[-1000:]
    except FileNotFoundError:
        return ""
