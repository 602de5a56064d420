"""Servers on two hosts; one of the hosts dies, is told of its debts when it returns, and pays them."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from openstack.connection import Connection

from cloudweb import process
from tests.builders.demo_image import demo_image
from tests.host.cloud.census import leftovers
from tests.host.cloud.live_travel import LiveTraveller
from tests.host.cloud.namespaces import NamespacedHost, Underlay, hosts
from tests.host.cloud.tenants import BOOT, Server, Tenant, operator
from tests.host.cloud.travellers import Traveller
from tests.host.cloud.volume_travel import back_up, forget, moved
from tests.infrastructure import Cloud, free_port, running_cloud, scratch, wait_until

pytestmark = [pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore")]


def unpaid(cloud: Cloud) -> int:
    """Count the debts in the control plane's database."""
    with closing(sqlite3.connect(f"file:{cloud.var}/cloudweb.sqlite3?mode=ro", uri=True)) as rows:
        found = rows.execute("SELECT count(*) FROM operations_debt WHERE paid_at IS NULL")
        return int(found.fetchone()[0])


@dataclass
class Reach:
    """A tenant, and how its guests are reached: from the hosts where they are."""

    tenant: Tenant
    hosts: dict[str, NamespacedHost]

    def does(self, command: str, server: Server | None = None) -> str:
        """Run a command in a guest as root; fail where it fails."""
        assert server is not None
        inside = ("ip", "netns", "exec", f"cloudweb-{self.tenant.network.id}")
        done = server.ssh(*self.hosts[server.id].enter, *inside, command=command, user="root")
        assert done.returncode == 0, done
        return done.text.strip()

    def answers(self, server: Server) -> bool:
        """Tell whether a guest answers."""
        try:
            return self.does("true", server) == ""
        except AssertionError:
            return False


def left_on(host: NamespacedHost) -> list[str]:
    return leftovers(host.directory, run=host.run)


def test_servers_on_two_hosts_and_the_death_of_one() -> None:
    with (
        scratch("hosts") as home,
        Underlay() as underlay,
        running_cloud(
            LISTEN=f"{underlay.address}:{free_port()}",
            HOST_NAME="control",
            NETWORK_TENANT_TYPES="vxlan",
        ) as cloud,
        hosts(
            "ha",
            "hb",
            underlay=underlay,
            cloud=cloud,
            home=home,
            NETWORK_TUNNEL="eth0",
            VOLUME_BACKENDS="file,second",
            VOLUME_SECOND_DRIVER="file",
        ) as (ha, hb),
    ):
        story(cloud, ha, hb, home)  # fmt: skip


def story(cloud: Cloud, ha: NamespacedHost, hb: NamespacedHost, home: Path) -> None:
    admin = operator(cloud)

    def states(host: str) -> set[str]:
        return {service.state for service in admin.compute.services() if service.host == host}

    image = admin.image.create_image(
        name="demo-disk", filename=str(demo_image() / "demo.qcow2"),
        disk_format="qcow2", container_format="bare", visibility="public",
    )  # fmt: skip
    for host in (ha, hb):
        wait_until(lambda host=host: states(host.name) == {"up"}, what="it is up")
        assert host.run("find", str(cloud.var), "-mindepth", "1") == "", "it sees the control plane"

    # The operator chooses the host, so that each gets one.
    tenant = Tenant(cloud, admin, home, role="admin")
    gate = tenant.group("gate")
    tenant.allow(gate, protocol="tcp", port_range_min=22, port_range_max=22)
    tenant.allow(gate, protocol="icmp")
    on_a, on_b = (
        tenant.create(
            f"on-{name}", image_id=image.id, groups=["gate"], availability_zone=f"nova:{name}"
        )
        for name in ("ha", "hb")
    )
    for server, host in ((on_a, ha), (on_b, hb)):
        server.wait("ACTIVE")
        assert admin.compute.get_server(server.id).hypervisor_hostname == host.name
        said = server.wait_for_boot()
        assert "demo-guest: metadata from service" in said
        assert f"hostname {server.name}" in said
        assert f"eth0 {server.address}/24" in said
        assert left_on(host)

    reach = Reach(tenant, {on_a.id: ha, on_b.id: hb})
    off_and_on_again(reach, on_b, ha, hb)
    volume = from_host_to_host(reach, admin, on_a, on_b)
    live = LiveTraveller(cloud, volume, beside=on_a, hosts=reach.hosts)
    gap = live.there_and_back(ha, hb)
    print(f"Live to the other host and back: the longest time without an answer was {gap:.2f} s")

    ha.die()
    wait_until(lambda: states("ha") == {"down"}, what="ha shows as down")
    assert states("hb") == {"up"}
    on_a.delete()
    assert unpaid(cloud) > 0
    volume.does(
        "rm -f /tmp/w; (dd if=/tmp/a of=$d bs=1M conv=fsync; touch /tmp/w) >/dev/null 2>&1 &"
    )
    volume.does("test ! -e /tmp/w")  # who writes to a volume of a dead host waits

    ha.boot()
    wait_until(lambda: unpaid(cloud) == 0, what="ha pays its debts")
    assert states("ha") == {"up"}
    volume.does("until test -e /tmp/w; do sleep 0.2; done")
    volume.check()

    # A guest that ran when its host went off is started with the host, and nobody's leave is asked.
    hb.die()
    hb.boot()
    on_b.wait_for_boot()  # its console began anew when it came
    on_b.wait("ACTIVE")
    volume.check()
    on_b.delete()
    volume.wait("available")
    volume.delete()
    wait_until(lambda: not [*tenant.api.block_storage.volumes()], what="the volume is gone")
    for host in (ha, hb):
        assert left_on(host) == []


def off_and_on_again(reach: Reach, server: Server, *ways: NamespacedHost) -> None:
    """A server is migrated while it is off, its disk over TLS, from host to host."""
    reach.does("echo kept > /kept; sync", server)
    for to in ways:
        server.api.migrate_server(server.id, host=to.name)
        server.wait("VERIFY_RESIZE")
        assert server.api.get_server(server.id).hypervisor_hostname == to.name
        server.api.confirm_server_resize(server.id)
        server.wait("ACTIVE")
        reach.hosts[server.id] = to
        wait_until(partial(reach.answers, server), timeout=BOOT, what="it boots there")
        assert reach.does("cat /kept", server) == "kept"


def from_host_to_host(reach: Reach, admin: Connection, on_a: Server, on_b: Server) -> Traveller:
    """A volume of ha in servers of both hosts, over TLS and not, whoever dies between; on hb at the end."""
    storage = admin.block_storage
    for backend in ("file", "second"):
        storage.create_type(name=backend, extra_specs={"volume_backend_name": backend})
    elsewhere = [one for one in storage.services() if one.host.startswith("hb@")]
    for service in elsewhere:
        storage.disable_service(service)
    volume = Traveller(reach, "of ha", volume_type="file")
    volume.wait("available")
    volume.give(on_b)
    ha, hb = (reach.hosts[one.id] for one in (on_a, on_b))
    backups = back_up(reach.tenant, volume)
    volume.write()
    for program, begins in (
        (
            Path(sys.executable).resolve().name,
            f"--certificates={hb.directory}",
        ),  # the guest's way in
        ("qemu-storage-daemon", f"{ha.directory}/volume/file/daemons/{volume.id}"),
    ):
        (pid,) = process.running(program, begins)
        volume.write_while(lambda pid=pid: os.kill(pid, signal.SIGKILL))
    volume.grow()
    volume.check()
    storage.retype_volume(volume.id, "second", migration_policy="on-demand")
    volume.write_while(lambda: moved(admin, volume, "second"))
    assert storage.get_volume(volume.id).host == "ha@second#default"
    for service in elsewhere:
        storage.enable_service(service)
    for server, (backup_id, digest) in zip((on_a, on_b), backups.items(), strict=True):
        volume.take()
        volume.storage.restore_backup(backup_id, volume_id=volume.id)
        volume.digest = digest
        volume.wait("available")
        volume.give(server)
        volume.check()
    forget(reach.tenant, backups)
    volume.write()
    return volume
