"""``python -m benchmarks.wiring``: what a host's network agent takes, on this kernel with bridges.

What counts is that a port costs among five hundred what it costs among five.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from benchmarks.figures import Figure, heading
from network.objects import NetworkPicture, NetworkWiring, PortWiring
from tests.builders.ports import allow, free_egress, make_network, make_port, make_subnet, port_ref
from tests.host.network.bench import KernelBench
from tests.infrastructure import scratch

T = TypeVar("T")
FEW, MANY, TIMES = 5, 500, 25
RULES, RULED = 200, 50
GOAL_PLUG = 50.0  # ms
GOAL_RULES = 1000.0  # ms
GOAL_RATIO = 1.3


@dataclass
class Took:
    """Time on the clock and of the processors, with that of programs that were run, in ms."""

    clock: float = 0.0
    cpu: float = 0.0


@contextmanager
def timed() -> Iterator[Took]:
    """Fill in what the block took."""
    took = Took()
    clock, cpu = time.perf_counter(), _cpu()
    yield took
    took.clock, took.cpu = (time.perf_counter() - clock) * 1000, (_cpu() - cpu) * 1000


def _cpu() -> float:
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(one) for one in who]
    return sum(one.ru_utime + one.ru_stime for one in used)


def figures(many: int) -> Iterator[Figure]:
    """Fill a host's network, plug and unplug a port among few and among many, and change rules."""
    with scratch("wiring") as home:
        bench = KernelBench(home)
        try:
            yield from _measure(bench, many)
        finally:
            bench.close()


def _measure(bench: KernelBench, many: int) -> Iterator[Figure]:
    subnet = make_subnet(cidr="10.5.0.0/16")
    network = make_network(subnets=(subnet,))
    ports = [_port(network, number) for number in range(many + 2 * TIMES)]
    costs = {}
    for count, start in ((FEW, 0), (many, FEW)):
        for port in ports[start:count]:
            bench.agent.plug(port)
        fresh, ports[-TIMES:] = ports[-TIMES:], ports[-2 * TIMES : -TIMES]
        plugs = [_took(bench.agent.plug, port) for port in fresh]
        unplugs = [_took(bench.agent.unplug, port_ref(port)) for port in fresh]
        costs[count] = median(took.cpu for took in plugs)
        yield Figure(
            f"A port plugged among {count} (median)",
            median(took.clock for took in plugs), "ms", goal=GOAL_PLUG,
        )  # fmt: skip
        yield Figure("    CPU of it", costs[count], "ms")
        yield Figure("    CPU of its unplugging", median(took.cpu for took in unplugs), "ms")
    ratio = costs[many] / costs[FEW]
    yield Figure(f"CPU, among {many} against among {FEW}", ratio, "x", goal=GOAL_RATIO)
    yield from _rules(bench, ports[:RULED])


def _took(do: Callable[[T], object], what: T) -> Took:
    with timed() as took:
        do(what)
    return took


def _rules(bench: KernelBench, ports: Sequence[PortWiring]) -> Iterator[Figure]:
    """Give ports many rules, and take half of them away."""
    rules = tuple(
        allow("tcp", port_min=1000 + number, port_max=1000 + number) for number in range(RULES)
    )
    for revision, given in ((2, rules), (3, rules[::2])):
        told = tuple(
            port.model_copy(update={"revision": revision, "rules": (*free_egress(), *given)})
            for port in ports
        )
        with timed() as took:
            bench.agent.refresh(NetworkPicture(id=ports[0].network.id, ports=told))
        what = f"{len(given)} rules to {len(ports)} ports, until they act"
        yield Figure(what, took.clock, "ms", goal=GOAL_RULES)
        yield Figure("    CPU of it", took.cpu, "ms")


def _port(network: NetworkWiring, number: int) -> PortWiring:
    return make_port(network, f"10.5.{1 + number // 200}.{10 + number % 200}")


def main() -> int:
    """Measure and print as it comes."""
    parser = argparse.ArgumentParser(prog="benchmarks.wiring", description=__doc__)
    parser.add_argument("--many", type=int, default=MANY)
    wanted = parser.parse_args()
    if os.geteuid() != 0:
        print("Networks need root.")
        return 1
    print(heading(), flush=True)
    for figure in figures(wanted.many):
        print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
