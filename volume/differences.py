"""What back ends have and no row explains, what rows say and no back end has, and sums of pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum

from cloudweb.database.locks import locked
from cloudweb.identifiers import as_uuid
from operations.saga import Run
from reconciliation.kinds import Finding, Kind, declare, looks_at_rows
from volume.leftovers import ROWS, find_leftovers, read_among
from volume.models import Attachment, Pool, Snapshot, Volume
from volume.objects import Held
from volume.states import AT_REST

if TYPE_CHECKING:
    from reconciliation.models import Difference

VOLUME, SNAPSHOT, ATTACHMENT = "volume_unknown", "snapshot_unknown", "export_unknown"
MISSING, SUMS = "volume_missing", "pool_sums"
WORDS = {VOLUME: "volume", SNAPSHOT: "snapshot", ATTACHMENT: "attachment"}


def unknown(held: Held) -> Mapping[str, Sequence[str]]:
    """Return what lies there and no row explains; a backup's point lies there as a snapshot does."""
    snapshots = _without_row(held.snapshots, (Snapshot.objects.all(), "id"))
    moved = Volume.objects.exclude(name_id=None)
    return {
        VOLUME: _without_row(held.volumes, (Volume.objects.all(), "id"), (moved, "name_id")),
        SNAPSHOT: _not_read(snapshots),
        ATTACHMENT: _without_row(held.attachments, (Attachment.objects.all(), "id")),
    }


def _without_row(names: Sequence[str], *tables: tuple[QuerySet[Any], str]) -> Sequence[str]:
    left = {name: as_uuid(name) for name in sorted(names)}
    for rows, column in tables:
        keys = [key for key in left.values() if key is not None]
        for start in range(0, len(keys), ROWS):
            part = rows.filter(**{f"{column}__in": keys[start : start + ROWS]})
            known = {*part.values_list(column, flat=True)}
            left = {name: key for name, key in left.items() if key not in known}
    return [*left]


def _not_read(names: Sequence[str]) -> Sequence[str]:
    parts = (names[start : start + ROWS] for start in range(0, len(names), ROWS))
    read = {name for part in parts for name in read_among(part)}
    return [name for name in names if name not in read]


def find_volumes(host: str, held: Held) -> Mapping[str, Sequence[Finding]]:
    """Compare what lies in a host's back ends with the rows."""
    found: dict[str, Sequence[Finding]] = {
        kind: [
            Finding(one, f"There is {WORDS[kind]} {one} in a back end, and nobody knows of it.")
            for one in ids
        ]
        for kind, ids in unknown(held).items()
    }
    there = {*held.volumes}
    found[MISSING] = [
        Finding(str(key), f"Volume {key} is not in its back end: what it held may be lost.")
        for key, name_id in _settled(host, held.backends).values_list("id", "name_id")
        if str(name_id or key) not in there
    ]
    return {**found, **find_leftovers(host, held)}


def _settled(host: str, backends: Sequence[str]) -> QuerySet[Volume]:
    """Return the volumes that rest in these back ends; of one that does not work nothing can be said."""
    lies = Q(pool__host=host, pool__backend__in=backends)
    return Volume.objects.settled().filter(lies, status__in=AT_REST)


@looks_at_rows
def find_wrong_sums() -> Mapping[str, Sequence[Finding]]:
    """Find pools whose sum is not that of their volumes; while one moves or grows it may be more."""
    found = []
    if not Volume.objects.moving().exists():
        for key, (name, held, total) in _wrong_sums().items():
            sentence = f"Pool {name} counts {held} GiB as promised, its volumes have {total}."
            found.append(Finding(str(key), sentence))
    return {SUMS: found}


def _wrong_sums(pool: UUID | None = None) -> Mapping[UUID, tuple[str, int, int]]:
    growing = Volume.objects.filter(pool__isnull=False).exclude(status__in=AT_REST)
    rows = Pool.objects.exclude(id__in=growing.values("pool_id"))
    if pool is not None:
        rows = rows.filter(id=pool)
    sums = rows.annotate(held=Sum("volumes__size", default=0)).exclude(provisioned=F("held"))
    totals = dict(sums.values_list("id", "held"))
    return {
        row.id: (row.full_name, row.provisioned, totals[row.id])
        for row in Pool.objects.filter(id__in=[*totals])
    }


def _is_wrong(difference: Difference) -> bool:
    return not Volume.objects.moving().exists() and bool(_wrong_sums(as_uuid(difference.subject)))


def _recount(_run: Run, difference: Difference) -> None:
    with transaction.atomic():
        list(locked(Pool.objects.filter(id=difference.subject)))  # no volume comes meanwhile
        for key, (_, _, total) in _wrong_sums(as_uuid(difference.subject)).items():
            Pool.objects.filter(id=key).update(provisioned=total)


def _always(_difference: Difference) -> bool:
    return True


declare(
    Kind(
        name=VOLUME,
        title="Volume that nobody knows",
        remedy="A human takes it over (manage) or removes it: it may be somebody's only copy.",
        is_true=_always,
    ),
    Kind(
        name=SNAPSHOT,
        title="Snapshot that nobody knows",
        remedy="A human looks what it is of: it may be somebody's only copy.",
        is_true=_always,
    ),
    Kind(
        name=ATTACHMENT,
        title="Export to nobody",
        remedy="A human looks who uses it: the host serves what it was told to.",
        is_true=_always,
    ),
    Kind(
        name=MISSING,
        title="Volume that is not there",
        remedy="A human looks for its data, and restores a backup.",
        is_true=_always,
    ),
    Kind(
        name=SUMS,
        title="Sum of a pool",
        remedy="It is counted anew.",
        is_true=_is_wrong,
        heal=_recount,
    ),
)
