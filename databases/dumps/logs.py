"""The pieces of a database's log: its guest writes each once, and says which it has written.

The path is good for one guest and one archive while that is open; the number is the guest's own. A piece that
was named is neither written again nor another, and of what was not named there is one at most: what a guest can
still do is to send nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import BinaryIO
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import Conflict, Forbidden, InvalidInput, RequestTooLarge
from cloudweb.stores.configured import default_store, store
from cloudweb.times import parse_moment
from databases import conf
from databases.dumps import tickets
from databases.dumps.repository import FOLDER, LOGS, DumpRepository
from databases.exceptions import BackupDamaged
from databases.mailbox import guests
from databases.models import DatabaseInstance, GuestAgent, LogArchive, LogPiece
from databases.moments import place
from databases.objects import LogSent

#: Bytes of one piece; the agent sends eight segments of 16 MiB at once.
MOST = 160 << 20
#: Pieces of one log that are kept, however small: those of half a year, by one every five minutes.
MOST_PIECES = 50_000
_RUN = re.compile(r"[0-9a-f]{1,32}")


def room(archive: LogArchive) -> int:
    """Return how much of an instance's log is kept, in bytes: what is older goes."""
    most: int = conf.LOG_VOLUMES * (archive.volume_size << 30)
    return most


def stored(archive: LogArchive) -> int:
    """Return how much of it there is."""
    found: int | None = archive.pieces.aggregate(sum=Sum("size"))["sum"]
    return found or 0


def data_of(archive: LogArchive) -> DumpRepository:
    """Return where the pieces of a log are kept."""
    kept = store(conf.BACKUP_STORE or default_store()).inside(f"{FOLDER}/{LOGS}")
    return DumpRepository(kept, archive.id)


def write(
    asker: Mapping[str, str],
    archive_id: UUID,
    number: int,
    signature: str,
    *,
    read: Callable[[int], bytes],
) -> str:
    """Take a piece that nobody has named yet; return its receipt.

    What was sent before under another number and was not named goes; of two at once one stays.
    Raises GuestRefused, RequestTooLarge, BadRequest, Conflict, StoreFull, StoreUnavailable.
    """
    instance = guests.instance_at(asker, "write_log", claimed=str(archive_id))
    found = LogArchive.objects.filter(id=archive_id, instance_id=instance.id, enabled=True).first()
    is_free = (
        0 < number < 1 << 31
        and not LogPiece.objects.filter(archive_id=archive_id, number=number).exists()
    )
    may = _counts("write_log", archive_id, 0, signature, instance=instance, lifetime=None)
    if found is None or not is_free or not may:
        guests.refuse(asker, "write_log", claimed=str(archive_id))
    if stored(found) > 2 * room(found) or found.pieces.count() > 2 * MOST_PIECES:
        raise RequestTooLarge
    data, rows = data_of(found), LogArchive.objects.filter(id=found.id)
    _drop_unnamed(found, but=number)
    rows.update(writing=number)
    receipt = data.take(number, read, limit=MOST)
    if not rows.filter(writing=number).exists():
        data.drop_part(number)
        raise Conflict("Another piece was sent meanwhile.")
    return receipt


def _drop_unnamed(archive: LogArchive, *, but: int) -> None:
    number = archive.writing
    if number and number != but and not archive.pieces.filter(number=number).exists():
        data_of(archive).drop_part(number)


def read(
    asker: Mapping[str, str], archive_id: UUID, number: int, signature: str
) -> tuple[BinaryIO, int]:
    """Return a piece and its size for a guest that is made from it; raise GuestRefused, BackupDamaged."""
    instance = guests.instance_at(asker, "read_log", claimed=str(archive_id))
    found = _piece(archive_id, number, instance)
    if found is None or not _counts("read_log", archive_id, number, signature, instance=instance):
        guests.refuse(asker, "read_log", claimed=str(archive_id))
    return data_of(found.archive).open_part(number, found.draw), found.size


def _counts(
    purpose: tickets.Purpose,
    archive_id: UUID,
    number: int,
    signature: str,
    *,
    instance: DatabaseInstance,
    lifetime: int | None = tickets.LIFETIME,
) -> bool:
    try:
        tickets.check(
            purpose, archive_id, number, signature, instance_id=instance.id, lifetime=lifetime
        )
    except Forbidden:
        return False
    return True


def _piece(archive_id: UUID, number: int, instance: DatabaseInstance) -> LogPiece | None:
    rows = LogPiece.objects.filter(
        archive_id=archive_id, number=number, archive__project_id=instance.project_id
    )
    return rows.select_related("archive").first()


def named(agent: GuestAgent, said: LogSent) -> bool:
    """Count a piece that a guest has written; said again it is the same. False for one that cannot be."""
    try:
        begins, ends = place(said.since), place(said.position)
        until = parse_moment(said.until, field="until") if said.until else None
        archive_id = UUID(said.archive)
    except (ValueError, InvalidInput):
        return False
    rows = LogArchive.objects.filter(id=archive_id, instance_id=agent.instance_id, enabled=True)
    found = rows.first()
    if found is None or _RUN.fullmatch(said.run) is None or begins >= ends:
        return False
    try:
        part = data_of(found).read_receipt(said.receipt)
    except BackupDamaged:
        return False
    if part.number != said.number:
        return False
    with transaction.atomic():
        archive = locked(rows).first()
        if archive is None:
            return False
        if until is not None:  # whose clock is ahead is believed no further than ours
            until = min(until, now())
        piece, made = LogPiece.objects.get_or_create(
            archive=archive,
            number=said.number,
            defaults={
                "run": said.run,
                "begins": begins,
                "ends": ends,
                "until": until,
                "size": part.size,
                "draw": part.draw,
                "checksum": part.sha256,
            },
        )
        return made or piece.draw == part.draw


def forget(piece: LogPiece) -> None:
    """Leave nothing of a piece."""
    data_of(piece.archive).drop_part(piece.number)
    piece.delete()


def forget_all(archive: LogArchive) -> None:
    """Leave nothing of a log, what nobody named included."""
    data_of(archive).delete()
    archive.delete()
