"""Servers on two hosts, of which each is lost for a while, emptied or switched off; they are on one host each."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from openstack.connection import Connection

from cloudweb import process
from tests.builders.bmc import redfish
from tests.builders.ceph import USER, ceph_cluster, missing
from tests.builders.demo_image import demo_image
from tests.host.cloud.census import leftovers
from tests.host.cloud.live_travel import LiveTraveller
from tests.host.cloud.lost_hosts import LostHosts, lose_both
from tests.host.cloud.namespaces import NamespacedHost, Underlay, hosts
from tests.host.cloud.operator_pages import OperatorPages
from tests.host.cloud.reaching import Reach
from tests.host.cloud.remote_volumes import from_host_to_host, offer_types, volume_of
from tests.host.cloud.tenants import BOOT, Server, Tenant, operator
from tests.host.cloud.travellers import Traveller
from tests.infrastructure import ROOT, Cloud, free_port, running_cloud, scratch, wait_until

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
pytestmark = [pytest.mark.timeout(1500), pytest.mark.filterwarnings("ignore")]


def left_on(host: NamespacedHost) -> list[str]:
    return leftovers(host.directory, run=host.run)


FILES = ("file", "second", "small")  # back ends
CEPH = 250  # its number on the underlay


@contextlib.contextmanager
def reached_ceph(underlay: Underlay) -> Iterator[dict[str, dict[str, str]]]:
    """Run a Ceph that all hosts reach, where the machine can; return its back end with the settings."""
    if missing():
        yield {}
        return
    with ceph_cluster() as cluster:
        underlay.connect(cluster.netns, CEPH)
        underlay.routes[f"{cluster.subnet}.0/24"] = CEPH
        yield {
            "ceph": {
                "VOLUME_CEPH_CONF": str(cluster.conf),
                "VOLUME_CEPH_USER": USER,
                "VOLUME_CEPH_POOLS": "default",
            }
        }


def test_servers_on_two_hosts_and_the_death_of_one() -> None:
    with (
        scratch("hosts") as home,
        Underlay() as underlay,
        reached_ceph(underlay) as of_ceph,
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
            VOLUME_BACKENDS=",".join((*FILES, *of_ceph)),
            VOLUME_SECOND_DRIVER="file",
            VOLUME_SMALL_DRIVER="file",
            **of_ceph.get("ceph", {}),
        ) as (ha, hb),
    ):
        story(cloud, ha, hb, home, (*FILES, *of_ceph))  # fmt: skip


def story(
    cloud: Cloud, ha: NamespacedHost, hb: NamespacedHost, home: Path, backends: Sequence[str]
) -> None:
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

    file = near(cloud, admin, image.id, ha)
    assert not cached(hb, image.id)

    # The control plane's own machine is a host, too: nothing goes there.
    off = ("--disable", "--disable-reason", "no guests beside the control plane")
    service = ("compute", "service", "set", *off, "control", "nova-compute")
    cloud.openstack(*service, cloud="cloudweb-admin")

    # The operator chooses the host; one of the servers goes to the other one then.
    tenant = Tenant(cloud, admin, home, role="admin")
    gate = tenant.group("gate")
    tenant.allow(gate, protocol="tcp", port_range_min=22, port_range_max=22)
    tenant.allow(gate, protocol="icmp")
    on_a, on_b = (
        tenant.create(name, image_id=image.id, groups=["gate"], availability_zone="nova:ha")
        for name in ("on-ha", "on-hb")
    )
    for server in (on_a, on_b):
        server.wait("ACTIVE")
        assert admin.compute.get_server(server.id).hypervisor_hostname == "ha"
        said = server.wait_for_boot()
        assert "demo-guest: metadata from service" in said
        assert f"hostname {server.name}" in said
        assert f"eth0 {server.address}/24" in said
    assert left_on(ha)
    assert not hb.guests()
    assert cached(ha, image.id) == [file]

    reach = Reach(tenant, {on_a.id: ha, on_b.id: ha})
    offer_types(admin, *backends)
    of_all = [one for one in backends if one not in FILES]
    in_ceph = [volume_of("ha", reach, admin, "of both", volume_type=one) for one in of_all]
    for one in in_ceph:
        one.give(on_b)
        one.write()
    off_and_on_again(reach, on_b, hb)
    volume = from_host_to_host(cloud, reach, admin, on_a, on_b)
    for one in in_ceph:
        one.check()
    live = LiveTraveller(cloud, volume, beside=on_a, hosts=reach.hosts)
    gap = live.there_and_back(ha, hb)
    for one in in_ceph:
        one.check()
    print(f"Live to the other host and back: the longest time without an answer was {gap:.2f} s")

    other = volume_of("hb", reach, admin, "of hb", volume_type="secret")  # with a key of its own
    other.give(on_a)
    other.write()
    with OperatorPages(cloud) as pages, redfish(home, ha="On", hb="On") as control:
        lost = LostHosts(cloud, admin, reach, {"ha": ha, "hb": hb}, control, pages)
        spare = lose_both(lost, volume, other, in_ceph, image_id=image.id)
    took = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in lost.times.items())
    print(f"A host that hung: {took}")
    drain(cloud, reach, other, spare, away=hb, to=ha)

    # Guests that ran when their host went off are started with the host, and nobody's leave is asked.
    volumes = (volume, other, *in_ceph)
    boots = {one: one.does(BOOT_ID) for one in volumes}
    ha.die()
    ha.boot()
    for one, before in boots.items():
        assert one.server is not None
        wait_until(partial(reach.answers, one.server), timeout=BOOT, what="it is started")
        assert one.does(BOOT_ID) != before
        one.check()
        one.server.wait("ACTIVE")
    assert spare.api.get_server(spare.id).status == "SHUTOFF"
    for server in (on_a, on_b, spare):
        server.delete()
    for one in volumes:
        one.wait("available")
        one.delete()
    wait_until(lambda: not [*tenant.api.block_storage.volumes()], what="the volumes are gone")
    for host in (ha, hb):
        assert left_on(host) == []


def near(cloud: Cloud, admin: Connection, image_id: str, here: NamespacedHost) -> int:
    """An image is brought to the hosts of an aggregate before a server is made of it; return its file."""
    aggregate = admin.compute.create_aggregate(name="near")
    admin.compute.add_host_to_aggregate(aggregate, here.name)
    command = ("aggregate", "cache", "image", "near", image_id)
    cloud.openstack(*command, cloud="cloudweb-admin")
    wait_until(lambda: cached(here, image_id), what="the image is there")
    return cached(here, image_id)[0]


def cached(host: NamespacedHost, image_id: str) -> list[int]:
    """Return the whole files that a host has of an image."""
    files = (host.directory / "images").glob(f"{image_id}.*")
    return [path.stat().st_ino for path in files if path.suffix != ".partial"]


def drain(
    cloud: Cloud,
    reach: Reach,
    runs: Traveller,
    off: Server,
    *,
    away: NamespacedHost,
    to: NamespacedHost,
) -> None:
    """A host is emptied by the command, live and off, and put back."""
    server = runs.server
    assert server is not None
    before = runs.does(BOOT_ID)
    assert "2 of 2 moved" in manage(cloud, "drain", away.name, "--reason", "new disks")
    assert left_on(to)
    for one, status in ((server, "ACTIVE"), (off, "SHUTOFF")):
        found = one.api.get_server(one.id)
        assert (found.hypervisor_hostname, found.status) == (to.name, status)
        reach.hosts[one.id] = to
    assert not away.guests()
    assert runs.does(BOOT_ID) == before
    runs.check()
    assert "again" in manage(cloud, "undrain", away.name)


def manage(cloud: Cloud, *words: str) -> str:
    """Run a command of the control plane; return what it printed."""
    env = {"DJANGO_SETTINGS_MODULE": "cloudweb.settings.control", "CLOUDWEB_VAR": str(cloud.var)}
    return process.run(sys.executable, str(ROOT / "manage.py"), *words, env=env, timeout=BOOT).text


def off_and_on_again(reach: Reach, server: Server, to: NamespacedHost) -> None:
    """A server is migrated to another host, off meanwhile, its disk over TLS."""
    reach.does("echo kept > /kept; sync", server)
    server.api.migrate_server(server.id, host=to.name)
    server.wait("VERIFY_RESIZE")
    assert server.api.get_server(server.id).hypervisor_hostname == to.name
    server.api.confirm_server_resize(server.id)
    server.wait("ACTIVE")
    reach.hosts[server.id] = to
    wait_until(partial(reach.answers, server), timeout=BOOT, what="it boots there")
    assert reach.does("cat /kept", server) == "kept"
