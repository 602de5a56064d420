"""Disks that come and go in a real guest: what it wrote is what it reads, whatever happens between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudweb.driver import DriverError, TransientDriverError, Unguarded
from compute.drivers.base import DiskInUse
from compute.drivers.libvirt.disks import throttle_of
from compute.objects import DiskThrottle, GuestSpec
from tests.builders.guest_console import GuestConsole
from tests.builders.guests import make_reboot, ref
from tests.builders.libvirt_bench import MIB, LibvirtBench, spawn
from tests.builders.nbd import Volume
from tests.builders.small_pool import SmallPool

WORK = Unguarded()


@pytest.fixture
def volume() -> Iterator[Volume]:
    """An empty volume that is served on this host."""
    made = Volume(16 * MIB)
    yield made
    made.close()


@pytest.fixture
def guest(host: LibvirtBench) -> Iterator[GuestSpec]:
    """A guest that is up."""
    spec = host.make_guest()
    spawn(host, spec)
    host.wait_for_boot(spec)
    yield spec
    host.destroy(spec.id)
    assert list(host.census()) == []


def console(host: LibvirtBench, guest: GuestSpec) -> GuestConsole:
    return GuestConsole(host.driver.storage.files(guest.id).console_socket)


def device(volume: Volume | SmallPool) -> str:
    """Say in the guest's shell which of its disks is the volume."""
    return f"/dev/$(grep -l {volume.id[:20]} /sys/block/vd*/serial | cut -d/ -f4)"


def wait_for(shell: GuestConsole, condition: str) -> None:
    shell.run(f"until {condition}; do sleep 0.2; done")


def test_written_detached_attached_grown_and_read_while_the_server_goes_and_comes_back(
    host: LibvirtBench, guest: GuestSpec, volume: Volume
) -> None:
    driver, serial = host.driver, volume.id
    present = f"grep -q {serial[:20]} /sys/block/vd*/serial 2>/dev/null"
    driver.attach_disk(ref(guest), volume.disk, work=WORK)
    driver.attach_disk(ref(guest), volume.disk, work=WORK)  # an order may come twice
    assert driver.attached_disks(guest.id) == {serial: 16 * MIB}
    slow = DiskThrottle(total_iops_sec=900, total_iops_sec_max=1800)
    for limit in (slow, DiskThrottle()):  # its type is another one, and none again
        held = volume.disk.model_copy(update={"throttle": limit})
        driver.attach_disk(ref(guest), held, work=WORK)
        plugging = driver._plugging
        live = plugging._live(plugging._domain(guest.id), serial)
        assert live is not None
        assert throttle_of(live) == limit
    with console(host, guest) as shell:
        wait_for(shell, present)
        shell.run(
            f"dd if=/dev/urandom of=/tmp/a bs=1M count=4 && dd if=/tmp/a of={device(volume)} bs=1M conv=fsync"
        )
        digest = shell.run("md5sum </tmp/a")

        # its server is killed and comes back: the guest waits, nothing fails
        volume.stop()
        shell.run(
            f"(dd if=/tmp/a of={device(volume)} bs=1M seek=4 conv=fsync && touch /tmp/written) & true"
        )
        volume.start()
        wait_for(shell, "test -e /tmp/written")

        volume.grow(24 * MIB)
        driver.resize_disk(ref(guest), serial, 24 * MIB, work=WORK)
        wait_for(shell, f"test $(cat /sys/block/$(basename {device(volume)})/size) = {24 * 2048}")

        for _ in range(2):
            driver.detach_disk(ref(guest), serial, timeout=60, work=WORK)
        assert driver.attached_disks(guest.id) == {}
        wait_for(shell, f"! {present}")
        host.restart()  # another process attaches it again
        driver = host.driver
        driver.attach_disk(ref(guest), volume.disk, work=WORK)
        wait_for(shell, present)
        for skip in (0, 4):
            read = f"dd if={device(volume)} bs=1M skip={skip} count=4 2>/dev/null | md5sum"
            assert shell.run(read) == digest

        wait_for_room(host, guest, shell)

    # a reboot brings it back, and a guest that is off loses it without being asked
    disks = (*guest.disks, volume.disk)
    whole = guest.model_copy(update={"disks": disks})
    driver.reboot(make_reboot(guest, spec=whole), work=WORK)
    assert driver.attached_disks(guest.id) == {serial: 24 * MIB}
    with pytest.raises(DiskInUse):  # it is still booting and hears nothing
        driver.detach_disk(ref(guest), serial, timeout=0, work=WORK)
    assert driver.attached_disks(guest.id) == {serial: 24 * MIB}
    driver.power_off(ref(guest), timeout=0, work=WORK)
    driver.detach_disk(ref(guest), serial, timeout=60, work=WORK)
    assert driver.attached_disks(guest.id) == {}


def wait_for_room(host: LibvirtBench, guest: GuestSpec, shell: GuestConsole) -> None:
    """A pool of files is full: who writes to it waits, operators see it, and nothing that was written is lost."""
    driver, full = host.driver, SmallPool(16 * MIB, room=6 * MIB)

    def power() -> str:
        return driver.get(guest.id).power_state

    try:
        driver.attach_disk(ref(guest), full.disk, work=WORK)
        wait_for(shell, f"grep -q {full.id[:20]} /sys/block/vd*/serial 2>/dev/null")
        shell.run("cat /tmp/a /tmp/a >/tmp/b; rm -f /tmp/written")
        into = f"dd if=/tmp/b of={device(full)} bs=64k oflag=direct conv=fsync"  # the last fills it
        shell.run(f"({into} && touch /tmp/written) 2>/dev/null & true")
        host.wait_until(lambda: power() == "paused")
        (said,) = full.driver.problems()
        assert "Servers that write to its volumes stop" in said
        driver.tend_disks()
        host.wait_until(lambda: power() == "paused")  # there is none yet
        driver.pause(ref(guest), work=WORK)
        driver.attached_disks(guest.id)  # it answers when what it had begun to write has ended
        held = full.held()
        full.make_room(7 * MIB)
        driver.tend_disks()
        assert (power(), full.held()) == ("paused", held)  # its tenant wants that
        driver.unpause(ref(guest), work=WORK)
        host.wait_until(lambda: power() == "paused" and full.held() > held)
        full.make_room(24 * MIB)
        driver.tend_disks()
        wait_for(shell, "test -e /tmp/written")
        digest = shell.run(f"dd if={device(full)} bs=1M count=8 2>/dev/null | md5sum")
        assert digest == shell.run("md5sum </tmp/b")
        driver.detach_disk(ref(guest), full.id, timeout=60, work=WORK)
    finally:
        full.close()


def test_what_is_not_there_or_another_guests_is_refused(host: LibvirtBench, volume: Volume) -> None:
    mine, other = host.make_guest(), host.make_guest()
    for spec in (mine, other):
        spawn(host, spec)
    driver = host.driver
    driver.attach_disk(ref(mine), volume.disk, work=WORK)
    with pytest.raises(DriverError, match="another guest's"):
        driver.attach_disk(ref(other), volume.disk, work=WORK)
    volume.stop()
    volume.path.unlink()
    with pytest.raises(TransientDriverError, match="not served"):
        driver.attach_disk(ref(other), volume.disk, work=WORK)
    assert driver.attached_disks(other.id) == {}
    for spec in (mine, other):
        host.destroy(spec.id)
