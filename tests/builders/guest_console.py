"""A shell in a demo guest, over its serial console."""

from __future__ import annotations

import re
import secrets
import socket
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS = 90.0


class GuestConsole:
    """Logs in as root; one command after the other."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.settimeout(0.5)

    def __enter__(self) -> Self:
        said = b""
        deadline = time.monotonic() + SECONDS
        while b"~ #" not in said[-40:]:
            assert time.monotonic() < deadline, said
            if said.rstrip().endswith(b"assword:"):
                self._socket.sendall(b"cloudweb\n")
            elif said.rstrip().endswith(b"login:"):
                self._socket.sendall(b"root\n")
            else:
                self._socket.sendall(b"\n")
            said = self._hear()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._socket.sendall(b"exit\n")
        self._socket.close()

    def run(self, command: str) -> str:
        """Return what a command prints; fail where it fails."""
        mark = secrets.token_hex(4)
        # what the shell echoes of the line, wrapped or not, is not what the line prints
        words = f"echo {mark[:4]}''{mark[4:]}; {command}; echo {mark[:4]}''{mark[4:]} $?\n"
        self._socket.sendall(words.encode())
        said, deadline = b"", time.monotonic() + SECONDS
        while (ended := re.search(rf"{mark}\r\n(.*){mark} (\d+)\r".encode(), said, re.S)) is None:
            assert time.monotonic() < deadline, said
            said += self._hear(until=b"\n")
        text = ended[1].decode(errors="replace").replace("\r", "")
        # what the guest's system says of itself comes in between
        lines = [line for line in text.splitlines() if not line.startswith("demo-guest: ")]
        text = "\n".join(lines).strip()
        assert ended[2] == b"0", text
        return text

    def _hear(self, until: bytes = b"# ") -> bytes:
        heard = b""
        with suppress(TimeoutError):
            while not heard.endswith(until):
                heard += self._socket.recv(4096)
        return heard
