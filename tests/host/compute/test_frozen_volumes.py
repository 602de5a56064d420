"""A real agent in a real guest holds file systems still while the volumes below are snapshotted together.

Where there is no agent, or a program writes past the file systems, the guest is paused: that makes one moment, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.driver import Unguarded
from compute.freezing import Freezes
from compute.objects import DiskSource, FreezeRequest, GuestDisk, GuestSpec, ThawRequest
from compute.snapshots.objects import GuestSnapshotRequest, GuestSnapshotTaken
from compute.snapshots.on_host import HostSnapshots
from tests.builders.agent_ramdisk import START, agent_ramdisk
from tests.builders.guest_console import GuestConsole
from tests.builders.guests import ref
from tests.builders.libvirt_bench import MIB, LibvirtBench, spawn
from tests.builders.volume_bench import FileBench, export_of, snapshot_of, unexport_of
from volume.agent import VolumeAgent
from volume.objects import SnapshotRef, SnapshotsRequest, VolumeSpec

WORK = Unguarded()
SIZE = 16 * MIB
#: Where ext4 says that its journal must be replayed: a bit of the features, 0x60 into the superblock.
FEATURES, RECOVER = 1024 + 0x60, 0x4


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[FileBench]:
    made = FileBench(tmp_path / "h1")
    made.directory.chmod(0o711)  # guests pass as users of their own
    yield made
    made.close()


@pytest.fixture
def guest(host: LibvirtBench) -> Iterator[GuestSpec]:
    """A guest that is up, and runs the agent."""
    spec = host.make_guest(guest_agent=True)
    host.images["ramdisk"].write_bytes(agent_ramdisk().read_bytes())
    spawn(host, spec)
    host.wait_for_boot(spec)
    yield spec
    host.destroy(spec.id)


class Store:
    """Volumes with a file system, and what is in them and in their snapshots."""

    def __init__(self, bench: FileBench) -> None:
        images: Any = None
        self.bench = bench
        self.agent = VolumeAgent({"file": bench.driver}, images, bench.directory / "agent")

    def make(self) -> VolumeSpec:
        spec, plain = self.bench.spec(size=SIZE), self.bench.directory / "ext4"
        self.agent.create(spec, WORK)
        with plain.open("wb") as file:
            file.truncate(SIZE)
        process.run("/sbin/mkfs.ext4", "-q", str(plain))
        made = self.bench.driver.files.get(spec.ref.id)
        process.run("qemu-img", "convert", "-n", "-O", made.format, str(plain), str(made.path))
        return spec

    def snapshot(self, *specs: VolumeSpec) -> list[SnapshotRef]:
        refs = [snapshot_of(spec) for spec in specs]
        request = SnapshotsRequest(id=refs[0].id, snapshots=tuple(refs))
        self.agent.snapshot_together(request, WORK)
        return refs

    def contents(self, snapshot: SnapshotRef) -> bytes:
        copy, plain = self.bench.spec(size=SIZE, source=snapshot), self.bench.directory / "plain"
        self.agent.create(copy, WORK)
        made = self.bench.driver.files.get(copy.ref.id)
        process.run("qemu-img", "convert", "-O", "raw", str(made.path), str(plain))
        return plain.read_bytes()

    def held(self, snapshot: SnapshotRef, word: str) -> tuple[bool, bool]:
        """Tell whether a snapshot's journal must be replayed, and whether the word is in it."""
        data = self.contents(snapshot)
        return bool(data[FEATURES] & RECOVER), word.encode() in data


class DiskCopies:
    """Copies of the disk that a guest boots from, which become images, and what is in its file system."""

    def __init__(self, host: LibvirtBench, guest: GuestSpec, freezes: Freezes) -> None:
        self.host, self.guest = host, guest
        self.taken = HostSnapshots(host.driver, freezes)

    def take(self, name: str, *, freeze: bool) -> GuestSnapshotTaken:
        request = GuestSnapshotRequest(
            id=self.guest.id, name=self.guest.name, snapshot=name, freeze=freeze, must_freeze=freeze
        )
        return self.taken.take(request, WORK)

    def held(self, name: str, word: str, directory: Path) -> tuple[bool, bool]:
        """Tell whether its journal must be replayed, and whether the word is in it."""
        file, plain = directory / f"{name}.qcow2", directory / name
        with self.host.driver.open_snapshot(ref(self.guest), name) as copy:
            file.write_bytes(copy.read())
        process.run("qemu-img", "convert", "-O", "raw", str(file), str(plain))
        data = plain.read_bytes()
        start = 512 * int.from_bytes(data[470:474], "little")  # the second partition's first sector
        return bool(data[start + FEATURES] & RECOVER), word.encode() in data


def test_what_is_snapshotted_together_was_frozen_and_goes_on_whoever_dies(
    host: LibvirtBench, guest: GuestSpec, storage: FileBench, tmp_path: Path
) -> None:
    store = Store(storage)
    volumes = [store.make() for _ in range(2)]
    requests = [export_of(spec, "h1") for spec in volumes]
    for spec, request in zip(volumes, requests, strict=True):
        told, serial = store.agent.export(request, WORK), spec.ref.id
        source = DiskSource(kind="nbd_unix", path=told.path, export=told.export)
        disk = GuestDisk(name=serial, size=SIZE, source=source, serial=serial)
        host.driver.attach_disk(ref(guest), disk, work=WORK)
    freezes = Freezes(host.driver, tmp_path / "frozen")
    copies = DiskCopies(host, guest, freezes)

    def freeze() -> bool:
        request = FreezeRequest(id=guest.id, name=guest.name, wish="w", seconds=60)
        return freezes.freeze(request, WORK).held

    with GuestConsole(host.driver.storage.files(guest.id).console_socket) as shell:

        def write(word: str) -> None:
            """Write to both, and leave it in the guest's memory."""
            for number in range(len(volumes)):
                shell.run(f"echo {word}-{number} >/mnt/{number}/file")

        for number, spec in enumerate(volumes):
            serial = spec.ref.id[:20]
            found = f"grep -l {serial} /sys/block/vd*/serial 2>/dev/null"
            shell.run(f"until {found}; do sleep 0.2; done; mkdir -p /mnt/{number}")
            shell.run(f"mount -t ext4 /dev/$({found} | cut -d/ -f4) /mnt/{number}")
        write("first")
        assert not freeze()  # nobody is there to be asked yet
        plain = store.snapshot(*volumes)
        shell.run(
            "mkdir /mnt/root; mount -t ext4 /dev/vda2 /mnt/root; echo root-word >/mnt/root/file"
        )
        assert not copies.take("crashed", freeze=False).frozen
        shell.run(START)
        host.wait_until(freeze)
        # what a program writes now waits
        shell.run("(echo later >/mnt/0/later; touch /tmp/later) & true")
        frozen = store.snapshot(*volumes)
        shell.run("test ! -e /tmp/later")
        thaw = ThawRequest(id=guest.id, name=guest.name, wish="w")
        assert freezes.thaw(thaw).held
        shell.run("until test -e /tmp/later; do sleep 0.1; done")

        # the process that froze it dies: the next one thaws
        write("second")
        assert freeze()
        again = store.snapshot(*volumes)
        shell.run("(echo last >/mnt/1/last; touch /tmp/last) & true")
        freezes = Freezes(host.driver, tmp_path / "frozen")
        freezes.thaw_overdue()
        shell.run("until test -e /tmp/last; do sleep 0.1; done")
        assert not freezes.thaw(thaw).held  # whoever asks hears that it was not frozen until now

        # an image of the server is of its disk with file systems that are held still around its moment
        assert copies.take("agreed", freeze=True).frozen
        shell.run("echo on >/mnt/root/file; sync; umount /mnt/root")
        devices = [shell.run(f"grep ' /mnt/{at} ' /proc/mounts").split()[0] for at in range(2)]
        shell.run("umount /mnt/0 /mnt/1")

        # a program counts on one disk, flushes, and then on the other; each is snapshotted for itself
        count = "printf %08d $n | dd of=$disk bs=512 conv=sync,fsync 2>/dev/null"
        both = f"n=$((n+1)); for disk in {' '.join(devices)}; do {count}; done; echo $n >/tmp/m; mv /tmp/m /tmp/n"
        shell.run(f"n=0; (until test -e /tmp/stop; do {both}; done; touch /tmp/stopped) & true")
        goes_on = "n=$(cat /tmp/n); until test $(cat /tmp/n) -gt $((n+2)) 2>/dev/null; do :; done"
        shell.run(goes_on)
        torn = store.snapshot(volumes[0])
        shell.run(goes_on)
        torn += store.snapshot(volumes[1])
        shell.run(goes_on)
        pause = FreezeRequest(
            id=guest.id, name=guest.name, wish="p", seconds=60, agent=False, pause=True
        )
        assert freezes.freeze(pause, WORK).paused
        whole = [*store.snapshot(volumes[0]), *store.snapshot(volumes[1])]
        assert freezes.thaw(thaw.model_copy(update={"wish": "p"})).paused
        shell.run(f"{goes_on}; touch /tmp/stop; until test -e /tmp/stopped; do sleep 0.1; done")

    for spec, request in zip(volumes, requests, strict=True):
        host.driver.detach_disk(ref(guest), spec.ref.id, timeout=60, work=WORK)
        store.agent.unexport(unexport_of(request), WORK)
    assert copies.held("crashed", "root-word", tmp_path) == (True, False)
    assert copies.held("agreed", "root-word", tmp_path) == (False, True)
    said = {
        name: [store.held(one, f"{word}-{at}") for at, one in enumerate(snapshots)]
        for name, word, snapshots in (
            ("not frozen", "first", plain),
            ("frozen", "first", frozen),
            ("frozen again", "second", again),
        )
    }
    first, second = ([int(store.contents(one)[:8]) for one in found] for found in (torn, whole))
    assert first[1] - first[0] > 1  # not of one moment: the second disk is ahead of the first
    assert second[0] - second[1] in (0, 1)
    assert second[0] > first[1]
    assert said == {
        "not frozen": [(True, False)] * 2,
        "frozen": [(False, True)] * 2,
        "frozen again": [(False, True)] * 2,
    }
