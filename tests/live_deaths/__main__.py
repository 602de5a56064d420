"""``python -m tests.live_deaths``: let each victim die in each phase of a live migration, on real hosts.

It runs in namespaces of its own, some ten seconds for each death; needs root.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import libvirt
from openstack.connection import Connection

from cloudweb import process
from tests.builders.demo_image import demo_image
from tests.host.cloud.namespaces import NamespacedHost, Underlay, hosts
from tests.host.cloud.reaching import Reach
from tests.host.cloud.tenants import FLAVOR, Server, Tenant, operator
from tests.infrastructure import Cloud, free_port, running_cloud, scratch, wait_until
from tests.live_deaths.hosts import Mortal
from tests.live_deaths.journey import UNFINISHED, Pings, Voyager
from tests.live_deaths.phases import ABSENT, PHASES, SWITCH, VICTIMS, dies

STORAGES = ("copy", "volume", "directory")
ORDER = (SWITCH, *PHASES)
INSIDE = "CLOUDWEB_LIVE_DEATHS"
ENTER = ("unshare", "--net", "--mount", "sh", "-c")
SCRIPT = 'ip link set lo up; mkdir -p /run/netns; mount -t tmpfs tmpfs /run/netns; exec "$@"'


def main() -> int:
    """Print a line for each death, and at the end those that ended badly; return how many."""
    parser = argparse.ArgumentParser(prog="python -m tests.live_deaths", description=__doc__)
    parser.add_argument("--storage", choices=STORAGES, default="copy")
    parser.add_argument("--phases", nargs="*", choices=ORDER, default=ORDER)
    parser.add_argument("--victims", nargs="*", choices=[*VICTIMS], default=[*VICTIMS])
    parser.add_argument("--skip", type=int, default=0, help="so many deaths are left out")
    parser.add_argument("--keep", type=Path, help="where the logs of all processes go")
    wanted = parser.parse_args()
    if not os.environ.get(INSIDE):
        words = ("sh", sys.executable, "-m", "tests.live_deaths", *sys.argv[1:])
        os.execvpe(ENTER[0], [*ENTER, SCRIPT, *words], {**os.environ, INSIDE: "yes"})
    deaths = [
        (phase, victim)
        for phase in wanted.phases
        for victim in wanted.victims
        if (victim, phase) not in ABSENT
    ][wanted.skip :]
    bad = _run(wanted.storage, deaths, wanted.keep)
    for line in bad:
        say(f"BAD {line}")
    say(f"{len(deaths) - len(bad)} of {len(deaths)} ended well")
    return min(len(bad), 100)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def _run(storage: str, deaths: Sequence[tuple[str, str]], keep: Path | None) -> list[str]:
    with ExitStack() as stack:
        home = stack.enter_context(scratch("deaths"))
        underlay = stack.enter_context(Underlay())
        cloud = stack.enter_context(
            running_cloud(
                LISTEN=f"{underlay.address}:{free_port()}", HOST_NAME="control",
                NETWORK_TENANT_TYPES="vxlan",
                LIVE_MIGRATION_BANDWIDTH="128" if storage == "copy" else "16",
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
        voyager = Voyager(cloud, operator(cloud), reach, server, [Mortal(one) for one in made])
        return _let_die(voyager, pings, deaths)


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
    say(f"{server.name} runs")
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


def _let_die(voyager: Voyager, pings: Pings, deaths: Sequence[tuple[str, str]]) -> list[str]:
    voyager.keep()
    for _ in range(3):  # there, back and there again, undisturbed
        began, at = time.monotonic(), pings.now()
        (where,) = {*voyager.hosts} - {voyager.row().hypervisor_hostname}
        voyager.goes(where)
        say(f"undisturbed to {where}: {time.monotonic() - began:.1f} s, gap {pings.gap(at):.2f} s")
    at = pings.now()
    way = voyager.is_called_off()
    said = voyager.ends(way)
    assert said["status"] == "cancelled", said
    assert voyager.is_whole(died=False) == way.source.name
    voyager.all_agree(way.source.name)
    say(f"called off while memory went: gap {pings.gap(at):.2f} s")
    bad = []
    for phase, victim in deaths:
        at, name = pings.now(), f"{phase}, {victim}"
        try:
            say(f"{dies(voyager, phase, victim)}, gap {pings.gap(at):.2f} s")
        except Exception as error:  # noqa: BLE001  whatever is wrong, the next one dies
            say(f"BAD {name}: {error!r:.1500}")
            traceback.print_exc(limit=-4)
            bad.append(f"{name}: {error!r:.300}")
            _describe(voyager)
            if len(bad) >= 5:
                break
    return bad


def _describe(voyager: Voyager) -> None:
    """Say where all of it is, and go on from there."""
    row, last = voyager.row(), voyager.last()
    say(f"  {row.status} {row.task_state} on {row.hypervisor_hostname}: {row.fault}, {last}")
    say(f"  copies {voyager.copies()}, steps {voyager.steps()}")
    say(f"  unfinished {voyager.ask(UNFINISHED)}")
    for name, host in voyager.hosts.items():
        try:
            say(f"  {name}: {host.domains()}")
        except libvirt.libvirtError as error:
            say(f"  {name}: {error!r}")


if __name__ == "__main__":
    sys.exit(main())
