"""``python -m benchmarks.volumes``: volumes through the whole cloud, on fake drivers.

What their data costs a host is measured by ``benchmarks.volume_files``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.client import Client
from benchmarks.figures import Figure, heading
from benchmarks.processes import Meter
from cloudweb import process
from tests.infrastructure import ROOT, running_cloud, scratch

ALONE, LISTED, TIMES, FEW = 20, 1000, 5, 10
FILL = """
from cloudweb.context import RequestContext
from tests.builders.volumes import make_volume
from volume.models import Volume
context = RequestContext(project_id={project!r}, roles=frozenset({{"member"}}))
first = make_volume(context)
Volume.objects.bulk_create([
    Volume(project_id=first.project_id, name=f"v{{number}}", size=1, status=first.status,
           zone=first.zone, volume_type=first.volume_type)
    for number in range({many} - 1)
])
"""


class Volumes:
    """One cloud under measurement."""

    def __init__(self, client: Client, meter: Meter) -> None:
        self.client, self.meter = client, meter
        self.path = f"/volume/v3/{client.project_id}/volumes"

    def make(self, number: int) -> float:
        """Make one; return the milliseconds until it is available."""
        started = time.perf_counter()
        wanted = {"volume": {"name": f"bench-{number}", "size": 1}}
        volume = self.client.post(self.path, wanted)["volume"]
        while volume["status"] != "available":
            if volume["status"] == "error":
                raise RuntimeError(str(volume))
            time.sleep(0.005)
            volume = self.client.get(f"{self.path}/{volume['id']}")["volume"]
        return 1000 * (time.perf_counter() - started)

    def made(self) -> Iterator[Figure]:
        """Make one after the other: the clock, and what all processes worked without our polling."""
        for _ in range(2):  # what is loaded at the first is not counted
            self.make(0)
        with self.meter.measured() as polled:
            for _ in range(ALONE):
                self.client.get(self.path, limit=1)
        with self.meter.measured() as cost:
            times = [self.make(number) for number in range(ALONE)]
        yield Figure("a volume until available (median)", median(times), "ms", 166, goal=30)
        yield Figure("  CPU of all processes, with our polling", cost.cpu_ms / ALONE, "ms")
        yield Figure("  of that for one look", polled.cpu_ms / ALONE, "ms")
        yield Figure("  statements", cost.statements / ALONE, "")

    def listed(self) -> Iterator[Figure]:
        """List a page of few and one of many: what each row more costs."""
        found: dict[int, tuple[float, float]] = {}
        for count in (FEW, LISTED):
            costs = []
            for _ in range(TIMES):
                with self.meter.measured() as cost:
                    rows: Any = self.client.get(f"{self.path}/detail", limit=count)["volumes"]
                assert len(rows) == count
                costs.append((cost.cpu_ms, cost.statements))
            found[count] = min(costs)
            yield Figure(f"CPU of {count} volumes in detail", found[count][0], "ms")
            yield Figure("  statements", found[count][1], "")
        rows = LISTED - FEW
        yield Figure("CPU of one row more", (found[LISTED][0] - found[FEW][0]) / rows, "ms")


def figures() -> Iterator[Figure]:
    """Measure a fresh cloud."""
    with scratch("bench") as var:
        counters = var / "statements"
        with running_cloud(var=var, CLOUDWEB_COUNT_SQL=str(counters)) as cloud:
            client = Client(cloud.url, cloud.clouds_yaml)
            lift = f"from identity import quotas\nquotas.update({client.project_id!r}, 'volume', {{'volumes': -1}})\n"
            _in_cloud(lift, str(var))
            volumes = Volumes(client, Meter(cloud.pid, counters))
            yield from volumes.made()
            _in_cloud(FILL.format(project=client.project_id, many=LISTED), str(var))
            yield from volumes.listed()


def _in_cloud(code: str, var: str) -> None:
    settings = {"CLOUDWEB_VAR": var, "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control"}
    command = (sys.executable, str(ROOT / "manage.py"), "shell", "-c", code)
    process.run(*command, env=settings, timeout=600)


def main() -> int:
    """Measure and print as it comes."""
    print(heading(), flush=True)
    for figure in figures():
        print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
