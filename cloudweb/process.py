"""The one place that runs external commands."""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from cloudweb.driver import DriverError

#: Of each output of a limited command, from its end.
_KEPT = 64 * 1024


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
    keep: Collection[int] = (),
) -> Completed:
    """Run a command to its end and return what it printed; ``keep`` are files it finds open.

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
            pass_fds=tuple(keep),
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


@dataclass(frozen=True, slots=True)
class Limits:
    """What a command that works on untrusted data may use; when it wants more it fails."""

    memory: int  # bytes of address space
    seconds: int  # of the clock, and of processor time
    file_size: int  # bytes of any file it writes


def run_limited(
    *command: str,
    limits: Limits,
    cwd: Path,
    pass_fds: Sequence[int] = (),
    on_output: Callable[[bytes], object] | None = None,
) -> Completed:
    """Run a command that could be turned against us: under limits, last in every queue, offline.

    It gets none of our environment, no capability, no new privilege, and where the kernel lets us a
    network with nothing in it. ``on_output`` gets what it prints as it comes, and b"" each second;
    when that raises, the command is killed. Raises CommandFailed (``returncode`` 124: out of time).
    """
    child = subprocess.Popen(
        _confined(command, limits),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
        pass_fds=pass_fds,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "MALLOC_ARENA_MAX": "2"},
        cwd=cwd,
    )
    try:
        stdout, stderr = _collect(child, limits.seconds, on_output)
        returncode = child.wait(timeout=10)
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(command, 124, f"no end after {limits.seconds} s") from error
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    if returncode != 0:
        raise CommandFailed(command, returncode, stderr.decode(errors="replace"))
    return Completed(returncode, stdout, stderr)


def _confined(command: Sequence[str], limits: Limits) -> tuple[str, ...]:
    # setpriv comes last: a change of credentials would undo the signal at the parent's death
    drop = ("--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    return (
        *_offline(), "nice", "-n", "19", "ionice", "-c", "3", "prlimit", "--core=0",
        f"--as={limits.memory}", f"--cpu={limits.seconds}", f"--fsize={limits.file_size}", "--",
        "setpriv", "--pdeathsig", "KILL", "--no-new-privs", *drop, "--", *command,
    )  # fmt: skip


@cache
def _offline() -> tuple[str, ...]:
    """Return what to put before a command so that it has no network; nothing where that is barred."""
    user = () if os.geteuid() == 0 else ("--map-current-user",)
    prefix = ("unshare", *user, "--net", "--")
    try:
        return prefix if run(*prefix, "true", timeout=10, check=False).returncode == 0 else ()
    except CommandFailed:
        return ()


def _collect(
    child: subprocess.Popen[bytes], seconds: float, on_output: Callable[[bytes], object] | None
) -> tuple[bytes, bytes]:
    """Read both outputs to their ends, keep the last of each; raise TimeoutError."""
    assert child.stdout is not None
    assert child.stderr is not None
    kept = {child.stdout: b"", child.stderr: b""}
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as ready:
        for pipe in kept:
            ready.register(pipe, selectors.EVENT_READ)
        while ready.get_map():
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            found = ready.select(min(1.0, left))
            if not found and on_output is not None:
                on_output(b"")
            for key, _ in found:
                pipe = child.stdout if key.fileobj is child.stdout else child.stderr
                chunk = os.read(pipe.fileno(), 65536)
                if not chunk:
                    ready.unregister(pipe)
                    continue
                kept[pipe] = (kept[pipe] + chunk)[-_KEPT:]
                if pipe is child.stdout and on_output is not None:
                    on_output(chunk)
    return kept[child.stdout], kept[child.stderr]


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
    *command: str, env: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()
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
        pass_fds=pass_fds,
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

    A zombie has no readable /proc/PID/exe, so it counts as gone; a recycled pid has another one. One whose
    file was exchanged by an upgrade is what it was.
    """
    if pid is None or pid <= 0:
        return False
    try:
        return _named(Path(f"/proc/{pid}/exe").readlink()) == _named(Path(exe))
    except OSError:
        return False


def _named(exe: Path) -> str:
    return exe.name.removesuffix(" (deleted)")


def is_stopped(pid: int) -> bool:
    """Tell whether a process was stopped by a signal, or stands in a debugger."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "tT"
    except (OSError, IndexError):
        return False


def running(exe: str, prefix: str) -> Sequence[int]:
    """Return the processes of a program of whose words one begins so."""
    found = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return sorted(
        pid
        for pid in found
        if is_running(pid, exe=exe) and any(word.startswith(prefix) for word in words_of(pid))
    )


def words_of(pid: int) -> Sequence[str]:
    """Return the command line of a process; nothing for one that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return ()


def kill(pids: Sequence[int], *, exe: str) -> None:
    """End processes of ours whatever they do, and see that they are gone; raise DriverError."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    limit = time.monotonic() + 10
    if not all(wait_for_end(pid, timeout=limit - time.monotonic()) for pid in pids):
        raise DriverError("A process of the host cannot be ended.", detail=f"{exe} {pids}")


def stop(pid: int, *, exe: str, timeout: float = 5) -> None:
    """End a process of ours: SIGTERM, then SIGKILL after ``timeout`` seconds. Absent is fine."""
    for sig, wait in ((signal.SIGTERM, timeout), (signal.SIGKILL, 2.0)):
        if not is_running(pid, exe=exe):
            return
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            return
        if wait_for_end(pid, timeout=wait):
            return


def wait_for_end(pid: int, *, timeout: float) -> bool:
    """Wait until a process has no file, lock or port any more; tell whether that came true.

    Its /proc/PID/exe cannot tell: it is gone before its files are closed, and while another of its
    threads is still in a write.
    """
    try:
        process_file = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ended = select.poll()
        ended.register(process_file, select.POLLIN)
        return bool(ended.poll(max(0.0, timeout) * 1000))
    finally:
        os.close(process_file)


def let_end(pid: int | None, *, timeout: float = 5) -> None:
    """Wait for one that somebody killed and that is not through with it; one that lives stays."""
    if pid is None or pid <= 0:
        return
    try:
        Path(f"/proc/{pid}/exe").readlink()
    except FileNotFoundError:
        wait_for_end(pid, timeout=timeout)
