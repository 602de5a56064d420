"""What guests and their host used in the last hour and day: small rings in the host's memory, read when shown."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudweb.agent import Function
from cloudweb.driver import DriverError
from cloudweb.rpc import Method
from compute import rpc
from compute.drivers.base import Diagnostics, GuestNotFound, Hypervisor
from compute.guest_use import GuestUse
from compute.host_use import HostUse, host_use
from compute.meter_objects import GuestMeters, MetersRequest, Sample, Span
from compute.objects import GuestRef

#: How many samples a ring has, and how many looks are in one: looks are a minute apart.
RINGS: Mapping[Span, tuple[int, int]] = {"hour": (60, 1), "day": (144, 10)}


@dataclass(frozen=True, slots=True)
class _Counters:
    """What a guest, or the host, has used since it started, at a time of the monotonic clock."""

    at: float
    processors: int
    cpu: float  # seconds
    memory: int
    read: int
    written: int
    received: int
    sent: int

    @classmethod
    def of(cls, use: GuestUse) -> _Counters:
        return cls(
            at=time.monotonic(),
            processors=max(len(use.processors), 1),
            cpu=sum(use.processors) / 1e9,
            memory=next((one for one in (use.memory_used, use.memory_rss) if one is not None), 0),
            read=sum(one.read_bytes for one in use.disks),
            written=sum(one.write_bytes for one in use.disks),
            received=sum(one.rx_octets for one in use.cards),
            sent=sum(one.tx_octets for one in use.cards),
        )

    @classmethod
    def of_host(cls, use: HostUse) -> _Counters:
        return cls(
            at=time.monotonic(),
            processors=max(use.processors, 1),
            cpu=use.cpu,
            memory=use.memory_used,
            read=use.read,
            written=use.written,
            received=use.received,
            sent=use.sent,
        )

    def since(self, before: _Counters) -> Sample:
        """Return the means of the time between; a guest that started anew counts from nothing."""
        passed = max(self.at - before.at, 1e-3)

        def rate(now: float, then: float) -> float:
            return round((now - then if now >= then else now) / passed, 3)

        return Sample(
            at=time.time(),
            cpu=min(rate(self.cpu, before.cpu) / self.processors, 1.0),
            memory=self.memory,
            read=rate(self.read, before.read),
            written=rate(self.written, before.written),
            received=rate(self.received, before.received),
            sent=rate(self.sent, before.sent),
        )


@dataclass(slots=True)
class _Meter:
    """The rings of one guest, or of the host; ``marks`` are the counters where the next sample of each begins."""

    memory: int = 0
    looks: int = 0
    marks: dict[Span, _Counters] = field(default_factory=dict)
    rings: dict[Span, deque[Sample]] = field(
        default_factory=lambda: {span: deque(maxlen=most) for span, (most, _) in RINGS.items()}
    )

    def note(self, found: _Counters, memory: int) -> None:
        self.memory = memory
        for span, (_, looks) in RINGS.items():
            if span not in self.marks:
                self.marks[span] = found
            elif self.looks % looks == 0:
                self.rings[span].append(found.since(self.marks[span]))
                self.marks[span] = found
        self.looks += 1


class Meters:
    """The rings of one host and of its guests. Thread-safe."""

    def __init__(self, driver: Hypervisor, host_use: Callable[[], HostUse] = host_use) -> None:
        self._driver, self._host_use = driver, host_use
        self._host = _Meter()
        self._lock = threading.Lock()
        self._meters: dict[str, _Meter] = {}

    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does its method."""
        return {rpc.METERS: self.meters, rpc.HOST_METERS: self.host_meters}

    def look(self) -> None:
        """Note what the host and each guest used; those that are off use nothing, those gone are forgotten."""
        use = self._host_use()
        with self._lock:
            self._host.note(_Counters.of_host(use), use.memory)
        self._look_at_guests()

    def _look_at_guests(self) -> None:
        if not isinstance(self._driver, Diagnostics):
            return
        guests = self._driver.list()
        with self._lock:
            for gone in self._meters.keys() - {guest.id for guest in guests}:
                del self._meters[gone]
        for guest in guests:
            if guest.power_state not in ("running", "paused"):
                continue
            try:
                seen = self._driver.diagnose(GuestRef(id=guest.id, name=guest.name))
            except DriverError:
                continue  # it went off, or its monitor is busy: the next look counts for both
            with self._lock:
                meter = self._meters.setdefault(guest.id, _Meter())
                meter.note(_Counters.of(seen), seen.memory)

    def meters(self, request: MetersRequest) -> GuestMeters:
        """Return what is known of a guest; raise GuestNotFound, DriverError where nothing is counted."""
        if not isinstance(self._driver, Diagnostics):
            raise DriverError("This server's hypervisor tells nothing of its guests.")
        with self._lock:
            meter = self._meters.get(request.id)
            samples: Sequence[Sample] = [*meter.rings[request.span]] if meter else ()
            memory = meter.memory if meter else 0
        if meter is None and request.id not in {guest.id for guest in self._driver.list()}:
            raise GuestNotFound
        return GuestMeters(id=request.id, memory=memory, samples=tuple(samples))

    def host_meters(self, request: MetersRequest) -> GuestMeters:
        """Return what the host itself used."""
        with self._lock:
            samples = tuple(self._host.rings[request.span])
            return GuestMeters(id=request.id, memory=self._host.memory, samples=samples)
