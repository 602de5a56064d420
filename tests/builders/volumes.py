"""Volumes, pools and types for tests."""

from __future__ import annotations

import uuid
from typing import Any

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from operations.models import Service
from tests.builders.compute import fresh, make_service
from volume import conf
from volume.models import (
    Attachment,
    Group,
    GroupType,
    Pool,
    Snapshot,
    Volume,
    VolumeType,
)
from volume.objects import VolumeConnection
from volume.states import AttachmentStatus, SnapshotStatus, VolumeStatus

EVERYTHING = (
    "backups",
    "clones",
    "copies_in_use",
    "encryption",
    "live_resize",
    "manage",
    "manage_snapshots",
    "multiattach",
    "reimage",
    "revert",
    "snapshots",
    "snapshots_together",
)


def make_pool(host: str = "h1", **overrides: Any) -> Pool:
    """A pool of 100 GiB on a host that is up, which promises what it has and no more."""
    if not Service.objects.filter(domain="volume", host=host).exists():
        seen = overrides.pop("last_seen_at", fresh())
        make_service("volume", host, topic=f"volume.{host}", last_seen_at=seen)
    facts: dict[str, Any] = {
        "backend": "file",
        "name": "default",
        "driver": "fake",
        "protocol": "nbd",
        "zone": conf.DEFAULT_ZONE,
        "total": 100.0,
        "free": 100.0,
        "ratio": 1.0,
        "capabilities": list(EVERYTHING),
        "reported_at": now(),
    }
    return Pool.objects.create(host=host, **{**facts, **overrides})


def make_volume_type(name: str = conf.DEFAULT_TYPE, **overrides: Any) -> VolumeType:
    """A type; that of who names none, unless it is called otherwise; made once."""
    found, _ = VolumeType.objects.get_or_create(name=name, defaults=overrides)
    return found


def make_volume(context: RequestContext, **overrides: Any) -> Volume:
    """A volume of the context's project that is available; in ``pool``, if one is given."""
    facts: dict[str, Any] = {
        "project_id": context.scoped_project_id,
        "user_id": context.user_id or "",
        "name": "a volume",
        "size": 1,
        "status": VolumeStatus.AVAILABLE,
        "zone": conf.DEFAULT_ZONE,
    }
    kind = overrides.pop("volume_type", None) or make_volume_type()
    return Volume.objects.create(volume_type=kind, **{**facts, **overrides})


def make_volume_group(context: RequestContext, **overrides: Any) -> Group:
    """A group of the context's project, for volumes of the type of who names none."""
    kind, _ = GroupType.objects.get_or_create(name="a kind")
    facts = {"project_id": context.scoped_project_id, "name": "a group", "group_type": kind}
    made = Group.objects.create(**{**facts, **overrides})
    made.volume_types.set([make_volume_type()])
    return made


def make_snapshot(volume: Volume, **overrides: Any) -> Snapshot:
    """A snapshot of a volume that is available."""
    facts: dict[str, Any] = {
        "project_id": volume.project_id,
        "user_id": volume.user_id,
        "name": "a snapshot",
        "size": volume.size,
        "status": SnapshotStatus.AVAILABLE,
        "progress": 100,
    }
    return Snapshot.objects.create(volume=volume, **{**facts, **overrides})


def attach(volume: Volume, **overrides: Any) -> Attachment:
    """Record that a server has a volume."""
    facts: dict[str, Any] = {
        "project_id": volume.project_id,
        "instance_id": uuid.uuid4(),
        "host": "h1",
        "device": "/dev/vdb",
        "status": AttachmentStatus.ATTACHED,
        "exclusive": not volume.multiattach,
        "epoch": 1,
        "attached_at": now(),
        "by_server": True,
    }
    made = Attachment.objects.create(volume=volume, **{**facts, **overrides})
    Volume.objects.filter(id=volume.id).update(status=VolumeStatus.IN_USE)
    return made


def reached(row: Attachment) -> VolumeConnection:
    """How a volume in Ceph is reached through an attachment."""
    return VolumeConnection(
        attachment_id=str(row.id),
        epoch=row.epoch,
        volume_id=str(row.volume_id),
        kind="rbd",
        size=1024**3,
        rbd_pool="volumes",
        image=f"volume-{row.volume_id}",
        monitors=("10.0.0.1:6789", "[fd00::1]:6789"),
        user="cloudweb-h2",
        secret="AQ==",
    )
