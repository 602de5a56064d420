"""What a project's volumes use, counted from the rows under the lock of its quota."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest

from identity import quotas
from volume.exceptions import VolumeTooLarge
from volume.models import Backup, Snapshot, Volume
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


def used(project_id: str, *names: str) -> Mapping[str, int]:
    """Return what the project holds now, of all unless some are named; snapshots take gigabytes, too."""
    wanted = set(names or DEFAULTS)
    found: dict[str, int] = {}
    if wanted & {"volumes", "snapshots", "gigabytes"}:
        volumes = _sums(Volume.objects.filter(project_id=project_id), _SIZE)
        snapshots = _sums(Snapshot.objects.filter(project_id=project_id), F("size"))
        found |= {
            "volumes": volumes["count"],
            "snapshots": snapshots["count"],
            "gigabytes": volumes["size"] + snapshots["size"],
        }
    if wanted & {"backups", "backup_gigabytes"}:
        backups = _sums(Backup.objects.filter(project_id=project_id), F("size"))
        found |= {"backups": backups["count"], "backup_gigabytes": backups["size"]}
    return found


def _sums(rows: QuerySet[Any], size: Combinable) -> Mapping[str, int]:
    return rows.aggregate(count=Count("id"), size=Coalesce(Sum(size), 0))


def reserve(project_id: str, **wanted: int) -> None:
    """Raise QuotaExceeded unless so much more fits; call inside ``atomic()``."""
    quotas.reserve(project_id, SERVICE, wanted=wanted, used=lambda: used(project_id, *wanted))


def check_size(project_id: str, size: int) -> None:
    """Raise VolumeTooLarge for a volume larger than any may be."""
    limit = quotas.limits(project_id, SERVICE)["per_volume_gigabytes"]
    if 0 <= limit < size:
        raise VolumeTooLarge(size, limit)
