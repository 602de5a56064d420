"""``python -m benchmarks.image_data``: what a large image costs the API process, in and out.

The real API server receives and sends ``--mib`` (2048) of data; the exit code is 1 when its memory grew by
``LIMIT`` or more.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import httpx

from benchmarks.client import Client
from benchmarks.figures import Figure, heading
from benchmarks.processes import name_of, pss_mib, tree
from tests.infrastructure import running_cloud

LIMIT = 64.0  # MiB
MIB = 1024**2
EVERY = 0.02  # seconds between two looks at the memory


class Memory:
    """The API process: its PSS before, and the most of it while something ran."""

    def __init__(self, head: int) -> None:
        self.pid = next(pid for pid in tree(head) if name_of(pid) == "api")

    def grown_by(self, work: Callable[[], None]) -> tuple[float, float, float]:
        """Return how many MiB PSS and RSS grew at most during the work, and its seconds."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # the high-water mark begins anew
        before, resident = pss_mib(self.pid), self._high_water()
        most, over = [before], Event()

        def watch() -> None:
            while not over.wait(EVERY):
                most.append(pss_mib(self.pid))

        watcher = Thread(target=watch)
        watcher.start()
        started = time.perf_counter()
        try:
            work()
        finally:
            took = time.perf_counter() - started
            over.set()
            watcher.join()
        return max(most) - before, self._high_water() - resident, took

    def _high_water(self) -> float:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise LookupError(f"no VmHWM for {self.pid}")


def figures(mib: int) -> Iterator[Figure]:
    """Upload an image of random blocks with a length and in chunks, then download it."""
    with running_cloud(IMAGE_MAX_SIZE=str(2 * mib * MIB)) as cloud:
        client = Client(cloud.url, cloud.clouds_yaml)
        memory = Memory(cloud.pid)
        block = os.urandom(MIB)
        headers = {"X-Auth-Token": client.token, "Content-Type": "application/octet-stream"}

        with httpx.Client(base_url=f"{cloud.url}/image", headers=headers, timeout=600) as http:
            wanted = {"disk_format": "raw", "container_format": "bare"}
            for how in ("with Content-Length", "chunked"):
                image = http.post("/v2/images", json={"name": how, **wanted}).raise_for_status()
                path = image.json()["file"]
                length = {"Content-Length": str(mib * MIB)} if how != "chunked" else {}

                def upload(path: str = path, length: dict[str, str] = length) -> None:
                    blocks = (block for _ in range(mib))
                    http.put(path, content=blocks, headers=length).raise_for_status()

                yield from _said(f"PUT of {mib} MiB {how}", mib, memory.grown_by(upload))

            def download() -> None:
                with http.stream("GET", path) as answer:
                    if sum(map(len, answer.iter_raw())) != mib * MIB:
                        raise RuntimeError("the image came back with another size")

            yield from _said(f"GET of {mib} MiB", mib, memory.grown_by(download))


def _said(what: str, mib: int, measured: tuple[float, float, float]) -> Iterator[Figure]:
    pss, rss, took = measured
    yield Figure(f"{what}: speed", mib / took, "MiB/s")
    yield Figure(f"{what}: PSS of the API grew by", pss, "MiB")
    yield Figure(f"{what}: RSS of the API grew by", rss, "MiB")


def main() -> int:
    """Measure, print, and judge the memory."""
    parser = argparse.ArgumentParser(prog="benchmarks.image_data", description=__doc__)
    parser.add_argument("--mib", type=int, default=2048)
    print(heading(), flush=True)
    held = True
    for figure in figures(parser.parse_args().mib):
        print(figure.line(), flush=True)
        held = held and (figure.unit != "MiB" or figure.value < LIMIT)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
