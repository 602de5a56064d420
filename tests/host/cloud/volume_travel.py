"""Volumes on their way between servers, back ends and points in time, and what guests read on them then."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from openstack.connection import Connection

from cloudweb import process
from cloudweb.conf import host_name
from compute.drivers.libvirt import LibvirtDriver
from tests.builders.libvirt_bench import qemu_pids_of
from tests.host.cloud.census import in_pools
from tests.host.cloud.conftest import Machine
from tests.host.cloud.copied_servers import copy_of
from tests.host.cloud.rooms import Room
from tests.host.cloud.tenants import Server, Tenant
from tests.host.cloud.travellers import Reach, Traveller
from tests.infrastructure import PATIENCE, wait_until

DAEMON = "qemu-storage-daemon"


def travel(machine: Machine, admin: Connection, room: Room) -> None:
    """Have volumes of every back end go everywhere."""
    for backend in machine.backends:
        specs = {"volume_backend_name": backend}
        admin.block_storage.create_type(name=backend, extra_specs=specs)
    storage = room.tenant.api.block_storage
    volumes = [Traveller(room, one, volume_type=one) for one in machine.backends if one != "second"]
    for one in volumes:
        one.wait("available")
        one.give(room.server)
        one.write()
        one.take()
    other = copy_of(room, "other", address="10.77.0.11")
    for one in volumes:
        one.give(other)
        one.check()
        one.grow()
        one.check()
    _points_in_time(machine, volumes, room)
    file = volumes[0]
    file.give(other)
    file.write()

    # what serves it dies, and so does libvirt
    file.write_while(lambda: _kill_daemon(machine, "file"))
    file.write_while(lambda: _kill_libvirtd(machine))

    # to another back end while its guest has it and writes; who does the orders dies over it
    _move(machine, admin, file, "second")
    file.take()
    file.give(other)
    file.check()
    if len(volumes) > 1:
        _between_ceph_and_files(machine, admin, file, volumes[1], other)

    # the guest dies at once, with all that it has; started again it has its volumes
    for pid in qemu_pids_of(machine.host_directory / "compute" / "guests"):
        if other.id in " ".join(process.words_of(pid)):
            os.kill(pid, signal.SIGKILL)
    other.wait("SHUTOFF")
    other.api.start_server(other.id)
    other.wait("ACTIVE")
    other.wait_for_boot(2)
    for one in volumes:
        one.check()
    other.delete()  # a volume that is in use outlives its server
    for one in volumes:
        one.wait("available")
        one.give(room.server)
        one.check()
        one.take()
        one.delete()
    wait_until(lambda: not [*storage.volumes()], what="the volumes are gone")
    assert machine.ceph is None or machine.ceph.census() == []


def _points_in_time(machine: Machine, volumes: Sequence[Traveller], room: Room) -> None:
    """What each held at each moment comes back: in a volume of a snapshot, by a revert, from backups."""
    for one in volumes:
        assert one.server is not None
        back_to_a_snapshot(room, one, one.server)
        then = back_up(room.tenant, one, _killer(machine, "host"))
        one.write()
        assert len({*then.values(), one.digest}) == 3
        one.take()
        for victim, (key, digest) in zip(("host", "control"), then.items(), strict=True):
            restore(room.tenant, key, one, _killer(machine, victim))
            one.digest = digest
            _look(one, room.server)
        forget(room.tenant, then)
    assert [*in_pools(machine.host_directory)] == []  # who died held and locked some of it


def back_to_a_snapshot(room: Reach, one: Traveller, server: Server) -> None:
    """What a volume held is in a volume of its snapshot, and in itself after a revert, whatever was written since."""
    storage, before = one.storage, one.digest
    snapshot = storage.create_snapshot(volume_id=one.id, name="before", is_forced=True)
    wait_until(
        lambda: storage.get_snapshot(snapshot.id).status == "available",
        what="the snapshot is taken",
    )
    copy = Traveller(room, "copy", size=2, snapshot_id=snapshot.id)
    copy.digest = before
    assert one.write() != before
    copy.wait("available")
    copy.give(server)
    copy.check()
    copy.take()
    copy.delete()
    wait_until(lambda: storage.find_volume(copy.id) is None, what="the copy is gone")
    one.take()
    storage.revert_volume_to_snapshot(one.id, snapshot.id)
    one.digest = before
    one.wait("available")
    one.give(server)
    one.check()
    storage.delete_snapshot(snapshot.id)
    wait_until(lambda: not [*storage.snapshots()], what="the snapshot is gone")


def back_up(tenant: Tenant, one: Traveller, die: Callable[[str], bool]) -> dict[str, str]:
    """Take a full backup and an incremental one under a guest that writes between; return what each has.

    ``die`` kills somebody in the middle of the backup of an id, once, and tells whether it came to that.
    """
    storage, then, killed = tenant.api.block_storage, {}, False
    for incremental in (False, True):
        digest = one.write()
        backup = storage.create_backup(
            volume_id=one.id, name="then", force=True, is_incremental=incremental
        )
        killed = killed or die(backup.id)
        wait_until(lambda key=backup.id: _is_whole(tenant, key), what="the backup is taken")
        then[backup.id] = digest
    assert killed, "each backup was faster than we are"
    return then


def restore(tenant: Tenant, backup_id: str, one: Traveller, die: Callable[[str], bool]) -> None:
    """Restore a backup over a volume; ``die`` kills somebody in the middle of that."""
    killed = False
    while not killed:  # a restore that was faster than we are says nothing
        tenant.api.block_storage.restore_backup(backup_id, volume_id=one.id)
        killed = die(one.id)
        one.wait("available")
        wait_until(lambda: _is_whole(tenant, backup_id), what="the backup is whole")


def forget(tenant: Tenant, backups: dict[str, str]) -> None:
    """Delete them, the newest first."""
    storage = tenant.api.block_storage
    for key in reversed(backups):
        storage.delete_backup(key)
        wait_until(lambda key=key: storage.find_backup(key) is None, what="it is gone")


def _look(one: Traveller, server: Server) -> None:
    one.wait("available")
    one.give(server)
    one.check()
    one.take()


def _between_ceph_and_files(
    machine: Machine, admin: Connection, file: Traveller, ceph: Traveller, other: Server
) -> None:
    """From files into Ceph and out of Ceph, while a guest has them and writes."""
    file.write_while(lambda: move_amid(admin, file, "ceph", _killer(machine, "host")))
    file.check()
    ceph.give(other)
    ceph.write()
    ceph.write_while(lambda: _fall_ill(machine))
    ceph.write_while(lambda: _kill_libvirtd(machine))
    ceph.take()
    ceph.give(other)

    def out() -> None:  # its guest copies
        ceph.storage.retype_volume(ceph.id, "file", migration_policy="on-demand")
        host = machine.host_directory
        assert kill_amid(host, lambda: _child(machine, "host"), other.id, of="compute")
        moved(admin, ceph, "file")

    ceph.write_while(out)
    ceph.grow(3)


def _fall_ill(machine: Machine) -> None:
    """Ceph's only monitor and its only OSD die and come back."""
    assert machine.ceph is not None
    for name in ("osd.0", "mon.a"):
        machine.ceph.end_daemon(name)
    for name in ("mon.a", "osd.0"):
        machine.ceph.run_daemon(name)


def move_amid(admin: Connection, one: Traveller, to: str, die: Callable[[str], bool]) -> None:
    """Have a volume in another back end; ``die`` kills who copies it, which goes on where it was."""
    one.storage.retype_volume(one.id, to, migration_policy="on-demand")
    assert die(one.id), "the move was faster than we are"
    moved(admin, one, to)


def moved(admin: Connection, one: Traveller, backend: str) -> None:
    """Wait until a volume has moved; operators alone see how far that is."""

    def there() -> bool:
        found = admin.block_storage.get_volume(one.id)
        assert found.migration_status != "error", found
        return bool(found.migration_status == "success" and f"@{backend}#" in found.host)

    wait_until(there, what=f"volume {one.row.name} is in {backend}")


def _is_whole(tenant: Tenant, backup_id: str) -> bool:
    """Tell whether a backup can be restored; fail where it failed."""
    found = tenant.api.block_storage.get_backup(backup_id)
    assert found.status != "error", found.fail_reason
    return bool(found.status == "available")


def _move(machine: Machine, admin: Connection, one: Traveller, to: str) -> None:
    def begin() -> None:
        one.storage.retype_volume(one.id, to, migration_policy="on-demand")
        wait_until(lambda: _daemons(machine, to), what="there is something to copy to")
        os.kill(_child(machine, "host"), signal.SIGKILL)
        moved(admin, one, to)

    one.write_while(begin)


def _daemons(machine: Machine, backend: str) -> Sequence[int]:
    """Return what serves the volumes of a back end of files."""
    return process.running(DAEMON, f"{machine.host_directory}/volume/{backend}/daemons/")


def _kill_daemon(machine: Machine, backend: str) -> None:
    (pid,) = _daemons(machine, backend)
    os.kill(pid, signal.SIGKILL)


def _child(machine: Machine, name: str) -> int:
    """Return a process of this machine that its supervisor starts again: ``host`` does the orders."""
    return int((machine.var / "run" / "children" / name).read_text().split()[0])


def _killer(machine: Machine, victim: str) -> Callable[[str], bool]:
    return partial(kill_amid, machine.host_directory, lambda: _child(machine, victim))


def kill_amid(
    host_directory: Path, victim: Callable[[], int], scope: str, *, of: str = "volume"
) -> bool:
    """Kill a process while an order about a volume or a backup is done on a host; tell whether it came to that.

    It is killed then alone: of one that dies too often a supervisor despairs.
    """
    record = host_directory / "orders" / of / f"{scope}.json"

    def said() -> bytes:
        return record.read_bytes() if record.exists() else b"{}"

    def goes_on() -> bool:
        return bool(json.loads(said()).get("state") == "EXECUTING")

    before, limit = said(), time.monotonic() + PATIENCE
    while not goes_on() and said() == before:
        assert time.monotonic() < limit, f"no order about {scope} comes"
    pid = victim()
    os.kill(pid, signal.SIGSTOP)
    amid = goes_on()
    os.kill(pid, signal.SIGKILL if amid else signal.SIGCONT)
    return amid


def _kill_libvirtd(machine: Machine) -> None:
    place = machine.host_directory / "compute"
    pid = process.read_pid(LibvirtDriver(place, host_name(), "private").daemon.pid_file)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
