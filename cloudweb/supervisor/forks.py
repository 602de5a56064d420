"""Children that are forked by a process which has imported what they need (``cloudweb/forkserver``)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess  # noqa: TID251  # one exception alone; nothing is started
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

from cloudweb import process
from cloudweb.supervisor.child import Child, NotYet, Running

PATIENCE = 60.0  # seconds that imports may take on a busy machine


class Forked:
    """A process that is a child of a fork server, with what the supervisor asks of a ``Popen``."""

    def __init__(self, pid: int, ending: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ending = ending
        self._handle: int | None = None
        with contextlib.suppress(ProcessLookupError):
            self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code. Raises TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (
            code := self._look(None if deadline is None else deadline - time.monotonic())
        ) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Signal this very process, not one that has its pid by now."""
        if self.returncode is None and self._handle is not None:
            signal.pidfd_send_signal(self._handle, number)

    def _look(self, timeout: float | None) -> int | None:
        """Its server tells how it ended; when that one died, only that it did is known."""
        if self.returncode is not None:
            return self.returncode
        source = self._ending if self._ending >= 0 else self._handle
        patience = None if timeout is None else max(0, timeout)
        if source is not None and not select.select([source], [], [], patience)[0]:
            return None
        if self._ending >= 0:
            told = os.read(self._ending, 16)
            os.close(self._ending)
            self._ending = -1
            if not told and self._handle is not None:
                return None  # it is ending, too
            self.returncode = int(told or -signal.SIGTERM)
        else:
            self.returncode = -signal.SIGTERM
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        return self.returncode


class ForkServer(Child):
    """The server, a child of the supervisor as any other."""

    def __init__(self, name: str, **more: Any) -> None:
        super().__init__(name, sys.executable, "-m", "cloudweb.forkserver", **more)
        self._channel: socket.socket | None = None

    def _launch(self, env: Mapping[str, str]) -> tuple[Running, IO[bytes]]:
        if self._channel is not None:
            self._channel.close()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(PATIENCE)
        with theirs:
            number = theirs.fileno()
            return process.start_watched(*self.command, str(number), env=env, pass_fds=(number,))

    def fork(self, words: Sequence[str], *, env: Mapping[str, str]) -> tuple[Forked, IO[bytes]]:
        """Have a child forked. Raises NotYet while there is nobody to do it, OSError where it fails."""
        if self._channel is None or self.running is None or self.running.poll() is not None:
            raise NotYet
        (output, prints), (ending, tells) = os.pipe(), os.pipe()
        try:
            pid = self._ask(
                self._channel, {"words": [*words], "environment": {**env}}, prints, tells
            )
        except BaseException:
            os.close(output)
            os.close(ending)
            raise
        finally:
            os.close(prints)
            os.close(tells)
        return Forked(pid, ending), os.fdopen(output, "rb")

    def _ask(self, channel: socket.socket, request: Any, *descriptors: int) -> int:
        try:
            while True:
                socket.send_fds(channel, [json.dumps(request).encode()], descriptors)
                answer = channel.recv(65536)
                if not answer:
                    raise NotYet
                told = json.loads(answer)
                if "pid" in told:
                    return int(told["pid"])
                if "again" not in told:
                    raise OSError(told["error"])
        except TimeoutError:
            self._signal(signal.SIGKILL, group=True)  # it hangs, and would answer another question
            raise NotYet from None
        except ConnectionError:
            raise NotYet from None


class ForkedChild(Child):
    """A child that the server forks; it waits while there is none, which is no death of its own."""

    def __init__(self, name: str, *words: str, server: ForkServer, **more: Any) -> None:
        super().__init__(name, name, *words, **more)
        self.server = server

    def _launch(self, env: Mapping[str, str]) -> tuple[Running, IO[bytes]]:
        return self.server.fork(self.command, env=env)
