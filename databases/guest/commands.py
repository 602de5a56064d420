"""Commands of the guest: the one place that runs any."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

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

    def __init__(self, public: str, *, status: int, detail: str) -> None:
        self.status = status
        super().__init__(public, detail=detail)


def run(
    *words: str,
    user: str = "",
    stdin: bytes = b"",
    timeout: float = 60,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
) -> str:
    """Return what a command printed; raise CommandFailed. With a ``user`` it runs as that one."""
    whose = {} if not user or os.geteuid() else {"user": user, "group": user, "extra_groups": ()}
    try:
        done = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            env={**ENVIRONMENT, **(environment or {})},
            cwd="/",
            check=False,
            **whose,  # type: ignore[call-overload]
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(
            "The datastore took too long.", status=-1, detail=f"{words[0]}: over {timeout} s"
        ) from error
    except OSError as error:
        raise CommandFailed(
            "A program of the datastore is missing.", status=-1, detail=str(error)
        ) from error
    said = done.stderr.decode("utf-8", "replace").strip()
    if check and done.returncode:
        name = Path(words[0]).name
        raise CommandFailed(
            "The datastore did not do it.", status=done.returncode, detail=f"{name}: {said}"
        )
    text: str = done.stdout.decode("utf-8", "replace")
    return text


def start(*words: str, user: str = "", log: Path) -> subprocess.Popen[bytes]:
    """Start what goes on when the agent ends; it writes to the log."""
    whose = {} if not user or os.geteuid() else {"user": user, "group": user, "extra_groups": ()}
    with log.open("ab") as output:
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            **whose,
        )
