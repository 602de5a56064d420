"""Pools as the scheduler sees them, and what is on a host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet, Sum

from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume.exceptions import BackEndNotFound
from volume.manager.volume_type import VolumeTypeManager
from volume.models import Pool, Snapshot, Volume
from volume.needs import BACKEND, demanded


class PoolStat(NamedTuple):
    """A pool, and how many volumes are in it."""

    pool: Pool
    volumes: int


class HostUse(NamedTuple):
    """What one project, or all together, has on a back end."""

    project_id: str
    volumes: int
    volume_size: int
    snapshots: int
    snapshot_size: int


class PoolStatManager(Manager):
    """Pools for operators and for the tools that watch them."""

    @policy("volume:pools:list")
    def list(self, *, volume_type: str | None = None) -> Sequence[PoolStat]:
        """Return pools with how many volumes are in them; of a type, those that could take its volumes.

        Raises VolumeTypeNotFound.
        """
        rows: Any = Pool.objects.order_by("host", "backend", "name").annotate(held=Count("volumes"))
        if volume_type is not None:
            specs = VolumeTypeManager(self.context).named(volume_type).extra_specs
            for word in demanded(specs):
                rows = rows.filter(capabilities__lists=word)
            if BACKEND in specs:
                rows = rows.filter(backend=specs[BACKEND])
        return [PoolStat(pool, pool.held) for pool in rows]

    @policy("volume:pools:list")
    def of_backend(self, name: str) -> Sequence[Pool]:
        """Return the pools of ``h1@file`` or the one of ``h1@file#default``; raise BackEndNotFound."""
        found = list(Pool.objects.filter(_named(name)))
        if not found:
            raise BackEndNotFound(name)
        return found

    @policy("volume:hosts:get")
    def use_of(self, name: str) -> Sequence[HostUse]:
        """Return what is on a back end (of a host on all): in total, then by project.

        Raises BackEndNotFound.
        """
        pools = list(Pool.objects.filter(_named(name)))
        if not pools:
            raise BackEndNotFound(name)
        volumes = _sums(Volume.objects.filter(pool__in=pools))
        snapshots = _sums(Snapshot.objects.filter(volume__pool__in=pools))
        return [
            HostUse("(total)", *_total(volumes), *_total(snapshots)),
            *(
                HostUse(project, *volumes.get(project, (0, 0)), *snapshots.get(project, (0, 0)))
                for project in sorted({*volumes, *snapshots})
            ),
        ]


def _named(name: str) -> Q:
    """Return the condition of the pools that a host's, back end's or pool's name means."""
    place, _, pool = name.partition("#")
    host, _, backend = place.partition("@")
    found = Q(host=host)
    if backend:
        found &= Q(backend=backend)
    return found & Q(name=pool) if pool else found


def _sums(rows: QuerySet[Any]) -> Mapping[str, tuple[int, int]]:
    """Return number and GiB by project."""
    counted = rows.order_by().values_list("project_id").annotate(Count("id"), Sum("size"))
    return {project: (count, size) for project, count, size in counted}


def _total(sums: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(count for count, _ in sums.values()), sum(size for _, size in sums.values())
