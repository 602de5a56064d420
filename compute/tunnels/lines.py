"""Connections to other hosts: small, for programs that import the standard library alone."""

from __future__ import annotations

import socket

SILENCE = 12.0  # seconds; a guest that waits at the switch of a live migration waits for that


def impatient(line: socket.socket) -> None:
    """Let a connection end when the other side is not heard of, and what is said go out at once."""
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_KEEPIDLE, 3),
        (socket.TCP_KEEPINTVL, 3),
        (socket.TCP_KEEPCNT, 3),
        (socket.TCP_USER_TIMEOUT, int(SILENCE * 1000)),
    ):
        line.setsockopt(socket.IPPROTO_TCP, option, value)
