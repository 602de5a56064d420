"""Rings of what guests used, and the graphs that are drawn of them."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import DriverError, Unguarded
from compute import metering
from compute.drivers.base import GuestNotFound
from compute.drivers.fake import FakeDriver
from compute.graphs import HEIGHT, WIDTH, graphs
from compute.guest_use import CardUse, DiskUse, GuestUse
from compute.host_use import HostUse, host_use
from compute.meter_objects import GuestMeters, MetersRequest, Sample
from compute.metering import RINGS, Meters
from compute.objects import GuestDisk, GuestRef, GuestSpec

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


STAT = """cpu  100 20 30 4000 500 6 7 80 90 10
cpu0 50 10 15 2000 250 3 3 40 45 5
cpu1 50 10 15 2000 250 3 4 40 45 5
intr 1
"""
DISKS = """ 254 0 vda 5 0 8 0 3 0 16 0 0 0 0
 254 1 vda1 5 0 8 0 3 0 16 0 0 0 0
"""
CARDS = """Inter-|   Receive                            |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes
    lo: 9 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0
  eth0: 7 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0
"""


def test_a_hosts_own_disks_and_cards_count_once(tmp_path: Path) -> None:
    proc, classes = tmp_path / "proc", tmp_path / "class"
    for name in ("block/vda", "net/eth0"):
        (classes / name / "device").mkdir(parents=True)
    (proc / "net").mkdir(parents=True)
    memory = "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 400 kB\n"
    for name, text in (
        ("stat", STAT), ("diskstats", DISKS), ("net/dev", CARDS), ("meminfo", memory)
    ):  # fmt: skip
        (proc / name).write_text(text)
    ticks = os.sysconf("SC_CLK_TCK")
    assert host_use(proc, classes) == HostUse(
        processors=2, cpu=163 / ticks, memory=1000, memory_used=600, read=8 * 512,
        written=16 * 512, received=7, sent=5,
    )  # fmt: skip
    assert host_use().cpu > 0  # and this machine's are like that


def test_a_host_is_counted_as_its_guests_are(host: Busy) -> None:
    def use() -> HostUse:
        return HostUse(4, host.seconds, 4096, 1024, 0, host.seconds * MIB, 0, 0)

    meters = Meters(host, use)
    look(meters, host, 3)
    for span, count in (("hour", 2), ("day", 0)):
        found = meters.host_meters(MetersRequest(id="h1", span=span))  # type: ignore[arg-type]
        assert (found.memory, len(found.samples)) == (4096, count)
    sample = meters.host_meters(MetersRequest(id="h1")).samples[-1]
    assert (sample.cpu, sample.memory, sample.written, sample.read) == (0.25, 1024, MIB, 0)


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


def test_a_host_counts_itself_while_its_hypervisor_is_away(
    host: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise DriverError("away")

    meters = Meters(host)
    monkeypatch.setattr(host, "list", away)
    for _ in range(2):
        with pytest.raises(DriverError):
            look(meters, host, 1)
    assert len(meters.host_meters(MetersRequest(id="h1")).samples) == 1
