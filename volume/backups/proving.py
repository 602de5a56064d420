"""A sample of a backup that is too large to be restored whole."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from volume.backups.manifest import Manifest
from volume.backups.restoring import Chunks
from volume.backups.sealing import Sealer


def check_sample(
    manifest: Manifest,
    chunks: Chunks,
    sealer: Sealer,
    *,
    count: int,
    on_block: Callable[[], None] = lambda: None,
) -> int:
    """Open so many blocks that nobody can foresee; return how many. Raises BackupDamaged."""
    stored = [index for index, place in enumerate(manifest.table) if place is not None]
    chosen = secrets.SystemRandom().sample(stored, min(count, len(stored)))
    for index in sorted(chosen):
        on_block()
        place = manifest.table[index]
        assert place is not None
        chunk = chunks.get(manifest.origin_of(place), place[1])
        sealer.open(chunk, place[1], length=manifest.length_of(index))
    return len(chosen)
