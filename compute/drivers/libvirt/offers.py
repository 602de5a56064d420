"""Disks of guests that are off, served to the host that the guest goes to: read-only, over TLS, to it alone.

A qemu-nbd for each disk, of root's. What is in a guest's home is the guest's: the disk's header, which the
guest's QEMU wrote, does not say which files are opened (``image_options``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.conf import env
from cloudweb.driver import DriverError, TransientDriverError
from cloudweb.files import make_directory
from cloudweb.wire import AUTHZ, TLS, Wire, authz_list, listening, tls_creds
from compute.drivers.libvirt.files import GuestFiles, file_name
from compute.objects import DiskSource
from compute.resize_objects import OfferedDisk

PROGRAM = "qemu-nbd"
QCOW2 = b"QFI\xfb"
_DATA_FILE_BIT = 1 << 2


@dataclass(frozen=True, slots=True)
class DiskFile:
    """A disk in a guest's home, and what it stands on."""

    path: Path
    base: Path


def disk_file(files: GuestFiles, name: str) -> DiskFile:
    """Return where the disk of this name is."""
    plain = file_name(name)
    return DiskFile(files.home / f"{plain}.qcow2", files.home / f"{plain}.base")


def image_options(disk: DiskFile, *, alone: bool = False) -> str:
    """Return the disk as QEMU's programs open it: it, its base, and no other file, whatever it says itself.

    ``alone``: without its base, for who only asks. Raises DriverError for files that are not as they were made.
    """
    with _opened(disk.path) as header:
        head = header.read(104)
        if head[:4] != QCOW2:
            raise DriverError("The guest's disk is damaged.", detail=str(disk.path))
        form, has_base = int.from_bytes(head[4:8]), int.from_bytes(head[8:16]) > 0
        if form > 2 and int.from_bytes(head[72:80]) & _DATA_FILE_BIT:
            raise DriverError("The guest's files are not as they were made.", detail=str(disk.path))
    node: dict[str, Any] = {"driver": "qcow2", "file": _file(disk.path), "backing": None}
    if has_base and not alone:
        with _opened(disk.base) as base:
            kind = "qcow2" if base.read(4) == QCOW2 else "raw"
        below = {"driver": kind, "file": _file(disk.base)}
        node["backing"] = {**below, "backing": None} if kind == "qcow2" else below
    return f"json:{json.dumps(node)}"


def virtual_size(disk: DiskFile) -> int:
    """Return the bytes that a guest sees."""
    done = process.run("qemu-img", "info", "-U", "--output=json", image_options(disk, alone=True))
    return int(json.loads(done.stdout)["virtual-size"])


def _opened(path: Path) -> Any:
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError as error:
        raise DriverError(
            "The guest's files are not as they were made.", detail=str(path)
        ) from error


def _file(path: Path) -> Mapping[str, str]:
    return {"driver": "file", "filename": str(path)}


class Offers:
    """The offers of one host. ``directory`` holds the pid files by which they are found again."""

    def __init__(self, directory: Path, wire: Wire, host: str) -> None:
        self._directory, self._wire, self._host = directory, wire, host

    def offer(self, files: GuestFiles, name: str, to_host: str) -> OfferedDisk:
        """Serve a disk to a host; one that is served to it already stays so."""
        make_directory(self._directory)
        disk = disk_file(files, name)
        pid_file = self._directory / f"{files.home.name}.{disk.path.name}.pid"
        known = process.read_pid(pid_file)
        words = list(process.words_of(known)) if known is not None else []
        port = next((int(w.removeprefix("--port=")) for w in words if w.startswith("--port=")), 0)
        if not port or self._command(disk, pid_file, name, to_host, port) != words:
            self._end(f"--pid-file={pid_file}")
            port = self._free_port()
            self._start(self._command(disk, pid_file, name, to_host, port))
        source = DiskSource(
            kind="nbd_tls",
            address=self._wire.address,
            port=port,
            export=name,
            tls_name=self._host,
        )
        return OfferedDisk(name=name, size=virtual_size(disk), source=source)

    def withdraw(self, guest: str) -> None:
        """End the offers of a guest, by the name of its home; of all without one."""
        self._end(f"--pid-file={self._directory}/{guest}.")
        for path in self._directory.glob(f"{guest}.*.pid" if guest else "*.pid"):
            path.unlink(missing_ok=True)

    def withdraw_all(self) -> None:
        """End all of them."""
        self._end(f"--pid-file={self._directory}/")
        for path in self._directory.glob("*.pid"):
            path.unlink(missing_ok=True)

    def census(self) -> Sequence[str]:
        """Return what is left: files and processes."""
        files = [path.name for path in sorted(self._directory.glob("*"))]
        return [*files, *map(str, process.running(PROGRAM, f"--pid-file={self._directory}/"))]

    def _command(
        self, disk: DiskFile, pid_file: Path, name: str, to_host: str, port: int
    ) -> list[str]:
        return [
            PROGRAM, "--fork", "--persistent", "--shared=4", "--read-only",
            f"--bind={self._wire.address}", f"--port={port}", f"--pid-file={pid_file}",
            f"--export-name={name}",
            "--object", tls_creds(self._wire), "--object", authz_list([to_host]),
            f"--tls-creds={TLS}", f"--tls-authz={AUTHZ}",
            image_options(disk),
        ]  # fmt: skip

    def _start(self, words: Sequence[str]) -> None:
        try:
            process.run(*words, timeout=60)
        except process.CommandFailed as error:
            raise TransientDriverError(
                "The host could not serve the guest's disks.", detail=error.detail
            ) from error

    def _end(self, prefix: str) -> None:
        process.kill(process.running(PROGRAM, prefix), exe=PROGRAM)

    def _free_port(self) -> int:
        taken = listening()
        found = next((port for port in self._wire.ports if port not in taken), None)
        if found is None:
            raise TransientDriverError("All of the host's ports for disks are in use.")
        return found


def wire_of(state_dir: Path) -> Wire:
    """Read COMPUTE_MOVE_PORTS and COMPUTE_MOVE_ADDRESS; raise DriverError.

    Where no address is set others reach it where they do for volumes and networks.
    """
    text = env.str("COMPUTE_MOVE_PORTS", default="11900-12099")
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 0 < int(first) <= int(last) < 65536):
        raise DriverError(f"COMPUTE_MOVE_PORTS is {text!r}; it must look like 11900-12099.")
    names = ("COMPUTE_MOVE_ADDRESS", "VOLUME_ADDRESS", "NETWORK_TUNNEL")
    said = (env.str(name, default="").strip() for name in names)
    return Wire(
        address=next(filter(None, said), "127.0.0.1"),
        ports=range(int(first), int(last) + 1),
        certificates=state_dir.parent / "credentials" / "tls",
    )
