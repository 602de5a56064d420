"""Restoring a backup: every block is checked against its digest before it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from volume.backups.exceptions import BackupDamaged
from volume.backups.manifest import Manifest
from volume.backups.sealing import Sealer
from volume.backups.table import Table


class Chunks(Protocol):
    """Where chunks come from."""

    def get(self, origin: str, digest: bytes) -> bytes:
        """Return a chunk that this backup wrote. Raises BackupDamaged where it is gone."""


class Target(Protocol):
    """What is written to: a volume, or a file."""

    size: int

    def write(self, offset: int, data: bytes) -> None:
        """Write these bytes."""

    def zero(self, offset: int, length: int) -> None:
        """Make these bytes zeros, without storing them where that is possible."""


def restore(
    manifest: Manifest,
    chunks: Chunks,
    target: Target,
    sealer: Sealer,
    *,
    on_block: Callable[[int], None] = lambda _: None,
) -> None:
    """Make the target what the volume was; what it has beyond that becomes zeros.

    Raises BackupDamaged at the first block that is not what was backed up. ``on_block`` gets the
    bytes done with each block that was stored, and may raise.
    """
    header = manifest.header
    if target.size < header.size:
        raise ValueError("the target is smaller than the backup")
    start: int | None = None  # of a run of zeros
    for index, place in enumerate(manifest.table):
        offset, length = index * header.block_size, manifest.length_of(index)
        if place is None:
            start = offset if start is None else start
        else:
            if start is not None:
                target.zero(start, offset - start)
                start = None
            chunk = chunks.get(manifest.origin_of(place), place[1])
            target.write(offset, sealer.open(chunk, place[1], length=length))
            on_block(offset + length)
    rest = header.size if start is None else start
    if rest < target.size:
        target.zero(rest, target.size - rest)


class Readable(Protocol):
    """What was restored."""

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly these bytes."""

    def data_after(self, offset: int) -> int:
        """Return where, from there on, something may be that is not zeros."""


def check_restored(
    manifest: Manifest,
    restored: Readable,
    sealer: Sealer,
    *,
    on_block: Callable[[int], None] = lambda _: None,
) -> None:
    """Read back what was restored; raise BackupDamaged unless its digest is the backup's."""
    found, zeros = Table(), bytes(manifest.header.block_size)
    data_at = -1
    for index in range(len(manifest.table)):
        offset, length = index * manifest.header.block_size, manifest.length_of(index)
        if data_at < offset:
            data_at = restored.data_after(offset)
        is_hole = data_at >= offset + length
        if is_hole:
            found.append(None)
            continue
        block = restored.read(offset, length)
        found.append(None if block == zeros[:length] else (0, sealer.digest(block)))
        on_block(offset + length)
    if found.content().hex() != manifest.header.content:
        raise BackupDamaged("What was restored is not what was backed up.")
