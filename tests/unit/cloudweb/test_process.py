"""Processes of ours are known by their program, and gone once nothing is theirs any more."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path

import pytest

from cloudweb import process
from tests.builders.slow_process import start_slow_to_go


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


@pytest.mark.parametrize(("way", "seconds"), [("kill", 600), ("let_end", 0.5)])
def test_one_that_was_ended_holds_nothing_afterwards(
    tmp_path: Path, way: str, seconds: float
) -> None:
    """Its program is gone before its files are closed."""
    pid, locked = start_slow_to_go(tmp_path, seconds)
    if way == "kill":
        process.kill([pid], exe=sys.executable)
    else:
        process.let_end(pid)
    with locked.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_one_that_lives_is_not_waited_for() -> None:
    process.let_end(os.getpid(), timeout=600)
    assert not process.wait_for_end(os.getpid(), timeout=0)
