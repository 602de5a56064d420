"""How the sagas of snapshots are drilled."""

from __future__ import annotations

from typing import Any

from cloudweb.context import RequestContext
from operations.testing import Drill
from tests.drills.volumes import World, census, ends, lab, made_already
from tests.drills.volumes import force_delete as force_delete_volume
from volume.manager import SnapshotManager
from volume.models import Snapshot, Volume
from volume.operations.delete_snapshot import DeleteSnapshot
from volume.operations.delete_volume import DeleteVolume
from volume.operations.revert_volume import RevertVolume
from volume.operations.take_snapshot import TakeSnapshot


def count(made: World, subject: Any) -> dict[str, Any]:
    """Count everything; tell how the snapshots are."""
    states = sorted(Snapshot.objects.values_list("status", flat=True))
    return {**census(made, subject), "states": states}


def take(made: World, volume: Any) -> str:
    """Start taking a snapshot."""
    return str(SnapshotManager(made.context).create(volume, name="s").id)


def taken(made: World) -> str:
    """Take a snapshot of a volume; return its id."""
    snapshot = take(made, made_already(made))
    made.cloud.settle()
    return snapshot


def taken_twice(made: World) -> str:
    """Take two snapshots of a volume; return the volume's id."""
    volume = made_already(made)
    for _ in range(2):
        take(made, volume)
        made.cloud.settle()
    return volume


def revert(made: World, snapshot: Any) -> None:
    """Start taking the volume back; one in error is an operator's to set right before."""
    Volume.objects.filter(status="error").update(status="available")
    SnapshotManager(made.context).revert(Volume.objects.get().id, snapshot)


def force_delete(made: World, _subject: Any) -> None:
    """Delete the snapshot whatever is done to it."""
    SnapshotManager(RequestContext.system()).delete(Snapshot.objects.get().id, force=True)


ONE = ("available", 1, None)
KEPT: dict[str, Any] = {"snapshots": 1, "snapshots there": 1, "states": ["available"]}
DRILLS = (
    Drill(
        saga=TakeSnapshot,
        world=lab,
        prepare=made_already,
        start=take,
        census=count,
        done=ends(ONE, **KEPT),
        undone=ends(ONE, snapshots=1, states=["error"]),
        preempt=force_delete,
        preempted=ends(ONE, states=[]),
    ),
    Drill(
        saga=DeleteSnapshot,
        world=lab,
        prepare=taken,
        start=lambda made, snapshot: SnapshotManager(made.context).delete(snapshot),
        census=count,
        done=ends(ONE, states=[]),
        undone={"volumes": [ONE], "states": ["error_deleting"]},
        again=force_delete,
    ),
    Drill(
        saga=RevertVolume,
        world=lab,
        prepare=taken,
        start=revert,
        census=count,
        done=ends(ONE, **KEPT),
        undone={"volumes": [("error", 1, None)], **KEPT},
    ),
    Drill(
        saga=DeleteVolume,
        name="with snapshots",
        only=("delete_snapshots",),
        world=lab,
        prepare=taken_twice,
        start=lambda made, volume: made.volumes.delete(volume, cascade=True),
        census=count,
        done=ends(states=[]),
        undone={"volumes": [("error_deleting", 1, None)]},
        again=force_delete_volume,
    ),
)
