"""One part of the suite: a pytest of its own, its output kept whole, what it counted and what was slow."""

from __future__ import annotations

import os
import re
import subprocess  # noqa: TID251  # the suite's own runner passes output through as it comes
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import IO

from tests.infrastructure import ROOT, private_postgresql

SLOWEST = 30
NOTHING_COLLECTED = 5
NOT_FOR_PARTS = ("PYTHONDONTWRITEBYTECODE", "CLOUDWEB_VAR")
ORDER = ("failed", "errors", "passed", "skipped", "xfailed", "xpassed", "warnings")
_SLOW = re.compile(r"([\d.]+)s (?:call|setup|teardown) +\S")
_HEAD_OF_SLOW = re.compile(r"=+ slowest \d+ durations =+|\(\d+ durations < [\d.]+s hidden\.")


def marks_of(path: Path) -> set[str]:
    """Return the marks of all tests in a file of the suite: what its directory says already."""
    first, *inner = path.parts[1:-1] or [""]
    found = {first} & {"host", "browser"}
    return found | ({"operations"} if first == "drills" or "operations" in inner else set())


def environment() -> dict[str, str]:
    """Return what a part runs in: modules are compiled once for its hundreds of processes, its data are its own."""
    return {name: word for name, word in os.environ.items() if name not in NOT_FOR_PARTS}


@dataclass(frozen=True)
class Part:
    """What pytest is asked for. ``paths`` is where to look for what ``marks`` selects: all, if empty."""

    name: str
    title: str
    marks: str
    budget: int  # seconds, on two cores that do nothing else
    options: Sequence[str] = ()
    paths: Sequence[str] = ()
    postgresql: bool = False


@dataclass
class Result:
    """What a part came to."""

    counts: Counter[str] = field(default_factory=Counter)
    slow: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def read(self, line: str) -> bool:
        """Take what a line of output says; return whether it is to be shown where it stands."""
        if _SLOW.match(line):
            self.slow.append(line.rstrip())
            return False
        if re.search(r"\bin [\d.]+s", line):
            found = re.findall(r"(\d+) (failed|error|passed|skipped|xfailed|xpassed|warning)", line)
            if found:
                self.counts = Counter({_plural(word): int(number) for number, word in found})
        return not _HEAD_OF_SLOW.match(line)

    def ended(self, returncode: int) -> None:
        """Count what went wrong without a count as one error."""
        bad = self.counts["failed"] + self.counts["errors"]
        if returncode not in (0, NOTHING_COLLECTED) and not bad:
            self.counts["errors"] += 1


class Running:
    """The parts of one lane, one after the other; what they print waits until it is asked for."""

    def __init__(self, parts: Sequence[Part], *, arguments: Sequence[str]) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = Event()
        self._lane = [
            (part, tempfile.TemporaryFile("w+b"), Event(), Result())  # noqa: SIM115  # closed with us
            for part in parts
        ]
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for part, output, done, result in self._lane:
            started = time.monotonic()
            try:
                if not self._stopped.is_set():
                    result.ended(self._start(part, output))
            except Exception:  # noqa: BLE001  # whatever it was, the part did not pass
                output.write(traceback.format_exc().encode())
                output.flush()
                result.ended(1)
            finally:
                result.seconds = time.monotonic() - started
                done.set()

    def _start(self, part: Part, output: IO[bytes]) -> int:
        if not part.postgresql:
            return self._pytest(part, output, environment())
        with private_postgresql() as url:
            return self._pytest(part, output, {**environment(), "DATABASE_URL": url})

    def _pytest(self, part: Part, output: IO[bytes], environment: Mapping[str, str]) -> int:
        paths = () if any(map(_is_path, self._arguments)) else part.paths
        command = [
            sys.executable, "-m", "pytest", "--color=no", "-q", f"--durations={SLOWEST}",
            "--durations-min=0.5", *part.options, "-m", part.marks, *paths, *self._arguments,
        ]  # fmt: skip
        with subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, env=environment,
        ) as self._process:  # fmt: skip
            return self._process.wait()

    def results(self) -> Iterator[tuple[Part, Result]]:
        """Print each part as it comes, or at once what it has said meanwhile; then yield it."""
        for part, output, done, result in self._lane:
            print(f"\n== {part.title}", flush=True)
            for line in _lines(output, done):
                if result.read(line):
                    print(line, end="", flush=True)
            yield part, result

    def stop(self) -> None:
        """End what runs still: the suite was interrupted."""
        self._stopped.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        self._thread.join()


def _lines(output: IO[bytes], done: Event) -> Iterator[str]:
    """Yield the lines of a file that another process writes, until that is done."""
    begun, place = b"", 0
    while True:
        last = done.is_set()  # what was written before is read below
        more = os.pread(output.fileno(), 1 << 16, place)  # the position is the writer's
        place += len(more)
        *whole, begun = (begun + more).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace") + "\n"
        if last and not more:
            break
        if not more:
            done.wait(0.2)
    if begun:
        yield begun.decode(errors="replace") + "\n"


def _is_path(argument: str) -> bool:
    return (ROOT / argument.partition("::")[0]).exists()


def _plural(word: str) -> str:
    return f"{word}s" if word in ("error", "warning") else word
