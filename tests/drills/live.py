"""How live migrations are drilled: a server with a volume ends on exactly one host, and all rows say which.

What fails late may find the guest on its new host: then that is where the server is, taken back or not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import ANY

from compute.models import Claim, Host
from instances.manager import InstanceManager
from instances.models import BlockDevice, Instance, Migration
from instances.operations import LiveMigrateInstance
from network.models import Port
from operations.testing import Drill
from tests.builders.instances import Lab
from tests.drills import servers
from tests.drills.resizes import THERE, driver_of, two_hosts, with_volume
from volume.models import Attachment


def move(made: Lab, server: str) -> None:
    """Bring it to another host: that is an operator's."""
    admin = replace(made.context, roles=frozenset({"admin"}))
    InstanceManager(admin).live_migrate(server)


def census(made: Lab, server: str) -> dict[str, Any]:
    """Count everything; tell whether guest, ports, volumes and claim are where the server is."""
    row = Instance.objects.get(id=server)
    migration = Migration.objects.order_by("-id").first()
    found = {
        **servers.census(made, server),
        "half-made": sum(len(one.census()) for one in made.guests.values()),
        "claimed on": [one.host.name == row.host for one in Claim.objects.select_related("host")],
        "used": sorted(Host.objects.exclude(vcpus_used=0).values_list("vcpus_used", flat=True)),
        "ports": [
            (one.host == row.host, one.status, one.binding_profile)
            for one in Port.objects.exclude(device_owner="network:dhcp")
        ],
        "taps": [
            made.wires[row.host].ports() != [],
            len([1 for one in made.wires.values() for _ in one.ports()]),
        ]
        if row.host
        else [],
        "attachments": [
            (one.status, one.exclusive, one.host == row.host, str(one.instance_id) == server)
            for one in Attachment.objects.all()
        ],
        "exports": [len(one.exports()) for one in made.stores.values() if one.exports()],
        "disks": BlockDevice.objects.filter(
            attachment_id__in=Attachment.objects.values("id")
        ).count(),
        "written": driver_of(made, server).read(server) if row.host else "",
        "migration": migration and migration.status,
        "moved": migration is not None and row.host == migration.dest_host,
    }
    if migration is not None and row.host:
        found["agrees"] = (migration.status == "completed") == found["moved"]
    return found


ENDS = {
    **servers.ends("active", "running", **THERE, claims=1, guests=1),
    "kept": 2,
    "half-made": 1,
    "claimed on": [True],
    "used": [1],
    "ports": [(True, "ACTIVE", {})],
    "taps": [True, 1],
    "attachments": [("attached", True, True, True)],
    "exports": [1],
    "disks": 1,
    "written": "before",
    "migration": ANY,
    "moved": ANY,
    "agrees": True,
}
DRILLS = (
    Drill(
        saga=LiveMigrateInstance,
        world=two_hosts,
        prepare=with_volume,
        start=move,
        census=census,
        done={**ENDS, "moved": True},
        undone={**ENDS, "ports": [(True, ANY, {})]},  # a host that is down has none that is up
        only=("live_migrate", "decide"),
    ),
)
