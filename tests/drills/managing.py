"""How the sagas are drilled by which volumes and snapshots become ours, and are left to others."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from cloudweb.context import RequestContext
from operations.testing import Drill
from tests.drills.volumes import GIB, NOWHERE, World, census, ends, lab, made_already
from volume.manager import SnapshotManager, VolumeManager
from volume.models import Snapshot
from volume.operations import ManageSnapshot, ManageVolume, UnmanageSnapshot, UnmanageVolume

HERE = "h1@fake#default"
THEIRS = {"source-name": "theirs"}


def left(made: World) -> str:
    """Have something in a pool that others left there."""
    made.drivers["h1"].leave("theirs", size=GIB // 2, content="kept")
    return "theirs"


def kept(made: World) -> str:
    """Have a volume that holds something."""
    volume = made_already(made)
    made.drivers["h1"].write(volume, "kept")
    return volume


def snapshot_left(made: World) -> str:
    """Have a volume of which others took a snapshot."""
    volume = kept(made)
    made.drivers["h1"].leave_snapshot(volume, "nightly")
    return volume


def snapshot_managed(made: World) -> str:
    """Have a snapshot of a volume."""
    row = SnapshotManager(made.context).create(kept(made), name="s")
    made.cloud.settle()
    return str(row.id)


def operator(made: World) -> RequestContext:
    """Return an operator, in the member's project."""
    return RequestContext.system(project_id=made.context.project_id)


def told_at_once(made: World) -> Any:
    """Let what a host is asked be answered without a message, which drills lose and repeat."""
    driver = made.drivers["h1"]

    def found(*_: Any, name: str, snapshots: bool = False, volume_id: str = "") -> Any:
        if not snapshots:
            return driver.manageable("default", name)
        return [o for o in driver.manageable_snapshots("default", volume_id) if o.name == name]

    stack = ExitStack()
    for module in ("managing", "snapshot_managing"):
        stack.enter_context(patch(f"volume.manager.{module}.found_in", found))
    return stack


def manage(made: World, _subject: Any) -> str:
    """Start managing it."""
    with told_at_once(made):
        return str(VolumeManager(operator(made)).manage(HERE, THEIRS).id)


def unmanage(made: World, volume: Any) -> None:
    """Start leaving it to others."""
    VolumeManager(operator(made)).unmanage(volume)


def manage_snapshot(made: World, volume: Any) -> str:
    """Start managing a snapshot."""
    with told_at_once(made):
        row = SnapshotManager(operator(made)).manage(volume, {"source-name": "nightly"})
    return str(row.id)


def unmanage_snapshot(made: World, snapshot: Any) -> None:
    """Start leaving it to others."""
    SnapshotManager(operator(made)).unmanage(snapshot)


def counted(made: World, subject: Any) -> dict[str, Any]:
    """Count everything, and what all of it holds, whoever it is of."""
    found, driver = census(made, subject), made.drivers["h1"]
    theirs = driver.left()
    others = sorted(one.name for one in driver.manageable_snapshots("default"))
    states = sorted(Snapshot.objects.values_list("status", flat=True))
    holds = [*theirs.values(), *(driver.read(one.id) for one in driver.list())]
    return {
        **found,
        "theirs": len(theirs),
        "nightly": len(others),
        "states": states,
        "holds": holds,
    }


def is_left(*volumes: tuple[str, int, None], **counts: Any) -> dict[str, Any]:
    """Return such a census."""
    return {**ends(*volumes), "theirs": 0, "nightly": 0, "states": [], "holds": ["kept"], **counts}


ONE = ("available", 1, None)
DRILLS = (
    Drill(
        saga=ManageVolume,
        world=lab,
        prepare=left,
        start=manage,
        census=counted,
        done=is_left(ONE),
        undone=is_left(("error_managing", 1, None), theirs=1, **NOWHERE),
    ),
    Drill(
        saga=UnmanageVolume,
        world=lab,
        prepare=kept,
        start=unmanage,
        census=counted,
        done=is_left(theirs=1),
        undone={"volumes": [("error_managing", 1, None)], "holds": ["kept"]},
    ),
    Drill(
        saga=ManageSnapshot,
        world=lab,
        prepare=snapshot_left,
        start=manage_snapshot,
        census=counted,
        done=is_left(ONE, **{"snapshots": 1, "snapshots there": 1, "states": ["available"]}),
        undone=is_left(ONE, snapshots=1, nightly=1, states=["error"]),
    ),
    Drill(
        saga=UnmanageSnapshot,
        world=lab,
        prepare=snapshot_managed,
        start=unmanage_snapshot,
        census=counted,
        done=is_left(ONE, nightly=1),
        undone={"volumes": [ONE], "states": ["error"], "holds": ["kept"]},
    ),
)
