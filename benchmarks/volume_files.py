"""``python -m benchmarks.volume_files``: what volumes in files cost their host.

The driver alone, without the cloud around it: making, attaching and growing volumes, and how fast QEMU's
own block layer reads and writes one over the socket, and over TLS, beside the bare file. That is the worst
there can be: all is in the page cache, and no guest's processor takes a part of the time.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, heading
from cloudweb import process
from cloudweb.driver import Unguarded
from operations.certificates import Authority, new_authority, write_certificate
from tests.builders.volume_bench import MIB, FileBench, export_of, unexport_of
from volume.objects import ResizeRequest, VolumeConnection, VolumeSpec

WORK = Unguarded()
SIZE = 256 * MIB
REQUESTS, DEPTH = 4096, 32
ROUNDS = 5  # of each way, in turn; the best counts, for others use the machine, too


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """Return seconds of the clock and of all our processors, children's too."""
    before, started = _used(), time.perf_counter()
    work()
    return time.perf_counter() - started, _used() - before


def _used() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


class Volumes:
    """A pool, and what is done to it again and again."""

    def __init__(self, bench: FileBench, other: Path) -> None:
        """``other`` has the certificate of another host."""
        self.bench, self.driver, self.other = bench, bench.driver, other
        self.source, self.image = bench.image("benchmark")
        self.specs: list[VolumeSpec] = []

    def empty(self) -> None:
        self._make(self.bench.spec(size=SIZE), None)

    def from_image(self) -> None:
        self._make(self.bench.spec(size=SIZE, source=self.source), self.image)

    def _make(self, spec: VolumeSpec, image: Path | None) -> None:
        self.driver.create(spec, image=image, work=WORK)
        self.specs.append(spec)

    def figures(self, count: int) -> Iterator[Figure]:
        """Make, attach, grow, snapshot, detach and delete so many."""
        yield from _said("an empty volume is made", [cost(self.empty) for _ in range(count)])
        made = [cost(self.from_image) for _ in range(count)]
        yield from _said("a volume is made from a cached image", made, goal=300)
        for host, how in (("h1", "on a socket"), ("h2", "over TLS")):
            requests = [export_of(spec, host) for spec in self.specs[:count]]
            served = [
                cost(lambda one=one: self.driver.export(one, work=WORK))  # type: ignore[misc]
                for one in requests
            ]
            yield from _said(f"a volume is served {how}", served)
            wanted = [ResizeRequest(volume=one.volume, size=2 * SIZE) for one in requests]
            if host == "h1":
                grown = [
                    cost(lambda one=one: self.driver.resize(one, work=WORK))  # type: ignore[misc]
                    for one in wanted
                ]
                yield from _said("a volume in use grows", grown)
            cut = [
                cost(lambda one=one: self.driver.unexport(unexport_of(one), work=WORK))  # type: ignore[misc]
                for one in requests
            ]
            yield from _said("an attachment is cut off", cut)
        gone = [
            cost(lambda one=one: self.driver.delete(one.ref, work=WORK))  # type: ignore[misc]
            for one in self.specs
        ]
        yield from _said("a volume is deleted", gone)

    def speeds(self) -> Iterator[Figure]:
        """Read and write as QEMU does, by every way."""
        spec = self.bench.spec(size=SIZE)
        self.driver.create(spec, image=None, work=WORK)
        file = self.driver.files.get(spec.ref.id)
        process.run("qemu-io", "-f", "qcow2", str(file.path), "-c", f"write -P 7 0 {SIZE}")
        ways = {"file": lambda: ["-f", "qcow2", str(file.path)], **self._served_ways(spec)}
        for what, kind, size in (
            ("read, 64 KiB", "aio_read -q", 65536),
            ("write, 64 KiB", "aio_write -q", 65536),
            ("write, 4 KiB", "aio_write -q", 4096),
        ):
            best, work = dict.fromkeys(ways, float("inf")), dict.fromkeys(ways, float("inf"))
            for _ in range(ROUNDS):
                for name, way in ways.items():
                    target = way()
                    before = self._daemon_seconds()
                    best[name] = min(best[name], _seconds(target, kind, size))
                    work[name] = min(work[name], self._daemon_seconds() - before)
                    self._detach()
            for name in ("socket", "TLS"):
                yield Figure(f"{what}: {name} to the bare file", best["file"] / best[name], "")
                each = 1e6 * work[name] / REQUESTS
                yield Figure("  the daemon's CPU for a request", each, "us")

    def _daemon_seconds(self) -> float:
        """Return what the daemon that runs has had of the processors until now; 0 where there is none."""
        pids = process.running("qemu-storage-daemon", f"{self.bench.directory}/")
        return sum(map(seconds_of, pids))

    def _served_ways(self, spec: VolumeSpec) -> dict[str, Callable[[], list[str]]]:
        self._request = None

        def by(host: str) -> list[str]:
            self._request = export_of(spec, host)
            connection: VolumeConnection = self.driver.export(self._request, work=WORK)
            client = self.bench.client(connection, self.other)
            return [*([] if "--image-opts" in client else ["-f", "raw"]), *client]

        return {"socket": lambda: by("h1"), "TLS": lambda: by("h2")}

    def _detach(self) -> None:
        if self._request is not None:
            self.driver.unexport(unexport_of(self._request), work=WORK)
            self._request = None

    _request = None


def seconds_of(pid: int) -> float:
    """Return what a process has had of the processors until now."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def _seconds(target: list[str], kind: str, size: int) -> float:
    """Return what many requests take, a batch of them on their way at a time, without the start."""
    wanted = [f"{kind} {at * size} {size}" for at in range(REQUESTS)]
    batches = [wanted[at : at + DEPTH] for at in range(0, REQUESTS, DEPTH)]
    commands = [word for batch in batches for one in (*batch, "aio_flush") for word in ("-c", one)]
    whole, _ = cost(lambda: process.run("qemu-io", *target, *commands, timeout=300))
    start, _ = cost(lambda: process.run("qemu-io", *target, "-c", "aio_flush"))
    return max(whole - start, 1e-6)


def _said(
    what: str, costs: list[tuple[float, float]], goal: float | None = None
) -> Iterator[Figure]:
    yield Figure(f"{what} (median)", 1000 * median(one for one, _ in costs), "ms", goal=goal)
    yield Figure("  its CPU, programs' it starts too", 1000 * median(two for _, two in costs), "ms")


def main() -> int:
    """Measure and print as it comes."""
    print(heading(), flush=True)
    with tempfile.TemporaryDirectory() as place:
        authority, own, other = Authority(new_authority()), Path(place) / "h1", Path(place) / "h2"
        for host in (own, other):
            write_certificate(authority, host.name, host)
        bench = FileBench(own)
        try:
            volumes = Volumes(bench, other)
            for figure in [*volumes.figures(20)]:
                print(figure.line(), flush=True)
            for figure in volumes.speeds():
                print(figure.line(), flush=True)
        finally:
            bench.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
