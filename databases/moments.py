"""To which moments one can go back: from a backup on, as far as the log after it is there without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from databases.models import Backup, LogPiece
from databases.states import WHOLE


@dataclass(frozen=True, slots=True)
class Window:
    """From the moment at which a backup was whole to the last one that the log after it holds."""

    backup: Backup
    pieces: Sequence[LogPiece]
    begins: datetime
    ends: datetime


def place(position: str) -> int:
    """Return a position of PostgreSQL's log in bytes; raise ValueError for what is none."""
    high, _, low = position.partition("/")
    found = (int(high, 16) << 32) + int(low, 16)
    if not 0 <= found < 1 << 63:
        raise ValueError(position)
    return found


def said(place: int) -> str:
    """Return a position as PostgreSQL says it."""
    return f"{place >> 32:X}/{place & 0xFFFFFFFF:X}"


def windows(instance_id: UUID) -> list[Window]:
    """Return where one can go back to, by the oldest backup first; they may overlap."""
    rows = Backup.objects.filter(
        instance_id=instance_id, status__in=WHOLE, taken_at__isnull=False
    ).exclude(position="")
    pieces = [*LogPiece.objects.filter(archive__instance_id=instance_id).order_by("number")]
    found = []
    for backup in rows.select_related("version__datastore").order_by("taken_at"):
        mine = _after(backup, pieces)
        last = max((one.until for one in mine if one.until), default=None)
        if last is not None and backup.taken_at is not None and last > backup.taken_at:
            found.append(Window(backup, mine, backup.taken_at, last))
    return found


def _after(backup: Backup, pieces: Sequence[LogPiece]) -> list[LogPiece]:
    """Return the pieces that go on where a backup ends, without a gap."""
    try:
        begun = place(backup.position)
    except ValueError:
        return []  # another datastore's
    later = [one for one in pieces if one.created_at >= backup.created_at and one.ends > begun]
    found: list[LogPiece] = []
    for one in later:
        if not found and one.begins > begun:
            break
        if found and (one.run, one.begins) != (found[-1].run, found[-1].ends):
            break
        found.append(one)
    return found


def way_to(instance_id: UUID, moment: datetime) -> Window | None:
    """Return the backup and the pieces of log that lead to a moment; None where nothing does."""
    fitting = [one for one in windows(instance_id) if one.begins <= moment <= one.ends]
    if not fitting:
        return None
    nearest = fitting[-1]
    pieces: list[LogPiece] = []
    for one in nearest.pieces:
        pieces.append(one)
        if one.until is not None and one.until >= moment:
            break
    return Window(nearest.backup, pieces, nearest.begins, nearest.ends)


def joined(found: Sequence[Window]) -> list[tuple[datetime, datetime]]:
    """Return the stretches of time, the oldest first, each without a gap."""
    joined: list[tuple[datetime, datetime]] = []
    for one in sorted(found, key=lambda window: window.begins):
        if joined and one.begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], one.ends))
        else:
            joined.append((one.begins, one.ends))
    return joined
