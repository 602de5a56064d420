"""The children of a supervisor that is gone: they are dying, and hold ports and sockets until then."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from cloudweb.conf import var_dir
from cloudweb.files import make_directory

#: As long as the supervisor itself gives its children to end.
PATIENCE = 10.0
_KILLED, _POLL = 5.0, 0.05


def note(name: str, pid: int) -> None:
    """Keep who a child is for the supervisor after this one; never a reason not to start it."""
    with contextlib.suppress(OSError):
        (make_directory(_directory()) / name).write_text(f"{pid} {_born(pid)}\n")


def wait_for_end(*, patience: float = PATIENCE) -> None:
    """Wait until none is left; kill those that take too long. Only what was noted is touched."""
    deadline = time.monotonic() + patience
    for path, pid, born in _noted():
        if not _ended(pid, born, by=deadline):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            _ended(pid, born, by=time.monotonic() + _KILLED)
        path.unlink(missing_ok=True)


def _ended(pid: int, born: str, *, by: float) -> bool:
    while _born(pid) == born:
        if time.monotonic() >= by:
            return False
        time.sleep(_POLL)
    return True


def _directory() -> Path:
    return var_dir() / "run" / "children"


def _noted() -> Iterator[tuple[Path, int, str]]:
    directory = _directory()
    for path in sorted(directory.iterdir()) if directory.exists() else ():
        words = path.read_text().split()
        if len(words) == 2 and words[0].isdigit():
            yield path, int(words[0]), words[1]


def _born(pid: int) -> str:
    """Return what tells a process from all others of its pid: boot and start; empty when it is gone."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return "" if facts[0] in "ZX" else f"{boot}:{facts[19]}"
