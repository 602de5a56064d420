"""The one place that runs external commands."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cloudweb.driver import DriverError


class CommandFailed(DriverError):
    """An external command ended with an error; ``output`` is for the log alone."""

    code = "command_failed"

    def __init__(self, command: Sequence[str], returncode: int, output: str) -> None:
        self.returncode, self.output = returncode, output
        super().__init__(
            f"A command of the host failed ({Path(command[0]).name}).",
            detail=f"{' '.join(command)}: exit {returncode}: {output.strip()[-2000:]}",
        )


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode(errors="replace")


def run(
    *command: str,
    data: bytes | None = None,
    timeout: float = 60,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Completed:
    """Run a command to its end and return what it printed.

    Raises CommandFailed when it is missing, ends with an error (unless ``check`` is off) or is not
    done after ``timeout`` seconds (it is killed then).
    """
    try:
        done = subprocess.run(
            command,
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **env} if env else None,
            cwd=cwd,
        )
    except FileNotFoundError as error:
        raise CommandFailed(command, 127, "not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(command, 124, f"no end after {timeout} s") from error
    if check and done.returncode != 0:
        raise CommandFailed(
            command, done.returncode, (done.stderr or done.stdout).decode(errors="replace")
        )
    return Completed(done.returncode, done.stdout, done.stderr)


def start_detached(
    *command: str, log: Path, pid_file: Path | None = None, env: Mapping[str, str] | None = None
) -> int:
    """Start a process in a session of its own, so that it outlives us; return its pid."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, **env} if env else None,
        )
    if pid_file is not None:
        pid_file.write_text(f"{process.pid}\n")
    return process.pid


def start_child(
    *command: str,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child that a supervisor of ours watches and ends; it gets a process group of its own."""
    output = None
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        output = log.open("ab")
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
            env={**os.environ, **env} if env else None,
            cwd=cwd,
        )
    finally:
        if output is not None:
            output.close()


def start_watched(
    *command: str, env: Mapping[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start a child whose output comes through the pipe returned.

    It gets a process group of its own (a terminal's Ctrl-C is not meant for it) and SIGTERM from
    the kernel when the thread that started it ends, however that happens.
    """
    child = subprocess.Popen(
        ("setpriv", "--pdeathsig", "TERM", "--", *command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        env={**os.environ, **env} if env else None,
    )
    assert child.stdout is not None
    return child, child.stdout


def read_pid(pid_file: Path) -> int | None:
    """Return the pid a file names, or None."""
    try:
        return int(pid_file.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None


def is_running(pid: int | None, *, exe: str) -> bool:
    """Tell whether the pid is alive and is that program.

    A zombie has no readable /proc/PID/exe, so it counts as gone; a recycled pid has another one.
    """
    if pid is None or pid <= 0:
        return False
    try:
        return Path(f"/proc/{pid}/exe").resolve(strict=True).name.split(" ")[0] == Path(exe).name
    except OSError:
        return False


def stop(pid: int, *, exe: str, timeout: float = 5) -> None:
    """End a process of ours: SIGTERM, then SIGKILL after ``timeout`` seconds. Absent is fine."""
    for sig, wait in ((signal.SIGTERM, timeout), (signal.SIGKILL, 2.0)):
        if not is_running(pid, exe=exe):
            return
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and is_running(pid, exe=exe):
            time.sleep(0.02)
