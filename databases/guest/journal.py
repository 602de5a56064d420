"""What the agent was ordered and what came of it: so an order is done once, and nothing old is done.

One file, replaced whole before an order begins and after it ended (OPERATIONS 14 to 17, for guests).
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Literal

from databases.guest import files

KEPT = 200
Verdict = Literal["run", "answer", "stale", "join"]


class Journal:
    """Orders by letter: EXECUTING in one run of the agent, then the result that was told."""

    def __init__(self, path: Path, *, run: str) -> None:
        self._path, self._run, self._lock = path, run, threading.Lock()
        found = files.read_json(path)
        self._epoch, self._floor = int(found.get("epoch", 0)), int(found.get("floor", 0))
        self._records: dict[str, dict[str, Any]] = dict(found.get("records", {}))

    @property
    def epoch(self) -> int:
        """The highest epoch that ordered anything."""
        return self._epoch

    def judge(self, letter: dict[str, Any]) -> Verdict:
        """Say what to do with an order, and write it down if it is to be run.

        ``answer``: done before, tell the result again. ``join``: it is under way in this run. ``stale``: a
        later operation has ordered something since, or it is so old that it was forgotten.
        """
        name, number, epoch = str(letter["letter"]), int(letter["number"]), int(letter["epoch"])
        with self._lock:
            record = self._records.get(name)
            if record is not None and "result" in record:
                return "answer"
            if record is not None and record["run"] == self._run:
                return "join"
            if (epoch and epoch < self._epoch) or (record is None and number <= self._floor):
                return "stale"
            self._epoch = max(self._epoch, epoch)
            self._records[name] = {"number": number, "method": letter["method"], "run": self._run}
            self._write()
            return "run"

    def is_current(self, letter: dict[str, Any]) -> bool:
        """Tell whether no later operation has ordered anything since."""
        with self._lock:
            epoch = int(letter["epoch"])
            return not epoch or epoch >= self._epoch

    def ended(self, letter: dict[str, Any], result: dict[str, Any]) -> None:
        """Write down what came of an order."""
        with self._lock:
            self._records[str(letter["letter"])]["result"] = result
            over = sorted(
                (name for name, record in self._records.items() if "result" in record),
                key=lambda name: int(self._records[name]["number"]),
            )
            for name in over[: max(0, len(over) - KEPT)]:
                self._floor = max(self._floor, int(self._records.pop(name)["number"]))
            self._write()

    def result(self, name: str) -> dict[str, Any]:
        """Return what came of an order."""
        with self._lock:
            found: dict[str, Any] = self._records[name]["result"]
            return found

    def _write(self) -> None:
        files.write_json(
            self._path, {"epoch": self._epoch, "floor": self._floor, "records": self._records}
        )
