"""What a guest needs to begin with a backup."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from databases.dumps import tickets
from databases.models import Backup, LogPiece
from databases.moments import way_to
from databases.objects import BackupPart, Piece, RestorePoint
from operations.saga import StepFailed

#: Where a guest finds what its host's proxy gives it.
METADATA = "http://169.254.169.254"


def restore_point(
    backup: Backup, instance_id: UUID, *, until: datetime | None = None
) -> RestorePoint:
    """Return what a guest needs of a backup and those it adds to, the full one first; and of the log after it.

    Raises StepFailed where the log does not lead to the moment any more.
    """
    if until is None:
        return RestorePoint(chain=tuple(_part(one, instance_id) for one in backup.chain))
    way = way_to(backup.instance_id, until)
    if way is None:
        raise StepFailed("The log up to that moment is gone.")
    return RestorePoint(
        chain=tuple(_part(one, instance_id) for one in way.backup.chain),
        log=tuple(_piece(one, instance_id) for one in way.pieces),
        until=until.isoformat(),
    )


def _piece(piece: LogPiece, instance_id: UUID) -> BackupPart:
    path = tickets.path_of("read_log", piece.archive_id, piece.number, instance_id=instance_id)
    return BackupPart(
        id=f"{piece.archive_id}/{piece.number}",
        kind="incremental",
        checksum=piece.checksum,
        pieces=(Piece(url=f"{METADATA}/{path}", size=piece.size),),
    )


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
