"""A backup's manifest: what the volume was, and which chunk holds each of its blocks.

The file is ``CWBACKUP``, a version and the length of the header (each four bytes, big endian), the
header (JSON), the table, and the SHA-256 of all before it. Every manifest stands alone: an incremental
backup names the chunks of the backups before it that it shares, so no chain is replayed to restore
it, and any backup can be deleted without the others.

Backups that share chunks are one *lineage*: a full backup begins it, its incrementals go on with it,
with the same size of blocks and the same key.
"""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from volume.backups.exceptions import BackupDamaged, BackupUnreadable
from volume.backups.table import RECORD_SIZE, Place, Table

MAGIC = b"CWBACKUP"
FORMAT = 1
_FRONT = struct.Struct(">8sII")
_DIGEST = 32
MAX_HEADER = 4 * 1024**2
MIN_BLOCK, MAX_BLOCK = 4 * 1024, 16 * 1024**2
#: A table is held in memory: so many blocks at most.
MAX_BLOCKS = 2**22

Compression = Literal["none", "zstd"]
Encryption = Literal["none", "aes-256-gcm"]


class Header(BaseModel):
    """What the manifest says before its table. Sizes in bytes; ids are UUIDs in their usual text form.

    ``origins`` are the backups whose chunks it names, its own first; ``content`` is the digest over all
    blocks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: str
    lineage: str
    parent: str | None
    volume_id: str
    created_at: str
    size: int = Field(ge=0, le=2**56)
    block_size: int = Field(ge=MIN_BLOCK, le=MAX_BLOCK)
    compression: Compression
    encryption: Encryption
    origins: list[str] = Field(min_length=1, max_length=50_000)
    content: str = Field(pattern=r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A header with its table."""

    header: Header
    table: Table = field(repr=False)

    def origin_of(self, place: Place) -> str:
        """Return which backup wrote a chunk."""
        return self.header.origins[place[0]]

    def length_of(self, index: int) -> int:
        """Return how many bytes a block has: the last one may be shorter."""
        size, block = self.header.size, self.header.block_size
        return min(block, size - index * block)

    def encode(self) -> bytes:
        """Return the file."""
        header = json.dumps(
            self.header.model_dump(), sort_keys=True, separators=(",", ":")
        ).encode()
        body = _FRONT.pack(MAGIC, FORMAT, len(header)) + header + self.table.encoded()
        return body + hashlib.sha256(body).digest()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a file. Raises BackupDamaged for one that was cut off or changed, BackupUnreadable."""
        if len(data) < _FRONT.size + _DIGEST:
            raise BackupDamaged("The backup's manifest is cut off.", detail=f"{len(data)} bytes")
        magic, version, length = _FRONT.unpack_from(data)
        if magic != MAGIC:
            raise BackupUnreadable("This is no manifest of a backup.")
        if version != FORMAT:
            raise BackupUnreadable(f"The backup is of format {version}; this cloud reads {FORMAT}.")
        if hashlib.sha256(memoryview(data)[:-_DIGEST]).digest() != data[-_DIGEST:]:
            raise BackupDamaged("The backup's manifest is cut off or was changed.")
        at = _FRONT.size + length
        if length > MAX_HEADER or at > len(data) - _DIGEST:
            raise BackupDamaged("The backup's manifest is damaged.", detail=f"header of {length}")
        header = _header(data[_FRONT.size : at])
        records = data[at:-_DIGEST]
        if len(records) != block_count(header.size, header.block_size) * RECORD_SIZE:
            raise BackupDamaged(
                "The backup's manifest does not have a record for each block.",
                detail=f"{len(records)} bytes of records for {header.size}/{header.block_size}",
            )
        table = Table(records)
        if fault := table.fault(len(header.origins)):
            raise BackupDamaged("The backup's manifest is damaged.", detail=fault)
        if table.content().hex() != header.content:
            raise BackupDamaged("The backup's manifest contradicts itself.", detail="content")
        return cls(header, table)


def _header(text: bytes) -> Header:
    try:
        header = Header.model_validate(json.loads(text))
    except (ValueError, ValidationError) as error:
        raise BackupDamaged("The backup's manifest is damaged.", detail=str(error)) from error
    ids: list[Any] = [header.id, header.lineage, header.volume_id, *header.origins]
    ids += [] if header.parent is None else [header.parent]
    if not all(is_id(one) for one in ids) or header.origins[0] != header.id:
        raise BackupDamaged("The backup's manifest is damaged.", detail="ids")
    if len(set(header.origins)) != len(header.origins):
        raise BackupDamaged("The backup's manifest is damaged.", detail="an origin stands twice")
    if block_count(header.size, header.block_size) > MAX_BLOCKS:
        raise BackupUnreadable("The backup has more blocks than this cloud reads.")
    return header


def is_id(text: str) -> bool:
    """Tell whether this is a UUID as it may stand in a key."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def block_count(size: int, block_size: int) -> int:
    """Return how many blocks there are, the last one perhaps a short one."""
    return -(-size // block_size)


def block_size_for(size: int) -> int:
    """Return how large blocks should be: 1 MiB, more for a volume above 256 GiB, so that tables stay small."""
    block = 1024**2
    while block < MAX_BLOCK and block_count(size, block) > 2**18:
        block *= 2
    return block


def largest(size: int, block_size: int) -> int:
    """Return how long a manifest may be at most."""
    return _FRONT.size + MAX_HEADER + block_count(size, block_size) * RECORD_SIZE + _DIGEST


def read(file: BinaryIO, *, limit: int) -> bytes:
    """Return a manifest's bytes; raise BackupDamaged for a file that is longer than any could be."""
    data = file.read(limit + 1)
    if len(data) > limit:
        raise BackupDamaged("The backup's manifest is longer than one can be.")
    return data
