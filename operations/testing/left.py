"""What is left of a cloud in memory when somebody dies at a moment.

A death leaves rows, disks, messages on their way and what others remember. Where nothing of that changed
since the moment before, the deaths at both are one case: what follows cannot differ.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

from operations.testing.memory import Cloud, doorbell_quiet


@dataclass(frozen=True, slots=True)
class Left:
    """Two that are equal are the same cloud. What only the dead process knew is no part of it."""

    rows: int  # changes with each commit
    disks: str
    effects: int  # of steps and drivers, wherever these keep what they do
    messages: int  # sent and taken
    statements: int  # what a process that goes on has read or written

    @property
    def to_all(self) -> tuple[Any, ...]:
        """What is left when every process dies."""
        return self.rows, self.disks, self.effects

    @property
    def to_others(self) -> tuple[Any, ...]:
        """What is left when one process dies."""
        return *self.to_all, self.messages

    @property
    def to_itself(self) -> tuple[Any, ...]:
        """What is there when the process goes on."""
        return *self.to_others, self.statements


@contextmanager
def looking(cloud: Cloud) -> Iterator[Callable[[str], Left]]:
    """Give what tells what is left at a point; only whoever looks at each point learns what changed."""
    effects = statements = 0

    def count(execute: Callable[..., Any], *words: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*words)

    def look(point: str) -> Left:
        nonlocal effects
        effects += _is_behind_an_effect(point)
        doorbell_quiet()
        return Left(commits(), _contents(cloud.directory), effects, cloud.broker.moved, statements)

    with _commits() as commits, connection.execute_wrapper(count):
        yield look


def _is_behind_an_effect(point: str) -> bool:
    """Tell whether a step's or a driver's own code ran before this point."""
    inner = point.endswith("before_commit") and not point.startswith("accept.")
    return inner or point in ("effect.after", "job.after")


@contextmanager
def _commits() -> Iterator[Callable[[], int]]:
    """Give what returns another number after each commit; where nobody can tell, each time."""
    if connection.vendor != "sqlite":
        yield itertools.count().__next__
        return
    other = sqlite3.connect(connection.settings_dict["NAME"])
    try:
        yield lambda: int(other.execute("PRAGMA data_version").fetchone()[0])
    finally:
        other.close()


def _contents(directory: Path) -> str:
    """Return a digest of all files, links and rights below a directory."""
    found = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        mode = path.lstat().st_mode
        held = b""
        if stat.S_ISLNK(mode):
            held = os.fsencode(path.readlink())
        elif stat.S_ISREG(mode):
            held = path.read_bytes()
        found.update(repr((str(path), mode, hashlib.sha256(held).digest())).encode())
    return found.hexdigest()
