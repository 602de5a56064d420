"""How the sagas that move volumes are drilled: at rest, and while a client has one."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from cloudweb.context import RequestContext
from operations.testing import Drill
from tests.drills.volumes import World, census, ends, lab, made_already
from volume import relaying
from volume.manager import AttachmentManager, VolumeManager
from volume.models import Attachment, Volume
from volume.operations import MoveVolume
from volume.relaying import EndRelay

THERE = "h2@fake#default"


def kept(made: World) -> str:
    """Have a volume that holds something."""
    volume = made_already(made)
    made.drivers["h1"].write(volume, "kept")
    return volume


def in_use(made: World) -> str:
    """Have a client use it."""
    volume = kept(made)
    attachments = AttachmentManager(made.context)
    row = attachments.create(volume, instance_id=uuid.uuid4(), connector={"host": "h1"})
    made.cloud.settle()
    attachments.finish(str(row.id))
    return volume


def gone_over(made: World) -> dict[str, Any]:
    """Move it, and say by what the relay is taken away."""
    move(made, in_use(made))
    made.cloud.settle()
    row = Attachment.objects.get()
    return {**row.relay, "attachment_id": str(row.id)}


def move(_made: World, volume: str) -> None:
    """Start moving it."""
    VolumeManager(RequestContext.system()).migrate(volume, host=THERE)


def end_relay(_made: World, args: dict[str, Any]) -> None:
    """Start taking its relay away, again if need be."""
    row = Attachment.objects.get()
    with transaction.atomic():
        if row.relay:
            relaying.end(row)
        else:
            key = args["volume"]["data"]["id"]
            EndRelay.start(RequestContext.system(), resource_id=key, args=args)


def moved(made: World, subject: Any) -> dict[str, Any]:
    """Count everything, and say where the volume is, and what it holds there."""
    found = census(made, subject)
    left = sorted(one for driver in made.drivers.values() for one in driver.census())
    for volume in Volume.objects.select_related("pool"):
        assert volume.pool is not None
        driver = made.drivers[volume.pool.host]
        found["where"] = volume.pool.host
        found["holds"] = driver.read(str(volume.name_id or volume.id))
        found["migration"] = volume.migration_status
    return {**found, "left": len(left)}


def is_at(host: str, status: str, *, left: int, migration: str, **counts: Any) -> dict[str, Any]:
    """Return such a census."""
    found = ends((status, 1, None), **counts)
    return {**found, "where": host, "holds": "kept", "migration": migration, "left": left}


USED = {"attachments": ["attached"]}
DRILLS = (
    Drill(
        saga=MoveVolume,
        world=lab,
        prepare=kept,
        start=move,
        census=moved,
        done=is_at("h2", "available", left=1, migration="success"),
        undone=is_at("h1", "available", left=1, migration="error"),
    ),
    Drill(
        saga=MoveVolume,
        name="in use",
        only=("copy", "follow"),
        world=lab,
        prepare=in_use,
        start=move,
        census=moved,
        done=is_at("h2", "in-use", left=4, migration="success", exports=2, **USED),
        undone=is_at("h1", "in-use", left=2, migration="error", exports=1, **USED),
    ),
    Drill(
        saga=EndRelay,
        world=lab,
        prepare=gone_over,
        start=end_relay,
        census=moved,
        done=is_at("h2", "in-use", left=2, migration="success", exports=1, **USED),
        undone={"where": "h2", "holds": "kept"},
        again=end_relay,
    ),
)
