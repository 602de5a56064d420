"""How resizes are drilled: on the same host, to another one, with a volume; confirmed, reverted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from compute.models import Claim, Flavor, Host
from instances.manager import InstanceManager
from instances.models import Instance, Migration
from instances.operations import (
    ConfirmResize,
    DeleteInstance,
    MigrateInstance,
    ResizeInstance,
    RevertResize,
)
from operations.testing import Drill
from tests.builders.instances import Lab, lab
from tests.drills import servers
from tests.drills.server_volumes import Pair, attach
from volume.models import Attachment

#: What is there of one server with one card, wherever it is.
THERE = {"servers": 1, "ports": 1, "taps": 1, "segments": 1}


@contextmanager
def two_hosts(directory: Path) -> Iterator[Lab]:
    """Run a block in a cloud of two hosts."""
    with lab(directory, hosts=2) as made:
        yield made


def one_host(directory: Path) -> AbstractContextManager[Lab]:
    """Run a block in a cloud of one host."""
    return lab(directory)


def larger() -> Flavor:
    """Return a flavor that is larger than that of new servers."""
    return Flavor.objects.order_by("ram")[1]


def written(made: Lab) -> str:
    """Make a server that wrote on its disk; return its id."""
    server = made.create()
    driver_of(made, server).write(server, "before")
    return server


def driver_of(made: Lab, server: str) -> Any:
    """Return the driver of the host on which a server is."""
    return made.guests[Instance.objects.get(id=server).host]


def with_volume(made: Lab) -> str:
    """Make such a server that has a volume."""
    server = written(made)
    attach(made, Pair(server, made.make_volume()))
    made.cloud.settle()
    return server


def migrate(made: Lab, server: str) -> None:
    """Bring it to another host: cold migration is an operator's."""
    admin = replace(made.context, roles=frozenset({"admin"}))
    InstanceManager(admin).migrate(server)


def resize(made: Lab, server: str) -> None:
    """Let it be larger."""
    InstanceManager(made.context).resize(server, flavor_id=larger().id)


def resized(made: Lab) -> str:
    """Make a server, resize it where it is, and let it write."""
    server = written(made)
    resize(made, server)
    made.cloud.settle()
    driver_of(made, server).write(server, "after")
    return server


def migrated(made: Lab) -> str:
    """Make a server with a volume, bring it to another host, and let it write."""
    server = with_volume(made)
    migrate(made, server)
    made.cloud.settle()
    driver_of(made, server).write(server, "after")
    return server


def confirm(made: Lab, server: str) -> None:
    """Keep it so."""
    InstanceManager(made.context).confirm_resize(server)


def revert(made: Lab, server: str) -> None:
    """Go back."""
    InstanceManager(made.context).revert_resize(server)


def census(made: Lab, server: Any) -> dict[str, Any]:
    """Count everything; tell how large the server is, what it holds, and what stands open anywhere."""
    (row,) = Instance.objects.all()
    claims = sorted(Claim.objects.values_list("vcpus", "ram"))
    used = sorted(Host.objects.exclude(vcpus_used=0).values_list("vcpus_used", "ram_used"))
    migration = Migration.objects.order_by("-id").first()
    there = row.host and any(one.id == str(row.id) for one in made.guests[row.host].list())
    found = {
        **servers.census(made, server),
        "power": sorted(one.power_state for each in made.guests.values() for one in each.list()),
        "size": (row.vcpus, row.ram, row.more_vcpus, row.more_ram),
        "claimed": claims,
        "over-claimed": sum(one[0] for one in claims) - sum(one[0] for one in used),
        "migration": migration and migration.status,
        "moved": migration is not None and row.host == migration.dest_host != migration.source_host,
        "written": driver_of(made, str(row.id)).read(str(row.id)) if there else "",
        "open": len([one for each in made.guests.values() for one in each.left_over()]),
        "attachments": [*Attachment.objects.values_list("status", flat=True)],
        "reached from": [one.host == row.host for one in Attachment.objects.all()],
    }
    left_out = {"kept", "segments", *(OF_A_SERVER if not there else ())}
    return {key: value for key, value in found.items() if key not in left_out}


#: What is said of a server that is there alone: a resize may be over before it was deleted, or not.
OF_A_SERVER = ("size", "moved", "migration", "written")
SMALL, LARGE = (1, 128), (1, 256)


def ends(vm_state: str, *power: str, **facts: Any) -> dict[str, Any]:
    """Return a census of a server that is as it was; ``facts`` are what is otherwise."""
    found: dict[str, Any] = {
        **servers.ends(vm_state, *power),
        **{key: value for key, value in THERE.items() if key != "segments"},
        "guests": len(power),
        "claims": 1,
        "size": (*SMALL, 0, 0),
        "claimed": [SMALL],
        "over-claimed": 0,
        "moved": False,
        "written": "before",
        "open": 0,
        "attachments": [],
        "reached from": [],
        **facts,
    }
    return {key: value for key, value in found.items() if key not in ("kept", "segments")}


HAS = {"attachments": ["attached"], "reached from": [True]}
BOTH = {"claims": 2, "claimed": [SMALL, SMALL]}
GONE = {
    "servers": 0,
    "ports": 0,
    "taps": 0,
    "claims": 0,
    "claimed": [],
    "written": "",
    "attachments": [],
    "reached from": [],
}
RESIZED = ends(
    "resized", "running", size=(*LARGE, 0, 0), claims=2, claimed=[SMALL, LARGE],
    migration="finished", open=1, written="after",
)  # fmt: skip
MIGRATED = ends(
    "resized",
    "running",
    "shutdown",
    **BOTH,
    **HAS,
    migration="finished",
    moved=True,
    written="after",
)


def deleted() -> dict[str, Any]:
    """Return what is left of a deleted server, whatever was under way."""
    left = ends("deleted", **GONE)
    return {key: left[key] for key in left if key not in OF_A_SERVER}


#: What must be so of a resize that was not confirmed in the end: a part of it may be.
UNDECIDED = {
    "states": [("resized", None)],
    "claims": 2,
    "migration": "finished",
    "written": "after",
}
DRILLS = (
    Drill(
        saga=ResizeInstance,
        name="where it is",
        world=one_host,
        prepare=written,
        start=resize,
        census=census,
        done={**RESIZED, "written": "before"},
        undone=ends("active", "running", migration="error"),
        only=("claim_host", "receive_disks", "switch", "resize"),
    ),
    Drill(
        saga=MigrateInstance,
        world=two_hosts,
        prepare=with_volume,
        start=migrate,
        census=census,
        done={**MIGRATED, "written": "before"},
        undone=ends("active", "running", **HAS, migration="error"),
        only=("offer_disks", "receive_disks", "withdraw_disks"),
    ),
    Drill(
        saga=ConfirmResize,
        name="where it is",
        world=one_host,
        prepare=resized,
        start=confirm,
        census=census,
        done=ends(
            *("active", "running"),
            size=(*LARGE, 0, 0),
            claimed=[LARGE],
            migration="confirmed",
            written="after",
        ),
        undone=UNDECIDED,
    ),
    Drill(
        saga=ConfirmResize,
        name="on another host",
        world=two_hosts,
        prepare=migrated,
        start=confirm,
        census=census,
        done=ends("active", "running", **HAS, migration="confirmed", moved=True, written="after"),
        undone=UNDECIDED,
    ),
    Drill(
        saga=RevertResize,
        name="where it is",
        world=one_host,
        prepare=resized,
        start=revert,
        census=census,
        done=ends("active", "running", migration="reverted"),
        undone=RESIZED,
        only=("switch_back", "choose_old", "resize"),
    ),
    Drill(
        saga=RevertResize,
        name="from another host",
        world=two_hosts,
        prepare=migrated,
        start=revert,
        census=census,
        done=ends("active", "running", **HAS, migration="reverted"),
        undone=MIGRATED,
        preempt=servers.delete,
        preempted=deleted(),
        only=("plug_ports", "forget_new"),
    ),
    Drill(
        saga=DeleteInstance,
        name="of a server that waits on two hosts",
        world=two_hosts,
        prepare=migrated,
        start=servers.delete,
        census=census,
        done=deleted(),
        undone={"states": [("error", None)], "servers": 1},
        only=("destroy_elsewhere",),
    ),
)
