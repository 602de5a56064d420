"""FakeDriver beyond what every driver does: capacity, crashes, faults, thousands of hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudweb.driver import TransientDriverError, Unguarded
from compute.drivers.base import GuestNotFound
from compute.drivers.fake import FakeDriver
from compute.objects import GuestDisk
from tests.builders.guests import make_guest, make_reboot, ref

WORK = Unguarded()


def started(state_dir: Path | None = None, **capacity: int) -> FakeDriver:
    driver = FakeDriver(state_dir, **capacity)
    driver.start(lambda guest_id, state: None)
    return driver


def test_guests_take_capacity_away_and_give_it_back() -> None:
    driver = started(vcpus=4, ram=1024, disk=10)
    spec = make_guest(ram=256, disks=(GuestDisk(size=3 * 1024**3 + 1),))
    driver.spawn(spec, images={}, work=WORK)
    load = driver.load()
    assert (load.ram_free, load.disk_free, load.guests) == (768, 6, 1)
    driver.power_off(ref(spec), timeout=1, work=WORK)
    assert (driver.load().ram_free, driver.load().disk_free) == (1024, 6)
    driver.destroy(ref(spec), work=WORK)
    assert (driver.load().ram_free, driver.load().disk_free) == (1024, 10)


def test_a_guest_that_dies_by_itself_is_told_but_an_ordered_stop_is_not() -> None:
    news: list[tuple[str, str]] = []
    driver = FakeDriver()
    driver.start(lambda guest_id, state: news.append((guest_id, state)))
    spec = make_guest()
    driver.spawn(spec, images={}, work=WORK)
    driver.power_off(ref(spec), timeout=1, work=WORK)
    driver.power_on(spec, work=WORK)
    assert news == []
    driver.crash(spec.id)
    assert news == [(spec.id, "crashed")]
    assert driver.get(spec.id).power_state == "crashed"


def test_a_lost_guest_is_rebuilt_by_hard_reboot_with_its_spec_alone() -> None:
    driver = started()
    spec = make_guest()
    driver.spawn(spec, images={}, work=WORK)
    driver.lose(spec.id)
    for request in (make_reboot(spec), make_reboot(spec, kind="SOFT", spec=spec)):
        with pytest.raises(GuestNotFound):
            driver.reboot(request, work=WORK)
    driver.reboot(make_reboot(spec, spec=spec), work=WORK)
    assert driver.get(spec.id).power_state == "running"


def test_faults_reach_every_method() -> None:
    driver = started()
    spec = make_guest()
    driver.spawn(spec, images={}, work=WORK)
    calls = {
        "spawn": lambda: driver.spawn(spec, images={}, work=WORK),
        "destroy": lambda: driver.destroy(ref(spec), work=WORK),
        "power_on": lambda: driver.power_on(spec, work=WORK),
        "power_off": lambda: driver.power_off(ref(spec), timeout=1, work=WORK),
        "reboot": lambda: driver.reboot(make_reboot(spec), work=WORK),
        "get": lambda: driver.get(spec.id),
        "list": driver.list,
        "inventory": driver.inventory,
        "load": driver.load,
        "console_output": lambda: driver.console_output(ref(spec), length=None),
    }
    for method, call in calls.items():
        driver.faults.fail(method)
        with pytest.raises(TransientDriverError):
            call()
    assert driver.get(spec.id).power_state == "running"


def test_many_hosts_do_not_share_guests() -> None:
    drivers = [started() for _ in range(1000)]
    spec = make_guest()
    drivers[7].spawn(spec, images={}, work=WORK)
    assert [index for index, driver in enumerate(drivers) if driver.list()] == [7]
