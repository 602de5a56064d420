"""What a child prints: kept in a file of limited size; what matters also on the terminal."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO

LIMIT = 5 * 1024 * 1024
_LOUD = ("warning", "error", "critical")
_NOT_SHOWN = ("event", "level", "timestamp", "logger", "exception", "stack_info")


class Output:
    """A log file that turns over once at its limit, and the last lines for a farewell."""

    def __init__(self, name: str, path: Path, *, limit: int = LIMIT, echo: bool = False) -> None:
        self.name, self.path, self.limit, self.echo = name, path, limit, echo
        self.tail: deque[str] = deque(maxlen=20)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = path.open("ab")
        self._size = path.stat().st_size

    def follow(self, pipe: IO[bytes]) -> threading.Thread:
        """Read a child's pipe to its end in a thread of its own."""
        thread = threading.Thread(target=self._pump, args=(pipe,), name=f"{self.name}-log")
        thread.daemon = True
        thread.start()
        return thread

    def _pump(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in iter(lambda: pipe.readline(65536), b""):
                self.write(line)

    def write(self, line: bytes) -> None:
        """Keep one line; a full disk loses lines, never the child."""
        text = line.decode(errors="replace").rstrip("\n")
        self.tail.append(text)
        try:
            if self._size + len(line) > self.limit:
                self._turn_over()
            self._file.write(line)
            self._file.flush()
            self._size += len(line)
        except OSError as error:
            say(f"{self.name}: its log cannot be written: {error.strerror}")
        shown = important(text)
        if shown:
            say(f"{self.name}: {shown}")
        elif self.echo and not text.startswith("{"):
            say(text)

    def _turn_over(self) -> None:
        self._file.close()
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        self._file = self.path.open("ab")
        self._size = 0


def important(line: str) -> str | None:
    """Return a structured line of level warning or worse for a human, None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("level") not in _LOUD:
        return None
    rest = " ".join(f"{key}={value}" for key, value in entry.items() if key not in _NOT_SHOWN)
    reason = str(entry.get("exception", "")).strip().rpartition("\n")[2]
    text = " ".join(part for part in (str(entry.get("event", "")), rest, reason) if part)
    return f"{entry['level']}: {text[:300]}"


def say(text: str) -> None:
    """Print to the terminal; one that went away is no reason to die."""
    try:
        print(text, flush=True)  # noqa: T201
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
