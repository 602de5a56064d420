"""What the LVM driver says is said to a real LVM, over a real thin pool, in a guest whose kernel has one.

What it encrypted, and QEMU wrote there, is opened by that kernel with the volume's key. And a guest has a
volume of that pool as its disk, which is snapshotted, grown and taken back between.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import Unguarded
from cloudweb.process import Completed
from compute.objects import GuestSpec
from tests.builders.encrypted_bench import KEY, EncryptedLvmBench
from tests.builders.guest_console import GuestConsole
from tests.builders.guests import ref
from tests.builders.libvirt_bench import MIB, LibvirtBench, spawn
from tests.builders.lvm_bench import LvmBench
from tests.builders.lvm_guest import PORT, Said, missing, run_in_guest
from tests.builders.nbd import FromAfar
from tests.builders.volume_bench import SIZE, snapshot_of
from tests.infrastructure import free_port
from volume.backups.objects import BackupPoint
from volume.drivers.luks import HEADER
from volume.drivers.lvm.group import Group
from volume.objects import ManageRequest, ResizeRequest, UnmanageRequest, VolumeSpec

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]

WORK = Unguarded()
POOL = (
    "pvcreate /dev/vda",
    "vgcreate vg /dev/vda",
    "lvcreate --type thin-pool --size 800M --name pool vg",
)
MAPPED = "/dev/mapper/open"


@dataclass
class Life:
    """What a driver said, what was said in between, and what must have been read then."""

    commands: list[tuple[str, ...]]
    expected: dict[str, str] = field(default_factory=dict)

    def say(self, command: str) -> None:
        self.commands.append((command,))

    def expect(self, text: str, command: str) -> None:
        self.say(command)
        self.expected[command] = text

    def lines(self) -> list[str]:
        return [" ".join(command) for command in self.commands]


@pytest.fixture
def plain() -> Any:
    bench = LvmBench()
    yield bench
    bench.close()


@pytest.fixture
def encrypted() -> Any:
    bench = EncryptedLvmBench()
    yield bench
    bench.close()


@pytest.fixture
def served() -> Any:
    bench = LvmBench()
    yield bench
    bench.close()


@pytest.fixture
def host() -> Any:
    bench = LibvirtBench()
    yield bench
    bench.close()


def test_lvm_does_what_the_driver_says(
    plain: LvmBench,
    encrypted: EncryptedLvmBench,
    served: LvmBench,
    host: LibvirtBench,
    tmp_path: Path,
) -> None:
    if why := missing():
        pytest.skip(why)
    had = _life_in_a_guest(served)
    lives = [had, _encrypted_life(encrypted, files := {"key": KEY.encode()}), _life(plain)]
    commands = [*POOL, *(line for life in lives for line in life.lines())]
    guest = host.make_guest()
    spawn(host, guest)
    host.wait_for_boot(guest)
    port = free_port()  # not before: whoever took it meanwhile would be in the way
    with ThreadPoolExecutor(1) as machines:
        machine = machines.submit(run_in_guest, commands, tmp_path, files, port=port)
        had.expected = dict.fromkeys(had.expected, _have(host, guest, port))
        answers = machine.result()
    host.destroy(guest.id)
    assert [one.command for one in answers] == commands
    assert [one for one in answers if one.returncode] == []
    read = {one.command: one.output.strip() for one in answers}
    for life in lives:
        assert {command: read[command] for command in life.expected} == life.expected
    looks = [one for one in answers if one.command.startswith("lvs ")]
    left = next(number for number, one in enumerate(answers) if "--deltag" in one.command)
    unmanaged = next(one for one in answers[left + 3 :] if one.command.startswith("lvs "))
    (other,) = _group(unmanaged).others().values()
    assert (other.name, other.size, other.opened, other.writable) == ("left", 2 * SIZE, False, True)
    found, usage = _group(looks[-1]).look()
    kinds = {name.partition("-")[0]: (one.size, one.active) for name, one in found.items()}
    assert kinds == {"volume": (4 * SIZE, True), "kept": (2 * SIZE, False)}
    assert len(found) == 4
    assert _group(looks[-1]).others() == {}
    assert usage.size == 800 * 1024**2
    assert 0 < usage.data < 0.02


def _life_in_a_guest(bench: LvmBench) -> Life:
    """Have a volume served three times, each until who has it lets go; then it holds what it held first."""
    driver = bench.driver
    bench.lvm.commands.clear()
    life = Life(bench.lvm.commands)
    spec = bench.spec()
    device = f"/dev/vg/volume-{spec.ref.id}"

    def serve(turn: int) -> None:
        life.say(f"qemu-nbd --format=raw --cache=none --port={PORT} {device}; : {turn}")

    driver.create(spec, image=None, work=WORK)
    serve(1)
    snapshot = snapshot_of(spec)
    driver.snapshot(snapshot, work=WORK)
    driver.resize(ResizeRequest(volume=spec.ref, size=2 * SIZE), work=WORK)
    serve(2)
    driver.revert(snapshot, work=WORK)
    serve(3)
    life.expect("", f"head -c {SIZE // 2} {device} | md5sum")
    driver.delete_snapshot(snapshot, work=WORK)
    driver.delete(spec.ref, work=WORK)
    return life


def _have(host: LibvirtBench, guest: GuestSpec, port: int) -> str:
    """Let a guest have the volume three times; return the checksum of what it wrote first."""
    half = SIZE // 2 // MIB
    volume = FromAfar(SIZE, port)
    with GuestConsole(host.driver.storage.files(guest.id).console_socket) as shell:
        device = f"/dev/$(grep -l {volume.id[:20]} /sys/block/vd*/serial | cut -d/ -f4)"

        def attach() -> None:
            host.driver.attach_disk(ref(guest), volume.disk, work=WORK)
            there = f"grep -q {volume.id[:20]} /sys/block/vd*/serial 2>/dev/null"
            shell.run(f"until {there}; do sleep 0.2; done")

        def let_go() -> None:
            host.driver.detach_disk(ref(guest), volume.id, timeout=60, work=WORK)
            volume.stop()

        def write(at: int) -> str:
            shell.run(f"dd if=/dev/urandom of=/tmp/a bs=1M count={half} 2>/dev/null")
            shell.run(f"dd if=/tmp/a of={device} bs=1M seek={at} conv=fsync 2>/dev/null")
            return shell.run("md5sum </tmp/a")

        def read(at: int) -> str:
            return shell.run(f"dd if={device} bs=1M skip={at} count={half} 2>/dev/null | md5sum")

        attach()
        first = write(0)
        let_go()
        volume.size = 2 * SIZE
        volume.start()
        attach()
        assert read(0) == first
        second = write(0)  # over what the snapshot holds
        larger = write(2 * half)  # where it grew
        assert read(0) == second != first
        assert read(2 * half) == larger
        let_go()
        volume.start()
        attach()
        assert read(0) == first
        let_go()
    volume.close()
    return first


def _group(look: Said) -> Group:
    """Return the pool as it was seen then."""

    def then(*_: str, **__: Any) -> Completed:
        return Completed(0, look.output.encode(), b"")

    return Group("vg", "pool", run=then)


def _life(bench: LvmBench) -> Life:
    """Do all that the driver can."""
    driver = bench.driver
    bench.lvm.commands.clear()
    life = Life(bench.lvm.commands)
    spec = bench.spec()

    def write(word: str) -> None:
        life.say(f"echo {word} | dd of=/dev/vg/volume-{spec.ref.id} bs=512 conv=sync,fsync")

    def reads(word: str, name: str) -> None:
        life.expect(word, f"head -c 4 /dev/vg/{name}")

    driver.create(spec, image=None, work=WORK)
    write("then")
    driver.resize(ResizeRequest(volume=spec.ref, size=2 * SIZE), work=WORK)
    snapshot = snapshot_of(spec)
    driver.snapshot(snapshot, work=WORK)
    write("next")
    copy = bench.spec(source=spec.ref, size=4 * SIZE)
    driver.create(copy, image=None, work=WORK)
    reads("next", f"volume-{copy.ref.id}")
    write("held")
    point = BackupPoint(id=spec.ref.id, source=spec.ref)
    driver.hold_point(point, work=WORK)
    write("last")
    with driver.reading(point):
        reads("held", f"point-{point.id}")
    driver.release_point(point, work=WORK)
    driver.resize(ResizeRequest(volume=spec.ref, size=4 * SIZE), work=WORK)
    driver.revert(snapshot, work=WORK)
    reads("then", f"volume-{spec.ref.id}")
    other = bench.spec(source=snapshot, size=2 * SIZE)
    driver.create(other, image=None, work=WORK)
    driver.unmanage(UnmanageRequest(volume=other.ref, name="left"), work=WORK)
    driver.list()
    taken = bench.spec(size=4 * SIZE)
    request = ManageRequest(volume=taken.ref, name="left", size=taken.size)
    driver.manage(request, work=WORK)
    reads("then", f"volume-{taken.ref.id}")
    driver.delete(other.ref, work=WORK)
    driver.list()
    return life


def _encrypted_life(bench: EncryptedLvmBench, files: dict[str, bytes]) -> Life:
    """Let an encrypted volume grow, be snapshotted and copied; QEMU wrote the first word, the kernel the second."""
    driver = bench.driver
    bench.lvm.commands.clear()
    life = Life(bench.lvm.commands)
    spec = bench.spec()
    driver.create(spec, image=None, work=WORK)
    bench.write(spec.ref, "then")
    device = bench.lvm.place / f"volume-{spec.ref.id}"
    with device.open("rb") as file:
        files["disk"] = file.read(HEADER + 4096)
    life.say(f"dd if=/disk of=/dev/vg/{device.name} bs=1M conv=fsync")
    life.expect("0", f"grep -c then /dev/vg/{device.name} || true")
    snapshot = snapshot_of(spec)
    driver.snapshot(snapshot, work=WORK)
    request = ResizeRequest(volume=spec.ref, size=4 * SIZE, passphrase=KEY)
    driver.resize(request, work=WORK)
    _opened(
        life,
        spec,
        "then",
        4 * SIZE,
        after=f"echo next | dd of={MAPPED} bs=512 conv=sync,fsync 2>/dev/null",
    )
    copy = bench.spec(source=snapshot, size=4 * SIZE)
    driver.create(copy, image=None, work=WORK)
    _opened(life, copy, "then", 4 * SIZE)
    again = bench.spec(source=spec.ref, size=4 * SIZE)
    driver.create(again, image=None, work=WORK)
    _opened(life, again, "next", 4 * SIZE)
    life.say(f"! echo wrong | cryptsetup open --key-file - /dev/vg/volume-{again.ref.id} open")
    driver.revert(snapshot, work=WORK)
    _opened(life, spec, "then", 4 * SIZE, after=": once more")
    driver.delete_snapshot(snapshot, work=WORK)
    for one in (again, copy, spec):
        driver.delete(one.ref, work=WORK)
    return life


def _opened(life: Life, spec: VolumeSpec, word: str, size: int, *, after: str = ":") -> None:
    """Let the kernel open a volume with the key, and see what it holds and how large it is."""
    life.say(f"cryptsetup open --key-file /key /dev/vg/volume-{spec.ref.id} open")
    what = f"head -c 4 {MAPPED}; blockdev --getsize64 {MAPPED}; {after}"
    life.expect(f"{word}{size}", f"{what}; cryptsetup close open; : {spec.ref.id}")
