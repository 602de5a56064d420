"""A bench and its guests, taken away also when a test fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from network.objects import PortWiring
from tests.host.network.bench import KernelBench
from tests.host.network.guests import Guest

MakeGuest = Callable[..., Guest]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[KernelBench]:
    made = KernelBench(tmp_path)
    yield made
    made.close()


@pytest.fixture
def make_guest(bench: KernelBench) -> Iterator[MakeGuest]:
    """Plug a port, with a namespace behind it."""
    guests: list[Guest] = []

    def make(port: PortWiring, *, configure: bool = True) -> Guest:
        guest = Guest(port, configure=configure)
        guests.append(guest)
        bench.agent.plug(port)
        return guest

    yield make
    for guest in guests:
        guest.close()
