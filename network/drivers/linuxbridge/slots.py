"""One small number for each network on the host: its conntrack zone and its way out follow from it."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from cloudweb.driver import DriverError
from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.drivers.linuxbridge.config import BridgeConfig


@dataclass(frozen=True, slots=True)
class Slot:
    """``zone`` is a conntrack zone; ``host`` and ``inside`` are the two ends of ``link``, a /30."""

    zone: int
    link: IPv4Network
    host: IPv4Address
    inside: IPv4Address


class Slots:
    """The numbers in use, in a file; safe among threads and processes.

    A damaged file is written anew from what this process knows or, when it has just started, from the
    addresses that the ways out have (``found``, by network). A network without one takes a new number.
    """

    def __init__(
        self,
        directory: Path,
        config: BridgeConfig,
        *,
        found: Callable[[], Mapping[str, IPv4Address]] = dict,
    ) -> None:
        self._file, self._config, self._found = directory / "slots.json", config, found
        self._known: dict[str, int] = {}  # as this process saw it last

    def take(self, network_id: str) -> Slot:
        """Return the network's slot, the same each time; raise DriverError when all are taken."""
        with self._locked() as taken:
            number = taken.get(network_id)
            if number is None:
                used = set(taken.values())
                number = next((n for n in range(self._config.slots) if n not in used), None)
                if number is None:
                    raise DriverError(
                        f"This host holds {len(used)} networks and has no room for one more.",
                        detail="widen NETWORK_WAY_OUT",
                    )
                taken[network_id] = number
                write_atomically(self._file, json.dumps(taken))
        start = int(self._config.way_out.network_address) + 4 * number
        return Slot(
            zone=self._config.zones + number,
            link=IPv4Network((start, 30)),
            host=IPv4Address(start + 1),
            inside=IPv4Address(start + 2),
        )

    def free(self, network_id: str) -> None:
        """Give the slot back; absent is fine."""
        with self._locked() as taken:
            if taken.pop(network_id, None) is not None:
                write_atomically(self._file, json.dumps(taken))

    def forget(self) -> None:
        """Drop the file."""
        with self._locked():
            self._file.unlink(missing_ok=True)

    def networks(self) -> list[str]:
        """Return the networks that hold a slot: all of which anything may be left."""
        with self._locked() as taken:
            return list(taken)

    def _seen(self) -> dict[str, int]:
        """Return the numbers that the ways out show."""
        first = int(self._config.way_out.network_address)
        seen: dict[str, int] = {}
        for network_id, address in self._found().items():
            number, end = divmod(int(address) - first, 4)
            if end == 1 and 0 <= number < self._config.slots and number not in seen.values():
                seen[network_id] = number
        return seen

    @contextmanager
    def _locked(self) -> Iterator[dict[str, int]]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            there = self._file.exists()
            taken = read_record(self._file, _parse)
            if taken is None:
                taken = dict(self._known) or self._seen() if there else {}
                if taken:
                    write_atomically(self._file, json.dumps(taken))
            yield taken
            self._known = dict(taken)


def _parse(kept: Any) -> dict[str, int]:
    numbers = list(kept.values())
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("a slot is a number")
    if len(set(numbers)) != len(numbers):
        raise ValueError("two networks have one slot")
    return dict(kept)
