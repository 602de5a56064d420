"""The filters, in the order in which an explanation names them: conditions on pools.

One is None where the request does not care. They may name ``room`` (``PoolQuerySet.with_room``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_

from django.db.models import Q

from cloudweb import placing
from cloudweb.placing import be, have
from volume.models import Volume
from volume.querysets import is_up
from volume.scheduler.request import PoolRequest

Filter = placing.Filter[PoolRequest]


def _capabilities(request: PoolRequest) -> Q | None:
    found = [Q(capabilities__lists=word) for word in request.capabilities]
    return reduce(and_, found) if found else None


def _pools_of(request: PoolRequest, volume_ids: Sequence[str]) -> Q:
    """Return the condition of the pools that have one of these volumes; other projects' do not count."""
    volumes = Volume.objects.filter(
        id__in=volume_ids, project_id=request.project_id, pool__isnull=False
    )
    return Q(pk__in=volumes.values("pool"))


FILTERS: tuple[Filter, ...] = (
    Filter("enabled", lambda _: Q(enabled=True), lambda _, count: f"{be(count)} disabled"),
    Filter("thawed", lambda _: Q(frozen=False), lambda _, count: f"{be(count)} frozen"),
    Filter("up", lambda _: is_up(), lambda _, count: f"{be(count)} on a host that is down"),
    Filter("sound", lambda _: Q(problem=""), lambda _, count: f"{have(count)} a problem"),
    Filter(
        "zone",
        lambda request: None if request.zone is None else Q(zone=request.zone),
        lambda request, count: f"{be(count)} not in the availability zone {request.zone}",
    ),
    Filter(
        "type_zones",
        lambda request: Q(zone__in=request.zones) if request.zones else None,
        lambda request, count: f"{be(count)} in no zone of its type ({', '.join(request.zones)})",
    ),
    Filter(
        "pool",
        lambda request: None if request.pool_id is None else Q(pk=request.pool_id),
        lambda _, count: f"{be(count)} not where the source of the volume is",
    ),
    Filter(
        "another_pool",
        lambda request: ~Q(pk__in=request.excluded_pools) if request.excluded_pools else None,
        lambda _, count: f"{be(count)} where the volume is already",
    ),
    Filter(
        "backend",
        lambda request: None if request.backend is None else Q(backend=request.backend),
        lambda request, count: f"{be(count)} of another back end than {request.backend}",
    ),
    Filter(
        "capabilities",
        _capabilities,
        lambda request, _: f"cannot do {' and '.join(request.capabilities)}",
    ),
    Filter(
        "not_excluded",
        lambda request: ~Q(host__in=request.excluded_hosts) if request.excluded_hosts else None,
        lambda _, __: "failed to make it already",
    ),
    Filter(
        "same_host",
        lambda one: _pools_of(one, one.together_with) if one.together_with else None,
        lambda _, count: f"{have(count)} none of the volumes it is to be with",
    ),
    Filter(
        "different_host",
        lambda one: ~_pools_of(one, one.apart_from) if one.apart_from else None,
        lambda _, count: f"{have(count)} a volume it is not to be with",
    ),
    Filter(
        "room",
        lambda request: Q(room__gte=request.size),
        lambda _, count: f"{have(count)} too little room left",
    ),
)


def conditions(request: PoolRequest) -> list[tuple[Filter, Q]]:
    """Return the filters this request cares about, each with its condition."""
    return placing.conditions(FILTERS, request)
