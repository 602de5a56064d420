"""Volumes on their way between servers, back ends and points in time, and what guests read on them then."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Sequence

from openstack.connection import Connection

from cloudweb import process
from cloudweb.conf import host_name
from compute.drivers.libvirt import LibvirtDriver
from tests.builders.libvirt_bench import qemu_pids_of
from tests.host.cloud.conftest import Machine
from tests.host.cloud.rooms import Room
from tests.host.cloud.tenants import Server, Tenant
from tests.host.cloud.travellers import Traveller
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
    other = room.create("other", address="10.77.0.11")
    other.wait("ACTIVE")
    other.wait_for_boot()
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
        _between_ceph_and_files(admin, file, volumes[1], other)

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
    storage = room.tenant.api.block_storage
    for one in volumes:
        before = one.digest
        snapshot = storage.create_snapshot(volume_id=one.id, name="before", is_forced=True)
        wait_until(
            lambda key=snapshot.id: storage.get_snapshot(key).status == "available",
            what="the snapshot is taken",
        )
        copy = Traveller(room, "copy", size=2, snapshot_id=snapshot.id)
        copy.digest = before
        then = _back_up_and_kill(machine, one, room.tenant)
        one.write()
        assert len({before, *then.values(), one.digest}) == 4
        copy.wait("available")
        copy.give(room.server)
        copy.check()
        copy.take()
        copy.delete()
        wait_until(lambda key=copy.id: storage.find_volume(key) is None, what="the copy is gone")
        one.take()
        storage.revert_volume_to_snapshot(one.id, snapshot.id)
        one.digest = before
        _look(one, room.server)
        storage.delete_snapshot(snapshot.id)
        for victim, (key, digest) in zip(("host", "control"), then.items(), strict=True):
            _restore(machine, victim, room.tenant, key, one)
            one.digest = digest
            _look(one, room.server)
        forget(room.tenant, then)
    wait_until(lambda: not [*storage.snapshots()], what="the snapshots are gone")


def back_up(
    tenant: Tenant, one: Traveller, meanwhile: Callable[[str], object] = lambda _: None
) -> dict[str, str]:
    """Take a full backup and an incremental one under a guest that writes between; return what each has.

    ``meanwhile`` gets the id of each as soon as it is asked for.
    """
    storage, then = tenant.api.block_storage, {}
    for incremental in (False, True):
        digest = one.write()
        backup = storage.create_backup(
            volume_id=one.id, name="then", force=True, is_incremental=incremental
        )
        meanwhile(backup.id)
        wait_until(lambda key=backup.id: _is_whole(tenant, key), what="the backup is taken")
        then[backup.id] = digest
    return then


def _back_up_and_kill(machine: Machine, one: Traveller, tenant: Tenant) -> dict[str, str]:
    """As ``back_up``; who reads the volume dies in the middle of one of them at least."""
    amid: list[bool] = []
    then = back_up(tenant, one, lambda key: amid.append(_kill_amid(machine, "host", key)))
    assert any(amid), "each backup was faster than we are"
    return then


def _restore(machine: Machine, victim: str, tenant: Tenant, backup_id: str, one: Traveller) -> None:
    """Restore a backup over a volume; who writes it, or who ordered that, dies in the middle."""
    killed = False
    while not killed:  # a restore that was faster than we are says nothing
        tenant.api.block_storage.restore_backup(backup_id, volume_id=one.id)
        killed = _kill_amid(machine, victim, one.id)
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
    admin: Connection, file: Traveller, ceph: Traveller, other: Server
) -> None:
    """From files into Ceph and out of Ceph, while a guest has them and writes."""
    file.storage.retype_volume(file.id, "ceph", migration_policy="on-demand")
    file.write_while(lambda: moved(admin, file, "ceph"))
    file.check()
    ceph.give(other)
    ceph.write()

    def out() -> None:
        ceph.storage.retype_volume(ceph.id, "file", migration_policy="on-demand")
        moved(admin, ceph, "file")

    ceph.write_while(out)
    ceph.grow(3)


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


def _kill_amid(machine: Machine, victim: str, scope: str) -> bool:
    """Kill a process of ours while an order about a volume or a backup is done; tell whether it came to that.

    It is killed then alone: of one that dies too often the supervisor despairs.
    """
    record = machine.host_directory / "orders" / "volume" / f"{scope}.json"
    before = record.read_bytes() if record.exists() else b""
    limit = time.monotonic() + PATIENCE
    while not record.exists() or record.read_bytes() == before:
        assert time.monotonic() < limit, f"no order about {scope} comes"
    pid = _child(machine, victim)
    os.kill(pid, signal.SIGSTOP)
    amid: bool = json.loads(record.read_bytes())["state"] == "EXECUTING"
    os.kill(pid, signal.SIGKILL if amid else signal.SIGCONT)
    return amid


def _kill_libvirtd(machine: Machine) -> None:
    place = machine.host_directory / "compute"
    pid = process.read_pid(LibvirtDriver(place, host_name(), "private").daemon.pid_file)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
