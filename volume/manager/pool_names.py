"""Pools by the names that operators call them by."""

from __future__ import annotations

from volume.exceptions import InvalidPool
from volume.models import Pool


def pool_named(host: str) -> Pool:
    """Return the pool of a name; raise InvalidPool for none, or for a back end with several."""
    name, _, pool = host.partition("#")
    where, _, backend = name.partition("@")
    rows = Pool.objects.filter(host=where, backend=backend)
    found = list(rows.filter(name=pool) if pool else rows)
    if len(found) != 1:
        raise InvalidPool(
            f"No pool is called {host[:200]!r}."
            if not found
            else f"{host[:200]} has several pools."
        )
    return found[0]
