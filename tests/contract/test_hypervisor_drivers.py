"""What the agent relies on, on every hypervisor driver: the same suite on the fake and the real one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

import pytest

from cloudweb.driver import DriverError, Interrupted, Unguarded, Work
from compute.drivers.base import (
    ConsoleLog,
    Diagnostics,
    DiskNotFound,
    Freeze,
    GuestIsOff,
    GuestNotFound,
    HotPlug,
    Hypervisor,
    InterfaceHotPlug,
    Interrupt,
    NotFrozen,
    Password,
    PasswordNotSet,
    Pause,
    Rebuild,
    Rescue,
    Resize,
    SnapshotNotFound,
    Snapshots,
    Suspend,
)
from compute.drivers.fake import FakeDriver
from compute.objects import DiskSource, GuestDisk, GuestInterface, GuestSpec, RescueDisk
from compute.resize_objects import DiskChoice
from image.inspection import inspect_file
from tests.builders.guests import make_guest, make_reboot, ref
from tests.builders.work import CountedWork

WORK = Unguarded()


class Bench(Protocol):
    """A driver on its machine, which the test can restart and count."""

    driver: Hypervisor
    images: Mapping[str, Path]

    def make_guest(self) -> GuestSpec:
        """Return a guest this driver can run."""

    def restart(self) -> None:
        """Let a new process take over: another driver object over the same state."""

    def make_disk(self) -> GuestDisk:
        """Return a disk that a guest of this driver can be given."""

    def census(self) -> Sequence[str]:
        """Return everything that is left of any guest, by whatever name."""

    def files_of(self, spec: GuestSpec) -> set[str]:
        """Return the names of what is kept of the guest."""

    def wait_for_boot(self, spec: GuestSpec) -> None:
        """Return when the guest's own software is up."""

    def close(self) -> None:
        """Take all away."""


class FakeBench:
    """The fake driver with its state in a directory."""

    images: Mapping[str, Path] = {}

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.restart()

    def restart(self) -> None:
        self.driver = FakeDriver(self.state_dir)
        self.driver.start(lambda guest_id, state: None)

    def make_guest(self) -> GuestSpec:
        return make_guest()

    def make_disk(self) -> GuestDisk:
        serial = str(uuid.uuid4())
        return GuestDisk(size=1 << 20, serial=serial, source=DiskSource(kind="fake"))

    def census(self) -> Sequence[str]:
        return self.driver.census()

    def files_of(self, spec: GuestSpec) -> set[str]:
        guest = self.driver._guests[spec.id]
        return {*guest.disks, *([guest.rescue] if guest.rescue else [])}

    def wait_for_boot(self, spec: GuestSpec) -> None:
        """Simulated guests boot at once."""

    def close(self) -> None:
        self.driver.stop()


@pytest.fixture(scope="module")
def libvirt_host() -> Iterator[Bench]:
    """One host for the module: its libvirtd takes seconds to look at QEMU for the first time."""
    from tests.builders.libvirt_bench import LibvirtBench

    host = LibvirtBench()
    yield host
    host.close()


@pytest.fixture(params=["fake", pytest.param("libvirt", marks=pytest.mark.host)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "libvirt":
        yield request.getfixturevalue("libvirt_host")
        return
    made = FakeBench(tmp_path)
    yield made
    made.close()


def console(bench: Bench, spec: GuestSpec, length: int | None = None) -> bytes:
    assert isinstance(bench.driver, ConsoleLog)
    return bench.driver.console_output(ref(spec), length=length)


def test_spawned_twice_there_is_one_and_destroyed_twice_there_is_nothing(bench: Bench) -> None:
    spec = bench.make_guest()
    for _ in range(2):
        state = bench.driver.spawn(spec, images=bench.images, work=WORK)
        assert (state.id, state.name, state.power_state) == (spec.id, spec.name, "running")
    assert [guest.id for guest in bench.driver.list()] == [spec.id]
    assert bench.driver.load().guests == 1
    assert [*bench.driver.traces()] == [spec.id]
    for _ in range(2):
        bench.driver.destroy(ref(spec), work=WORK)
    assert list(bench.driver.list()) == [*bench.driver.traces()] == []
    assert list(bench.census()) == []


def test_an_unknown_guest(bench: Bench) -> None:
    spec = bench.make_guest()
    bench.driver.destroy(ref(spec), work=WORK)
    calls = [
        lambda: bench.driver.get(spec.id),
        lambda: bench.driver.power_on(spec, work=WORK),
        lambda: bench.driver.power_off(ref(spec), timeout=1, work=WORK),
        lambda: bench.driver.reboot(make_reboot(spec), work=WORK),
        lambda: bench.driver.reboot(make_reboot(spec, kind="SOFT"), work=WORK),
        lambda: console(bench, spec),
    ]
    for call in calls:
        with pytest.raises(GuestNotFound):
            call()
    assert list(bench.census()) == []


def test_a_day_in_the_life(bench: Bench) -> None:
    """Boot, console, soft and hard reboot, off and on, each twice; adopted by a new process between."""
    spec = bench.make_guest()
    driver = bench.driver
    driver.spawn(spec, images=bench.images, work=WORK)
    bench.wait_for_boot(spec)
    text = console(bench, spec)
    assert b"boot complete" in text
    assert len(console(bench, spec, length=2).splitlines()) == 2
    assert console(bench, spec, length=0) == b""

    driver.reboot(make_reboot(spec, kind="SOFT", timeout=60), work=WORK)
    assert driver.get(spec.id).power_state == "running"
    bench.wait_for_boot(spec)
    driver.reboot(make_reboot(spec, spec=spec), work=WORK)
    assert driver.get(spec.id).power_state == "running"

    bench.restart()
    driver = bench.driver
    assert [(guest.id, guest.power_state) for guest in driver.list()] == [(spec.id, "running")]
    assert driver.inventory().guests == tuple(driver.list())
    bench.wait_for_boot(spec)

    for _ in range(2):
        assert driver.power_off(ref(spec), timeout=60, work=WORK).power_state == "shutdown"
    assert driver.get(spec.id).power_state == "shutdown"
    for _ in range(2):
        assert driver.power_on(spec, work=WORK).power_state == "running"
    driver.power_off(ref(spec), timeout=0, work=WORK)
    bench.restart()
    assert [guest.power_state for guest in bench.driver.list()] == ["shutdown"]
    bench.driver.destroy(ref(spec), work=WORK)
    assert list(bench.census()) == []


def test_halted_and_going_on(bench: Bench) -> None:
    """Paused and suspended, each order twice; what is off is not halted; nothing is left of memory."""
    spec, driver = bench.make_guest(), bench.driver
    assert isinstance(driver, Pause)
    assert isinstance(driver, Suspend)
    for call in (driver.pause, driver.unpause, driver.suspend):
        with pytest.raises(GuestNotFound):
            call(ref(spec), work=WORK)
    with pytest.raises(GuestNotFound):
        driver.resume(spec, work=WORK)
    driver.spawn(spec, images=bench.images, work=WORK)
    bench.wait_for_boot(spec)
    before = len(console(bench, spec))
    orders = [driver.pause, driver.pause, driver.unpause, driver.unpause]
    orders += [driver.suspend, driver.suspend]
    said = [order(ref(spec), work=WORK).power_state for order in orders]
    bench.restart()
    driver = bench.driver
    assert isinstance(driver, Suspend)
    said.append(driver.get(spec.id).power_state)
    said += [driver.resume(spec, work=WORK).power_state for _ in range(2)]
    assert said == [
        *("paused", "paused", "running", "running", "suspended", "suspended"),
        *("suspended", "running", "running"),
    ]
    assert b"boot complete" not in console(bench, spec)[before:], "it did not boot again"
    driver.suspend(ref(spec), work=WORK)
    driver.reboot(make_reboot(spec, spec=spec), work=WORK)
    bench.wait_for_boot(spec)  # hard: its memory is dropped
    driver.power_off(ref(spec), timeout=0, work=WORK)
    for call in (driver.pause, driver.unpause, driver.suspend):  # type: ignore[attr-defined]
        with pytest.raises(GuestIsOff):
            call(ref(spec), work=WORK)
    driver.power_on(spec, work=WORK)
    driver.suspend(ref(spec), work=WORK)
    driver.destroy(ref(spec), work=WORK)
    assert list(bench.census()) == []


def test_rescued_and_made_anew(bench: Bench) -> None:
    """Each order twice; what a guest was rescued with is gone afterwards, and its disks after a wipe."""
    spec, driver = bench.make_guest(), bench.driver
    assert isinstance(driver, Rescue)
    assert isinstance(driver, Rebuild)
    source = spec.disks[0].image
    assert source is not None
    rescued = spec.model_copy(
        update={
            "rescue": RescueDisk(
                image=source, size=spec.disks[0].size, direct_boot=spec.direct_boot
            )
        }
    )
    for call in (
        lambda: driver.rescue(rescued, images=bench.images, work=WORK),
        lambda: driver.unrescue(ref(spec), work=WORK),
    ):
        with pytest.raises(GuestNotFound):
            call()
    driver.wipe(ref(spec), keep=(), work=WORK)  # nothing is there
    driver.spawn(spec, images=bench.images, work=WORK)
    driver.power_off(ref(spec), timeout=0, work=WORK)
    left = bench.files_of(spec)
    for _ in range(2):
        assert driver.rescue(rescued, images=bench.images, work=WORK).power_state == "running"
    assert bench.files_of(spec) > left
    bench.wait_for_boot(spec)
    assert isinstance(driver, Diagnostics)
    seen = [disk.name for disk in driver.diagnose(ref(spec)).disks]
    assert seen in (["root"], ["vda", "vdb", "vdz"])  # simulated; its own behind it, and its drive
    bench.restart()
    driver = bench.driver
    assert isinstance(driver, Rescue)
    assert isinstance(driver, Rebuild)
    driver.power_off(ref(spec), timeout=0, work=WORK)
    driver.power_on(rescued, work=WORK)  # after a reboot of the machine, say
    for _ in range(2):
        assert driver.unrescue(ref(spec), work=WORK).power_state == "shutdown"
    assert bench.files_of(spec) == left
    driver.wipe(ref(spec), keep=("root",), work=WORK)
    assert driver.get(spec.id).power_state == "shutdown"
    for _ in range(2):
        driver.wipe(ref(spec), keep=(), work=WORK)
    assert bench.files_of(spec) == set()
    with pytest.raises(GuestNotFound):
        driver.rescue(rescued, images=bench.images, work=WORK)
    assert driver.spawn(spec, images=bench.images, work=WORK).power_state == "running"
    assert bench.files_of(spec) == left
    driver.destroy(ref(spec), work=WORK)
    assert list(bench.census()) == []


def test_what_is_asked_of_the_inside(bench: Bench) -> None:
    """Of a guest that runs: what it uses, an interrupt; a password where an agent is. Of others errors."""
    spec, driver = bench.make_guest(), bench.driver
    assert isinstance(driver, Diagnostics)
    assert isinstance(driver, Interrupt)
    assert isinstance(driver, Password)
    asked: list[Callable[[], object]] = [
        lambda: driver.diagnose(ref(spec)),
        lambda: driver.inject_nmi(ref(spec)),
        lambda: driver.set_password(ref(spec), user="root", password="p"),
    ]
    for ask in asked:
        with pytest.raises(GuestNotFound):
            ask()
    driver.spawn(spec, images=bench.images, work=WORK)
    used = driver.diagnose(ref(spec))
    assert (used.power_state, len(used.processors), used.memory) == ("running", 1, spec.ram * 1024)
    assert {disk.name for disk in used.disks} >= {"root"} or len(used.disks) == 2  # and its drive
    with pytest.raises(PasswordNotSet):
        asked[2]()
    asked[1]()
    driver.power_off(ref(spec), timeout=0, work=WORK)
    for ask, error in zip(asked, (GuestIsOff, GuestIsOff, PasswordNotSet), strict=True):
        with pytest.raises(error):
            ask()
    driver.destroy(ref(spec), work=WORK)


def test_disks_of_a_guest_that_is_off_come_and_go_for_its_next_start(bench: Bench) -> None:
    """What guests that run do with theirs: tests/host/compute/test_libvirt_disks.py."""
    driver, spec, disk = bench.driver, bench.make_guest(), bench.make_disk()
    assert isinstance(driver, HotPlug)
    assert "hot_plug" in driver.inventory().capabilities
    unknown = [
        lambda: driver.attach_disk(ref(spec), disk, work=WORK),
        lambda: driver.detach_disk(ref(spec), disk.serial, timeout=1, work=WORK),
        lambda: driver.resize_disk(ref(spec), disk.serial, 2 << 20, work=WORK),
    ]
    for call in unknown:
        with pytest.raises(GuestNotFound):
            call()
    driver.spawn(spec, images=bench.images, work=WORK)
    driver.power_off(ref(spec), timeout=0, work=WORK)
    with pytest.raises(DiskNotFound):
        driver.resize_disk(ref(spec), disk.serial, 2 << 20, work=WORK)
    with pytest.raises(Interrupted):
        driver.attach_disk(ref(spec), disk, work=CountedWork(0))
    for _ in range(2):
        driver.attach_disk(ref(spec), disk, work=WORK)
        assert set(driver.attached_disks(spec.id)) == {disk.serial}
    whole = spec.model_copy(update={"disks": (*spec.disks, disk)})
    driver.power_on(whole, work=WORK)
    assert driver.attached_disks(spec.id) == {disk.serial: disk.size}
    driver.power_off(ref(spec), timeout=0, work=WORK)
    for _ in range(2):
        driver.detach_disk(ref(spec), disk.serial, timeout=60, work=WORK)
        assert driver.attached_disks(spec.id) == {}
    driver.destroy(ref(spec), work=WORK)
    assert list(bench.census()) == []


def test_cards_of_a_guest_that_is_off_come_and_go_for_its_next_start(bench: Bench) -> None:
    """What guests that run do with theirs: tests/host/instances/test_interfaces.py."""
    driver, spec = bench.driver, bench.make_guest()
    spec = spec.model_copy(update={"interfaces": ()})
    card = GuestInterface(port_id=str(uuid.uuid4()), mac="fa:16:3e:00:00:7a", tap="tapnicoff")
    assert isinstance(driver, InterfaceHotPlug)
    assert "interface_hot_plug" in driver.inventory().capabilities
    unknown = [
        lambda: driver.attach_interface(ref(spec), card, work=WORK),
        lambda: driver.detach_interface(ref(spec), card.tap, timeout=1, work=WORK),
        lambda: driver.interfaces(spec.id),
    ]
    for call in unknown:
        with pytest.raises(GuestNotFound):
            call()
    driver.spawn(spec, images=bench.images, work=WORK)
    driver.power_off(ref(spec), timeout=0, work=WORK)
    with pytest.raises(Interrupted):
        driver.attach_interface(ref(spec), card, work=CountedWork(0))
    seen = []
    for _ in range(2):
        driver.attach_interface(ref(spec), card, work=WORK)
        seen.append([*driver.interfaces(spec.id)])
    for _ in range(2):
        driver.detach_interface(ref(spec), card.tap, timeout=60, work=WORK)
        seen.append([*driver.interfaces(spec.id)])
    assert seen == [[card.tap], [card.tap], [], []]
    driver.destroy(ref(spec), work=WORK)
    assert list(bench.census()) == []


def test_only_a_guest_with_an_agent_is_frozen_and_thawing_is_always_harmless(bench: Bench) -> None:
    """The simulated guest has one if it is given a way to it; the real one has the way alone."""
    driver, spec = bench.driver, bench.make_guest()
    assert isinstance(driver, Freeze)
    assert "freeze" in driver.inventory().capabilities

    def freeze(timeout: int = 2) -> None:
        driver.freeze(ref(spec), timeout=timeout, work=WORK)

    for unknown in (freeze, lambda: driver.thaw(ref(spec), timeout=2)):
        with pytest.raises(GuestNotFound):
            unknown()
    driver.spawn(spec, images=bench.images, work=WORK)
    with pytest.raises(NotFrozen):
        freeze()
    assert driver.thaw(ref(spec), timeout=2) == 0
    driver.power_off(ref(spec), timeout=0, work=WORK)
    driver.power_on(spec.model_copy(update={"guest_agent": True}), work=WORK)
    if isinstance(driver, FakeDriver):
        with pytest.raises(Interrupted):
            driver.freeze(ref(spec), timeout=2, work=CountedWork(0))
        freeze()
        freeze()
        bench.restart()
        driver = bench.driver
        assert [driver.thaw(ref(spec), timeout=2) for _ in range(2)] == [1, 0]
        freeze()
    else:
        with pytest.raises(DriverError):
            freeze()
    driver.power_off(ref(spec), timeout=0, work=WORK)
    with pytest.raises(NotFrozen):
        freeze()
    assert driver.thaw(ref(spec), timeout=2) == 0
    driver.destroy(ref(spec), work=WORK)
    assert list(bench.census()) == []


def test_a_guests_disk_is_copied_while_it_runs_halts_or_is_off(bench: Bench) -> None:
    """At one moment, whole, once; broken off anywhere nothing is left of it, and the guest goes on."""
    driver, spec = bench.driver, bench.make_guest()
    assert isinstance(driver, Snapshots)
    moments: list[str] = []

    @contextmanager
    def still() -> Iterator[None]:
        moments.append(driver.get(spec.id).power_state)
        yield

    def take(name: str, work: Work = WORK) -> int:
        assert isinstance(bench.driver, Snapshots)
        return bench.driver.take_snapshot(ref(spec), name, still=still, work=work)

    def read(name: str) -> int:
        assert isinstance(bench.driver, Snapshots)
        with bench.driver.open_snapshot(ref(spec), name) as file:
            size = inspect_file(
                file, disk_format="qcow2", container_format="bare", max_virtual_size=1 << 50
            )
            assert file.seek(0, os.SEEK_END) == take(name)
        return size

    with pytest.raises(GuestNotFound):
        take("none")
    driver.drop_snapshot(ref(spec), "none", work=WORK)
    driver.spawn(spec, images=bench.images, work=WORK)
    before, broken_off = list(bench.census()), 0
    while True:
        try:
            take("one", CountedWork(broken_off))
        except Interrupted:
            assert list(bench.census()) == before
            broken_off += 1
        else:
            break
    assert broken_off >= 1
    assert {*moments} == {"running"}
    passed = len(moments)
    assert read("one") == spec.disks[0].size
    assert len(moments) == passed  # what is there is kept
    assert driver.get(spec.id).power_state == "running"
    bench.restart()
    driver = bench.driver
    assert isinstance(driver, Snapshots)
    assert read("one") == spec.disks[0].size
    if isinstance(driver, Pause):
        driver.pause(ref(spec), work=WORK)
        take("two")
        assert driver.get(spec.id).power_state == "paused"
    driver.power_off(ref(spec), timeout=0, work=WORK)
    take("three")
    assert read("three") == spec.disks[0].size
    for name in ("one", "two", "three", "three"):
        driver.drop_snapshot(ref(spec), name, work=WORK)
    with pytest.raises(SnapshotNotFound):
        driver.open_snapshot(ref(spec), "one")
    take("four")
    driver.destroy(ref(spec), work=WORK)
    driver.drop_snapshot(ref(spec), "four", work=WORK)
    assert list(bench.census()) == []


def test_broken_off_at_each_checkpoint_a_spawn_is_finished_or_taken_back(bench: Bench) -> None:
    """Each place where a newer order (or a kill) can stop a spawn, until one gets through."""
    broken_off = 0
    while True:
        finished, taken_back = bench.make_guest(), bench.make_guest()
        try:
            bench.driver.spawn(finished, images=bench.images, work=CountedWork(broken_off))
        except Interrupted:
            bench.restart()
            state = bench.driver.spawn(finished, images=bench.images, work=WORK)
            assert state.power_state == "running"
        else:
            break
        finally:
            bench.driver.destroy(ref(finished), work=WORK)
        with pytest.raises(Interrupted):
            bench.driver.spawn(taken_back, images=bench.images, work=CountedWork(broken_off))
        bench.restart()
        bench.driver.destroy(ref(taken_back), work=WORK)
        assert list(bench.census()) == []
        broken_off += 1
    assert broken_off >= 2
    assert list(bench.census()) == []


def test_broken_off_at_each_checkpoint_a_destroy_is_finished_by_the_next(bench: Bench) -> None:
    broken_off = 0
    while True:
        spec = bench.make_guest()
        bench.driver.spawn(spec, images=bench.images, work=WORK)
        try:
            bench.driver.destroy(ref(spec), work=CountedWork(broken_off))
        except Interrupted:
            bench.restart()
            bench.driver.destroy(ref(spec), work=WORK)
            assert list(bench.census()) == []
            broken_off += 1
        else:
            break
    assert broken_off >= 1
    assert list(bench.census()) == []


def test_a_guest_is_resized_and_goes_back_to_what_it_was(bench: Bench) -> None:
    """Each order twice, by a new process each time; kept disks are gone with the guest."""
    spec, driver = bench.make_guest(), bench.driver
    assert isinstance(driver, Resize)
    assert "resize" in driver.inventory().capabilities
    names = tuple(disk.name for disk in spec.disks)

    def choose(use: Literal["old", "new"], *, forget: bool = False) -> bool:
        driver = bench.driver
        assert isinstance(driver, Resize)
        choice = DiskChoice(id=spec.id, name=spec.name, disks=names, use=use, forget=forget)
        return driver.choose_disks(choice, work=WORK)

    def power() -> str:
        return bench.driver.get(spec.id).power_state

    with pytest.raises(GuestNotFound):
        choose("old")
    with pytest.raises(GuestNotFound):
        driver.resize(spec, images=bench.images, work=WORK)
    driver.spawn(spec, images=bench.images, work=WORK)
    bench.wait_for_boot(spec)
    driver.power_off(ref(spec), timeout=0, work=WORK)
    assert [choose("new"), choose("new")] == [True, False]
    grown = [disk.model_copy(update={"size": disk.size + (64 << 20)}) for disk in spec.disks]
    larger = spec.model_copy(update={"ram": spec.ram + 64, "disks": tuple(grown)})
    for _ in range(2):
        assert driver.resize(larger, images=bench.images, work=WORK).power_state == "shutdown"
    driver.power_on(larger, work=WORK)
    bench.wait_for_boot(larger)
    assert driver.resize(spec, images=bench.images, work=WORK).power_state == "running"
    bench.restart()
    driver = bench.driver
    assert isinstance(driver, Resize)
    assert [choose("new"), power(), choose("old"), power(), choose("old")] == [
        *(False, "running", True, "shutdown", False)
    ]
    driver.resize(spec, images=bench.images, work=WORK)
    driver.power_on(spec, work=WORK)
    bench.wait_for_boot(spec)
    assert [choose("old", forget=True), choose("old", forget=True), power()] == [
        *(False, False, "running")
    ]
    driver.withdraw_disks(ref(spec), work=WORK)
    driver.destroy(ref(spec), work=WORK)
    assert list(bench.census()) == []
