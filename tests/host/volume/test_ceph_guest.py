"""A real guest boots from Ceph; a disk of there, encrypted, comes, grows, and is taken from it while it writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudweb.driver import Unguarded
from compute.objects import DiskSource, GuestDisk
from tests.builders.ceph import CephCluster
from tests.builders.encrypted_bench import KEY, EncryptedCephBench
from tests.builders.guest_console import GuestConsole
from tests.builders.guests import make_image, ref
from tests.builders.libvirt_bench import MIB, LibvirtBench, spawn
from tests.builders.volume_bench import export_of, snapshot_of, unexport_of
from volume.objects import ResizeRequest, VolumeConnection

WORK = Unguarded()


@pytest.fixture
def host() -> Iterator[LibvirtBench]:
    made = LibvirtBench()
    yield made
    made.close()


@pytest.fixture
def bench(ceph: CephCluster) -> Iterator[EncryptedCephBench]:
    made = EncryptedCephBench(ceph)
    yield made
    made.close()


def disk_of(connection: VolumeConnection) -> GuestDisk:
    """Return the disk as the guest's host is told of it."""
    source = DiskSource(
        kind="rbd", pool=connection.rbd_pool, image=connection.image, monitors=connection.monitors,
        user=connection.user, secret=connection.secret,
        encrypted=connection.encrypted, passphrase=connection.passphrase,
    )  # fmt: skip
    serial = connection.volume_id
    return GuestDisk(name=serial, size=connection.size, source=source, serial=serial)


@pytest.mark.timeout(600)
def test_a_guest_boots_from_ceph_and_is_fenced_while_it_writes(
    bench: EncryptedCephBench, host: LibvirtBench
) -> None:
    driver = bench.driver
    image = make_image(virtual_size=67 * MIB, disk_format="qcow2")
    root = bench.spec(source=image, size=128 * MIB, encryption=None)
    driver.create(root, image=host.images["demo"], work=WORK)
    data = bench.spec(size=16 * MIB)
    driver.create(data, image=None, work=WORK)
    ways_in = [export_of(root, "h1"), bench.export_of(data)]
    root_disk, data_disk = (disk_of(driver.export(one, work=WORK)) for one in ways_in)

    guest = host.make_guest(disks=(root_disk,))
    spawn(host, guest)
    host.wait_for_boot(guest)
    host.driver.attach_disk(ref(guest), data_disk, work=WORK)
    serial = data_disk.serial
    with GuestConsole(host.driver.storage.files(guest.id).console_socket) as shell:
        device = f"/dev/$(grep -l {serial[:20]} /sys/block/vd*/serial | cut -d/ -f4)"
        shell.run(
            f"until grep -q {serial[:20]} /sys/block/vd*/serial 2>/dev/null; do sleep 0.2; done"
        )
        shell.run("dd if=/dev/urandom of=/tmp/a bs=1M count=4 2>/dev/null")
        shell.run(f"dd if=/tmp/a of={device} bs=1M conv=fsync 2>/dev/null")
        digest = shell.run("md5sum </tmp/a")
        assert KEY not in host.driver._domains.find(guest.id).XMLDesc()  # type: ignore[union-attr]

        snapshot = snapshot_of(data)
        driver.snapshot(snapshot, work=WORK)
        driver.resize(ResizeRequest(volume=data.ref, size=24 * MIB), work=WORK)
        host.driver.resize_disk(ref(guest), serial, 24 * MIB, work=WORK)
        size = f"/sys/block/$(basename {device})/size"
        shell.run(f"until test $(cat {size}) = {24 * 2048}; do sleep 0.2; done")

        # a larger one takes its place, encrypted too: the guest has all of it
        larger = bench.spec(size=48 * MIB)
        driver.create(larger, image=None, work=WORK)
        way = bench.export_of(larger)
        place = disk_of(driver.export(way, work=WORK)).model_copy(update={"serial": serial})
        host.driver.mirror_disk(ref(guest), place, work=WORK)
        for _ in range(2):
            host.driver.swap_disk(ref(guest), place, decided=lambda: None, work=WORK)
        driver.unexport(unexport_of(ways_in[1]), work=WORK)
        shell.run(f"until test $(cat {size}) = {48 * 2048}; do sleep 0.2; done")
        assert shell.run(f"dd if={device} bs=1M count=4 2>/dev/null | md5sum") == digest
        shell.run(f"dd if=/tmp/a of={device} bs=1M seek=44 conv=fsync 2>/dev/null")
        assert shell.run(f"dd if={device} bs=1M skip=44 2>/dev/null | md5sum") == digest
        data, ways_in[1] = larger, way

        # its pool is full: who writes waits, operators see why, and all that was written is there
        with bench.cluster.full():
            into = f"dd if=/tmp/a of={device} bs=1M seek=16 conv=fsync,notrunc"
            shell.run(f"({into} && touch /tmp/room) 2>/dev/null & true")
            driver.measures.measure()
            assert "POOL_FULL" in driver.pools()[0].problem
            assert any("POOL_FULL" in one for one in driver.problems())
            shell.run("test ! -e /tmp/room")
        shell.run("until test -e /tmp/room; do sleep 0.2; done")
        assert shell.run(f"dd if={device} bs=1M skip=16 count=4 2>/dev/null | md5sum") == digest
        driver.measures.measure()
        assert driver.pools()[0].problem == ""

        # the volume is given to another host while the guest writes without end
        writes = f"dd if=/dev/zero of={device} bs=64k count=1 seek=64 oflag=direct conv=notrunc"
        shell.run(
            f"touch /tmp/ready; (while {writes} 2>/tmp/why; do touch /tmp/wrote; done; touch /tmp/end) & true"
        )
        shell.run("until test -e /tmp/wrote; do sleep 0.1; done")
        driver.unexport(unexport_of(ways_in[1]), work=WORK)
        heir = driver.export(bench.export_of(data, "h2"), work=WORK)
        assert bench.write_through(heir, "the other host's")
        shell.run("until test -e /tmp/end; do sleep 0.1; done")
        assert "Input/output error" in shell.run("cat /tmp/why")
        shell.run("echo its root goes on >/root/there && sync")
    host.driver.detach_disk(ref(guest), serial, timeout=60, work=WORK)
    host.destroy(guest.id)
    assert list(host.census()) == []
    driver.unexport(unexport_of(ways_in[0]), work=WORK)

    # what was there at the snapshot is what the guest had flushed
    restored = bench.spec(source=snapshot, size=24 * MIB)
    driver.create(restored, image=None, work=WORK)
    assert bench.digest(restored.ref, 4 * MIB) == digest.split()[0]
    for attachment_id in [*driver.exports()]:
        left = export_of(data, "h2", attachment_id=attachment_id)
        driver.unexport(unexport_of(left), work=WORK)
    assert bench.read(data.ref) == "the other host's"
