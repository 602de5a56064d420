"""``python -m benchmarks.ports``: networks and a thousand ports of one, of a whole cloud on fake drivers.

What counts is that the last hundred cost what the first did, and what a list of them all costs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from benchmarks.client import Client
from benchmarks.control_plane import lift_quotas
from benchmarks.figures import Figure, heading
from benchmarks.processes import Meter
from tests.infrastructure import running_cloud, scratch

PART = 100
LISTS = 5
THREES = 25
GOAL_THREE = 18.0  # ms of CPU
GOAL_LIST = 80.0  # ms of CPU
GOAL_RATIO = 2.0


def figures(count: int) -> Iterator[Figure]:
    """Make ports of one network, by hundreds and one by one, and list them."""
    with scratch("ports") as var:
        counters = var / "statements"
        with running_cloud(var=var, CLOUDWEB_COUNT_SQL=str(counters)) as cloud:
            client, meter = Client(cloud.url, cloud.clouds_yaml), Meter(cloud.pid, counters)
            lift_quotas(client.project_id, var)
            yield from three(client, meter)
            network = client.create_network("ports", "10.64.0.0/16")
            client.create_ports(network, 1)  # connections, imports, caches
            yield from made(client, meter, network, count)
            yield from listed(client, meter, count)


def three(client: Client, meter: Meter) -> Iterator[Figure]:
    """Make a network, a subnet and a port, a few times."""

    def one(number: int) -> None:
        client.create_ports(client.create_network(f"three-{number}", f"10.{number}.0.0/24"), 1)

    one(0)
    with meter.measured() as cost:
        for number in range(1, THREES + 1):
            one(number)
    cpu = cost.cpu_ms / THREES
    yield Figure("CPU for network + subnet + port", cpu, "ms", 365, GOAL_THREE)
    yield Figure("SQL statements for them", cost.statements / THREES, "")


def made(client: Client, meter: Meter, network: str, count: int) -> Iterator[Figure]:
    """Compare the last hundred with the first; half of each in one request, half alone."""
    costs = []
    for _ in range(count // PART):
        with meter.measured() as cost:
            client.create_ports(network, PART // 2)
            for _ in range(PART // 2):
                client.create_ports(network, 1)
        costs.append(cost)
    for name, cost in (("first", costs[0]), ("last", costs[-1])):
        yield Figure(f"CPU for each port of the {name} {PART}", cost.cpu_ms / PART, "ms")
        yield Figure("SQL statements for each", cost.statements / PART, "")
    ratio = costs[-1].cpu_ms / costs[0].cpu_ms
    yield Figure(f"CPU, last {PART} against the first", ratio, "x", goal=GOAL_RATIO)


def listed(client: Client, meter: Meter, count: int) -> Iterator[Figure]:
    """List all ports with all their fields."""
    client.get("/network/v2.0/ports")
    with meter.measured() as cost:
        for _ in range(LISTS):
            found = len(client.get("/network/v2.0/ports")["ports"])
    if found < count:
        raise RuntimeError(f"{found} ports were listed, not {count}")
    yield Figure(
        f"CPU for GET /ports with {found} ports", cost.cpu_ms / LISTS, "ms", 1584, GOAL_LIST
    )
    yield Figure("SQL statements for it", cost.statements / LISTS, "")


def main() -> int:
    """Measure and print as it comes."""
    parser = argparse.ArgumentParser(prog="benchmarks.ports", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    print(heading(), flush=True)
    for figure in figures(parser.parse_args().count):
        print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
