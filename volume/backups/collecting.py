"""Chunks that no backup names any more are removed, and no other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

from volume.backups.manifest import Manifest
from volume.backups.repository import Repository


def collect(
    repository: Repository,
    origins: Collection[str],
    living: Iterable[Manifest],
    *,
    on_chunk: Callable[[], None] = lambda: None,
) -> int:
    """Remove the chunks that these backups wrote and no living one names; return how many.

    None of ``origins`` may be a backup that is being taken. All of ``living`` are read first: one
    that cannot be (its iterator raises) leaves everything as it is.
    """
    named: defaultdict[str, set[bytes]] = defaultdict(set)
    for manifest in living:
        wanted = [origin in origins for origin in manifest.header.origins]
        for place in manifest.table:
            if place is not None and wanted[place[0]]:
                named[manifest.origin_of(place)].add(place[1])
    removed = 0
    for origin in origins:
        for digest in list(repository.digests(origin)):
            if digest not in named[origin]:
                on_chunk()
                repository.delete(origin, [digest])
                removed += 1
    return removed
