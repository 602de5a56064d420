"""The server while there is nothing to fork: it keeps its children and tells how they end.

It is run as a file by a Python without ``site``, for it is to be small: nothing but these modules.
"""

from __future__ import annotations

import os
import select
import signal
import sys


def main(command: list[str], channel: int, endings: dict[int, int]) -> None:
    """Wait for the end of children; become ``command`` again when the channel has something to say."""
    call_it("forkserver")
    wakened, wakes = os.pipe()
    for end in (wakened, wakes):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    while True:
        bury(endings)
        ready = select.select([wakened, channel], [], [])[0]
        if channel in ready:
            words = [f"{pid}:{ending}" for pid, ending in endings.items()]
            os.execv(command[0], [*command, str(channel), *words])  # noqa: S606  # ourselves
        os.read(wakened, 4096)


def bury(endings: dict[int, int]) -> None:
    """Tell the ends of all that ended."""
    while endings:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        ending = endings.pop(pid)
        try:  # noqa: SIM105  # contextlib is more than all of this
            os.write(ending, str(os.waitstatus_to_exitcode(status)).encode())
        except BrokenPipeError:
            pass
        os.close(ending)


def call_it(name: str) -> None:
    """Be called this in lists of processes (``ps -o comm``, ``top``)."""
    with open("/proc/self/comm", "w") as comm:  # noqa: PTH123  # no pathlib, either
        comm.write(f"cw-{name}")


def read_pairs(words: list[str]) -> dict[int, int]:
    """Return the pipe of each child from its words ``pid:descriptor``."""
    return {int(pid): int(ending) for pid, _, ending in (word.partition(":") for word in words)}


if __name__ == "__main__":
    main(sys.argv[2:5], int(sys.argv[1]), read_pairs(sys.argv[5:]))
