"""A process whose program is gone before its files are closed, as of one that is still in a write."""

from __future__ import annotations

import sys
from pathlib import Path

from cloudweb import process
from tests.infrastructure import wait_until

#: One thread has a file locked for a moment more than the others are there.
_SLOW_TO_GO = """
import ctypes, fcntl, os, pathlib, sys, threading, time
def leads():
    try:
        return os.readlink(f"/proc/{os.getpid()}/exe")
    except FileNotFoundError:
        return ""
def last():
    while leads():
        time.sleep(0.001)
    file = open(sys.argv[1], "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    pathlib.Path(sys.argv[2]).touch()
    time.sleep(float(sys.argv[3]))
    ctypes.CDLL(None)._exit(0)
threading.Thread(target=last).start()
ctypes.CDLL(None).syscall({"aarch64": 93}.get(os.uname().machine, 60), 0)  # exit, of a thread
"""


def start_slow_to_go(directory: Path, seconds: float) -> tuple[int, Path]:
    """Return one that is going, and the file that it has locked for so many seconds more."""
    locked, ready, pid_file = (directory / name for name in ("locked", "ready", "pid"))
    words = (sys.executable, "-c", _SLOW_TO_GO, str(locked), str(ready), str(seconds))
    process.start_detached(*words, log=directory / "log", pid_file=pid_file)
    pid = process.read_pid(pid_file)
    assert pid is not None
    wait_until(ready.exists, what="it is going")
    assert not process.is_running(pid, exe=str(Path(sys.executable).resolve()))
    return pid, locked
