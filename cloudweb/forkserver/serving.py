"""The server while it has imported: it freezes and forks whenever it is asked to.

A request is one message with two descriptors: what the child prints, and where its end is told.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cloudweb.forkserver import programs, waiting

IDLE = 10.0  # seconds without a request, after which it makes room
_PR_SET_PDEATHSIG = 1
_MESSAGE = 256 * 1024
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Request:
    """One child that is asked for: ``words`` are its name and its arguments."""

    words: Sequence[str]
    environment: Mapping[str, str]
    output: int
    ending: int

    @property
    def program(self) -> programs.Program:
        """What it is to run."""
        return programs.PROGRAMS[self.words[0]]


class ForkServer:
    """``serve`` returns in each child, with what that child is to run, and None at the end of the channel."""

    def __init__(self, channel: socket.socket, endings: dict[int, int]) -> None:
        self._channel, self._endings = channel, endings
        self._environment = dict(os.environ)  # before anything was imported
        self._plane = False
        for descriptor in (channel.fileno(), *endings.values()):
            os.set_inheritable(descriptor, False)
        self._wakened, self._wakes = os.pipe()
        for end in (self._wakened, self._wakes):
            os.set_blocking(end, False)

    def serve(self) -> Request | None:
        """Fork until there is nothing to do for a while: then it becomes another program."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        while True:
            waiting.bury(self._endings)
            channel = self._channel.fileno()
            ready, _, _ = select.select([self._wakened, channel], [], [], IDLE)
            if not ready:
                self._step_aside()
            if self._wakened in ready:
                os.read(self._wakened, 4096)
            if channel in ready:
                message, descriptors, _, _ = socket.recv_fds(
                    self._channel, _MESSAGE, 2, socket.MSG_CMSG_CLOEXEC
                )
                if not message:
                    return None
                request = Request(
                    **json.loads(message), output=descriptors[0], ending=descriptors[1]
                )
                if self._answer(request):
                    return request

    def _answer(self, request: Request) -> bool:
        """Fork, and tell the pid; True in the child."""
        if self._plane and not request.program.plane:
            self._say(again=True)  # a host holds nothing of the control plane: from the start, then
            self._become(sys.executable, "-m", "cloudweb.forkserver")
        try:
            self._load(request.program)
            parent, pid = os.getpid(), os.fork()
        except Exception as error:  # noqa: BLE001  # a child that cannot be is no reason to end the others
            traceback.print_exc()
            self._say(error=f"{type(error).__name__}: {error}")
            self._step_aside()
        if pid == 0:
            self._close()
            _become_child(request, parent)
            return True
        self._endings[pid] = request.ending
        os.close(request.output)
        self._say(pid=pid)
        return False

    def _load(self, program: programs.Program) -> None:
        programs.load_base()
        if program.plane and not self._plane:
            self._plane = True
            programs.load_plane()
        gc.collect()
        gc.freeze()

    def _say(self, **answer: Any) -> None:
        self._channel.send(json.dumps(answer).encode())

    def _step_aside(self) -> NoReturn:
        """Be small until the next request."""
        again = (sys.executable, "-m", "cloudweb.forkserver")
        script = Path(waiting.__file__)
        self._become(sys.executable, "-I", "-S", str(script), between=again)

    def _become(self, *command: str, between: Sequence[str] = ()) -> NoReturn:
        """Run another program under this pid; the children stay children, and their pipes open."""
        for descriptor in (self._channel.fileno(), *self._endings.values()):
            os.set_inheritable(descriptor, True)
        pairs = [f"{pid}:{ending}" for pid, ending in self._endings.items()]
        words = [*command, str(self._channel.fileno()), *between, *pairs]
        os.execve(command[0], words, self._environment)  # noqa: S606  # ourselves

    def _close(self) -> None:
        """Keep nothing in a child that is the server's alone."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._channel.close()
        for end in (self._wakened, self._wakes, *self._endings.values()):
            os.close(end)


def _become_child(request: Request, parent: int) -> None:
    """Be what the supervisor started: a group of its own, its output the pipe, its end that of its parent."""
    os.setpgid(0, 0)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before it could be said
        os._exit(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number in (1, 2):
        os.dup2(request.output, number)
    for descriptor in (nothing, request.output, request.ending):
        os.close(descriptor)


def run(channel: socket.socket, endings: dict[int, int]) -> int:
    """Be the server, or a child that it forked; return the exit code."""
    waiting.call_it("forkserver")
    request = ForkServer(channel, endings).serve()
    if request is None:
        return 0
    os.environ.update(request.environment)
    name, *words = request.words
    sys.argv = ["cloudweb", name, *words]
    waiting.call_it(name)
    return request.program.run(words)
