"""Backups, and the log (WAL) between them: how they are sent, and how a datastore begins with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from pydantic import Field

from cloudweb.objects import Data, Part, VersionedObject
from databases.objects.downgrades import without


class Piece(Part):
    """A part of a backup: where it is read, by a URL that is good for this alone."""

    url: str = Field(repr=False)
    size: int


class BackupPart(Part):
    """One backup of a chain, the full one first. ``position`` is the datastore's own (LSN, GTID)."""

    id: str
    kind: Literal["full", "incremental"] = "full"
    checksum: str  # sha256 of the stream
    position: str = ""
    pieces: tuple[Piece, ...]


class RestorePoint(Part):
    """What a new instance begins with; ``until`` (RFC 3339) for a point in time."""

    chain: tuple[BackupPart, ...]
    log: tuple[BackupPart, ...] = ()
    until: str = ""


class UploadTarget(Part):
    """Where something is written part by part: each URL is good for writing this part alone."""

    urls: tuple[str, ...] = Field(repr=False)
    part_size: int


class UploadedPart(Part):
    """A part that the store has taken."""

    number: int
    etag: str
    size: int


class DumpRequest(VersionedObject):
    """Stream a backup by the datastore's own tool; the last part goes only after the tool ended well."""

    VERSION: ClassVar[str] = "1.0"

    backup_id: str
    kind: Literal["full", "incremental"] = "full"
    since: str = ""  # the position an incremental one begins at
    target: UploadTarget


class DumpMade(VersionedObject):
    """What a backup came to; ``update_backup`` takes it, too."""

    VERSION: ClassVar[str] = "1.0"

    backup_id: str
    size: int
    checksum: str  # sha256 of the stream
    backup_type: str  # the tool: pg_basebackup, mariabackup, wal, binlog
    position: str = ""
    parts: tuple[UploadedPart, ...] = ()


class KeepLog(VersionedObject):
    """Send the log (WAL) every so many seconds, to ``url`` with a piece's number in it; "": no longer.

    ``number`` is the first piece's; a piece has ``most`` bytes at most. ``position`` is where the piece before
    it ended, of ``run``: a guest that is new goes on there where the log that follows is still kept.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: without("run", "position")}

    archive: str
    url: str = Field("", repr=False)
    number: int = 1
    every: int = 300
    most: int = 0
    run: str = ""
    position: str = ""


class LogKept(VersionedObject):
    """The log is sent from this position on; "" where it is not sent any more."""

    VERSION: ClassVar[str] = "1.0"

    position: str


class LogSent(VersionedObject):
    """A piece of a log that the store has taken; ``run`` differs where it does not follow the piece before.

    It holds all between two positions, and a commit after ``until`` (RFC 3339), which is "" where more waited.
    """

    VERSION: ClassVar[str] = "1.0"

    archive: str
    run: str
    number: int
    receipt: str
    since: str
    position: str
    until: str


class Verified(VersionedObject):
    """All data were looked through, by which program."""

    VERSION: ClassVar[str] = "1.0"

    program: str
