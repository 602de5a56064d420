"""One process the supervisor keeps alive."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess  # noqa: TID251  # the type alone; cloudweb/process.py starts it
import time
from collections.abc import Mapping
from pathlib import Path

from cloudweb import process
from cloudweb.supervisor import forerunners
from cloudweb.supervisor.output import Output

QUICK = 30.0
GIVE_UP_AFTER = 5
LONGEST_PAUSE = 60.0


class GaveUp(Exception):
    """A child died quickly too often."""


class Child:
    """A command with its log, started again with growing pauses when it dies.

    Without a ``vital`` one the rest would be of no use: it is given up when it dies at once, again and
    again. Any other is tried for ever.
    """

    def __init__(
        self,
        name: str,
        *command: str,
        log: Path,
        env: Mapping[str, str] | None = None,
        vital: bool = True,
    ) -> None:
        self.name, self.command, self.env, self.vital = name, command, env, vital
        self.output = Output(name, log)
        self.running: subprocess.Popen[bytes] | None = None
        self.quick_deaths = 0
        self.start_at = 0.0
        self._started = 0.0

    def start(self) -> None:
        """Start it. It dies with this thread's process, however that ends."""
        self._started = time.monotonic()
        self.running, pipe = process.start_watched(*self.command, env=self.env)
        self.output.follow(pipe)
        forerunners.note(self.name, self.running.pid)

    def look(self) -> None:
        """Start it again when it died and its pause is over. Raises GaveUp."""
        if self.running is not None:
            if self.running.poll() is None:
                if time.monotonic() - self._started > QUICK:
                    self.quick_deaths = 0
                return
            code = self.running.returncode
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            self._mourn(how)
        if time.monotonic() >= self.start_at:
            try:
                self.start()
            except OSError as error:  # no memory for one more process, or no such program
                self._mourn(str(error))

    @property
    def keeps_dying(self) -> bool:
        """Tell whether it died at once so often that the next start will hardly go better."""
        return self.quick_deaths >= GIVE_UP_AFTER

    def _mourn(self, how: str) -> None:
        self.running = None
        quick = time.monotonic() - self._started < QUICK
        self.quick_deaths = self.quick_deaths + 1 if quick else 1
        if self.keeps_dying and self.vital:
            time.sleep(0.2)  # its last lines are still on their way through the pipe
            raise GaveUp(
                f"{self.name} died {self.quick_deaths} times in a row ({how}). Its log is "
                f"{self.output.path}; the end of it:\n\n" + "\n".join(self.output.tail)
            )
        pause = min(LONGEST_PAUSE, 0.5 * 2 ** min(self.quick_deaths - 1, 10))
        self.start_at = time.monotonic() + pause
        self._show(f"{self.name} ended ({how}); starting it again in {pause:g} s")

    def _show(self, line: str) -> None:
        entry = {"level": "warning", "event": line}
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
