"""What a host has been ordered, on its own disk: one record for each scope (OPERATIONS 14-18).

The record is written when the order arrives, before it waits for its turn (16, 45), so a host that dies
in the middle knows that it had started, and refuses whoever comes later with an older epoch. Memory
holds what runs or ended lately; the rest is read from the disk when an order asks for it.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from pydantic import TypeAdapter

from cloudweb.files import make_directory, write_atomically
from cloudweb.killpoints import Place, reach
from cloudweb.records import MARK, lost_in, read_record

TOMBSTONE_SECONDS = 30 * 86400.0
#: How long an outcome stays in memory: longer than it rides on reports.
REMEMBERED = 600.0


@dataclass(frozen=True, slots=True)
class Record:
    """The newest order about a scope and how it stands. ``state``: EXECUTING, DONE or FAILED."""

    scope: str
    epoch: int
    op: str
    seq: int
    direction: str
    attempt: int
    boot_id: str
    state: str
    outcome: str = ""  # DONE, TRANSIENT or FINAL
    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, str] = field(default_factory=dict)
    at: float = field(default_factory=time.time)

    @property
    def place(self) -> Place:
        """What the order is an attempt of."""
        return self.op, self.seq, self.direction


_RECORD = TypeAdapter(Record)
_STATES = {"EXECUTING": {""}, "DONE": {"DONE"}, "FAILED": {"TRANSIENT", "FINAL"}}


class OrderBook:
    """All records of a host; thread-safe. Writes reach the disk before memory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._running: dict[str, Record] = {}
        self._ended: dict[str, Record] = {}  # of late, in the order of writing
        self._top_epoch = 0
        self._lost: defaultdict[str, set[str]] = defaultdict(set)  # resources by domain
        self._lock = threading.RLock()
        self._scope_locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        make_directory(directory)
        self._load()

    def _load(self) -> None:
        for path in self.directory.glob("*/*.json"):
            record = read_record(path, partial(_parse, path))
            if record is None:  # the next order about the scope writes it again
                continue
            if record.state != "EXECUTING" and time.time() - record.at > TOMBSTONE_SECONDS:
                path.unlink(missing_ok=True)
                continue
            self._remember(record)
        for path in self.directory.glob(f"*/*{MARK}*"):
            if time.time() - path.stat().st_mtime > TOMBSTONE_SECONDS:
                path.unlink(missing_ok=True)
        for domain in self.directory.iterdir():
            self._lost[domain.name].update(lost_in(domain))

    def _remember(self, record: Record) -> None:
        self._top_epoch = max(self._top_epoch, record.epoch)
        self._ended.pop(record.scope, None)
        self._running.pop(record.scope, None)
        if record.state == "EXECUTING":
            self._running[record.scope] = record
        elif _is_recent(record):
            self._ended[record.scope] = record
            self._forget_old()

    def _forget_old(self) -> None:
        for record in list(takewhile(lambda ended: not _is_recent(ended), self._ended.values())):
            del self._ended[record.scope]

    def forget_old(self, domain: str) -> None:
        """Remove records of orders that ended 30 days ago, and damaged ones that were set aside then."""
        directory, before = self.directory / domain, time.time() - TOMBSTONE_SECONDS
        for path in directory.glob("*.json"):
            if path.stat().st_mtime >= before:
                continue
            with self._lock:  # no order begins meanwhile
                record = read_record(path, partial(_parse, path))
                if record and record.state != "EXECUTING" and record.at < before:
                    path.unlink(missing_ok=True)
        for path in directory.glob(f"*{MARK}*"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
        with self._lock:
            self._lost[domain] = set(lost_in(directory))

    def lost(self, domain: str) -> Sequence[str]:
        """Return the resources of a domain whose record was damaged, and no order came since."""
        with self._lock:
            return sorted(self._lost[domain])

    def get(self, scope: str) -> Record | None:
        """Return the record of a scope, from the disk where it is an old one."""
        with self._lock:
            known = self._running.get(scope) or self._ended.get(scope)
            if known is not None:
                return known
            path = self.directory / _place(scope)
            there = path.exists()
            found = read_record(path, partial(_parse, path))
            if there and found is None:  # it was damaged since
                self._lost[path.parent.name].add(path.stem)
            return found

    def records(self) -> list[Record]:
        """Return the records of what runs or ended in the last REMEMBERED seconds."""
        with self._lock:
            self._forget_old()
            return [*self._running.values(), *self._ended.values()]

    def top_epoch(self) -> int:
        """Return the highest epoch this host has seen."""
        with self._lock:
            return self._top_epoch

    def mutex(self) -> threading.RLock:
        """Return the lock under which a record is judged and replaced."""
        return self._lock

    def scope_lock(self, scope: str) -> threading.Lock:
        """Return the lock that is held over the effects on a scope."""
        with self._lock:
            return self._scope_locks.setdefault(scope, threading.Lock())  # gone with its last user

    def write(self, record: Record) -> Record:
        """Replace a scope's record, on disk before in memory: temp file, fsync, rename, fsync."""
        path = self.directory / _place(record.scope)
        with self._lock:
            write_atomically(path, json.dumps(asdict(record)))
            self._remember(record)
            self._lost[path.parent.name].discard(path.stem)
        return record

    def begin(self, record: Record) -> Record:
        """Write EXECUTING, before the scope's lock is waited for."""
        reach("record.before", record.place)
        written = self.write(record)
        reach("record.after", record.place)
        return written

    def finish(
        self, record: Record, outcome: str, *, result: dict[str, Any], error: dict[str, str]
    ) -> Record | None:
        """Write how it ended, unless a newer order has replaced the record; return what stands."""
        reach("outcome.before", record.place)
        with self._lock:
            newest = self.get(record.scope)
            if newest is None or newest.place != record.place:
                return None
            state = "DONE" if outcome == "DONE" else "FAILED"
            written = self.write(
                replace(
                    newest, state=state, outcome=outcome, result=result, error=error, at=time.time()
                )
            )
        reach("outcome.after", record.place)
        return written


def _is_recent(record: Record) -> bool:
    return time.time() - record.at < REMEMBERED


def _parse(path: Path, kept: Any) -> Record:
    record = _RECORD.validate_json(json.dumps(kept), strict=True)
    if record.outcome not in _STATES[record.state]:
        raise ValueError(f"{record.state} with outcome {record.outcome!r}")
    if path.parts[-2:] != _place(record.scope).parts:
        raise ValueError(f"it is about {record.scope!r}")
    return record


def _place(scope: str) -> Path:
    domain, _, resource = scope.partition(":")
    return Path(_safe(domain)) / f"{_safe(resource)}.json"


def _safe(name: str) -> str:
    kept = "".join(char for char in name if char.isalnum() or char in "-_.")
    if not kept or kept != name or kept.startswith("."):
        raise ValueError(f"not a scope: {name!r}")
    return kept
