"""Servers on two hosts; one of the hosts dies, is told of its debts when it returns, and pays them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.builders.demo_image import demo_image
from tests.host.cloud.census import leftovers
from tests.host.cloud.namespaces import NamespacedHost, Underlay, hosts
from tests.host.cloud.tenants import Tenant, operator
from tests.infrastructure import Cloud, free_port, running_cloud, scratch, wait_until

pytestmark = [pytest.mark.timeout(400), pytest.mark.filterwarnings("ignore")]


def unpaid(cloud: Cloud) -> int:
    """Count the debts in the control plane's database."""
    with closing(sqlite3.connect(f"file:{cloud.var}/cloudweb.sqlite3?mode=ro", uri=True)) as rows:
        found = rows.execute("SELECT count(*) FROM operations_debt WHERE paid_at IS NULL")
        return int(found.fetchone()[0])


def left_on(host: NamespacedHost) -> list[str]:
    return leftovers(host.directory, run=host.run)


def test_servers_on_two_hosts_and_the_death_of_one() -> None:
    with (
        scratch("hosts") as home,
        Underlay() as underlay,
        running_cloud(LISTEN=f"{underlay.address}:{free_port()}", HOST_NAME="control") as cloud,
        hosts("ha", "hb", underlay=underlay, cloud=cloud, home=home) as (ha, hb),
    ):
        story(cloud, ha, hb, home)


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
    on_a, on_b = (
        tenant.create(f"on-{name}", image_id=image.id, availability_zone=f"nova:{name}")
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

    ha.die()
    wait_until(lambda: states("ha") == {"down"}, what="ha shows as down")
    assert states("hb") == {"up"}
    on_a.delete()
    assert unpaid(cloud) > 0

    hb.die()
    for host in (ha, hb):
        host.boot()
    wait_until(lambda: unpaid(cloud) == 0, what="ha pays its debts")
    assert left_on(ha) == []
    assert states("ha") == {"up"}

    # A guest that ran when its host went off is started with the host, and nobody's leave is asked.
    on_b.wait_for_boot(2)
    on_b.wait("ACTIVE")
    on_b.delete()
    assert left_on(hb) == []
