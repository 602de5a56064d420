"""A manifest that a host made counts only if it says what was ordered and names chunks that are there."""

from __future__ import annotations

from collections.abc import Collection

from volume.backups.exceptions import BackupDamaged
from volume.backups.manifest import Compression, Encryption, Manifest
from volume.backups.taking import Wanted


def admit(
    data: bytes,
    wanted: Wanted,
    *,
    size: int,
    compression: Compression,
    encryption: Encryption,
    own: Collection[bytes],
) -> Manifest:
    """Return the manifest of a backup that was taken; ``own`` are the chunks it wrote.

    Chunks of others must be its parent's. Raises BackupDamaged.
    """
    found = Manifest.decode(data)
    expected = {
        "id": wanted.id,
        "lineage": wanted.lineage,
        "parent": None if wanted.parent is None else wanted.parent.header.id,
        "volume_id": wanted.volume_id,
        "created_at": wanted.created_at,
        "block_size": wanted.block_size,
        "size": size,
        "compression": compression,
        "encryption": encryption,
    }
    for name, value in expected.items():
        if getattr(found.header, name) != value:
            raise BackupDamaged(
                "The host's manifest is not of the backup that was ordered.", detail=name
            )
    shared = _places(wanted.parent) if len(found.header.origins) > 1 else frozenset()
    for index, place in enumerate(found.table):
        if place is None:
            continue
        there = place[1] in own if place[0] == 0 else (found.origin_of(place), place[1]) in shared
        if not there:
            raise BackupDamaged(
                "The host's manifest names a chunk that is not there.", detail=f"block {index}"
            )
    return found


def _places(parent: Manifest | None) -> Collection[tuple[str, bytes]]:
    if parent is None:
        return frozenset()
    return {(parent.origin_of(place), place[1]) for place in parent.table if place is not None}
