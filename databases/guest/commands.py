"""Commands of the guest: the one place that runs any."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from databases.guest.failures import GuestFailure

#: Nothing of the agent's own environment reaches what it runs.
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
}  # no file is made there


class CommandFailed(GuestFailure):
    """A command ended badly; ``detail`` is what it said."""

    code = "command_failed"

    def __init__(self, public: str, *, status: int, detail: str, code: str = "") -> None:
        self.status = status
        super().__init__(public, detail=detail, code=code)


def run(
    *words: str,
    user: str = "",
    stdin: bytes = b"",
    timeout: float = 60,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
) -> str:
    """Return what a command printed; raise CommandFailed. With a ``user`` it runs as that one."""
    try:
        done = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            env={**ENVIRONMENT, **(environment or {})},
            cwd="/",
            check=False,
            **_whose(user),
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(
            "The datastore took too long.",
            status=-1,
            detail=f"{words[0]}: over {timeout} s",
            code="timed_out",
        ) from error
    except OSError as error:
        raise CommandFailed(
            "A program of the datastore is missing.",
            status=-1,
            detail=str(error),
            code="unsupported",
        ) from error
    said = (done.stderr.strip() or done.stdout.strip()[-2000:]).decode("utf-8", "replace")
    if check and done.returncode:
        name = Path(words[0]).name
        raise CommandFailed(
            "The datastore did not do it.", status=done.returncode, detail=f"{name}: {said}"
        )
    text: str = done.stdout.decode("utf-8", "replace")
    return text


class Pipe:
    """Programs of which each reads what the one before prints: the first reads ``stdin``, the last prints ``stdout``.

    One that ``ends`` prints nothing that anybody reads.

    Whoever leaves it early ends them; ``end`` waits for them and raises CommandFailed for one that ended badly.
    """

    def __init__(
        self, *programs: Sequence[str], user: str = "", is_fed: bool = False, ends: bool = False
    ) -> None:
        self._programs = programs
        self._errors = [tempfile.TemporaryFile() for _ in programs]  # noqa: SIM115  close() does it
        self._running: list[subprocess.Popen[bytes]] = []
        read: Any = subprocess.PIPE if is_fed else subprocess.DEVNULL
        for number, words in enumerate(programs):
            is_last = (is_fed or ends) and number == len(programs) - 1
            try:
                one: subprocess.Popen[bytes] = subprocess.Popen(
                    words,
                    stdin=read,
                    stdout=subprocess.DEVNULL if is_last else subprocess.PIPE,
                    stderr=self._errors[number],
                    env=ENVIRONMENT,
                    cwd="/",
                    **_whose(user),
                )
            except OSError as error:
                self.close()
                raise CommandFailed(
                    "A program of the datastore is missing.", status=-1, detail=str(error)
                ) from error
            if self._running and self._running[-1].stdout is not None:
                self._running[-1].stdout.close()  # the next one has it
            self._running.append(one)
            read = one.stdout

    def __enter__(self) -> Pipe:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def stdin(self) -> IO[bytes]:
        """Where it is fed."""
        assert self._running[0].stdin is not None
        return self._running[0].stdin

    @property
    def stdout(self) -> IO[bytes]:
        """What comes out."""
        assert self._running[-1].stdout is not None
        return self._running[-1].stdout

    def end(self) -> None:
        """Wait until all have ended; raise CommandFailed for the first that ended badly."""
        if self._running[0].stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._running[0].stdin.close()
        ended = [one.wait() for one in self._running]
        for number, status in enumerate(ended):
            if status:
                name = Path(self._programs[number][0]).name
                raise CommandFailed(
                    "The datastore did not do it.",
                    status=status,
                    detail=f"{name}: {self.said(number)}",
                )

    def said(self, number: int) -> str:
        """Return the end of what a program said beside what it printed."""
        file = self._errors[number]
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4000))
        return file.read().decode("utf-8", "replace").strip()

    def close(self) -> None:
        """Leave none of them."""
        for one in self._running:
            if one.poll() is None:
                one.kill()
            one.wait()
            for pipe in (one.stdin, one.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        for file in self._errors:
            file.close()


def start(*words: str, user: str = "", log: Path) -> subprocess.Popen[bytes]:
    """Start what goes on when the agent ends; it writes to the log."""
    with log.open("ab") as output:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            **_whose(user),
        )


def client(
    *words: str, user: str = "", errors: IO[bytes], environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start what is spoken to through pipes, unbuffered; raise CommandFailed."""
    try:
        return subprocess.Popen(
            words,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**ENVIRONMENT, **(environment or {})},
            cwd="/",
            **_whose(user),
        )
    except OSError as error:
        raise CommandFailed(
            "A program of the datastore is missing.", status=-1, detail=str(error)
        ) from error


def _whose(user: str) -> dict[str, Any]:
    return {} if not user or os.geteuid() else {"user": user, "group": user, "extra_groups": ()}
