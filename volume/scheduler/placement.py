"""Take room in a pool for a volume, more of it, and give it back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import structlog
from django.db import transaction
from django.db.models import F, QuerySet

from cloudweb.context import RequestContext
from cloudweb.database.locks import locked, takes
from cloudweb.placing import together
from volume.models import Pool, Volume
from volume.scheduler import explanation
from volume.scheduler.filters import conditions
from volume.scheduler.request import PoolRequest

log = structlog.get_logger(__name__)

#: How many of the pools that fit are tried, and how often they are read after others took all of them.
CANDIDATES = 10
ROUNDS = 5


class Place(NamedTuple):
    """Where a volume is to be."""

    host: str
    zone: str


def claim(context: RequestContext, *, volume_id: str, request: PoolRequest) -> Place:
    """Give a volume a pool with room for it, and return where that is.

    A volume that has a pool keeps it. May be called inside a transaction, which the error leaves
    usable. Raises NoValidPool.
    """
    with transaction.atomic(savepoint=False):
        place = _kept(volume_id) or _taken(volume_id, request)
    if place is None:
        raise _explained(context, volume_id, request)
    return place


def release(volume_id: str) -> None:
    """Take a volume's pool away and give its room back; nothing happens when it has none."""
    with transaction.atomic(savepoint=False):
        held = (
            Volume.objects.filter(id=volume_id, pool__isnull=False)
            .values_list("pool_id", "size")
            .first()
        )
        # Of two releases at once only one takes the pool away, and only that one gives back.
        if held and Volume.objects.filter(id=volume_id, pool=held[0]).update(pool=None):
            shrink(str(held[0]), held[1])


def grow(context: RequestContext, *, volume_id: str, pool_id: str, size: int) -> None:
    """Take so many GiB more of a pool for a volume that is in it; raise NoValidPool.

    A pool that operators closed for new volumes still lets those it has grow.
    """
    request = PoolRequest(size=size, pool_id=pool_id)
    room = [one for one in conditions(request) if one[0].name in ("pool", "room")]
    rows = Pool.objects.with_room().filter(together(room))
    if not rows.update(provisioned=F("provisioned") + size):
        raise _explained(context, volume_id, request)


def shrink(pool_id: str, size: int) -> None:
    """Give so many GiB of a pool back."""
    Pool.objects.filter(id=pool_id).update(provisioned=F("provisioned") - size)


def take(context: RequestContext, *, volume_id: str, request: PoolRequest) -> Pool:
    """Take room for a volume in a pool beside the one where it is, and return that pool.

    Give it back by ``shrink``. Raises NoValidPool.
    """
    with transaction.atomic(savepoint=False):
        for pool in _with_room(request):
            return pool
    raise _explained(context, volume_id, request)


def serves(pool_id: str, request: PoolRequest) -> bool:
    """Tell whether a pool is of the kind that is asked for, whatever room it has just now."""
    passing = ("enabled", "thawed", "up", "sound", "room")
    kind = [one for one in conditions(request) if one[0].name not in passing]
    return Pool.objects.filter(together(kind), id=pool_id).exists()


def _kept(volume_id: str) -> Place | None:
    found = (
        Volume.objects.filter(id=volume_id, pool__isnull=False)
        .values_list("pool__host", "pool__zone")
        .first()
    )
    return Place(*found) if found else None


def _taken(volume_id: str, request: PoolRequest) -> Place | None:
    """Take room in the pool that has most; None when none fits."""
    for pool in _with_room(request):
        homeless = Volume.objects.filter(id=volume_id, pool__isnull=True)
        if homeless.update(pool=pool, zone=pool.zone):
            return Place(pool.host, pool.zone)
        shrink(str(pool.id), request.size)  # another was faster with the same volume
        return _kept(volume_id)
    return None


def _with_room(request: PoolRequest) -> Iterator[Pool]:
    """Give the pool that has most, the room taken; nothing when none fits."""
    fits = together(conditions(request))
    for _ in range(ROUNDS):
        rows = Pool.objects.with_room().filter(fits).order_by(F("room").desc(), "host", "id")
        candidates = list(rows[:CANDIDATES])
        if not candidates:
            return
        for pool in candidates:
            chosen = Pool.objects.with_room().filter(fits, id=pool.id)
            if takes(partial(_fill, pool, chosen, request.size)):
                yield pool


def _fill(pool: Pool, chosen: QuerySet[Pool], size: int) -> int:
    _lock_storage(pool)
    return chosen.update(provisioned=F("provisioned") + size)


def _lock_storage(pool: Pool) -> None:
    """Let nobody else take room of one storage meanwhile by another host's pool of it."""
    if pool.storage_id:
        list(locked(Pool.objects.filter(storage_id=pool.storage_id).order_by("id")))


def _explained(context: RequestContext, volume_id: str, request: PoolRequest) -> Exception:
    reason = explanation.explain(request)
    log.info(
        "no valid pool",
        volume_id=volume_id,
        request_id=context.request_id,
        detail=reason.detail,
    )
    return reason
