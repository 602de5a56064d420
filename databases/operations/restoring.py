"""What a guest needs to begin with a backup."""

from __future__ import annotations

from uuid import UUID

from databases.dumps import tickets
from databases.models import Backup
from databases.objects import BackupPart, Piece, RestorePoint

#: Where a guest finds what its host's proxy gives it.
METADATA = "http://169.254.169.254"


def restore_point(backup: Backup, instance_id: UUID) -> RestorePoint:
    """Return what a guest needs of a backup and those it adds to, the full one first."""
    chain = [backup]
    while chain[0].parent is not None:
        chain.insert(0, chain[0].parent)
    return RestorePoint(chain=tuple(_part(one, instance_id) for one in chain))


def _part(backup: Backup, instance_id: UUID) -> BackupPart:
    pieces = (
        Piece(
            url=f"{METADATA}/{tickets.path_of('read', backup.id, number, instance_id=instance_id)}",
            size=size,
        )
        for number, size in backup.parts
    )
    return BackupPart(
        id=str(backup.id),
        kind="incremental" if backup.parent_id else "full",
        checksum=backup.checksum,
        position=backup.position,
        pieces=tuple(pieces),
    )
