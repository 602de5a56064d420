"""What a cloud's servers have left on a host: in its kernel, among its processes, on its disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from cloudweb import process
from tests.builders.libvirt_bench import qemu_pids_of
from volume.drivers.file.locking import is_open
from volume.drivers.file.qemu_img import bitmaps_of

#: Where agents and drivers keep what belongs to a guest, a port or a network.
KEPT = (
    "guests/*",
    "compute/guests/*",
    "compute/consoles/*",
    "compute/drafts/*",
    "compute/journeys/*",
    "compute/tunnels/*",
    "compute/libvirt/etc/qemu/*.xml",
    "compute/libvirt/lib/qemu/domain-*",
    "network/wirings/*",
    "network/networks/*",
    "network/metadata/networks/*",
    "network/slots/*",
    "volume/exports/*",
    "volume/*/daemons/*",
    "volume/*/pool/volume-*",
    "volume/*/pool/data-*",
    "volume/*/pool/snapshots/*",
    "volume/*/attachments/*",
    "volume/*/volumes/*",
    "volume/*/s/p*",
    "volume/uploads/*",
)
PROGRAMS = ("dnsmasq", "qemu-storage-daemon", "qemu-nbd")


def leftovers(
    directory: Path, *, prefix: str = "cw", run: Callable[..., str] | None = None, disk: bool = True
) -> list[str]:
    """Return all of it by name. ``directory`` is the host's own, ``run`` runs a command there.

    ``disk`` is off where the directory itself goes next, as at the end of ``make clean``.
    """
    run = run or (lambda *words: process.run(*words).text)
    files = [*_on_disk(directory), *in_pools(directory)] if disk else ()
    return sorted([*_in_kernel(prefix, run), *files, *_processes(directory)])


def _in_kernel(prefix: str, run: Callable[..., str]) -> Iterator[str]:
    table = "cloudweb" if prefix == "cw" else f"cloudweb_{prefix}"
    for link in json.loads(run("ip", "-j", "link")):
        alias = str(link.get("ifalias", ""))
        if alias.startswith(f"{prefix} ") or link["ifname"].startswith(prefix):
            yield f"link {link['ifname']} {alias}"
    for line in run("ip", "netns").splitlines():
        if line.startswith(f"{table}-"):
            yield f"namespace {line.split()[0]}"
    for line in run("nft", "list", "tables").splitlines():
        if line.split()[-1] == table or line.split()[-1].startswith(f"{table}_"):
            yield f"filters {line}"


def _on_disk(directory: Path) -> Iterator[str]:
    for pattern in KEPT:
        for path in directory.glob(pattern):
            yield f"file {path.relative_to(directory)}"


def in_pools(directory: Path) -> Iterator[str]:
    """Find what is kept aside for a backup, bitmaps in files of volumes and images, and files that a QEMU has open."""
    for pool in directory.glob("volume/*/pool"):
        yield from (f"point {path.name}" for path in pool.glob("held-*"))
        for path in (*pool.glob("data-*"), *pool.glob("bases/*")):
            if path.suffix == ".qcow2":
                yield from (f"bitmap {path.name} {name}" for name in bitmaps_of(path))
            if is_open(path):
                yield f"lock {path.name}"


def _processes(directory: Path) -> Iterator[str]:
    """Find guests, and programs by the host's directory on their command lines; in each pid namespace."""
    for pid in qemu_pids_of(directory / "compute" / "guests"):
        yield f"process qemu-system-x86_64 {pid}"
    home = str(directory).encode()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        program = Path(words.split(b"\0")[0].decode(errors="replace")).name
        ours = b"metadata_proxy.py" in words or b"compute/tunnels/" in words
        if home in words and (program in PROGRAMS or ours):
            yield f"process {program} {entry.parent.name}"
