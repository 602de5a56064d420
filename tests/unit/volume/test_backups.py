"""The engine of backups: what comes back is what was, or an error."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders.backups import Lineage, MemoryVolume, OwnChunks
from volume.backups import manifest as manifests
from volume.backups.admitting import admit
from volume.backups.collecting import collect
from volume.backups.exceptions import BackupDamaged, BackupUnreadable
from volume.backups.framing import framed, unframed
from volume.backups.manifest import Manifest
from volume.backups.restoring import check_restored, restore
from volume.backups.scratch import ScratchFile
from volume.backups.sealing import OVERHEAD, Sealer, fresh_key
from volume.backups.taking import take

BLOCK = 4096
KEY = bytes(range(32))

#: A volume as a list of what its blocks are filled with; 0 is zeros, the last block may be short.
blocks = st.lists(st.integers(0, 5), min_size=0, max_size=6)


def volume_of(fills: list[int], short: int = 0) -> bytes:
    data = b"".join(bytes([fill]) * BLOCK for fill in fills)
    return data[: len(data) - short] if fills else data


@given(
    versions=st.lists(st.tuples(blocks, st.integers(0, BLOCK - 1)), min_size=1, max_size=5),
    parents=st.lists(st.integers(-1, 3), min_size=5, max_size=5),
    deleted=st.lists(st.integers(0, 4), max_size=4),
    key=st.sampled_from([None, KEY]),
)
@settings(max_examples=60, deadline=None)
def test_every_backup_that_is_left_comes_back_whichever_are_deleted(
    versions: list[tuple[list[int], int]], parents: list[int], deleted: list[int], key: bytes | None
) -> None:
    line = Lineage(block=BLOCK, key=key)
    taken: dict[int, tuple[bytes, Manifest]] = {}
    for number, (fills, short) in enumerate(versions):
        data = volume_of(fills, short)
        parent = taken[parents[number]][1] if 0 <= parents[number] < number else None
        taken[number] = data, line.take(data, parent)[0]
    for number in deleted:
        if number not in taken:
            continue
        _, gone = taken.pop(number)
        line.repository.delete_manifest(gone.header.id)
        collect(line.repository, gone.header.origins, [one for _, one in taken.values()])
    for data, manifest in taken.values():
        again = line.repository.read_manifest(manifest.header.id, size=len(data))
        assert again == manifest
        assert line.restored(again) == data
    if not taken:
        assert line.store.held == {}


def test_an_incremental_backup_stores_what_changed_alone_and_outlives_its_parent() -> None:
    line = Lineage(block=BLOCK)
    before = os.urandom(8 * BLOCK)
    full, first = line.take(before)
    after = bytearray(before)
    after[3 * BLOCK] ^= 1
    part, second = line.take(bytes(after), full)
    assert (first.changed, second.changed) == (8 * BLOCK, BLOCK)
    assert len(part.header.origins) == 2
    same, third = line.take(bytes(after), part)
    assert (third.changed, third.stored) == (0, 0)
    assert same.header.content == part.header.content != full.header.content
    collect(line.repository, [full.header.id], [same])
    assert line.restored(same) == bytes(after)
    with pytest.raises(BackupDamaged, match="is gone"):
        line.restored(full)


def test_a_restore_over_something_else_leaves_nothing_of_it() -> None:
    line = Lineage(block=BLOCK)
    data = bytes(BLOCK) + b"x" * BLOCK + bytes(2 * BLOCK)
    manifest, _ = line.take(data)
    assert line.restored(manifest, over=b"\xff" * (6 * BLOCK)) == data + bytes(2 * BLOCK)
    with pytest.raises(ValueError, match="smaller"):
        line.restored(manifest, over=b"\xff" * BLOCK)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_manifest_that_was_cut_off_or_changed_is_refused(data: st.DataObject) -> None:
    line = Lineage(block=BLOCK)
    manifest, _ = line.take(volume_of([1, 0, 2]))
    whole = manifest.encode()
    assert Manifest.decode(whole) == manifest
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        broken = whole[:at]
    else:
        broken = bytearray(whole)
        broken[at] ^= data.draw(st.integers(1, 255))
        broken = bytes(broken)
    with pytest.raises((BackupDamaged, BackupUnreadable)):
        Manifest.decode(broken)


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_what_is_no_manifest_is_refused(noise: bytes) -> None:
    for data in (noise, manifests.MAGIC + noise):
        with pytest.raises((BackupDamaged, BackupUnreadable)):
            Manifest.decode(data)


@given(at=st.integers(0, 10_000), flip=st.integers(1, 255), cut=st.booleans(), keyed=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_chunk_that_was_cut_off_or_changed_is_refused(
    at: int, flip: int, cut: bool, keyed: bool
) -> None:
    sealer = Sealer(key=KEY if keyed else None)
    block = (b"some text " * 500)[:BLOCK]
    digest = sealer.digest(block)
    chunk = bytearray(sealer.seal(block, digest))
    at %= len(chunk)
    if cut:
        del chunk[at:]
    else:
        chunk[at] ^= flip
    with pytest.raises(BackupDamaged):
        sealer.open(bytes(chunk), digest, length=BLOCK)


def test_a_chunk_is_no_larger_than_its_block_and_never_unpacked_to_more() -> None:
    sealer = Sealer(key=KEY)
    noise = os.urandom(BLOCK)
    assert len(sealer.seal(noise, sealer.digest(noise))) == BLOCK + OVERHEAD
    plain = Sealer()
    bomb = plain.seal(bytes(64 * 1024**2), bytes(32))
    assert len(bomb) < 10_000
    with pytest.raises(BackupDamaged):
        plain.open(bomb, bytes(32), length=BLOCK)


def test_an_encrypted_backup_shows_nothing_and_opens_with_its_key_alone() -> None:
    line = Lineage(block=BLOCK, key=fresh_key())
    secret = b"the secret " * 1000
    data = secret[: 2 * BLOCK]
    manifest, _ = line.take(data)
    assert not any(b"secret" in value for value in line.store.held.values())
    plain = Sealer().digest(data[:BLOCK]).hex()
    assert not any(plain in key for key in line.store.held)
    assert line.restored(manifest) == data
    for key in (fresh_key(), None):
        with pytest.raises(BackupDamaged):
            restore(manifest, line.repository, MemoryVolume(bytes(2 * BLOCK)), Sealer(key=key))


def test_chunks_that_change_places_are_noticed() -> None:
    line = Lineage(block=BLOCK, key=KEY)
    manifest, _ = line.take(b"a" * BLOCK + b"b" * BLOCK)
    one, two = (key for key in line.store.held if not key.endswith("manifest"))
    held = line.store.held
    held[one], held[two] = held[two], held[one]
    with pytest.raises(BackupDamaged, match="changed"):
        line.restored(manifest)


def test_a_restore_is_proven_by_reading_it_back(tmp_path: Path) -> None:
    line = Lineage(block=BLOCK)
    data = volume_of([1, 0, 0, 3, 4], short=7)
    manifest, _ = line.take(data)
    with ScratchFile(tmp_path / "scratch", len(data)) as scratch:
        assert not (tmp_path / "scratch").exists()
        restore(manifest, line.repository, scratch, line.sealer())
        check_restored(manifest, scratch, line.sealer())
        scratch.write(BLOCK, b"!")
        with pytest.raises(BackupDamaged, match="not what was backed up"):
            check_restored(manifest, scratch, line.sealer())


def test_what_a_proof_writes_is_a_ciphers(tmp_path: Path) -> None:
    with ScratchFile(tmp_path / "scratch", 4 * BLOCK) as scratch:
        scratch.write(BLOCK, b"plain words" * 9)
        assert os.pread(scratch._descriptor, 11, BLOCK) not in (b"plain words", bytes(11))
        assert (scratch.read(BLOCK, 11), scratch.data_after(0)) == (b"plain words", BLOCK)


def test_a_backup_that_broke_off_goes_on_where_it_was() -> None:
    line = Lineage(block=BLOCK)
    data, wanted = os.urandom(6 * BLOCK), line.wanted()
    sink = OwnChunks(line.repository, wanted.id)
    sink.put(
        [(digest := line.sealer().digest(data[:BLOCK]), line.sealer().seal(data[:BLOCK], digest))]
    )
    put: list[int] = []

    class Counting(OwnChunks):
        def put(self, chunks: object) -> None:
            put.append(len(chunks))  # type: ignore[arg-type]
            super().put(chunks)  # type: ignore[arg-type]

    manifest, _ = take(
        wanted, MemoryVolume(data), Counting(line.repository, wanted.id), line.sealer()
    )
    assert put == [5]
    assert line.restored(manifest) == data


class TestAdmitting:
    """What a host says it took."""

    def admitted(
        self, line: Lineage, manifest: Manifest, parent: Manifest | None = None
    ) -> Manifest:
        header = manifest.header
        wanted = line.wanted(parent)
        own = set(line.repository.digests(header.id))
        mine = {"id": header.id, "created_at": wanted.created_at}
        from dataclasses import replace

        return admit(
            manifest.encode(),
            replace(wanted, **mine),
            size=header.size,
            compression="zstd",
            encryption="none",
            own=own,
        )

    def test_what_was_ordered_is_taken(self) -> None:
        line = Lineage(block=BLOCK)
        full, _ = line.take(volume_of([1, 2, 0]))
        part, _ = line.take(volume_of([1, 3, 0]), full)
        assert self.admitted(line, full) == full
        assert self.admitted(line, part, full) == part

    def test_what_was_not_is_refused(self) -> None:
        line, other = Lineage(block=BLOCK), Lineage(block=BLOCK)
        full, _ = line.take(volume_of([1, 2, 0]))
        part, _ = line.take(volume_of([1, 3, 0]), full)
        with pytest.raises(BackupDamaged, match="not of the backup"):
            self.admitted(other, full)  # of another lineage
        with pytest.raises(BackupDamaged, match="not of the backup"):
            self.admitted(line, part)  # no parent was ordered
        foreign = Manifest(
            full.header.model_copy(update={"origins": [full.header.id, str(uuid.uuid4())]}),
            manifests.Table(),
        )
        for _ in range(3):
            foreign.table.append((1, bytes(32)))
        header = foreign.header.model_copy(update={"content": foreign.table.content().hex()})
        with pytest.raises(BackupDamaged, match="not there"):
            self.admitted(line, Manifest(header, foreign.table))
        line.repository.delete(full.header.id, list(line.repository.digests(full.header.id))[:1])
        with pytest.raises(BackupDamaged, match="not there"):
            self.admitted(line, full)


def test_ids_that_are_paths_are_refused() -> None:
    line = Lineage(block=BLOCK)
    for name in ("..", "../x", "a/b", "", str(uuid.uuid4()).upper()):
        with pytest.raises(BackupDamaged):
            line.repository.get(name, bytes(32))


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.binary(min_size=2, max_size=50))))
@settings(max_examples=40, deadline=None)
def test_frames_come_out_as_they_went_in(chunks: list[tuple[bytes, bytes]]) -> None:
    import io

    body = framed(chunks)
    assert list(unframed(io.BytesIO(body).read, block_size=BLOCK)) == chunks
    if body:
        with pytest.raises(BackupDamaged):
            list(unframed(io.BytesIO(body[:-1]).read, block_size=BLOCK))
    with pytest.raises(BackupDamaged, match="longer"):
        list(unframed(io.BytesIO(framed([(bytes(32), bytes(5000))])).read, block_size=BLOCK))


def test_tables_stay_small() -> None:
    for size, block in ((0, 1), (256 * 1024, 1), (256 * 1024 + 1, 2), (4 * 1024**2, 16)):
        assert manifests.block_size_for(size * 1024**2) == block * 1024**2
