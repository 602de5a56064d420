"""What is under a disk of a real guest is exchanged while it writes: nothing is missing, whatever dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from cloudweb.driver import TransientDriverError, Unguarded
from compute.drivers.base import NotMirrored
from compute.drivers.libvirt.driver import LibvirtDriver
from compute.objects import DiskThrottle, GuestDisk, GuestSpec
from tests.builders.guest_console import GuestConsole
from tests.builders.guests import make_reboot, ref
from tests.builders.libvirt_bench import MIB, LibvirtBench, spawn
from tests.builders.nbd import Volume

WORK = Unguarded()
SIZE = 16 * MIB


@pytest.fixture
def volumes() -> Iterator[list[Volume]]:
    """Three volumes that are served on this host, the last one larger."""
    made = [Volume(SIZE), Volume(SIZE), Volume(2 * SIZE)]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def guest(host: LibvirtBench) -> Iterator[GuestSpec]:
    """A guest that is up."""
    spec = host.make_guest()
    spawn(host, spec)
    host.wait_for_boot(spec)
    yield spec
    host.destroy(spec.id)
    assert list(host.census()) == []


def test_a_guest_that_writes_goes_over_and_reads_what_it_wrote(
    host: LibvirtBench, guest: GuestSpec, volumes: list[Volume]
) -> None:
    first, second, large = volumes
    before, serial = first.disk, first.id
    noted: list[str] = []

    def driver() -> LibvirtDriver:
        return host.driver

    def as_disk(volume: Volume) -> GuestDisk:
        limit = DiskThrottle(total_iops_sec=5000)
        return volume.disk.model_copy(update={"serial": serial, "throttle": limit})

    def mirror(volume: Volume) -> None:
        driver().mirror_disk(ref(guest), as_disk(volume), work=WORK)

    def swap(volume: Volume) -> None:
        driver().swap_disk(
            ref(guest), as_disk(volume), decided=lambda: noted.append(volume.id), work=WORK
        )

    def end(volume: Volume) -> None:
        driver().end_mirror(ref(guest), serial, volume.id, work=WORK)

    driver().attach_disk(ref(guest), before, work=WORK)
    device = f"/dev/$(grep -l {serial[:20]} /sys/block/vd*/serial | cut -d/ -f4)"
    with GuestConsole(host.driver.storage.files(guest.id).console_socket) as shell:

        def write(at: int) -> None:
            shell.run(f"dd if=/tmp/a of={device} bs=1M seek={at} conv=fsync")

        def read(at: int) -> str:
            return shell.run(f"dd if={device} bs=1M skip={at} count=2 2>/dev/null | md5sum")

        shell.run(
            f"until grep -q {serial[:20]} /sys/block/vd*/serial 2>/dev/null; do sleep 0.2; done"
        )
        shell.run("dd if=/dev/urandom of=/tmp/a bs=1M count=2")
        digest = shell.run("md5sum </tmp/a")
        write(0)
        with pytest.raises(NotMirrored):
            swap(second)

        # what it is mirrored to dies: the guest hears nothing of it, and stays where it is
        mirror(second)
        second.stop()
        write(2)
        with pytest.raises((NotMirrored, TransientDriverError)):
            swap(second)
        with suppress(TransientDriverError):
            end(second)
        second.start()
        assert read(0) == read(2) == digest

        # given up: it is written to no more
        mirror(second)
        end(second)
        end(second)
        write(4)
        with pytest.raises(NotMirrored):
            swap(second)

        # the real one: orders come twice, and the process in between is another
        mirror(second)  # another target takes its place
        mirror(large)
        host.restart()
        mirror(large)
        write(6)
        for _ in range(2):
            swap(large)
        end(large)
        # a mirror that died may have been taken for whole, until the guest was to go over
        assert (noted[-1], noted.count(large.id)) == (large.id, 1)
        assert driver().attached_disks(guest.id) == {serial: 2 * SIZE}
        shell.run(
            f"until test $(cat /sys/block/$(basename {device})/size) = {4 * 2048 * 8}; do sleep 0.2; done"
        )
        first.stop()
        second.stop()
        write(20)
        large.stop()  # it waits for its new server, as it did for the old one
        shell.run(f"(dd if=/tmp/a of={device} bs=1M seek=22 conv=fsync && touch /tmp/w) & true")
        large.start()
        shell.run("until test -e /tmp/w; do sleep 0.2; done")
        for at in (0, 2, 4, 6, 20, 22):
            assert read(at) == digest
    with large.file.open("rb") as file:
        wrote = file.read(2 * MIB)
        file.seek(22 * MIB)
        assert file.read(2 * MIB) == wrote

    # its definition has what it has now
    driver().power_off(ref(guest), timeout=0, work=WORK)
    swap(large)  # the order comes once more, to a guest that ended
    whole = guest.model_copy(update={"disks": (*guest.disks, as_disk(large))})
    driver().reboot(make_reboot(guest, spec=whole), work=WORK)
    assert driver().attached_disks(guest.id) == {serial: 2 * SIZE}
