"""Taking a backup: each block is read once; what its parent has, or is zeros, is not stored again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from volume.backups.manifest import Header, Manifest, block_count
from volume.backups.sealing import Sealer
from volume.backups.table import Place, Table

#: Bytes of blocks that are read, and handed over, at once.
BATCH = 8 * 1024**2

Chunk = tuple[bytes, bytes]  # digest, chunk


class Source(Protocol):
    """A volume at one moment: what is read from it does not change."""

    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly these bytes."""

    def data_after(self, offset: int) -> int:
        """Return where, from there on, something may be that is not zeros; ``size`` if nowhere."""


class Sink(Protocol):
    """Where this backup's own chunks go."""

    def known(self) -> Collection[bytes]:
        """Return which are there already, from an attempt that broke off."""

    def put(self, chunks: Sequence[Chunk]) -> None:
        """Store chunks, durably; one that is there is replaced by its like."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the backup is to be; ``parent`` makes it an incremental one of the parent's lineage."""

    id: str
    lineage: str
    volume_id: str
    created_at: str
    block_size: int
    parent: Manifest | None = None


@dataclass(slots=True)
class Taken:
    """How much was done so far, in bytes: of the volume, of it in new chunks, and as stored."""

    read: int = 0
    changed: int = 0
    stored: int = 0


def take(
    wanted: Wanted,
    source: Source,
    sink: Sink,
    sealer: Sealer,
    *,
    on_batch: Callable[[Taken], None] = lambda _: None,
) -> tuple[Manifest, Taken]:
    """Read the whole volume and store what is new; return the manifest, which nobody has stored yet.

    Memory holds the tables of parent and backup, and one batch. ``on_batch`` may raise.
    """
    taker = _Taker(wanted, sink, sealer)
    block, size = wanted.block_size, source.size
    step, offset = max(1, BATCH // block) * block, 0
    while offset < size:
        data_at = source.data_after(offset)
        if data_at >= offset + block or data_at >= size:
            end = size if data_at >= size else data_at // block * block
            taker.zeros(end - offset)
        else:
            end = min(offset + step, size)
            taker.batch(memoryview(source.read(offset, end - offset)))
        offset = end
        on_batch(taker.taken)
    return taker.manifest(size), taker.taken


class _Taker:
    def __init__(self, wanted: Wanted, sink: Sink, sealer: Sealer) -> None:
        self.wanted, self.sink, self.sealer = wanted, sink, sealer
        self.taken = Taken()
        self._table = Table()
        self._origins = [wanted.id]
        self._index: dict[int, int] = {}  # of the parent's origins, in ours
        self._stored = set(sink.known())
        self._zeros = bytes(wanted.block_size)

    def zeros(self, length: int) -> None:
        for _ in range(block_count(length, self.wanted.block_size)):
            self._table.append(None)
        self.taken.read += length

    def batch(self, data: memoryview) -> None:
        fresh: list[Chunk] = []
        for start in range(0, len(data), self.wanted.block_size):
            block = bytes(data[start : start + self.wanted.block_size])
            self._table.append(self._place(block, fresh))
        if fresh:
            self.sink.put(fresh)
        self.taken.read += len(data)

    def _place(self, block: bytes, fresh: list[Chunk]) -> Place | None:
        if block == self._zeros[: len(block)]:
            return None
        digest = self.sealer.digest(block)
        if (shared := self._shared(len(self._table), digest)) is not None:
            return shared
        if digest not in self._stored:
            self._stored.add(digest)
            chunk = self.sealer.seal(block, digest)
            fresh.append((digest, chunk))
            self.taken.stored += len(chunk)
        self.taken.changed += len(block)
        return 0, digest

    def _shared(self, index: int, digest: bytes) -> Place | None:
        """Return where the parent has the same block at the same place."""
        parent = self.wanted.parent
        if parent is None or index >= len(parent.table):
            return None
        place = parent.table[index]
        if place is None or place[1] != digest:
            return None
        if place[0] not in self._index:
            self._index[place[0]] = len(self._origins)
            self._origins.append(parent.origin_of(place))
        return self._index[place[0]], digest

    def manifest(self, size: int) -> Manifest:
        wanted = self.wanted
        assert len(self._table) == block_count(size, wanted.block_size)
        header = Header(
            id=wanted.id,
            lineage=wanted.lineage,
            parent=None if wanted.parent is None else wanted.parent.header.id,
            volume_id=wanted.volume_id,
            created_at=wanted.created_at,
            size=size,
            block_size=wanted.block_size,
            compression=self.sealer.compression,
            encryption=self.sealer.encryption,
            origins=self._origins,
            content=self._table.content().hex(),
        )
        return Manifest(header, self._table)
