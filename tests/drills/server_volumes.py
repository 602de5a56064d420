"""How the sagas of servers and their volumes are drilled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.events import emit
from instances.block_devices import MADE_AT_MOST, DestinationType, SourceType
from instances.build_request import BlockDeviceRequest, BuildRequest, NetworkRequest
from instances.manager import InstanceManager
from instances.models import BlockDevice, Instance
from instances.operations import (
    AttachVolume,
    CreateInstanceWithVolumes,
    DeleteInstance,
    DetachVolume,
    ExtendVolumeInGuest,
    LimitVolumeInGuest,
    RebuildInVolume,
    SwapVolume,
)
from instances.rebuild_request import RebuildRequest
from operations.testing import Drill
from tests.builders.instances import Lab, lab
from tests.builders.servers import wanted_server
from tests.drills import servers
from volume.bootstrap import ensure_default_type
from volume.events import VolumeExtended, VolumeRetyped
from volume.manager import SnapshotManager, VolumeManager
from volume.models import Attachment, Pool, Snapshot, Volume
from volume.operations import MoveWithGuest, SnapshotTogether

#: ``kept`` are a volume and its export.
THERE = {"servers": 1, "claims": 1, "ports": 1, "guests": 1, "taps": 1, "segments": 1}
HAS = {"volumes": ["in-use"], "attachments": ["attached"], "disks": 1, "kept": 2}
HAS_NOT = {"volumes": ["available"], "attachments": [], "disks": 0, "kept": 1}
HAS_ONE_OF_TWO = {**HAS, "volumes": ["available", "in-use"], "kept": 3}
NO_SERVER = {name: count for name, count in servers.NOTHING.items() if name != "kept"}
NOTHING: dict[str, Any] = {"volumes": [], "attachments": [], "disks": 0}


class Pair(NamedTuple):
    """A server and a volume."""

    server: str
    volume: str


@contextmanager
def lab_of_one_volume(directory: Path) -> Iterator[Lab]:
    """Leave out the steps that make a second volume and further ones: they are the first's."""
    steps = CreateInstanceWithVolumes.steps
    CreateInstanceWithVolumes.steps = (steps[0], *steps[MADE_AT_MOST:])
    try:
        with lab(directory) as made:
            yield made
    finally:
        CreateInstanceWithVolumes.steps = steps


def census(made: Lab, subject: Any) -> dict[str, Any]:
    """Count everything of servers and of volumes, wherever it is."""
    guests = [(driver, one.id) for driver in made.guests.values() for one in driver.list()]
    return {
        **servers.census(made, subject),
        "volumes": sorted(Volume.objects.values_list("status", flat=True)),
        "attachments": sorted(Attachment.objects.values_list("status", flat=True)),
        "disks": sum(len(driver.attached_disks(one)) for driver, one in guests),
    }


def ends(vm_state: str, *power: str, **counts: Any) -> dict[str, Any]:
    """Return a census."""
    return {**servers.ends(vm_state, *power), **NOTHING, **counts}


def apart(made: Lab) -> Pair:
    """Make a server and a volume."""
    (server,) = InstanceManager(made.context).create(
        wanted_server(made.flavor, made.image, made.network)
    )
    return Pair(str(server.id), made.make_volume())


def together(made: Lab) -> Pair:
    """Make a server that has a volume."""
    pair = apart(made)
    attach(made, pair)
    made.cloud.settle()
    return pair


def attach(made: Lab, pair: Pair) -> None:
    """Give the server the volume."""
    InstanceManager(made.context).attach_volume(*pair)


def detach(made: Lab, pair: Pair) -> None:
    """Take it away."""
    InstanceManager(made.context).detach_volume(*pair)


def with_another(made: Lab) -> Pair:
    """Make a server that has a volume, and another volume."""
    pair = together(made)
    made.make_volume()
    return pair


def swap(made: Lab, pair: Pair) -> None:
    """Let it go over to the other."""
    other = Volume.objects.exclude(id=pair.volume).get()
    InstanceManager(replace(made.context, roles=made.context.roles | {"admin"})).swap_volume(
        *pair, str(other.id)
    )


def beneath(made: Lab, subject: Any) -> dict[str, Any]:
    """Count what the guests have under their disks by whose it is, and what is mirrored, too."""
    guests = [(driver, one.id) for driver in made.guests.values() for one in driver.list()]
    found = [name for driver, one in guests for name in driver.beneath(one).values()]
    held = {str(one) for one in Attachment.objects.values_list("volume_id", flat=True)}
    rows = {str(one) for one in BlockDevice.objects.values_list("volume_id", flat=True) if one}
    return {
        **census(made, subject),
        "beneath": [(name == subject.volume, name in held, name in rows) for name in found],
        "mirrored": [dict(driver.mirrored(one)) for driver, one in guests if driver.mirrored(one)],
    }


@contextmanager
def lab_of_clusters(directory: Path) -> Iterator[Lab]:
    """Have two places for volumes, both of a kind that guests reach themselves."""
    with lab(directory, hosts=2, stores_lack=("copies_in_use",)) as made:
        yield made


def move(_made: Lab, pair: Pair) -> None:
    """Start moving the volume to where it is not."""
    elsewhere = Pool.objects.exclude(volumes=pair.volume).get()
    VolumeManager(RequestContext.system()).migrate(pair.volume, host=elsewhere.full_name)


def moved(made: Lab, subject: Any) -> dict[str, Any]:
    """Count everything, and say where the volume is."""
    (volume,) = Volume.objects.select_related("pool")
    assert volume.pool is not None
    name = str(volume.name_id or volume.id)
    found = {driver.host: driver.census() for driver in made.stores.values() if driver.census()}
    has_it = any(name in one for one in found.get(volume.pool.host, ()))
    counted = beneath(made, subject)
    moved_to = [volume.migration_status for _ in counted["beneath"]]
    return {**counted, "is_there": (has_it, len(found)), "migration": moved_to}


def delete(made: Lab, pair: Any) -> None:
    """Delete the server."""
    InstanceManager(made.context).delete(Instance.objects.get().id if pair is None else pair.server)


def grow(_made: Lab, pair: Pair) -> None:
    """Hear that the volume has grown."""
    with transaction.atomic():
        emit(VolumeExtended(volume_id=pair.volume, size=2))


def limit(_made: Lab, pair: Pair) -> None:
    """Hear that the volume is of another type."""
    with transaction.atomic():
        emit(VolumeRetyped(volume_id=pair.volume))


def boot_from_new_volume(made: Lab, _subject: Any) -> None:
    """Create a server whose disk is a new volume, and goes with it."""
    disk = BlockDeviceRequest(
        source_type=SourceType.IMAGE,
        source_id=str(made.image.id),
        destination_type=DestinationType.VOLUME,
        size=1,
        delete_on_termination=True,
    )
    wanted = BuildRequest(
        name="vm",
        flavor_id=made.flavor.id,
        block_devices=(disk,),
        networks=(NetworkRequest(network_id=str(made.network.id)),),
    )
    InstanceManager(made.context).create(wanted)


def booted_from_volume(made: Lab) -> str:
    """Make a server that boots from a volume; return its id."""
    ensure_default_type()
    boot_from_new_volume(made, None)
    made.cloud.settle()
    made.stores["h1"].write(str(Volume.objects.get().id), "old")
    return str(Instance.objects.get().id)


def rebuild(made: Lab, server: Any) -> None:
    """Start making it anew, under another name."""
    wanted = RebuildRequest(
        image_id=str(made.image.id), admin_password="secret", name="new", in_volumes=True
    )
    InstanceManager(made.context).rebuild(str(server), wanted=wanted)


def rebuilt(made: Lab, subject: Any) -> dict[str, Any]:
    """Count everything, and tell what became of the server and its volume; in error both can be done again."""
    row, volumes = Instance.objects.get(), [*Volume.objects.values_list("status", flat=True)]
    seen = (row.vm_state, row.task_state, row.before_rebuild, *volumes)
    written = [store.read(one.id) for store in made.stores.values() for one in store.list()]
    meaning = {
        ("active", None, "", "in-use"): row.name,
        ("error", None, "", "in-use"): "in error",
        ("error", None, "", "error"): "in error",
        ("deleted", None, ""): "gone",
    }
    found = meaning.get(seen, seen)
    if found == "new":
        assert written == [f"image {made.image.id}"]
    if found == "vm":
        assert written == ["old"]
    counted = servers.count(made)
    del counted["kept"]  # in error nobody may have the volume
    return {**counted, "is": "vm or in error" if found in ("vm", "in error") else found}


def with_agent(made: Lab) -> Pair:
    """Make a server that has a volume, and in which QEMU's agent runs."""
    made.give_agent()
    return together(made)


def snapshot(made: Lab, pair: Pair) -> None:
    """Snapshot the server's volumes."""
    SnapshotManager(made.context).create_together([pair.volume])


def frozen(made: Lab, subject: Any) -> dict[str, Any]:
    """Count the guests that are held still, too."""
    guests = [(driver, one.id) for driver in made.guests.values() for one in driver.list()]
    return {
        **census(made, subject),
        "frozen": sum(driver.is_frozen(one) for driver, one in guests),
        "snapshots": sorted(Snapshot.objects.values_list("status", flat=True)),
    }


DRILLS = (
    Drill(
        saga=SnapshotTogether,
        only=("freeze", "thaw"),
        world=lab,
        prepare=with_agent,
        start=snapshot,
        census=frozen,
        done=ends(
            "active", "running", **THERE, **{**HAS, "kept": 3}, frozen=0, snapshots=["available"]
        ),
        undone=ends("active", "running", **THERE, **HAS, frozen=0, snapshots=["error"]),
    ),
    Drill(
        saga=AttachVolume,
        world=lab,
        prepare=apart,
        start=attach,
        census=census,
        done=ends("active", "running", **THERE, **HAS),
        undone=ends("active", "running", **THERE, **HAS_NOT),
        preempt=delete,
        preempted=ends("deleted", volumes=["available"], kept=1),
    ),
    Drill(
        saga=DetachVolume,
        world=lab,
        prepare=together,
        start=detach,
        census=census,
        done=ends("active", "running", **THERE, **HAS_NOT),
        undone=ends("active", "running", **THERE, **HAS),
        preempt=delete,
        preempted=ends("deleted", volumes=["available"], kept=1),
    ),
    Drill(
        saga=SwapVolume,
        only=("mirror", "go_over"),
        world=lab,
        prepare=with_another,
        start=swap,
        census=beneath,
        done=ends(
            *("active", "running"),
            **THERE,
            **HAS_ONE_OF_TWO,
            mirrored=[],
            beneath=[(False, True, True)],
        ),
        undone=ends(
            *("active", "running"),
            **THERE,
            **HAS_ONE_OF_TWO,
            mirrored=[],
            beneath=[(True, True, True)],
        ),
        preempt=delete,
        preempted=ends(
            "deleted", volumes=["available", "available"], kept=2, mirrored=[], beneath=[]
        ),
    ),
    Drill(
        saga=MoveWithGuest,
        only=("mirror", "go_over"),
        world=lab_of_clusters,
        prepare=together,
        start=move,
        census=moved,
        done=ends(
            *("active", "running"),
            **THERE,
            **HAS,
            mirrored=[],
            beneath=[(False, False, False)],  # it is called something else there
            is_there=(True, 1),
            migration=["success"],
        ),
        undone=ends(
            *("active", "running"),
            **THERE,
            **HAS,
            mirrored=[],
            beneath=[(True, True, True)],
            is_there=(True, 1),
            migration=["error"],
        ),
        preempt=delete,
        preempted=ends(
            "deleted",
            volumes=["available"],
            kept=1,
            mirrored=[],
            beneath=[],
            is_there=(True, 1),
            migration=[],
        ),
    ),
    Drill(
        saga=DeleteInstance,
        name="with a volume",
        only=("destroy", "unplug_ports"),
        world=lab,
        prepare=together,
        start=delete,
        census=census,
        done=ends("deleted", volumes=["available"], kept=1),
        undone={"states": [("error", None)], "servers": 1},
    ),
    Drill(
        saga=ExtendVolumeInGuest,
        world=lab,
        prepare=together,
        start=grow,
        census=census,
        done=ends("active", "running", **THERE, **HAS),
        undone=ends("active", "running", **THERE, **HAS),
        preempt=delete,
        preempted=ends("deleted", volumes=["available"], kept=1),
    ),
    Drill(
        saga=LimitVolumeInGuest,
        world=lab,
        prepare=together,
        start=limit,
        census=census,
        done=ends("active", "running", **THERE, **HAS),
        undone=ends("active", "running", **THERE, **HAS),
    ),
    Drill(
        saga=RebuildInVolume,
        only=("cut_off", "write_anew"),
        world=lab,
        prepare=booted_from_volume,
        start=rebuild,
        census=rebuilt,
        done={**NO_SERVER, **THERE, "is": "new"},
        undone={**NO_SERVER, **THERE, "is": "vm or in error"},
        preempt=lambda made, _: delete(made, None),
        preempted={**NO_SERVER, "is": "gone"},
    ),
    Drill(
        saga=CreateInstanceWithVolumes,
        only=("make_volume_1", "hold_volumes", "plug_ports"),
        world=lab_of_one_volume,
        prepare=lambda made: ensure_default_type(),
        start=boot_from_new_volume,
        census=census,
        done=ends("active", "running", **THERE, **HAS),
        undone=ends("error", servers=1),
        preempt=delete,
        preempted=ends("deleted"),
    ),
)
