"""Where a host lets in who looks at consoles, from the settings CONSOLE_ADDRESS and CONSOLE_PORT."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cloudweb.conf import env
from compute.consoles.desk import Door

RUN_DIR = Path("/run")
#: What the kernel takes as a Unix socket's path, in bytes, with the zero at its end.
LONGEST = 108


def door_of(directory: Path) -> Door:
    """Return the door of a host that keeps its state in this directory.

    Where no address is set others reach it where they do for volumes and networks; on a machine of its own
    nobody does but by the socket.
    """
    names = ("CONSOLE_ADDRESS", "VOLUME_ADDRESS", "NETWORK_TUNNEL")
    said = (env.str(name, default="").strip() for name in names)
    return Door(
        path=_socket_in(directory),
        certificates=directory / "credentials" / "tls",
        address=next(filter(None, said), ""),
        port=env.int("CONSOLE_PORT", default=10890),
    )


def _socket_in(directory: Path) -> Path:
    path = directory / "consoles.sock"
    if len(os.fsencode(path)) < LONGEST:
        return path
    digest = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    return RUN_DIR / f"cloudweb-consoles-{digest}.sock"
