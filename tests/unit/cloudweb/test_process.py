"""Processes of ours are known by their program."""

from __future__ import annotations

import shutil
from pathlib import Path

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
