"""What a project's volumes use, counted from the rows under the lock of its quota."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest

from identity import quotas
from volume.exceptions import VolumeTooLarge
from volume.models import Backup, Group, Snapshot, Volume, VolumeType
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
    """Return what the project holds now, of each type too; snapshots take gigabytes, too.

    Of all resources, unless some are named: then at least of those.
    """
    wanted = set(names or DEFAULTS)
    found: Counter[str] = Counter()
    if wanted & {"volumes", "snapshots", "gigabytes"}:
        found.update(volumes=0, snapshots=0, gigabytes=0)
        volumes = Volume.objects.filter(project_id=project_id)
        kinds = ("volume_type__name", "wanted_type__name")
        for kind, wanted_kind, count, size in _sums(volumes, _SIZE, *kinds):
            _add(found, "volumes", kind, count, size)
            if wanted_kind is not None:  # in all it counts once
                _add_of_type(found, "volumes", wanted_kind, count, size)
        snapshots = Snapshot.objects.filter(project_id=project_id)
        for kind, count, size in _sums(snapshots, F("size"), "volume__volume_type__name"):
            _add(found, "snapshots", kind, count, size)
    if wanted & {"backups", "backup_gigabytes"}:
        found.update(backups=0, backup_gigabytes=0)
        backups = Backup.objects.filter(project_id=project_id)
        for _, count, size in _sums(backups, F("size"), "project_id"):
            found.update(backups=count, backup_gigabytes=size)
    if "groups" in wanted:
        found["groups"] = Group.objects.filter(project_id=project_id).count()
    return found


def _sums(rows: QuerySet[Any], size: Combinable, *by: str) -> Any:
    """Return number and GiB of rows, by columns."""
    return rows.order_by().values_list(*by).annotate(count=Count("id"), taken=Sum(size))


def _add(found: Counter[str], noun: str, kind: str, count: int, size: int) -> None:
    found.update({noun: count, "gigabytes": size})
    _add_of_type(found, noun, kind, count, size)


def _add_of_type(found: Counter[str], noun: str, kind: str, count: int, size: int) -> None:
    found.update({f"{noun}_{kind}": count, f"gigabytes_{kind}": size})


def reserve(project_id: str, *, of: VolumeType | None = None, **wanted: int) -> None:
    """Raise QuotaExceeded unless so much more fits, in all and of the type; call inside ``atomic()``."""
    of_type = {f"{name}_{of.name}": count for name, count in wanted.items()} if of else {}
    quotas.reserve(
        project_id,
        SERVICE,
        wanted={**wanted, **of_type},
        used=lambda: used(project_id, *wanted),
    )


def reserve_type(volume: Volume, kind: VolumeType) -> None:
    """Raise QuotaExceeded unless a volume, which is in all already, fits in a type with its snapshots."""
    sizes = [*Snapshot.objects.filter(volume=volume).values_list("size", flat=True)]
    of_type = {"volumes": 1, "snapshots": len(sizes), "gigabytes": volume.size + sum(sizes)}
    quotas.reserve(
        volume.project_id,
        SERVICE,
        wanted={f"{name}_{kind.name}": count for name, count in of_type.items()},
        used=lambda: used(volume.project_id, *of_type),
    )


def check_size(project_id: str, size: int) -> None:
    """Raise VolumeTooLarge for a volume larger than any may be."""
    limit = quotas.limits(project_id, SERVICE)["per_volume_gigabytes"]
    if 0 <= limit < size:
        raise VolumeTooLarge(size, limit)
