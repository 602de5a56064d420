"""What hosts have promised, for those who compare it with what is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F, Sum

from cloudweb.database.locks import locked
from compute.models import Claim, Host
from compute.scheduler.cells import held_by
from compute.scheduler.placement import release

SUMS = {"vcpus_used": "vcpus", "ram_used": "ram", "disk_used": "disk", "pinned": "pinned"}


class Held(NamedTuple):
    """A place that is held on a host."""

    holder: UUID
    created_at: datetime


def claims_on(host: str) -> Collection[Held]:
    """Return who holds a place on a host, and since when."""
    rows = Claim.objects.filter(host__name=host).order_by("id")
    return [Held(*row) for row in rows.values_list("instance_id", "created_at")]


def claim_where_it_is(
    instance_id: str,
    *,
    host: str,
    project_id: str,
    size: Mapping[str, int],
    group_id: UUID | None,
    cells: list[dict[str, Any]] | None = None,
) -> None:
    """Write down the place that a server has, whether there is room or not; ``size`` by vcpus, ram, disk."""
    held = held_by(cells)
    with transaction.atomic(savepoint=False):
        row = locked(Host.objects.filter(name=host)).first()
        if row is None:
            return
        release(instance_id)
        Claim.objects.create(
            instance_id=instance_id,
            host=row,
            project_id=project_id,
            group_id=group_id,
            cells=cells,
            pinned=held,
            **({**size, "vcpus": 0} if held else size),
        )
        Host.objects.filter(pk=row.pk).update(cells_taken=F("cells_taken") + 1)
        recount(host)


def wrong_sums(host: str = "") -> Mapping[str, Mapping[str, int]]:
    """Return by host what its claims add up to, where that is not what it has written down."""
    rows = Host.objects.filter(name=host) if host else Host.objects.all()
    sums = {f"sum_{name}": Sum(f"claims__{column}", default=0) for name, column in SUMS.items()}
    found: dict[str, Mapping[str, int]] = {}
    for row in rows.annotate(**sums).values("name", *SUMS, *sums).order_by("name"):
        facts: dict[str, Any] = {name: row[f"sum_{name}"] for name in SUMS}
        if any(row[name] != total for name, total in facts.items()):
            found[row["name"]] = facts
    return found


def recount(host: str) -> None:
    """Let a host's sums be what its claims add up to."""
    with transaction.atomic(savepoint=False):
        Host.objects.select_for_update().filter(
            name=host
        ).first()  # no claim comes or goes meanwhile
        for facts in wrong_sums(host).values():
            Host.objects.filter(name=host).update(**facts)
