"""What must be true before anything is started; each failure is a paragraph that says what to do."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import IO

from cloudweb import process
from cloudweb.conf import (
    ROOT,
    beat_is_apart,
    drivers,
    host_name,
    listen_address,
    listen_url,
    network_backend,
    var_dir,
    watchdog,
)
from cloudweb.files import make_directory
from cloudweb.lost_keys import KeysLost, check_files
from cloudweb.supervisor.forerunners import wait_for_end

LEAST_FREE = 300 * 1024 * 1024
LONGEST_SOCKET_PATH = 100
ALWAYS = {"redis-server": "redis-server", "setpriv": "util-linux"}
#: Parts of the data directory that others may not enter; logs are for the owner's group, too.
MODES = {"run": 0o700, "log": 0o750, "secrets": 0o700}
HOST_PROGRAMS = {
    "libvirtd": "libvirt-daemon-system",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "qemu-storage-daemon": "qemu-system-common",
    "dnsmasq": "dnsmasq-base",
    "nft": "nftables",
}
_NO_HOST = "To try Cloudweb without a hypervisor, with guests in memory: DRIVERS=fake make run"


class CannotStart(Exception):
    """The reason, and what to do about it."""


def check() -> IO[str]:
    """Return the lock of the only instance, once this machine can run the cloud as its settings say.

    Raises CannotStart.
    """
    _check_settings()
    _check_directory(var_dir())
    lock = take_lock()
    try:
        _check_drivers()
        _check_programs(ALWAYS)
        wait_for_end()  # of the children of one that crashed
        _check_neighbours()
        _check_port()
    except CannotStart:
        lock.close()
        raise
    return lock


def _check_settings() -> None:
    try:
        listen_address()
        host_name()
        beat_is_apart()
        network_backend()
        watchdog()
        check_files()
    except (ValueError, KeysLost) as error:
        raise CannotStart(str(error)) from error
    if drivers() not in ("real", "fake"):
        raise CannotStart(
            f"DRIVERS is {drivers()!r}; it may be 'real' (QEMU guests, needs root) or 'fake' "
            "(guests in memory)."
        )


def _check_directory(var: Path) -> None:
    socket_path = var / "run" / "redis.sock"
    if len(os.fsencode(socket_path)) > LONGEST_SOCKET_PATH:
        raise CannotStart(
            f"The path of the data directory, {var}, is too long for the sockets in it. "
            "Choose a shorter one by the setting CLOUDWEB_VAR, such as CLOUDWEB_VAR=/srv/cloudweb."
        )
    try:
        var.mkdir(parents=True, exist_ok=True, mode=0o755)
        for part, mode in MODES.items():
            make_directory(var / part, mode)
        probe = var / "run" / ".probe"
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except PermissionError as error:
        raise CannotStart(
            f"Cloudweb may not write to its data directory {var} ({error.filename}): it belongs to "
            "another user. Run it as that user (sudo make run), or choose another directory by the "
            "setting CLOUDWEB_VAR."
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise CannotStart(f"The data directory {var} cannot be used: {error}.") from error
        raise CannotStart(_full(var, 0)) from error
    free = shutil.disk_usage(var).free
    if free < LEAST_FREE:
        raise CannotStart(_full(var, free))


def _full(var: Path, free: int) -> str:
    return (
        f"The disk that holds {var} is full: {free // 1024**2} MB are free, and Cloudweb needs "
        f"{LEAST_FREE // 1024**2} MB to start. Free some space, or put the data elsewhere by the "
        "setting CLOUDWEB_VAR."
    )


def _check_drivers() -> None:
    if drivers() == "fake":
        return
    if os.geteuid() != 0:
        raise CannotStart(
            "Real guests need root: they get bridges, filters and disks of this machine. "
            f"Run: sudo make run. {_NO_HOST}"
        )
    _check_programs(HOST_PROGRAMS, hint=_NO_HOST)


def _check_neighbours() -> None:
    if drivers() == "fake":
        return
    done = process.run(
        sys.executable, "-m", "cloudweb.supervisor.neighbours", cwd=ROOT, check=False,
        env={"DJANGO_SETTINGS_MODULE": "cloudweb.settings.agent"},
    )  # fmt: skip
    if done.returncode:
        said = done.text.strip() or done.stderr.decode(errors="replace").strip()[-500:]
        raise CannotStart(said)


def _check_programs(packages: dict[str, str], *, hint: str = "") -> None:
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    missing = [name for name in packages if shutil.which(name, path=path) is None]
    if missing:
        wanted = " ".join(sorted({packages[name] for name in missing}))
        raise CannotStart(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed on this "
            f"machine. Run: apt-get install --no-install-recommends {wanted}. {hint}".strip()
        )


def _check_port() -> None:
    host, port = listen_address()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise CannotStart(_port_sentence(host, port, error)) from error


def _port_sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program (see: ss -ltnp 'sport = :{port}'). "
            f"End that program, or choose another port: LISTEN={host}:{port + 1} make run"
        )
    if error.errno == errno.EACCES:
        return f"Only root may listen on port {port}. Choose one above 1023: LISTEN={host}:8000 make run"
    return (
        f"Cloudweb cannot listen on {listen_url()}: {error.strerror}. LISTEN must name an address of "
        "this machine, such as LISTEN=127.0.0.1:8000 or, for all its addresses, LISTEN=0.0.0.0:8000."
    )


def take_lock() -> IO[str]:
    """Return the open lock file that makes this the only instance. Raises CannotStart.

    The kernel lets go of it when the process ends, so a file left over from a crash is no obstacle.
    """
    path = var_dir() / "run" / "cloudweb.pid"
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise CannotStart(
            f"Cloudweb is already running on this data directory, pid {owner}. Stop that one with "
            f"Ctrl-C where it runs, or: kill {owner}. A second cloud needs a CLOUDWEB_VAR and a "
            "LISTEN of its own."
        ) from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock
