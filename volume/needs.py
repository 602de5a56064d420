"""What a volume needs of its pool: of its type, of its source, of what it shall be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudweb.identifiers import as_uuid
from volume.models import Snapshot, Volume, VolumeType
from volume.scheduler import PoolRequest

#: The extra spec by which a type names its back end.
BACKEND = "volume_backend_name"
#: An extra spec that a pool must be able to do something has this before the capability's name.
CAPABILITY = "capabilities:"
#: The extra spec by which a type names the availability zones of its volumes, joined by commas.
ZONES = "RESKEY:availability_zones"
MULTIATTACH = "multiattach"
CLONES = "clones"
ENCRYPTION = "encryption"


def demands(extra_specs: Mapping[str, str], word: str) -> bool:
    """Tell whether a type says ``<is> True`` of something."""
    said = extra_specs.get(word, "").lower().removeprefix("<is>").strip()
    return said == "true"


def allows_several(extra_specs: Mapping[str, str]) -> bool:
    """Tell whether volumes of a type may be in several servers at once."""
    return demands(extra_specs, MULTIATTACH)


def zones_of(extra_specs: Mapping[str, str]) -> tuple[str, ...]:
    """Return the zones that a type keeps its volumes to; none: any will do."""
    said = (one.strip() for one in extra_specs.get(ZONES, "").split(","))
    return tuple(sorted({one for one in said if one}))


def pool_request(
    volume: Volume,
    *,
    zone: str | None,
    hints: Mapping[str, Any],
    excluded_hosts: tuple[str, ...] = (),
) -> PoolRequest:
    """Return what the scheduler is asked for."""
    source = _pool_of_source(volume)
    return PoolRequest(
        size=volume.size,
        zone=zone,
        zones=zones_of(volume.volume_type.extra_specs),
        pool_id=source,
        backend=volume.volume_type.extra_specs.get(BACKEND),
        capabilities=_capabilities(volume, copies=source is not None),
        excluded_hosts=excluded_hosts,
        project_id=volume.project_id,
        together_with=tuple(_ids(hints.get("same_host"))),
        apart_from=tuple(_ids(hints.get("different_host"))),
    )


def move_request(
    volume: Volume,
    kind: VolumeType,
    *,
    encrypted: bool,
    pool_id: str | None,
    excluded: tuple[str, ...] = (),
) -> PoolRequest:
    """Return what a volume needs that is there, and shall be of a type (again), wherever that is."""
    wanted = demanded(kind.extra_specs)
    wanted |= {MULTIATTACH} if volume.multiattach else set()
    wanted |= {ENCRYPTION} if encrypted else set()
    zones = zones_of(kind.extra_specs)
    return PoolRequest(
        size=volume.size,
        zone=None if pool_id or zones else volume.zone or None,
        zones=zones,
        pool_id=pool_id,
        excluded_pools=excluded,
        backend=kind.extra_specs.get(BACKEND),
        capabilities=tuple(sorted(wanted)),
        project_id=volume.project_id,
    )


def demanded(extra_specs: Mapping[str, str]) -> set[str]:
    """Return what a type says that a pool must be able to do."""
    found = {
        key.removeprefix(CAPABILITY)
        for key in extra_specs
        if key.startswith(CAPABILITY) and demands(extra_specs, key)
    }
    return found | ({MULTIATTACH} if allows_several(extra_specs) else set())


def _capabilities(volume: Volume, *, copies: bool) -> tuple[str, ...]:
    wanted = demanded(volume.volume_type.extra_specs)
    if volume.multiattach:
        wanted.add(MULTIATTACH)
    if volume.encrypted:
        wanted.add(ENCRYPTION)
    if copies:
        wanted.add(CLONES)
    return tuple(sorted(wanted))


def _pool_of_source(volume: Volume) -> str | None:
    """Return the pool of what the volume is copied from: there it must be, too."""
    rows = Volume.objects.none()
    if volume.snapshot_id is not None:
        rows = Volume.objects.filter(
            id__in=Snapshot.objects.filter(id=volume.snapshot_id).values("volume")
        )
    elif volume.source_volume_id is not None:
        rows = Volume.objects.filter(id=volume.source_volume_id)
    found = rows.filter(pool__isnull=False).values_list("pool", flat=True).first()
    return str(found) if found else None


def _ids(said: Any) -> Sequence[str]:
    named = said if isinstance(said, list) else [said] if said else []
    return [str(key) for one in named if (key := as_uuid(str(one)))]
