"""What a volume needs of a pool."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRequest:
    """What a volume needs; ``size`` in GiB.

    ``pool_id`` asks for one pool and no other: what is made of a volume lies where that lies.
    ``excluded_pools`` are ids of those where it is already.
    ``zones`` are those that its type keeps it to, ``backend`` is what the type names.
    ``capabilities`` are names of ``volume.drivers.base``.
    ``together_with`` and ``apart_from`` are ids of volumes of project ``project_id``.
    """

    size: int
    zone: str | None = None
    zones: tuple[str, ...] = ()
    pool_id: str | None = None
    backend: str | None = None
    capabilities: tuple[str, ...] = ()
    excluded_pools: tuple[str, ...] = ()
    excluded_hosts: tuple[str, ...] = ()
    project_id: str = ""
    together_with: tuple[str, ...] = ()
    apart_from: tuple[str, ...] = ()
