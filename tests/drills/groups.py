"""How the sagas of groups' snapshots are drilled; servers whose file systems are frozen: server_volumes.py."""

from __future__ import annotations

from functools import partial
from typing import Any

from operations.testing import Drill
from tests.drills.snapshots import count
from tests.drills.volumes import World, ends, lab
from volume.manager import GroupManager, GroupSnapshotManager
from volume.models import GroupSnapshot, GroupType, VolumeType
from volume.operations import DeleteTogether, SnapshotTogether


def together(made: World, subject: Any) -> dict[str, Any]:
    """Count everything; tell how the group's snapshot is."""
    states = GroupSnapshot.objects.values_list("status", flat=True)
    return {**count(made, subject), "together": sorted(states)}


def group(made: World) -> str:
    """Make a group of two volumes, wherever they are put; return its id."""
    kind = GroupType.objects.create(name="g")
    types = [VolumeType.objects.get().name]
    row = GroupManager(made.context).create(group_type=str(kind.id), volume_types=types)
    for _ in range(2):
        made.create(group_id=str(row.id))
        made.cloud.settle()
    return str(row.id)


def take(made: World, group_id: Any) -> str:
    """Start taking the group's snapshot."""
    return str(GroupSnapshotManager(made.context).create(group_id).id)


def taken(made: World) -> str:
    """Take one; return its id."""
    row = take(made, group(made))
    made.cloud.settle()
    return row


ONE = ("available", 1, None)
KEPT: dict[str, Any] = {"snapshots": 2, "snapshots there": 2, "states": ["available"] * 2}
DRILLS = (
    Drill(
        saga=SnapshotTogether,
        name="of a group",
        only=("take",),
        world=lab,
        prepare=group,
        start=take,
        census=together,
        done=ends(ONE, ONE, **KEPT, together=["available"]),
        undone=ends(ONE, ONE, snapshots=2, states=["error"] * 2, together=["error"]),
    ),
    Drill(
        saga=DeleteTogether,
        world=partial(lab, hosts=1),
        prepare=taken,
        start=lambda made, subject: GroupSnapshotManager(made.context).delete(subject),
        census=together,
        done=ends(ONE, ONE, states=[], together=[]),
        undone={"volumes": [ONE, ONE], "together": ["error_deleting"]},
    ),
)
