"""``python -m benchmarks.burst``: a thousand servers asked for at once, of a whole cloud on fake drivers.

What counts is that all become ACTIVE, that no order is given twice, and that a hundred after them cost no
more than twice what the first hundred did. ``--networks 25`` spreads them over so many networks; with
``--churn 20`` servers come and go among them for twenty minutes more, and memory must have stopped growing.

A thousand by one request on SQLite (2 cores, EPYC): accepted after 0.8 s, all ACTIVE after 37 s, 27 servers a second,
36 ms of CPU each. With ``--on postgresql``, beside a load of ten: accepted after 2.3 and 2.9 s, all ACTIVE after 86
and 69 s, 57 and 60 ms of CPU each, no step failed.

While a thousand are under way it cannot be told which of them the work is for: the first is ACTIVE when
nearly all were begun. So the hundreds that are compared are waves of their own, one on the empty cloud and
one after the thousand, each measured from rest to rest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count

from benchmarks.churn import churn
from benchmarks.client import Client
from benchmarks.control_plane import lift_quotas
from benchmarks.databases import KINDS, database
from benchmarks.figures import Figure, heading
from benchmarks.processes import Meter, name_of, pss_mib
from tests.infrastructure import running_cloud, scratch

CLIENTS = 8
PART = 100  # servers that are compared with each other: the first, and as many after all others
GOAL_CPU = 68.0  # ms for each server
GOAL_RATIO = 2.0
#: Why steps failed, for who sees that some did.
FAILED = "SELECT name, error_code, error_detail FROM operations_step WHERE failures > 0 LIMIT 10"


@dataclass(frozen=True, slots=True)
class Wave:
    """What servers that were asked for at once cost, from rest to rest."""

    asked: int
    active: int
    seconds: float  # until all had ended
    cpu_ms: float  # of all processes, until there was no more to do
    accepted: float = 0.0  # seconds until the last request was answered

    @property
    def each(self) -> tuple[float, float]:
        """Milliseconds of CPU and of time for each server."""
        count = max(1, self.asked)
        return self.cpu_ms / count, self.seconds * 1000 / count


class Burst:
    """One cloud that is asked for many servers at once."""

    def __init__(
        self, client: Client, meter: Meter, ask: Callable[[str], int], *, networks: int
    ) -> None:
        self.client, self.meter, self.ask = client, meter, ask
        self._numbers = count()
        flavors = client.get("/compute/v2.1/flavors")["flavors"]
        self.flavor = next(flavor["id"] for flavor in flavors if flavor["name"] == "m1.nano")
        self.image = client.upload_image("burst", bytes(1024 * 1024))
        self.networks = [
            client.create_network(f"burst-{number}", f"10.{number + 1}.0.0/16")
            for number in range(networks)
        ]

    def unfinished(self) -> int:
        """Return how many operations have not ended, on servers or on what their neighbours are told."""
        rows = "SELECT count(*) FROM operations_operation WHERE state NOT IN"
        return self.ask(f"{rows} ('DONE', 'UNDONE')")

    def ended(self) -> tuple[int, int]:
        """Return how many servers are ACTIVE, and how many are that or an error."""
        rows = "SELECT count(*) FROM instances_instance WHERE vm_state ="
        active = self.ask(f"{rows} 'active'")
        return active, active + self.ask(f"{rows} 'error'")

    def create(self, number: int) -> str:
        """Ask for one server."""
        return self.client.create_server(
            f"burst-{number}",
            flavor=self.flavor,
            image=self.image,
            network=self.networks[number % len(self.networks)],
        )

    def create_together(self, wanted: int) -> None:
        """Ask for so many servers by one request."""
        server = {
            "name": f"together-{next(self._numbers)}",
            "flavorRef": self.flavor,
            "imageRef": self.image,
            "networks": [{"uuid": self.networks[0]}],
            "min_count": wanted,
            "max_count": wanted,
        }
        self.client.post("/compute/v2.1/servers", {"server": server})

    def wave(self, wanted: int, *, patience: float, together: bool = False) -> Wave:
        """Ask for so many servers with eight clients, or by one; wait until there is no more to do."""
        before, started = self.ended(), time.monotonic()
        cost = self.meter.cpu_ms()
        with ThreadPoolExecutor(CLIENTS) as pool:
            if together:
                asked = [pool.submit(self.create_together, wanted)]
            else:
                asked = [pool.submit(self.create, next(self._numbers)) for _ in range(wanted)]
            accepted = 0.0
            while True:
                time.sleep(0.2)
                active, ended = (now - then for now, then in zip(self.ended(), before, strict=True))
                seconds = time.monotonic() - started
                if not accepted and all(one.done() for one in asked):
                    accepted = seconds
                print(f"\r{active} of {wanted} ACTIVE", end="", file=sys.stderr, flush=True)
                failed = any(one.done() and one.exception() for one in asked)
                if ended >= wanted or failed or seconds >= patience:
                    break
            for one in asked:
                one.result()
        while self.unfinished() and time.monotonic() - started < patience:
            time.sleep(0.2)
        return Wave(wanted, active, seconds, self.meter.cpu_ms() - cost, accepted)

    def run(self, wanted: int, *, patience: float, together: bool = False) -> Iterator[Figure]:
        """See what becomes of so many at once, and what a hundred cost before and after them."""
        first = self.wave(PART, patience=patience)
        before, statements = pss(self.meter), self.meter.statements()
        middle = self.wave(wanted, patience=patience, together=together)
        statements = self.meter.statements() - statements
        after = pss(self.meter)
        last = self.wave(PART, patience=patience)
        yield Figure(f"Servers ACTIVE of {wanted}", middle.active, "", goal=wanted, at_least=True)
        twice = self.ask("SELECT count(*) FROM operations_step WHERE attempt > 1")
        yield Figure("Orders given twice", twice, "", goal=0)
        failed = self.ask("SELECT count(*) FROM operations_step WHERE failures > 0")
        yield Figure("Steps that failed", failed, "", goal=0)
        yield Figure("CPU of all processes for each", middle.each[0], "ms", 1357, GOAL_CPU)
        yield Figure("SQL statements for each", statements / wanted, "")
        yield Figure("Seconds until the last was accepted", middle.accepted, "s")
        yield Figure("Seconds in all", middle.seconds, "s")
        yield Figure("Servers a second", middle.active / max(middle.seconds, 1e-9), "/s")
        yield from compared(first, last)
        yield Figure("Memory of all processes (PSS), before", sum(before.values()), "MiB")
        yield Figure("    afterwards", sum(after.values()), "MiB")
        for pid, size in after.items():
            yield Figure(f"    {name_of(pid)}, was {before[pid]:.0f}", size, "MiB")


def compared(first: Wave, last: Wave) -> Iterator[Figure]:
    """Compare what a hundred cost after all the others with the first hundred; nothing if one is not complete."""
    if (first.active, last.active) != (first.asked, last.asked):
        return
    for what, then, now in zip(("CPU", "Time"), first.each, last.each, strict=True):
        yield Figure(f"{what} for each of the first hundred", then, "ms")
        yield Figure(f"{what} for each of a hundred after them", now, "ms")
        yield Figure(f"{what}, against the first", now / max(then, 1e-9), "x", goal=GOAL_RATIO)


def pss(meter: Meter) -> dict[int, float]:
    """Return the memory of each process of the cloud."""
    return {pid: pss_mib(pid) for pid in meter.pids}


def figures(
    *,
    wanted: int,
    networks: int,
    patience: float,
    minutes: float = 0,
    together: bool = False,
    kind: str = "sqlite",
) -> Iterator[Figure]:
    """Run the burst on a fresh cloud."""
    with scratch("burst") as var, database(kind) as rows:
        counters = var / "statements"
        with running_cloud(
            var=var,
            CLOUDWEB_COUNT_SQL=str(counters),
            COMPUTE_CPU_RATIO="1000",
            COMPUTE_RAM_RATIO="1000",
            COMPUTE_DISK_RATIO="1000",
            **rows.settings,
        ) as cloud:
            client = Client(cloud.url, cloud.clouds_yaml)
            lift_quotas(client.project_id, var, **rows.settings)
            meter = Meter(cloud.pid, counters, rows.pid)
            burst = Burst(client, meter, partial(rows.ask, var), networks=networks)
            client.wait_active(burst.create(-1))  # connections, imports, caches
            yield from burst.run(wanted, patience=patience, together=together)
            for why in rows.rows(var, FAILED):
                print(*why, sep=", ", file=sys.stderr)
            if minutes:
                yield from churn(client, meter.pids, burst.create, minutes=minutes)


def main() -> int:
    """Measure and print as it comes."""
    parser = argparse.ArgumentParser(prog="benchmarks.burst", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--networks", type=int, default=1)
    parser.add_argument("--patience", type=float, default=3600)
    parser.add_argument("--churn", type=float, default=0, metavar="MINUTES")
    parser.add_argument("--together", action="store_true", help="by one request")
    parser.add_argument("--on", choices=KINDS, default=KINDS[0])
    said = parser.parse_args()
    print(heading(), flush=True)
    found = figures(
        wanted=said.count,
        networks=said.networks,
        patience=said.patience,
        minutes=said.churn,
        together=said.together,
        kind=said.on,
    )
    for figure in found:
        print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
