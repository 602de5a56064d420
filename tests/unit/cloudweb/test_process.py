"""Processes of ours are known by their program, and gone once nothing is theirs any more."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudweb import process


def test_one_whose_program_was_upgraded_is_still_that_program(tmp_path: Path) -> None:
    program, pid_file = tmp_path / "sleeper", tmp_path / "pid"
    shutil.copy(shutil.which("sleep") or "", program)
    process.start_detached(str(program), "600", log=tmp_path / "log", pid_file=pid_file)
    pid = process.read_pid(pid_file)
    assert pid is not None
    shutil.copy(program, tmp_path / "new")
    (tmp_path / "new").replace(program)
    assert process.is_running(pid, exe="sleeper")
    assert not process.is_running(pid, exe="sleep")
    process.stop(pid, exe=str(Path(f"/proc/{pid}/exe").readlink()))
    assert not process.is_running(pid, exe="sleeper")


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


@pytest.mark.parametrize(("way", "seconds"), [("kill", 600), ("let_end", 0.5)])
def test_one_that_was_ended_holds_nothing_afterwards(
    tmp_path: Path, way: str, seconds: float
) -> None:
    """Its program is gone before its files are closed."""
    locked, ready, pid_file = (tmp_path / name for name in ("locked", "ready", "pid"))
    words = (sys.executable, "-c", _SLOW_TO_GO, str(locked), str(ready), str(seconds))
    process.start_detached(*words, log=tmp_path / "log", pid_file=pid_file)
    pid = process.read_pid(pid_file)
    assert pid is not None
    _wait_until(ready.exists)
    assert not process.is_running(pid, exe=str(Path(sys.executable).resolve()))
    if way == "kill":
        process.kill([pid], exe=sys.executable)
    else:
        process.let_end(pid)
    with locked.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_one_that_lives_is_not_waited_for() -> None:
    process.let_end(os.getpid(), timeout=600)
    assert not process.wait_for_end(os.getpid(), timeout=0)


def _wait_until(is_so: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.001)
