"""Files and disks as QEMU's block devices."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from cloudweb import process
from volume.drivers.file.files import File
from volume.drivers.luks import SECRET, opened_node


def chain_node(chain: Sequence[File], *, read_only: bool = False) -> dict[str, Any]:
    """Return the block device of a file with all below it, each under the name of its node."""
    node: dict[str, Any] | None = None
    for place, file in reversed([*enumerate(chain)]):
        made = file_node(file, read_only=read_only or place > 0)
        if file.format == "qcow2":
            made["backing"] = node
        node = made
    assert node is not None
    return node


def block_node(path: Path) -> dict[str, Any]:
    """Return the block device that a file, or a disk of this host, is."""
    driver = "host_device" if path.is_block_device() else "file"
    return {"driver": driver, "filename": str(path), "aio": _aio()}


@cache
def _aio() -> str:
    """Return how QEMU waits for files here: by io_uring where kernel and QEMU have it, else by threads.

    Threads cost it twice the processor's time for a request that the page cache answers. Of writes, which on ext4
    threads of the kernel's do, four at a time are a fifth faster by threads of its own; reads lose more by them.
    """
    with tempfile.NamedTemporaryFile(prefix="cloudweb-aio-") as file:
        file.truncate(512)
        words = ("-r", "-f", "raw", file.name, "-c", "quit")
        done = process.run("qemu-io", "--aio", "io_uring", *words, check=False)
    return "threads" if done.returncode else "io_uring"


def file_node(file: File, *, read_only: bool) -> dict[str, Any]:
    is_inside = file.encrypted and not file.cipher
    opened = {"encrypt": {"format": "luks", "key-secret": SECRET}} if is_inside else {}
    below = {**block_node(file.path), "read-only": read_only, "discard": "unmap"}
    kind = opened_node(below) if file.cipher else {"driver": file.format, **opened, "file": below}
    return {**kind, "node-name": file.node, "read-only": read_only, "discard": "unmap"}
