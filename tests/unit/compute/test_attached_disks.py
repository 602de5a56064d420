"""What an agent keeps of attached disks: the next start has what was attached, and no more."""

from __future__ import annotations

import uuid
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from cloudweb.driver import DriverError, Unguarded
from cloudweb.image_cache.cache import ImageCache
from cloudweb.objects import IncompatibleObject
from compute.agent import ComputeAgent
from compute.drivers.base import DiskInUse
from compute.drivers.fake import FakeDriver
from compute.objects import (
    AttachDiskRequest,
    DetachDiskRequest,
    DiskSource,
    DiskThrottle,
    GuestDisk,
    GuestSpec,
    PowerOffRequest,
    RebootRequest,
    ResizeDiskRequest,
)
from tests.builders.guests import make_guest, make_reboot, ref

WORK = Unguarded()


def make_agent(directory: Path) -> ComputeAgent:
    cache = ImageCache(directory / "images", 1 << 30)
    agent = ComputeAgent(FakeDriver(directory, "h1"), cache, directory)
    agent.init_host()
    return agent


def make_disk(**overrides: object) -> GuestDisk:
    values = {"size": 8, "serial": str(uuid.uuid4()), "source": DiskSource(kind="fake")}
    return GuestDisk(**{**values, **overrides})  # type: ignore[arg-type]


def disks(agent: ComputeAgent, guest: GuestSpec) -> dict[str, int]:
    assert isinstance(agent.driver, FakeDriver)
    return dict(agent.driver.attached_disks(guest.id))


def test_no_host_writes_down_what_opens_an_encrypted_disk(tmp_path: Path) -> None:
    source = DiskSource(kind="fake", secret="noted", encrypted=True, passphrase="opens-it")
    agent, guest, disk = make_agent(tmp_path), make_guest(), make_disk(source=source)
    with_both = guest.model_copy(update={"disks": (*guest.disks, make_disk(source=source))})
    agent.spawn(with_both, WORK)
    agent.attach_disk(AttachDiskRequest(id=guest.id, name=guest.name, disk=disk), WORK)
    written = [path.read_text() for path in (tmp_path / "guests").glob("*.json")]
    assert [(text.count("noted"), "opens-it" in text) for text in written] == [(2, False)]


def test_a_host_that_opens_no_encrypted_disk_is_not_told_of_one() -> None:
    plain = make_disk(source=DiskSource(kind="fake"))
    secret = make_disk(source=DiskSource(kind="fake", encrypted=True, passphrase="opens-it"))
    guest = make_guest()

    def orders(disk: GuestDisk) -> list[Any]:
        spec = guest.model_copy(update={"disks": (disk,)})
        order = AttachDiskRequest(id=guest.id, name=guest.name, disk=disk)
        again = RebootRequest(id=spec.id, name=spec.name, kind="HARD", spec=spec)
        return [spec, again, order]

    for order, version in zip(orders(plain), ("1.2", "1.2", "1.0"), strict=True):
        assert "passphrase" not in str(order.dump(version=version))
    for order, version in zip(orders(secret), ("1.2", "1.2", "1.0"), strict=True):
        with pytest.raises(IncompatibleObject):
            order.dump(version=version)


def restart_of_the_machine(agent: ComputeAgent, directory: Path, guest: GuestSpec) -> ComputeAgent:
    agent.driver.power_off(ref(guest), timeout=0, work=WORK)
    (directory / "boot_id").write_bytes(b"another")
    again = make_agent(directory)
    again.start_guests(lambda scope: Lock())
    return again


def test_a_reboot_of_guest_or_host_brings_attached_disks_back(tmp_path: Path) -> None:
    guest, kept, gone = make_guest(), make_disk(), make_disk()
    agent = make_agent(tmp_path)
    agent.spawn(guest, WORK)
    for disk in (kept, gone, kept):
        order = AttachDiskRequest(id=guest.id, name=guest.name, disk=disk)
        agent.attach_disk(order, WORK)
    agent.resize_disk(
        ResizeDiskRequest(id=guest.id, name=guest.name, serial=kept.serial, size=16), WORK
    )
    away = DetachDiskRequest(id=guest.id, name=guest.name, serial=gone.serial)
    for _ in range(2):
        agent.detach_disk(away, WORK)
    assert disks(agent, guest) == {kept.serial: 16}
    agent.reboot(make_reboot(guest, kind="SOFT"), WORK)
    assert disks(agent, guest) == {kept.serial: 16}
    agent = restart_of_the_machine(agent, tmp_path, guest)
    assert agent.inspect(ref(guest)).power_state == "running"
    assert disks(agent, guest) == {kept.serial: 16}


def test_after_a_reboot_of_the_host_a_guest_waits_for_its_volumes_and_no_other_does(
    tmp_path: Path,
) -> None:
    plain, guest, disk = make_guest(), make_guest(), make_disk()
    agent = make_agent(tmp_path)
    for one in (plain, guest):
        agent.spawn(one, WORK)
    agent.attach_disk(AttachDiskRequest(id=guest.id, name=guest.name, disk=disk), WORK)
    for one in (plain, guest):
        agent.driver.power_off(ref(one), timeout=0, work=WORK)
    (tmp_path / "boot_id").write_bytes(b"another")
    agent = make_agent(tmp_path)
    assert isinstance(agent.driver, FakeDriver)

    def states() -> tuple[str, str]:
        return tuple(agent.inspect(ref(one)).power_state for one in (plain, guest))  # type: ignore[return-value]

    agent.driver.faults.fail("power_on", times=3)  # one try of each, and one more
    agent.start_guests(lambda scope: Lock())
    agent.start_waiting_guests()
    assert states() == ("shutdown", "shutdown")
    agent.start_waiting_guests()
    assert states() == ("shutdown", "running")
    told = [(change.id, change.power_state) for change in agent.report(full=False).changes]
    assert [state for one, state in told if one == guest.id] == ["shutdown", "running"]
    agent.power_off(PowerOffRequest(id=guest.id, name=guest.name), WORK)
    agent.start_waiting_guests()
    assert states() == ("shutdown", "shutdown")


def test_a_guest_that_keeps_its_disk_has_it_at_its_next_start_too(tmp_path: Path) -> None:
    guest, disk = make_guest(), make_disk()
    agent = make_agent(tmp_path)
    agent.spawn(guest, WORK)
    agent.attach_disk(AttachDiskRequest(id=guest.id, name=guest.name, disk=disk), WORK)
    assert isinstance(agent.driver, FakeDriver)
    agent.driver.keep_device(guest.id, disk.serial)
    away = DetachDiskRequest(id=guest.id, name=guest.name, serial=disk.serial)
    with pytest.raises(DiskInUse):
        agent.detach_disk(away, WORK)
    agent = restart_of_the_machine(agent, tmp_path, guest)
    assert disks(agent, guest) == {disk.serial: disk.size}


def test_a_disk_is_detached_from_a_guest_that_is_gone(tmp_path: Path) -> None:
    guest = make_guest()
    agent = make_agent(tmp_path)
    agent.detach_disk(DetachDiskRequest(id=guest.id, name=guest.name, serial="s"), WORK)


def test_an_older_host_is_told_of_guests_without_attached_disks_alone() -> None:
    plain = make_guest()
    told = plain.dump(version="1.0")["data"]
    assert told["disks"][0].keys() == {"name", "image", "size", "bus"}
    assert GuestSpec.load({"object": "GuestSpec", "version": "1.0", "data": told}) == plain
    again = RebootRequest(id="i", name="n", kind="HARD", spec=plain).dump(version="1.0")
    assert again["data"]["spec"] == told
    assert RebootRequest(id="i", name="n", kind="SOFT").dump(version="1.0")["data"]["spec"] is None
    for news in ({}, {"source": None, "serial": "", "throttle": DiskThrottle(read_iops_sec=1)}):
        with pytest.raises(IncompatibleObject):
            make_guest(disks=(make_disk(**news),)).dump(version="1.0")


def test_without_hot_plug_a_guest_that_is_off_has_it_at_its_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, disk = make_guest(), make_disk()
    agent = make_agent(tmp_path)
    agent.spawn(guest, WORK)
    monkeypatch.setattr("compute.agent.HotPlug", type("Nothing", (), {}))
    order = AttachDiskRequest(id=guest.id, name=guest.name, disk=disk)
    with pytest.raises(DriverError, match="a guest that runs"):
        agent.attach_disk(order, WORK)
    agent.power_off(PowerOffRequest(id=guest.id, name=guest.name), WORK)
    agent.attach_disk(order, WORK)
    agent.reboot(make_reboot(guest, kind="HARD"), WORK)
    assert disks(agent, guest) == {disk.serial: disk.size}
