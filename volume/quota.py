"""What a project's volumes use, counted from the rows under the lock of its quota."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce, Greatest

from identity import quotas
from volume.exceptions import VolumeTooLarge
from volume.models import Snapshot, Volume
from volume.quota_names import PREFIXES, SERVICE

DEFAULTS = {
    "volumes": 10,
    "snapshots": 10,
    "gigabytes": 1000,
    "backups": 10,
    "backup_gigabytes": 1000,
    "groups": 10,
    "per_volume_gigabytes": -1,
}
quotas.declare(SERVICE, DEFAULTS, prefixes=PREFIXES)
#: What a volume takes while it grows is what it will have.
_SIZE = Greatest(F("size"), Coalesce(F("wanted_size"), F("size")))


def used(project_id: str) -> Mapping[str, int]:
    """Return what the project holds now; snapshots take gigabytes, too."""
    volumes = Volume.objects.filter(project_id=project_id).aggregate(
        count=Count("id"), size=Sum(_SIZE)
    )
    snapshots = Snapshot.objects.filter(project_id=project_id).aggregate(
        count=Count("id"), size=Sum("size")
    )
    return {
        "volumes": volumes["count"],
        "snapshots": snapshots["count"],
        "gigabytes": (volumes["size"] or 0) + (snapshots["size"] or 0),
    }


def reserve(project_id: str, **wanted: int) -> None:
    """Raise QuotaExceeded unless so much more fits; call inside ``atomic()``."""
    quotas.reserve(project_id, SERVICE, wanted=wanted, used=lambda: used(project_id))


def check_size(project_id: str, size: int) -> None:
    """Raise VolumeTooLarge for a volume larger than any may be."""
    limit = quotas.limits(project_id, SERVICE)["per_volume_gigabytes"]
    if 0 <= limit < size:
        raise VolumeTooLarge(size, limit)
