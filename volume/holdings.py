"""What hangs on a volume type, or is left of a project, and what goes with a project."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Q

from cloudweb.events import on
from cloudweb.holdings import hangs_on
from identity.events import ProjectDeleted
from operations.events import HostLeft
from volume.models import (
    Agent,
    Attachment,
    Backup,
    DefaultVolumeType,
    Group,
    Message,
    Pool,
    Snapshot,
    Volume,
    VolumeTypeAccess,
)


@hangs_on("volume type")
def count_of_type(type_id: str) -> Mapping[str, int]:
    """Return how many volumes are of a type."""
    of_type = Q(volume_type=UUID(type_id)) | Q(wanted_type=UUID(type_id))
    return {"volumes": Volume.objects.filter(of_type).count()}


@hangs_on("project")
def count_volumes(project_id: str) -> Mapping[str, int]:
    """Return what a project still holds."""
    mine = {"project_id": project_id}
    return {
        "volumes": Volume.objects.filter(**mine).count(),
        "snapshots": Snapshot.objects.filter(**mine).count(),
        "backups": Backup.objects.filter(**mine).count(),
        "groups": Group.objects.filter(**mine).count(),
    }


@hangs_on("host")
def count_kept(host: str) -> Mapping[str, int]:
    """Return what a host keeps, what is attached there, and who reaches elsewhere through it what it had."""
    return {
        "volumes": Volume.objects.filter(pool__host=host).count(),
        "attachments of volumes": Attachment.objects.filter(host=host).count(),
        "relays of volumes": Attachment.objects.filter(relay__host=host).count(),
    }


@on(HostLeft)
def forget_host(left: HostLeft) -> None:
    """Forget where a host that is gone kept volumes; there are none."""
    Pool.objects.filter(host=left.host).delete()
    Agent.objects.filter(host=left.host).delete()


@on(ProjectDeleted)
def drop_what_was_said_of(gone: ProjectDeleted) -> None:
    """Forget which types a project that is gone could use, which was its default, what it was told."""
    for model in (VolumeTypeAccess, DefaultVolumeType, Message):
        model.objects.filter(project_id=gone.project_id).delete()
