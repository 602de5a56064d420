"""Where the parts of a backup are in a store: ``<backup>/<number>/<draw>``, and its manifest.

A backup is whole when its manifest is there, which is written last: so a stream that broke off never
becomes one. A part that is sent again replaces the one before.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, ClassVar
from uuid import UUID

from django.core.signing import BadSignature, Signer
from pydantic import BaseModel, ConfigDict, ValidationError

from cloudweb.exceptions import BadRequest, Conflict, RequestTooLarge
from cloudweb.stores.base import Store
from databases.exceptions import BackupDamaged

#: The folder of a store in which all backups of databases are.
FOLDER = "database-backups"
#: Those that tenants want in containers of a name of theirs are in a folder each, under this one.
CONTAINERS = "containers"
#: The logs of databases are in a folder of their own, too.
LOGS = "logs"
CHUNK = 256 * 1024
#: A guest is given so many URLs at most, so its parts are larger where its volume is.
MOST_PARTS, LEAST_PART = 400, 8 * 1024 * 1024
_MANIFEST = "manifest"
_LONGEST_MANIFEST = MOST_PARTS * 256 + 1024


class StoredPart(BaseModel):
    """A part as the store has it: ``draw`` tells it from one that was sent before it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    draw: str
    size: int
    sha256: str


class Manifest(BaseModel):
    """What a whole backup consists of."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    VERSION: ClassVar[int] = 1

    version: int = VERSION
    backup: UUID
    sha256: str  # of all parts, one after the other, as the guest said it
    parts: tuple[StoredPart, ...]

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)


def part_size(volume_bytes: int) -> int:
    """Return how large the parts of a backup are whose data fits on such a volume."""
    return max(LEAST_PART, -(-volume_bytes // (MOST_PARTS - 1)))


class DumpRepository:
    """The data of one backup."""

    def __init__(self, store: Store, backup_id: UUID) -> None:
        self._store = store
        self.backup_id = backup_id

    def take(self, number: int, read: Callable[[int], bytes], *, limit: int) -> str:
        """Store a part as it arrives; return its receipt, by which the guest names it later.

        Of two at once the one that began later stays: whoever sends again has given up the first, however
        late the store is done with that. Raises RequestTooLarge for more than ``limit`` bytes, BadRequest where
        the body breaks off or is empty, Conflict for the first of two, StoreFull, StoreUnavailable; nothing is
        left of it then.
        """
        draw = f"{time.time_ns():016x}{secrets.token_hex(8)}"
        digest, size = hashlib.sha256(), 0
        incoming = self._store.receive(self._key(number, draw), expected=None)
        try:
            for chunk in _pieces(read, limit):
                size += len(chunk)
                digest.update(chunk)
                incoming.write(chunk)
            incoming.sync()
            incoming.keep()
        except BaseException:
            incoming.drop()
            raise
        if any(_is_before(draw, other) for other in self._draws(number)):
            self._store.delete(self._key(number, draw))
            raise Conflict("This part was sent again meanwhile.")
        self.drop_part(number, before=draw)
        part = StoredPart(number=number, draw=draw, size=size, sha256=digest.hexdigest())
        return _receipts().sign(f"{self.backup_id}.{number}.{draw}.{size}.{part.sha256}")

    def complete(self, receipts: Sequence[str], *, sha256: str) -> Manifest:
        """Make a whole backup of these parts, in order; raise BackupDamaged where one is not there.

        Parts that are not named are removed.
        """
        parts = tuple(map(self.read_receipt, receipts))
        if not parts or [part.number for part in parts] != list(range(1, len(parts) + 1)):
            raise BackupDamaged("The backup's parts are not complete.", detail=str(len(parts)))
        named = {self._key(part.number, part.draw) for part in parts}
        there = set(self._store.keys(f"{self.backup_id}/"))
        if missing := named - there:
            raise BackupDamaged("A part of the backup is gone.", detail=min(missing))
        manifest = Manifest(backup=self.backup_id, sha256=sha256, parts=parts)
        self._store.put(f"{self.backup_id}/{_MANIFEST}", manifest.model_dump_json().encode())
        for key in there - named:
            if not key.endswith(f"/{_MANIFEST}"):
                self._store.delete(key)
        return manifest

    def manifest(self) -> Manifest:
        """Return what the backup consists of; raise BackupDamaged, StoreUnavailable."""
        try:
            with self._store.open(f"{self.backup_id}/{_MANIFEST}") as file:
                found = Manifest.model_validate_json(file.read(_LONGEST_MANIFEST))
        except FileNotFoundError as error:
            raise BackupDamaged("The backup's manifest is gone.") from error
        except ValidationError as error:
            raise BackupDamaged("The backup's manifest is damaged.", detail=str(error)) from error
        if found.backup != self.backup_id:
            raise BackupDamaged("The backup's manifest is another's.", detail=str(found.backup))
        return found

    def open(self, part: StoredPart) -> BinaryIO:
        """Return a part's data; raise BackupDamaged where it is gone, StoreUnavailable."""
        return self.open_part(part.number, part.draw)

    def open_part(self, number: int, draw: str) -> BinaryIO:
        """Return the data of a part that was sent under this draw; raise as ``open`` does."""
        key = self._key(number, draw)
        try:
            return self._store.open(key)
        except FileNotFoundError as error:
            raise BackupDamaged("A part of the backup is gone.", detail=key) from error

    def check(self, *, on_part: Callable[[], None] = lambda: None) -> int:
        """Read all of it and compare; return its size. Raises BackupDamaged, StoreUnavailable.

        ``on_part`` is called before each part, and may end it.
        """
        manifest, whole = self.manifest(), hashlib.sha256()
        for part in manifest.parts:
            on_part()
            digest, size = hashlib.sha256(), 0
            with self.open(part) as file:
                while chunk := file.read(CHUNK):
                    size += len(chunk)
                    digest.update(chunk)
                    whole.update(chunk)
            if (size, digest.hexdigest()) != (part.size, part.sha256):
                raise BackupDamaged("A part of the backup was changed.", detail=str(part.number))
        if whole.hexdigest() != manifest.sha256:
            raise BackupDamaged("The backup is not what its guest had sent.")
        return manifest.size

    def delete(self) -> None:
        """Leave nothing of it: the manifest goes first, so that what is left is no backup."""
        self._store.delete(f"{self.backup_id}/{_MANIFEST}")
        for key in [*self._store.keys(f"{self.backup_id}/")]:
            self._store.delete(key)

    def _key(self, number: int, draw: str) -> str:
        return f"{self.backup_id}/{number:05d}/{draw}"

    def _draws(self, number: int) -> list[str]:
        keys = self._store.keys(f"{self.backup_id}/{number:05d}/")
        return [key.rpartition("/")[2] for key in keys]

    def drop_part(self, number: int, *, before: str = "") -> None:
        """Leave nothing of a part, or nothing that was sent before one draw."""
        for draw in self._draws(number):
            if not before or _is_before(draw, before):
                self._store.delete(self._key(number, draw))

    def read_receipt(self, receipt: str) -> StoredPart:
        """Return the part that a receipt of ``take`` is for; raise BackupDamaged."""
        try:
            backup, number, draw, size, sha256 = _receipts().unsign(receipt).split(".")
        except (BadSignature, ValueError) as error:
            raise BackupDamaged("A part was named that nobody has sent.") from error
        if backup != str(self.backup_id):
            raise BackupDamaged("A part was named that is another backup's.", detail=backup)
        return StoredPart(number=int(number), draw=draw, size=int(size), sha256=sha256)


def _pieces(read: Callable[[int], bytes], limit: int) -> Iterator[bytes]:
    """Yield what comes; raise RequestTooLarge for more than ``limit`` bytes, BadRequest for none."""
    size = 0
    while chunk := read(CHUNK):
        size += len(chunk)
        if size > limit:
            raise RequestTooLarge
        yield chunk
    if not size:
        raise BadRequest("A part of a backup must not be empty.")


def _is_before(draw: str, other: str) -> bool:
    """Tell whether a part began to arrive before another one; those of an earlier release are short, without a time."""
    return (len(draw), draw) < (len(other), other)


def _receipts() -> Signer:
    return Signer(salt="databases.dumps.part", sep=".")
