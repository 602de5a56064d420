"""A cloud of two hosts made of namespaces, with a server that goes from one to the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from openstack.connection import Connection

from cloudweb import process
from tests.builders.demo_image import demo_image
from tests.host.cloud.namespaces import NamespacedHost, Underlay, hosts
from tests.host.cloud.reaching import Reach
from tests.host.cloud.tenants import FLAVOR, Server, Tenant, operator
from tests.infrastructure import Cloud, free_port, running_cloud, scratch, wait_until
from tests.live_deaths.hosts import Mortal
from tests.live_deaths.journey import Pings, Voyager

#: Disks of its own that are copied; a volume that both hosts reach; a directory that both see.
STORAGES = ("copy", "volume", "directory")
#: MiB a second: so that there is a way on which somebody can die.
BANDWIDTH = 128


@contextmanager
def stage(storage: str, *, keep: Path | None = None) -> Iterator[tuple[Voyager, Pings]]:
    """Give a server on the second host, and a guest on the first that asks whether it answers.

    ``keep``: where the logs of all processes go.
    """
    with ExitStack() as stack:
        home = stack.enter_context(scratch("deaths"))
        underlay = stack.enter_context(Underlay())
        cloud = stack.enter_context(
            running_cloud(
                timeout=600, LISTEN=f"{underlay.address}:{free_port()}", HOST_NAME="control",
                NETWORK_TENANT_TYPES="vxlan", LIVE_MIGRATION_BANDWIDTH=str(BANDWIDTH),
            )
        )  # fmt: skip
        more = {"NETWORK_TUNNEL": "eth0"}
        if storage == "directory":
            shared = home / "shared"
            shared.mkdir()
            process.run("mount", "-t", "tmpfs", "tmpfs", str(shared))
            stack.callback(process.run, "umount", "-l", str(shared))
            more["SHARED_GUESTS"] = str(shared)
        made = stack.enter_context(
            hosts("ha", "hb", underlay=underlay, cloud=cloud, home=home, **more)
        )
        if keep is not None:
            stack.callback(_keep, keep, cloud, made)
        reach, server, beside = _settle(cloud, made, home, storage)
        pings = Pings(reach, beside, server.address)
        yield Voyager(cloud, operator(cloud), reach, server, [Mortal(one) for one in made]), pings


def _keep(place: Path, cloud: Cloud, made: Sequence[NamespacedHost]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    process.run("cp", "-r", str(cloud.var / "log"), str(place))
    process.run("cp", str(cloud.var / "cloudweb.sqlite3"), str(place), check=False)
    for host in made:
        process.run("cp", str(host.home / "console.log"), str(place / f"{host.name}.log"))


def _settle(
    cloud: Cloud, made: Sequence[NamespacedHost], home: Path, storage: str
) -> tuple[Reach, Server, Server]:
    """Make a server that goes, and one beside it that stays on the first host."""
    admin = operator(cloud)
    image = admin.image.create_image(
        name="demo-disk", filename=str(demo_image() / "demo.qcow2"),
        disk_format="qcow2", container_format="bare", visibility="public",
    )  # fmt: skip
    for host in made:
        wait_until(
            lambda host=host: {
                one.state for one in admin.compute.services() if one.host == host.name
            } == {"up"},
            what=f"{host.name} is up",
        )  # fmt: skip
    off = ("--disable", "--disable-reason", "no guests here")
    cloud.openstack(
        "compute", "service", "set", *off, "control", "nova-compute", cloud="cloudweb-admin"
    )
    for one in [*admin.block_storage.services()]:
        if one.binary == "cinder-volume" and one.host.startswith("control@"):
            admin.block_storage.disable_service(one)
    tenant = Tenant(cloud, admin, home, role="admin")
    gate = tenant.group("gate")
    tenant.allow(gate, protocol="tcp", port_range_min=22, port_range_max=22)
    tenant.allow(gate, protocol="icmp")
    beside = tenant.create(
        "beside", image_id=image.id, groups=["gate"], availability_zone="nova:ha"
    )
    server = _server(tenant, admin, image.id, storage)
    for one in (beside, server):
        one.wait("ACTIVE")
        one.wait_for_boot()
    return Reach(tenant, {beside.id: made[0], server.id: made[1]}), server, beside


def _server(tenant: Tenant, admin: Connection, image_id: str, storage: str) -> Server:
    if storage != "volume":
        return tenant.create(
            "voyager", image_id=image_id, groups=["gate"], availability_zone="nova:hb"
        )
    wanted: dict[str, Any] = {
        "name": "voyager", "flavorRef": tenant.api.compute.find_flavor(FLAVOR).id, "key_name": "key",
        "networks": [{"uuid": tenant.network.id}], "security_groups": [{"name": "gate"}],
        "availability_zone": "nova:hb",
        "block_device_mapping_v2": [{
            "uuid": image_id, "source_type": "image", "destination_type": "volume",
            "volume_size": 1, "boot_index": 0, "delete_on_termination": True,
        }],
    }  # fmt: skip
    answer = tenant.api.compute.post("/servers", json={"server": wanted}, microversion="2.90")
    assert answer.status_code == 202, answer.text
    return Server(tenant, answer.json()["server"]["id"], "voyager")
