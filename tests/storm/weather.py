"""Troubles, one at a time; each ends by itself, and is put right when the storm is called off."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis

#: Ours among the descendants of the supervisor; guests, dnsmasq and the like have sessions of their own.
KINDS = ("control", "host", "api", "redis", "forkserver")


def family(head: int) -> dict[int, str]:
    """Return the processes that came from the supervisor and still belong to it, by what they are."""
    found: dict[int, str] = {}
    waiting = [head]
    while waiting:
        parent = waiting.pop()
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                children = map(int, (task / "children").read_text().split())
                waiting += (fresh := [pid for pid in children if pid not in found])
                found |= {pid: _kind(pid) for pid in fresh}
    return {pid: kind for pid, kind in found.items() if kind}


def _kind(pid: int) -> str:
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
    return "redis" if name == "redis-server" else name[3:] if name.startswith("cw-") else ""


@dataclass
class Weather:
    """What can go wrong with the cloud whose data is in ``var``; ``freeze`` is in seconds.

    ``head`` tells the supervisor's pid, ``restart`` kills it and starts another.
    """

    var: Path
    head: Callable[[], int]
    restart: Callable[[], None]
    rng: random.Random
    freeze: float
    may_fill: bool = False
    log: Callable[[str], None] = print
    happened: list[str] = field(default_factory=list)

    def troubles(self) -> Mapping[str, Callable[[], None]]:
        """Return all that may happen here, by name."""
        found: dict[str, Callable[[], None]] = {"broker emptied": self.empty_broker}
        for kind in KINDS:
            found[f"{kind} killed"] = lambda kind=kind: self.kill(kind)
            found[f"{kind} frozen"] = lambda kind=kind: self.stop_for_a_while(kind)
        found["database locked"] = self.lock_database
        found["all killed"] = self.restart
        if self.may_fill:
            found["disk full"] = self.fill_disk
        return found

    def rage(self, until: Callable[[], bool], *, pause: tuple[float, float]) -> None:
        """Let trouble after trouble happen, each once in an order drawn from the seed, then again."""
        while not until():
            names = list(self.troubles())
            self.rng.shuffle(names)
            for name in names:
                if until():
                    return
                self.log(f"trouble: {name}")
                self.troubles()[name]()
                self.happened.append(name)
                wait(self.rng.uniform(*pause), until)

    def kill(self, kind: str) -> None:
        """End a process by SIGKILL."""
        for pid in self._some(kind):
            os.kill(pid, signal.SIGKILL)

    def stop_for_a_while(self, kind: str) -> None:
        """Let a process stand still for longer than any interval, then go on."""
        for pid in self._some(kind):
            with _stopped(pid):
                time.sleep(self.freeze)

    def empty_broker(self) -> None:
        """Lose every message."""
        with contextlib.suppress(redis.RedisError):  # it is down anyhow
            redis.Redis(unix_socket_path=str(self.var / "run" / "redis.sock")).flushall()

    def lock_database(self) -> None:
        """Keep everybody from writing."""
        connection = sqlite3.connect(
            self.var / "cloudweb.sqlite3", timeout=60, isolation_level=None
        )
        with contextlib.closing(connection):
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(self.freeze)
            connection.execute("ROLLBACK")

    def fill_disk(self) -> None:
        """Let no byte be free for a while (only where the data is on a file system of its own)."""
        ballast = self.var / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
        with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(512))
        time.sleep(self.freeze)
        ballast.unlink()

    def _some(self, kind: str) -> list[int]:
        pids = sorted(pid for pid, found in family(self.head()).items() if found == kind)
        return [self.rng.choice(pids)] if pids else []


@contextlib.contextmanager
def _stopped(pid: int) -> Iterator[None]:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def wait(seconds: float, until: Callable[[], bool]) -> None:
    """Sleep, but not past the end."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and not until():
        time.sleep(0.05)


class Memory(threading.Thread):
    """Looks every few seconds how much each kind of process holds (PSS in MiB)."""

    def __init__(self, head: Callable[[], int], *, every: float) -> None:
        super().__init__(daemon=True, name="memory")
        self.samples: list[dict[str, float]] = []
        self._head, self._every, self._ended = head, every, threading.Event()

    def run(self) -> None:
        """Look until told to end."""
        while not self._ended.wait(self._every):
            held: dict[str, float] = {}
            for pid, kind in family(self._head()).items():
                with contextlib.suppress(OSError):
                    held[kind] = held.get(kind, 0.0) + proportional_set(pid)
            self.samples.append(held)

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()

    def growth(self) -> dict[str, tuple[float, float]]:
        """Return, by kind, the most that was held in the first and in the last third of the samples."""
        third = max(1, len(self.samples) // 3)
        first, last = self.samples[:third], self.samples[-third:]
        return {
            kind: (max(s.get(kind, 0) for s in first), max(s.get(kind, 0) for s in last))
            for kind in KINDS
        }


def proportional_set(pid: int) -> float:
    """Return a process' PSS in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
