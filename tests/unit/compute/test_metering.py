"""Rings of what guests used, and the graphs that are drawn of them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from cloudweb.driver import DriverError, Unguarded
from compute import metering
from compute.drivers.base import GuestNotFound
from compute.drivers.fake import FakeDriver
from compute.guest_use import CardUse, DiskUse, GuestUse
from compute.meter_objects import GuestMeters, MetersRequest, Sample
from compute.metering import RINGS, Meters
from compute.objects import GuestDisk, GuestRef, GuestSpec
from dashboard.components.graphs import HEIGHT, WIDTH, graphs

MIB = 1024**2


class Busy(FakeDriver):
    """A host whose guest has two processors, one of them at work, and reads a MiB a second."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0

    def diagnose(self, ref: GuestRef) -> GuestUse:
        super().diagnose(ref)
        return GuestUse(
            driver="fake",
            hypervisor="fake",
            power_state="running",
            processors=(self.seconds * 10**9, 0),
            memory=2048,
            memory_used=1024,
            disks=(DiskUse(name="vda", read_bytes=self.seconds * MIB),),
            cards=(CardUse(mac="", name="tap", rx_octets=self.seconds * 10),),
        )


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Busy:
    driver = Busy()
    monkeypatch.setattr(metering.time, "monotonic", lambda: float(driver.seconds))
    spec = GuestSpec(
        id="g1", name="g1", project_id="p", vcpus=2, ram=2, disks=(GuestDisk(name="vda", size=1),)
    )
    driver.spawn(spec, images={}, work=Unguarded())
    return driver


def look(meters: Meters, host: Busy, times: int) -> None:
    for _ in range(times):
        host.seconds += 60
        meters.look()


def test_a_sample_is_the_mean_since_the_last(host: Busy) -> None:
    meters = Meters(host)
    look(meters, host, 2)
    found = meters.meters(MetersRequest(id="g1"))
    (sample,) = found.samples
    assert found.memory == 2048
    assert (sample.cpu, sample.memory, sample.read, sample.received) == (0.5, 1024, MIB, 10)
    assert (sample.written, sample.sent) == (0, 0)


def test_rings_are_bounded_and_the_day_is_coarse(host: Busy) -> None:
    meters = Meters(host)
    look(meters, host, 100)
    assert len(meters.meters(MetersRequest(id="g1")).samples) == RINGS["hour"][0]
    day = meters.meters(MetersRequest(id="g1", span="day")).samples
    assert [one.cpu for one in day] == [0.5] * 9  # ten minutes each


def test_a_guest_that_started_anew_counts_from_nothing(host: Busy) -> None:
    meters = Meters(host)
    look(meters, host, 2)
    before = host.seconds
    host.seconds = 0  # its counters; the clock goes on
    metering.time.monotonic = lambda: float(before + 60)  # type: ignore[assignment]
    host.seconds = 30
    meters.look()
    assert meters.meters(MetersRequest(id="g1")).samples[-1].cpu == 0.25


def test_one_that_is_gone_is_forgotten(host: Busy) -> None:
    meters = Meters(host)
    look(meters, host, 2)
    host.destroy(GuestRef(id="g1", name="g1"), work=Unguarded())
    look(meters, host, 1)
    with pytest.raises(GuestNotFound):
        meters.meters(MetersRequest(id="g1"))


def test_one_that_does_not_answer_is_left_out(host: Busy, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_ref: Any) -> GuestUse:
        raise DriverError("Its monitor is busy.")

    meters = Meters(host)
    monkeypatch.setattr(host, "diagnose", broken)
    look(meters, host, 2)
    assert meters.meters(MetersRequest(id="g1")).samples == ()


def test_graphs() -> None:
    numbers = itertools.count(1)
    samples = tuple(
        Sample(
            at=at, cpu=0.5, memory=1024, read=1500.0 * next(numbers), written=0, received=0, sent=0
        )
        for at in (0.0, 50.0, 100.0)
    )
    meters = GuestMeters(id="g1", memory=2048, samples=samples)
    processors, memory, disks, network = graphs(meters, since=0, until=100)
    assert (
        processors.lines[0].points
        == f"0.0,{HEIGHT / 2} {WIDTH / 2},{HEIGHT / 2} {WIDTH}.0,{HEIGHT / 2}"
    )
    assert (memory.top, memory.lines[0].now) == ("2.0 MB", "1.0 MB")
    assert (disks.top, disks.lines[0].most) == ("8.0 KB/s", "4.4 KB/s")
    assert network.lines[1].now == "0 bytes/s"
    assert graphs(meters, since=200, until=300) == ()
