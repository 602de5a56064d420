"""What is read or written as a whole is served to ourselves: one server, one connection, on a Unix socket."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloudweb import process
from volume.drivers.base import NoKey, WrongKey
from volume.drivers.deciphered import Deciphered
from volume.drivers.luks import SECRET_OBJECT, is_wrong_key, named, opened_node
from volume.drivers.nbd import NbdClient

_PATIENCE = 10.0
#: With the pid it tells processes apart: pids come again.
_IMPORTED = secrets.token_hex(4)


@contextmanager
def served(
    target: str,
    kind: str | None,
    *,
    sockets: Path,
    read_only: bool,
    words: Sequence[str] = (),
    data: bytes | None = None,
) -> Iterator[NbdClient]:
    """Serve what QEMU calls ``target``; the server ends with its only connection, whatever becomes of us.

    ``kind`` is None where the target says it; ``words`` come before it, and read ``data`` from standard input.
    """
    end_leftovers(sockets)
    path = sockets / f"p{secrets.token_hex(6)}"
    pid_file = path.with_suffix(f".{os.getpid()}-{_IMPORTED}")
    mode = ("--read-only",) if read_only else ("--discard=unmap", "--detect-zeroes=unmap")
    try:
        _start(
            "qemu-nbd", "--fork", f"--socket={path}", f"--pid-file={pid_file}",
            *((f"--format={kind}",) if kind else ()), *words, *mode, target, data=data,
        )  # fmt: skip
        pid = process.read_pid(pid_file)
        try:
            with NbdClient(path, "") as client:
                yield client
        finally:
            _wait_for_end(pid)
    finally:
        for one in (path, pid_file):
            one.unlink(missing_ok=True)


def end_leftovers(sockets: Path) -> None:
    """End servers to which a process that died never came: each would wait for it, and keep its volume locked."""
    for path in sockets.glob("p*.*-*"):
        owner, _, imported = path.suffix[1:].partition("-")
        if imported == _IMPORTED and Path("/proc", owner).exists():
            continue
        if (pid := process.read_pid(path)) is not None:
            process.stop(pid, exe="qemu-nbd")
        for one in (path, path.with_suffix("")):
            one.unlink(missing_ok=True)


def _start(*command: str, data: bytes | None) -> None:
    try:
        process.run(*command, timeout=60, data=data)
    except process.CommandFailed as error:
        if is_wrong_key(error):
            raise WrongKey(detail=error.detail) from error
        raise


@contextmanager
def writing_encrypted(
    disk: Mapping[str, Any], passphrase: str, *, sockets: Path
) -> Iterator[NbdClient]:
    """Serve what an encrypted disk holds, to be written; raise NoKey, WrongKey."""
    if not passphrase:
        raise NoKey
    words, key = SECRET_OBJECT, passphrase.encode()
    opened = named(opened_node(disk))
    with served(opened, None, sockets=sockets, read_only=False, words=words, data=key) as client:
        yield client


@contextmanager
def reading_encrypted(
    disk: Mapping[str, Any], passphrase: str, *, header: int, sockets: Path
) -> Iterator[Deciphered]:
    """Serve what an encrypted disk holds, and the disk itself beside it; raise NoKey, WrongKey."""
    if not passphrase:
        raise NoKey
    words, key = SECRET_OBJECT, passphrase.encode()
    opened, closed = named(opened_node(disk)), named({"driver": "raw", "file": disk})
    with (
        served(opened, None, sockets=sockets, read_only=True, words=words, data=key) as plain,
        served(closed, None, sockets=sockets, read_only=True) as cipher,
    ):
        yield Deciphered(plain, cipher, header)


def _wait_for_end(pid: int | None) -> None:
    """Return when a server has let go of what it served, so that the next one may have it."""
    if pid is not None and not process.wait_for_end(pid, timeout=_PATIENCE):
        process.stop(pid, exe="qemu-nbd")
