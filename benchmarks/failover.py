"""``python -m benchmarks.failover``: a router's host dies, at real clocks and on real drivers, while a guest pings.

Two hosts are namespaces with a kernel's network, libvirt and agents of their own; networks span them by VXLAN. How
long OVN takes, whose gateways watch each other, is printed by ``tests/host/network/test_ovn.py``.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, heading
from cloudweb import process
from network import conf
from tests.builders.demo_image import demo_image
from tests.host.cloud.namespaces import NamespacedHost, Underlay, hosts
from tests.host.cloud.tenants import Server, Tenant, operator
from tests.infrastructure import ROOT, Cloud, free_port, running_cloud, scratch, wait_until

NAMES = ("ha", "hb")
CONTROL = "control"
KEPT_AWAY = f"""
from network.models import Agent
assert Agent.objects.filter(host={CONTROL!r}).update(takes_routers=False)
"""
SLACK = 5.0  # the periodic task that looks for dead hosts
PINGS = """#!/bin/sh
while :; do
  ping -c 1 -W 1 {address} >/dev/null 2>&1 && echo "ping $(cut -d' ' -f1 /proc/uptime)" >/dev/console
  sleep 0.2
done &
"""


def figures() -> Iterator[Figure]:
    """Run a cloud with two hosts, and kill the one that has the router."""
    settings = {"HOST_NAME": CONTROL, "NETWORK_TENANT_TYPES": "vxlan"}
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(scratch("failover"))
        underlay = stack.enter_context(Underlay())
        listen = f"{underlay.address}:{free_port()}"
        cloud = stack.enter_context(running_cloud(LISTEN=listen, **settings))
        made = stack.enter_context(
            hosts(*NAMES, underlay=underlay, cloud=cloud, home=home, NETWORK_TUNNEL="eth0")
        )
        yield from _measure(cloud, {host.name: host for host in made}, home)


def _measure(cloud: Cloud, machines: dict[str, NamespacedHost], home: Path) -> Iterator[Figure]:
    admin = operator(cloud)

    def joined() -> bool:
        agents = {one.host: one for one in admin.network.agents() if one.is_alive}
        return {*NAMES, CONTROL} <= agents.keys()

    wait_until(joined, what="all hosts are there")
    environment = {
        "CLOUDWEB_VAR": str(cloud.var),
        "DJANGO_SETTINGS_MODULE": "cloudweb.settings.control",
    }
    command = (sys.executable, str(ROOT / "manage.py"), "shell", "-c", KEPT_AWAY)
    process.run(*command, env=environment)  # the drivers of the control plane's own host are fakes
    tenant = Tenant(cloud, admin, home, role="admin")
    network = tenant.api.network
    router = network.create_router(name="way")
    (subnet,) = network.subnets(network_id=tenant.network.id)
    network.add_interface_to_router(router, subnet_id=subnet.id)

    def its_host() -> str:
        found = admin.network.get(f"/routers/{router.id}/l3-agents").json()["agents"]
        ready = admin.network.get_router(router.id).status == "ACTIVE"
        return str(found[0]["host"]) if found and ready else ""

    wait_until(its_host, what="the router is on a host")
    dying = its_host()
    (stays,) = {*NAMES} - {dying}
    guest = _guest(tenant, admin, host=stays, address=subnet.gateway_ip)
    wait_until(lambda: _pings(guest), what="it reaches its router on the other host")

    machines[dying].die()
    killed = time.monotonic()
    goal = conf.ROUTER_FAILOVER + SLACK
    wait_until(lambda: its_host() == stays, what="the router is on the other host")
    yield Figure(
        "Router on another host after its host's death", time.monotonic() - killed, "s", goal=goal
    )
    known = len(_pings(guest))
    wait_until(lambda: len(_pings(guest)) > known + 5, what="the guest's pings are answered again")
    gap = max(after - before for before, after in pairwise(_pings(guest)))
    yield Figure("Longest gap between answers to a guest's pings", gap, "s", goal=goal)
    guest.delete()


def _guest(tenant: Tenant, admin: Any, *, host: str, address: str) -> Server:
    """Boot a guest on a host that pings an address and says so."""
    image = admin.image.create_image(
        name="demo-disk", filename=str(demo_image() / "demo.qcow2"),
        disk_format="qcow2", container_format="bare", visibility="public",
    )  # fmt: skip
    script = base64.b64encode(PINGS.format(address=address).encode()).decode()
    guest = tenant.create(
        "pinging", image_id=image.id, availability_zone=f"nova:{host}", user_data=script
    )
    guest.wait("ACTIVE")
    guest.wait_for_boot()
    return guest


def _pings(guest: Server) -> list[float]:
    """Return when its pings were answered, by its own clock."""
    return [float(at) for at in re.findall(r"^ping ([\d.]+)\s*$", guest.console(), re.MULTILINE)]


def main() -> int:
    """Measure and print as it comes."""
    if os.geteuid() != 0:
        print("Hosts need root.")
        return 1
    print(heading(), flush=True)
    for figure in figures():
        print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
