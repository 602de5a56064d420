"""Volumes that lie on one host and are had by servers of others, over TLS and not."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from openstack.connection import Connection

from cloudweb import process
from compute.drivers.libvirt import LibvirtDriver
from tests.host.cloud.namespaces import NamespacedHost
from tests.host.cloud.operator_pages import OperatorPages
from tests.host.cloud.reaching import Reach
from tests.host.cloud.tenants import Server
from tests.host.cloud.travellers import MIB, Traveller
from tests.host.cloud.volume_travel import (
    back_to_a_snapshot,
    back_up,
    forget,
    kill_amid,
    move_amid,
    restore,
)
from tests.infrastructure import Cloud, wait_until

PAUSED = 3  # a power state, as the API has it


def offer_types(admin: Connection, *backends: str) -> None:
    """Offer all back ends, and files encrypted."""
    storage = admin.block_storage
    for name, backend in (*zip(backends, backends, strict=True), ("secret", "file")):
        made = storage.create_type(name=name, extra_specs={"volume_backend_name": backend})
    how = {"provider": "luks", "cipher": "aes-xts-plain64", "key_size": 256}
    storage.create_type_encryption(made, control_location="front-end", **how)


@contextmanager
def only_on(host: str, admin: Connection) -> Iterator[None]:
    """Let new volumes, and those that move, go to one host."""
    storage = admin.block_storage
    pools = [one for one in storage.services() if one.binary == "cinder-volume"]
    others = [one for one in pools if not one.host.startswith(f"{host}@")]
    for service in others:
        storage.disable_service(service)
    yield
    for service in others:
        storage.enable_service(service)


def volume_of(
    host: str,
    reach: Reach,
    admin: Connection,
    name: str,
    *,
    volume_type: str = "file",
    size: int = 1,
) -> Traveller:
    """Make a volume that lies on a host."""
    with only_on(host, admin):
        volume = Traveller(reach, name, volume_type=volume_type, size=size)
        volume.wait("available")
    return volume


def from_host_to_host(
    cloud: Cloud, reach: Reach, admin: Connection, on_a: Server, on_b: Server
) -> Traveller:
    """A volume of ha in servers of both hosts, over TLS and not, whoever dies between; on hb at the end."""
    volume = volume_of("ha", reach, admin, "of ha")
    volume.give(on_b)
    ha, hb = (reach.hosts[one.id] for one in (on_a, on_b))
    host_dies = partial(kill_amid, ha.directory, lambda: ha.agents)
    control_dies = partial(kill_amid, ha.directory, lambda: control_of(cloud))
    backups = back_up(reach.tenant, volume, host_dies)
    volume.write()
    for program, begins in (
        # the guest's way in
        (Path(sys.executable).resolve().name, f"--certificates={hb.directory}"),
        ("qemu-storage-daemon", f"{ha.directory}/volume/file/daemons/{volume.id}"),
    ):
        (pid,) = process.running(program, begins)
        volume.write_while(lambda pid=pid: os.kill(pid, signal.SIGKILL))
    volume.grow()
    volume.check()
    volume.write_while(lambda: kill_libvirtd(hb))
    back_to_a_snapshot(reach, volume, on_b)  # it is detached, and attached again
    another_takes_its_place(cloud, reach, admin, volume, on_b, small=ha)
    volume.write()
    with only_on("ha", admin):
        volume.write_while(lambda: move_amid(admin, volume, "second", host_dies))
        assert volume.storage.get_volume(volume.id).host == "ha@second#default"
    for server, die, (backup_id, digest) in zip(
        (on_a, on_b), (host_dies, control_dies), backups.items(), strict=True
    ):
        volume.take()
        restore(reach.tenant, backup_id, volume, die)
        volume.digest = digest
        volume.give(server)
        volume.check()
    forget(reach.tenant, backups)
    volume.write()
    return volume


def another_takes_its_place(
    cloud: Cloud,
    reach: Reach,
    admin: Connection,
    volume: Traveller,
    server: Server,
    *,
    small: NamespacedHost,
) -> None:
    """Another volume comes under a guest that writes, and goes again: it reads what it wrote all the time.

    It is of a host where a back end is ``small``.
    """
    path = f"/servers/{server.id}/os-volume_attachments"

    def swap(before: Traveller, after: Traveller) -> None:
        body = {"volumeAttachment": {"volumeId": after.id}}
        answer = reach.tenant.api.compute.put(f"{path}/{before.id}", json=body)
        assert answer.ok, answer.text
        before.wait("available")
        after.wait("in-use")

    with SmallPool(cloud, small) as pool:
        twin = volume_of("ha", reach, admin, "twin", size=2, volume_type="small")
        volume.write()
        volume.write_while(lambda: swap(volume, twin))
        volume.write()  # the guest knows it by the name of before
        pool.fills_up(volume, reach)
        volume.write_while(lambda: swap(twin, volume))
        twin.digest = volume.digest
        volume.take()
        for one in (twin, volume):
            one.give(server)
            one.check()
        twin.take()
        twin.delete()
        wait_until(lambda: twin.storage.find_volume(twin.id) is None, what="its twin is gone")


class SmallPool:
    """A back end of a host has a file system of its own for a while, of which the test says how large it is."""

    def __init__(self, cloud: Cloud, host: NamespacedHost) -> None:
        self.cloud, self.host = cloud, host
        self.place = f"{host.directory}/volume/small/pool"

    def __enter__(self) -> SmallPool:
        """Mount it where the back end keeps its files."""
        self.host.run("mount", "-t", "tmpfs", "-o", "size=4G,mode=700", "tmpfs", self.place)
        self.host.run("mkdir", "-m", "700", f"{self.place}/bases", f"{self.place}/snapshots")
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self.host.run("umount", "--lazy", self.place)

    def has_room(self, kib: int) -> None:
        """Let it be so large."""
        self.host.run("mount", "-o", f"remount,size={kib}k", self.place)

    def fills_up(self, volume: Traveller, reach: Reach) -> None:
        """Who writes to it from another host waits, operators see why, and it goes on when there is room."""
        server = volume.server
        assert server is not None
        used = int(self.host.run("du", "-sk", self.place).split()[0])
        self.has_room(used + 1024)
        into = "dd if=$a of=$d bs=64k seek=512 conv=fsync,notrunc && touch $w"
        we_are_gone = "while kill -0 $PPID; do sleep 0.2; done"  # who halts does not hang up
        volume.does(f"rm -f $w; ({we_are_gone}; {into}) </dev/null >/dev/null 2>&1 &")
        wait_until(lambda: server.api.get_server(server.id).power_state == PAUSED, what="it halts")
        with OperatorPages(self.cloud) as pages:
            look = "/admin/volume/agent/"
            wait_until(
                lambda: "Servers that write to its volumes stop" in pages.all_of(look),
                what="operators see why",
            )
        self.has_room(4 << 20)
        wait_until(partial(reach.answers, server), what="it goes on")
        volume.does("until test -e $w; do sleep 0.2; done")
        read = f"dd if=$d bs=64k skip=512 count={16 * MIB} 2>/dev/null | md5sum"
        assert volume.does(read) == volume.digest
        volume.check()


def kill_libvirtd(host: NamespacedHost) -> None:
    """Kill a host's libvirt, which it alone knows by its pid."""
    pid_file = LibvirtDriver(host.directory / "compute", host.name, "private").daemon.pid_file
    host.run("kill", "-KILL", host.run("cat", str(pid_file)).strip())


def control_of(cloud: Cloud) -> int:
    """Return the process that carries on operations, which its supervisor starts again."""
    return int((cloud.var / "run" / "children" / "control").read_text().split()[0])
