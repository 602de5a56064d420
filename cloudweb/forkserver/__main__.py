"""``python -m cloudweb.forkserver CHANNEL [PID:DESCRIPTOR ...]``: the supervisor, or ``waiting.py``, starts it."""

from __future__ import annotations

import socket
import sys

from cloudweb.imports import leave_out


def main() -> int:
    """Fork, or run what was forked; return the exit code."""
    leave_out()
    from cloudweb.forkserver.serving import run
    from cloudweb.forkserver.waiting import read_pairs

    return run(socket.socket(fileno=int(sys.argv[1])), read_pairs(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
