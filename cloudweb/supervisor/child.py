"""One process the supervisor keeps alive."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess  # noqa: TID251  # the type alone; cloudweb/process.py starts it
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Protocol

from cloudweb import process, restarts
from cloudweb.supervisor import forerunners
from cloudweb.supervisor.output import Output
from cloudweb.supervisor.watch import Watch

QUICK = 30.0
GIVE_UP_AFTER = 5
LONGEST_PAUSE = 60.0
DUMP_WITHIN = 5.0  # seconds for the stacks of one that hangs


class GaveUp(Exception):
    """A child died quickly too often."""


class NotYet(Exception):
    """What starts it is not there itself; it is asked again at the next look."""


class Running(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> int | None:
        """Its exit code, once it is known."""

    def poll(self) -> int | None:
        """Look whether it ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""

    def send_signal(self, sig: int, /) -> None:
        """Signal it."""


class Child:
    """A command with its log, started again with growing pauses when it dies.

    Without a ``vital`` one the rest would be of no use: it is given up when it dies at once, again and
    again. Any other is tried for ever. One with a ``watch`` is ended when it makes no progress.
    """

    def __init__(
        self,
        name: str,
        *command: str,
        log: Path,
        env: Mapping[str, str] | None = None,
        vital: bool = True,
        watch: Watch | None = None,
    ) -> None:
        self.name, self.command, self.env, self.vital = name, command, env, vital
        self.watch = watch
        self.output = Output(name, log)
        self.running: Running | None = None
        self.quick_deaths = 0
        self.start_at = 0.0
        self._started = 0.0
        self._hung = ""  # what was said of it
        self._dumps_until = 0.0

    def start(self) -> None:
        """Start it. It dies with this thread's process, however that ends."""
        self._started, self._hung = time.monotonic(), ""
        env = {**(self.env or {}), **self._begin_watch()}
        self.running, pipe = self._launch(env)
        self.output.follow(pipe)
        forerunners.note(self.name, self.running.pid)

    def _begin_watch(self) -> dict[str, str]:
        if self.watch is None:
            return {}
        try:
            return self.watch.begin()
        except OSError as error:  # a full disk; better unwatched than not there
            self.watch.end()
            self._show(f"{self.name} cannot be watched: {error.strerror}")
            return {}

    def _launch(self, env: Mapping[str, str]) -> tuple[Running, IO[bytes]]:
        return process.start_watched(*self.command, env=env)

    def look(self) -> None:
        """End it when it hangs; start it again when it died and its pause is over. Raises GaveUp."""
        if self.running is not None:
            code = self.running.poll()
            if code is None:
                self._look_at_progress(self.running.pid)
                if self._lived() > QUICK:
                    self.quick_deaths = 0
                return
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            self._mourn(self._hung or how)
        if time.monotonic() >= self.start_at:
            try:
                self.start()
            except NotYet:
                return
            except OSError as error:  # no memory for one more process, or no such program
                self._mourn(str(error))

    def _look_at_progress(self, pid: int) -> None:
        """Let one that is silent for too long write where each thread stands, then end it."""
        if self._hung:
            if time.monotonic() > self._dumps_until:
                self._signal(signal.SIGKILL, group=True)
            return
        if self.watch is None:
            return
        is_new = self.watch.heard_at is None
        silence = self.watch.overdue()
        if is_new and self.watch.heard_at is not None:
            self._show(f"{self.name} works", "info")
        if not silence:
            return
        self._hung = f"no progress for {silence:.0f} s"
        if process.is_stopped(pid):  # it cannot write anything, and shall not go on
            self._show(f"{self.name} is stopped and makes {self._hung}; it is ended", "error")
            self._signal(signal.SIGKILL, group=True)
        else:
            self._show(
                f"{self.name} makes {self._hung}; its log has where each thread stands", "error"
            )
            self._dumps_until = time.monotonic() + DUMP_WITHIN
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))  # its memory holds keys
            self._signal(signal.SIGABRT)

    def _lived(self) -> float:
        """Return for how long it was of use."""
        if self.watch is not None and (self._hung or self.watch.heard_at is not None):
            return (self.watch.heard_at or self._started) - self._started
        return time.monotonic() - self._started

    @property
    def keeps_dying(self) -> bool:
        """Tell whether it died at once so often that the next start will hardly go better."""
        return self.quick_deaths >= GIVE_UP_AFTER

    def _mourn(self, how: str) -> None:
        self.running = None
        quick = self._lived() < QUICK
        self.quick_deaths = self.quick_deaths + 1 if quick else 1
        if self.keeps_dying and self.vital:
            time.sleep(0.2)  # its last lines are still on their way through the pipe
            raise GaveUp(
                f"{self.name} died {self.quick_deaths} times in a row ({how}). Its log is "
                f"{self.output.path}; the end of it:\n\n" + "\n".join(self.output.tail)
            )
        restarts.note(self.name, how)
        pause = min(LONGEST_PAUSE, 0.5 * 2 ** min(self.quick_deaths - 1, 10))
        self.start_at = time.monotonic() + pause
        self._show(f"{self.name} ended ({how}); starting it again in {pause:g} s")

    def _show(self, line: str, level: str = "warning") -> None:
        entry = {"level": level, "event": line}
        if self.keeps_dying:
            entry = {
                "level": "error",
                "event": f"{line}; it died {self.quick_deaths} times in a row, see its log",
                "log": str(self.output.path),
            }
        self.output.write(f"{json.dumps(entry)}\n".encode())

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        self._signal(signal.SIGTERM)

    def wait_or_kill(self, deadline: float) -> None:
        """Wait for its end until a moment of the monotonic clock, then SIGKILL its whole group."""
        if self.running is None:
            return
        try:
            self.running.wait(max(0.05, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL, group=True)
            self.running.wait(2)
        self.running = None

    def _signal(self, number: signal.Signals, *, group: bool = False) -> None:
        if self.running is None or self.running.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if group:
                os.killpg(self.running.pid, number)
            else:
                self.running.send_signal(number)
