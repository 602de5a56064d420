"""The data of a backup: whole or none, part by part, and each path good for one thing alone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest

from cloudweb.exceptions import (
    BadRequest,
    CloudwebError,
    Conflict,
    Forbidden,
    RequestTooLarge,
)
from cloudweb.stores.directory import DirectoryStore
from databases.dumps import logs
from databases.dumps.repository import (
    LEAST_PART,
    MOST_PARTS,
    DumpRepository,
    Manifest,
    part_size,
)
from databases.dumps.tickets import FOLDER, Purpose, check, path_of
from databases.exceptions import BackupDamaged
from databases.guest import channel
from databases.models import LogPiece
from databases.operations import restoring
from network import metadata_proxy

A, B = b"a" * 700_000, b"b" * 3
WHOLE = hashlib.sha256(A + B).hexdigest()
INSTANCE = UUID(int=7)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path)


@pytest.fixture
def dump(store: DirectoryStore) -> DumpRepository:
    return DumpRepository(store, uuid4())


def take(dump: DumpRepository, number: int, data: bytes) -> str:
    return dump.take(number, io.BytesIO(data).read, limit=1_000_000)


def whole(dump: DumpRepository) -> Manifest:
    return dump.complete([take(dump, 1, A), take(dump, 2, B)], sha256=WHOLE)


def test_what_was_written_reads_back(dump: DumpRepository) -> None:
    written = whole(dump)
    assert dump.manifest() == written
    assert written.size == dump.check() == len(A + B)
    assert b"".join(dump.open(part).read() for part in written.parts) == A + B


def test_it_is_no_backup_before_it_is_complete(dump: DumpRepository) -> None:
    take(dump, 1, A)
    with pytest.raises(BackupDamaged):
        dump.manifest()


def test_a_part_that_is_sent_again_replaces_the_one_before(
    store: DirectoryStore, dump: DumpRepository
) -> None:
    first, again = take(dump, 1, B), take(dump, 1, A)
    assert len([*store.keys("")]) == 1
    with pytest.raises(BackupDamaged):
        dump.complete([first], sha256=WHOLE)
    assert dump.complete([again], sha256=hashlib.sha256(A).hexdigest()).size == len(A)


def test_a_part_of_which_the_store_is_done_late_does_not_replace_the_one_that_was_sent_again(
    store: DirectoryStore, dump: DumpRepository
) -> None:
    again: list[str] = []

    def slow(most: int) -> bytes:
        if again:
            return b""
        again.append(take(dump, 1, A))  # whoever sent it waits for it no more
        return B

    with pytest.raises(Conflict):
        dump.take(1, slow, limit=1_000_000)
    assert len([*store.keys("")]) == 1
    assert dump.complete(again, sha256=hashlib.sha256(A).hexdigest()).size == len(A)


def test_a_part_that_an_earlier_release_stored_is_replaced(
    store: DirectoryStore, dump: DumpRepository
) -> None:
    """Its draw was random and short."""
    incoming = store.receive(f"{dump.backup_id}/00001/{'f' * 16}", expected=None)
    incoming.write(B)
    incoming.keep()
    take(dump, 1, A)
    assert len([*store.keys("")]) == 1


def test_parts_that_nobody_names_go(store: DirectoryStore, dump: DumpRepository) -> None:
    receipt = take(dump, 1, A)
    take(dump, 2, B)
    dump.complete([receipt], sha256=hashlib.sha256(A).hexdigest())
    assert len([*store.keys("")]) == 2  # the part, the manifest


def _another(dump: DumpRepository, store: DirectoryStore) -> list[str]:
    return [take(DumpRepository(store, uuid4()), 1, A)]


@pytest.mark.parametrize(
    "receipts",
    [
        lambda dump, _store: [],
        lambda dump, _store: [take(dump, 2, A)],
        lambda dump, _store: [take(dump, 2, A), take(dump, 1, B)],
        lambda dump, _store: [take(dump, 1, A) + "x"],
        lambda dump, _store: ["a.1.b.2.c"],
        lambda dump, _store: [""],
        _another,
    ],
)
def test_a_backup_is_of_the_parts_that_are_there(
    store: DirectoryStore,
    dump: DumpRepository,
    receipts: Callable[[DumpRepository, DirectoryStore], list[str]],
) -> None:
    with pytest.raises(BackupDamaged):
        dump.complete(receipts(dump, store), sha256=WHOLE)
    with pytest.raises(BackupDamaged):
        dump.manifest()


def _broken(_size: int) -> bytes:
    raise BadRequest("The upload broke off.")


@pytest.mark.parametrize(
    ("read", "refusal"),
    [
        (io.BytesIO(b"c" * 1_000_001).read, RequestTooLarge),
        (io.BytesIO(b"").read, BadRequest),
        (_broken, BadRequest),
    ],
)
def test_nothing_is_left_of_a_part_that_was_refused(
    store: DirectoryStore,
    dump: DumpRepository,
    read: Callable[[int], bytes],
    refusal: type[CloudwebError],
) -> None:
    with pytest.raises(refusal):
        dump.take(1, read, limit=1_000_000)
    assert not [path for path in store.root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", [b"", b"a" * 699_999 + b"x", None])
def test_damage_is_found(store: DirectoryStore, dump: DumpRepository, damage: bytes | None) -> None:
    whole(dump)
    key = next(key for key in store.keys(f"{dump.backup_id}/00001/"))
    if damage is None:
        store.delete(key)
    else:
        (store.data / key).write_bytes(damage)
    with pytest.raises(BackupDamaged):
        dump.check()


def test_a_checksum_that_is_not_the_streams_is_found(dump: DumpRepository) -> None:
    dump.complete([take(dump, 1, A)], sha256=WHOLE)
    with pytest.raises(BackupDamaged):
        dump.check()


def test_nothing_is_left_of_a_deleted_one(store: DirectoryStore, dump: DumpRepository) -> None:
    whole(dump)
    other = DumpRepository(store, uuid4())
    whole(other)
    dump.delete()
    dump.delete()
    assert {key.partition("/")[0] for key in store.keys("")} == {str(other.backup_id)}
    assert other.check()


@pytest.mark.parametrize("volume", [0, 1, 2**30, 10 * 2**40])
def test_all_of_a_volume_fits_into_the_parts(volume: int) -> None:
    size = part_size(volume)
    assert size >= LEAST_PART
    assert size * (MOST_PARTS - 1) >= volume


def test_a_path_is_good_for_one_thing() -> None:
    backup = uuid4()
    path = path_of("write", backup, 3, instance_id=INSTANCE)
    assert path.startswith(f"{FOLDER}/{backup}/3/")
    signature = path.rpartition("/")[2]
    check("write", backup, 3, signature, instance_id=INSTANCE)
    others: list[tuple[Purpose, UUID, int, str, UUID]] = [
        ("read", backup, 3, signature, INSTANCE),
        ("write", uuid4(), 3, signature, INSTANCE),
        ("write", backup, 4, signature, INSTANCE),
        ("write", backup, 3, signature[:-1], INSTANCE),
        ("write", backup, 3, signature, UUID(int=8)),
    ]
    for purpose, of, number, said, instance in others:
        with pytest.raises(Forbidden):
            check(purpose, of, number, said, instance_id=instance)


def test_a_letter_that_names_all_pieces_of_the_longest_log_reaches_its_guest() -> None:
    piece = LogPiece(archive_id=uuid4(), number=logs.MOST_PIECES, checksum=WHOLE, size=logs.MOST)
    named = len(orjson.dumps(restoring._piece(piece, INSTANCE).model_dump())) + 1
    assert named * logs.MOST_PIECES < min(channel.ANSWER_LIMIT, metadata_proxy.ANSWER_LIMIT)
