"""A cloud that goes on making and deleting servers: what it holds must stop growing.

A host keeps in memory how orders ended for ten minutes (``cloudweb/orderbook.py``): what the second half of
twenty minutes adds is growth, what that of ten adds is in part this.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from benchmarks.client import Client
from benchmarks.figures import Figure
from benchmarks.processes import name_of, pss_mib

CLIENTS = 4
LOOKS = 6  # at the memory, in even parts of the time
GOAL_GROWTH = 4.0  # MiB in the last half
CALM = 11.0  # seconds: the fork server makes room after ten


def churn(
    client: Client, pids: list[int], create: Callable[[int], str], *, minutes: float
) -> Iterator[Figure]:
    """Create servers, wait for them and delete them, again and again, with a few clients."""
    end, done = time.monotonic() + minutes * 60, [0] * CLIENTS
    sizes = [_sizes(pids)]

    def go_round(place: int) -> None:
        while time.monotonic() < end:
            server = create(1_000_000 + place * 100_000 + done[place])
            client.wait_active(server, every=0.2, timeout=300)
            client.delete_server(server)
            client.wait_gone(server, every=0.2, timeout=300)
            done[place] += 1

    with ThreadPoolExecutor(CLIENTS) as pool:
        rounds = [pool.submit(go_round, place) for place in range(CLIENTS)]
        for look in range(LOOKS):
            time.sleep(max(0.0, end - minutes * 60 * (1 - (look + 1) / LOOKS) - time.monotonic()))
            sizes.append(_sizes(pids))
            total = sum(sizes[-1].values())
            print(f"\r{sum(done)} came and went, {total:.0f} MiB", end="", file=sys.stderr)
        for one in rounds:
            one.result()
    time.sleep(CALM)
    calm = _sizes(pids)
    yield Figure(f"Servers made and deleted in {minutes:g} minutes", sum(done), "")
    middle = sizes[len(sizes) // 2]
    for pid in sizes[0]:
        at = " ".join(f"{size.get(pid, 0):.0f}" for size in sizes)
        yield Figure(f"    {name_of(pid)}: {at}, then calm", calm.get(pid, 0), "MiB")
    grown = sum(sizes[-1].values()) - sum(middle.values())
    yield Figure("Memory that the last half added (PSS)", grown, "MiB", goal=GOAL_GROWTH)


def _sizes(pids: list[int]) -> dict[int, float]:
    found = {}
    for pid in pids:
        with suppress(OSError):  # one that was started anew meanwhile
            found[pid] = pss_mib(pid)
    return found
