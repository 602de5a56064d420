"""``python -m benchmarks.burst``: a thousand servers asked for at once, of a whole cloud on fake drivers.

What counts is that all become ACTIVE, that no order is given twice, and that the last hundred cost no
more than the first. ``--networks 25`` spreads them over so many networks; with ``--churn 10`` servers
come and go among them for ten minutes more, and memory must have stopped growing.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.churn import churn
from benchmarks.client import Client
from benchmarks.control_plane import lift_quotas
from benchmarks.figures import Figure, heading
from benchmarks.processes import Meter, cpu_ms, name_of, pss_mib
from tests.infrastructure import running_cloud, scratch

CLIENTS = 8
PART = 100  # servers that are compared with each other: the first and the last
GOAL_CPU = 68.0  # ms for each server
GOAL_RATIO = 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """How far the cloud was, and what it had cost until then."""

    active: int
    ended: int
    seconds: float
    cpu_ms: float


class Burst:
    """One cloud that is asked for many servers at once."""

    def __init__(self, client: Client, meter: Meter, database: Path, *, networks: int) -> None:
        self.client, self.meter, self.database = client, meter, database
        flavors = client.get("/compute/v2.1/flavors")["flavors"]
        self.flavor = next(flavor["id"] for flavor in flavors if flavor["name"] == "m1.nano")
        self.image = client.upload_image("burst", bytes(1024 * 1024))
        self.networks = [
            client.create_network(f"burst-{number}", f"10.{number + 1}.0.0/16")
            for number in range(networks)
        ]

    def ask(self, statement: str) -> int:
        """Return a number from the database, without asking the cloud."""
        address = f"file:{self.database}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=60)) as connection:
            return int(connection.execute(statement).fetchone()[0] or 0)

    def look(self, since: float) -> Seen:
        """See how far it is."""
        rows = "SELECT count(*) FROM instances_instance WHERE name <> 'burst-0' AND vm_state ="
        active, failed = self.ask(f"{rows} 'active'"), self.ask(f"{rows} 'error'")
        cost = cpu_ms(self.meter.pids)
        return Seen(active, active + failed, time.monotonic() - since, cost)

    def create(self, number: int) -> str:
        """Ask for one server."""
        return self.client.create_server(
            f"burst-{number}",
            flavor=self.flavor,
            image=self.image,
            network=self.networks[number % len(self.networks)],
        )

    def run(self, count: int, *, patience: float) -> Iterator[Figure]:
        """Ask for so many servers with eight clients and see what becomes of them."""
        before = pss(self.meter)
        started, seen = time.monotonic(), [self.look(time.monotonic())]
        with ThreadPoolExecutor(CLIENTS) as pool:
            asked = [pool.submit(self.create, number + 1) for number in range(count)]
            while seen[-1].ended < count and seen[-1].seconds < patience:
                time.sleep(0.5)
                seen.append(self.look(started))
                print(f"\r{seen[-1].active} ACTIVE", end="", file=sys.stderr, flush=True)
            for one in asked:
                one.result()
        last = seen[-1]
        yield Figure(f"Servers ACTIVE of {count}", last.active, "", goal=count, at_least=True)
        twice = self.ask("SELECT count(*) FROM operations_step WHERE attempt > 1")
        yield Figure("Orders given twice", twice, "", goal=0)
        failed = self.ask("SELECT count(*) FROM operations_step WHERE failures > 0")
        yield Figure("Steps that failed", failed, "", goal=0)
        cost = (last.cpu_ms - seen[0].cpu_ms) / count
        yield Figure("CPU of all processes for each", cost, "ms", 1357, GOAL_CPU)
        yield from ends(seen, count)
        yield Figure("Seconds in all", last.seconds, "s")
        yield Figure("Memory of all processes (PSS), before", sum(before.values()), "MiB")
        after = pss(self.meter)
        yield Figure("    afterwards", sum(after.values()), "MiB")
        for pid, size in after.items():
            yield Figure(f"    {name_of(pid)}, was {before[pid]:.0f}", size, "MiB")


def ends(seen: list[Seen], count: int) -> Iterator[Figure]:
    """Compare what the last hundred cost with the first."""
    if count < 3 * PART or seen[-1].active < count:
        return

    def at(active: int) -> Seen:
        return next(one for one in seen if one.active >= active)

    first = at(PART), at(2 * PART)
    last = at(count - PART), seen[-1]
    for what, unit, field in (("CPU", "ms", "cpu_ms"), ("Time", "s", "seconds")):
        parts = []
        for name, (begun, ended) in (("second", first), ("last", last)):
            spent = getattr(ended, field) - getattr(begun, field)
            parts.append(spent / max(1, ended.active - begun.active))
            yield Figure(f"{what} for each of the {name} hundred", parts[-1], unit)
        ratio = parts[1] / max(parts[0], 1e-9)
        yield Figure(f"{what}, last hundred against the second", ratio, "x", goal=GOAL_RATIO)


def pss(meter: Meter) -> dict[int, float]:
    """Return the memory of each process of the cloud."""
    return {pid: pss_mib(pid) for pid in meter.pids}


def figures(*, count: int, networks: int, patience: float, minutes: float = 0) -> Iterator[Figure]:
    """Run the burst on a fresh cloud."""
    with scratch("burst") as var:
        counters = var / "statements"
        with running_cloud(
            var=var,
            CLOUDWEB_COUNT_SQL=str(counters),
            COMPUTE_CPU_RATIO="1000",
            COMPUTE_RAM_RATIO="1000",
            COMPUTE_DISK_RATIO="1000",
        ) as cloud:
            client = Client(cloud.url, cloud.clouds_yaml)
            lift_quotas(client.project_id, var)
            meter = Meter(cloud.pid, counters)
            burst = Burst(client, meter, var / "cloudweb.sqlite3", networks=networks)
            client.wait_active(burst.create(0))  # connections, imports, caches
            with meter.measured() as cost:
                yield from burst.run(count, patience=patience)
            yield Figure("SQL statements for each", cost.statements / count, "")
            if minutes:
                yield from churn(client, meter.pids, burst.create, minutes=minutes)


def main() -> int:
    """Measure and print as it comes."""
    parser = argparse.ArgumentParser(prog="benchmarks.burst", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--networks", type=int, default=1)
    parser.add_argument("--patience", type=float, default=3600)
    parser.add_argument("--churn", type=float, default=0, metavar="MINUTES")
    wanted = parser.parse_args()
    print(heading(), flush=True)
    found = figures(
        count=wanted.count,
        networks=wanted.networks,
        patience=wanted.patience,
        minutes=wanted.churn,
    )
    for figure in found:
        print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
