"""What another user of this machine can do to files and sockets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cloudweb import process

NOBODY = 65534


def as_user(uid: int, *command: str, gid: int = NOBODY) -> process.Completed:
    """Run a command as somebody else, in no group of ours; its failure is no error."""
    return process.run(
        "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--",
        *command, check=False,
    )  # fmt: skip


def open_to(uid: int, *places: Path, gid: int = NOBODY) -> Sequence[str]:
    """Return what a user can read or write below these places: files, sockets, directories."""
    found = as_user(
        uid, "find", *map(os.fspath, places), "(", "-type", "f", "-readable", "-o", "-writable", ")",
        "-not", "-type", "l", "-print", gid=gid,
    )  # fmt: skip
    return found.text.splitlines()
