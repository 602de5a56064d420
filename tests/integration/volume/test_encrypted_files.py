"""Encrypted volumes in files: what lies on the disk is a cipher's, what a guest gets is plain."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudweb import process
from cloudweb.driver import DriverError, Unguarded
from tests.builders.encrypted_bench import ENCRYPTION, KEY, EncryptedFileBench
from tests.builders.volume_bench import SIZE, export_of, snapshot_of, unexport_of
from volume.backups.objects import BackupPoint
from volume.drivers.base import NoKey, WrongKey
from volume.objects import ResizeRequest, VolumeSpec

WORK = Unguarded()
PATTERN = "what-nobody-else-may-read"


@pytest.fixture
def bench() -> Iterator[EncryptedFileBench]:
    made = EncryptedFileBench()
    yield made
    made.close()


def make(bench: EncryptedFileBench, **overrides: object) -> VolumeSpec:
    spec = bench.spec(**overrides)
    bench.driver.create(spec, image=None, work=WORK)
    return spec


def larger(spec: VolumeSpec, times: int, passphrase: str = KEY) -> ResizeRequest:
    return ResizeRequest(volume=spec.ref, size=times * SIZE, passphrase=passphrase)


def daemon_of(bench: EncryptedFileBench, spec: VolumeSpec) -> int:
    (pid,) = bench.driver.daemons._all_pids()
    assert bench.driver.daemons._is_ours(pid, spec.ref.id)
    return int(pid)


def test_what_a_guest_writes_is_plain_to_it_alone_whatever_is_done_to_its_volume(
    bench: EncryptedFileBench,
) -> None:
    driver, spec = bench.driver, make(bench)
    request = bench.export_of(spec)
    connection = driver.export(request, work=WORK)
    assert bench.write_through(connection, PATTERN)
    assert driver.resize(larger(spec, 2), work=WORK).size == 2 * SIZE
    snapshot = snapshot_of(spec)
    driver.snapshot(snapshot, work=WORK)
    point = BackupPoint(id=spec.ref.id, source=spec.ref)
    driver.hold_point(point, work=WORK)
    assert bench.write_through(connection, f"later-{PATTERN}")  # and what was there is kept
    with driver.reading(point) as source:
        assert source.read(0, 512).rstrip(b"\0").decode() == PATTERN
    assert PATTERN.encode() not in bench.on_disk()
    driver.release_point(point, work=WORK)
    copies = [make(bench, source=source, size=2 * SIZE) for source in (snapshot, spec.ref)]
    driver.unexport(unexport_of(request), work=WORK)
    assert [bench.read(one.ref) for one in copies] == [PATTERN, f"later-{PATTERN}"]
    assert driver.resize(larger(spec, 3), work=WORK).size == 3 * SIZE
    assert bench.read(spec.ref) == f"later-{PATTERN}"
    driver.revert(snapshot, work=WORK)
    assert bench.read(spec.ref) == PATTERN
    assert PATTERN.encode() not in bench.on_disk()
    again = bench.export_of(spec, attachment_id=request.attachment_id)
    assert bench.write_through(driver.export(again, work=WORK), "again")
    driver.unexport(unexport_of(again), work=WORK)
    assert bench.read(spec.ref) == "again"
    for one in copies:
        driver.delete(one.ref, work=WORK)
    driver.delete_snapshot(snapshot, work=WORK)
    driver.delete(spec.ref, work=WORK)
    driver.tidy(lambda *ids: _nothing())
    assert list(bench.census()) == []


def test_an_encrypted_volume_of_an_image_stands_on_nothing_that_is_plain(
    bench: EncryptedFileBench,
) -> None:
    source, path = bench.image(PATTERN)
    spec = bench.spec(source=source)
    bench.driver.create(spec, image=path, work=WORK)
    assert bench.read(spec.ref) == PATTERN
    assert PATTERN.encode() not in bench.on_disk()
    assert bench.driver.get(spec.ref).size == SIZE


@pytest.mark.parametrize("key_size", [256, 512])
def test_only_its_key_opens_a_volume(bench: EncryptedFileBench, key_size: int) -> None:
    encryption = ENCRYPTION.model_copy(update={"key_size": key_size})
    spec = make(bench, encryption=encryption)
    bench.write(spec.ref, PATTERN)
    for wrong, error in (("wrong", WrongKey), ("", NoKey)):
        with pytest.raises(error):
            bench.driver.export(bench.export_of(spec, passphrase=wrong), work=WORK)
        with pytest.raises(error):
            bench.driver.resize(larger(spec, 2, passphrase=wrong), work=WORK)
    assert bench.driver.exports() == {}
    request = bench.export_of(spec, shared=True)
    bench.driver.export(request, work=WORK)
    other = bench.export_of(spec, shared=True, passphrase="wrong")
    with pytest.raises(WrongKey):
        bench.driver.export(other, work=WORK)
    assert bench.write_through(bench.driver.export(request, work=WORK), "still")


def test_what_cannot_be_encrypted_as_wanted_is_refused(bench: EncryptedFileBench) -> None:
    plain = make(bench, encryption=None)
    refused = (
        bench.spec(encryption=ENCRYPTION.model_copy(update={"cipher": "rot13"})),
        bench.spec(encryption=ENCRYPTION.model_copy(update={"key_size": 128})),
        bench.spec(source=plain.ref),
        bench.spec(source=make(bench).ref, encryption=None),
    )
    for spec in refused:
        with pytest.raises(DriverError):
            bench.driver.create(spec, image=None, work=WORK)
        bench.driver.delete(spec.ref, work=WORK)


def test_the_key_is_where_root_alone_finds_it_and_only_while_the_volume_is_in_use(
    bench: EncryptedFileBench,
) -> None:
    spec = make(bench)
    request = bench.export_of(spec)
    connection = bench.driver.export(request, work=WORK)
    (kept,) = (path for path in bench.directory.rglob("*") if _holds(path, KEY))
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert KEY not in " ".join(process.words_of(daemon_of(bench, spec)))
    assert bench.write_through(connection, "before")
    # a daemon that dies comes back without anybody telling the key again
    os.kill(daemon_of(bench, spec), signal.SIGKILL)
    bench.restart()
    told = request.model_copy(update={"passphrase": ""})
    assert bench.write_through(bench.driver.export(told, work=WORK), "after")
    with kept.open("rb") as still_open:
        bench.driver.unexport(unexport_of(request), work=WORK)
        assert still_open.read().strip(b"\0") == b""
    assert not any(_holds(path, KEY) for path in bench.directory.rglob("*"))
    with pytest.raises(NoKey):
        bench.driver.export(export_of(spec, "h1"), work=WORK)
    assert bench.read(spec.ref) == "after"


def test_a_layer_of_a_volume_at_rest_is_pulled_up_when_its_key_is_there_again(
    bench: EncryptedFileBench,
) -> None:
    spec = make(bench)
    bench.write(spec.ref, PATTERN)
    snapshot = snapshot_of(spec)
    bench.driver.snapshot(snapshot, work=WORK)
    bench.driver.delete_snapshot(snapshot, work=WORK)
    assert len(bench.driver.files.of(spec.ref.id)) == 2
    request = bench.export_of(spec)
    bench.driver.export(request, work=WORK)
    bench.driver.tidy(lambda *ids: _nothing())
    assert len(bench.driver.files.of(spec.ref.id)) == 1
    bench.driver.unexport(unexport_of(request), work=WORK)
    assert bench.read(spec.ref) == PATTERN
    assert PATTERN.encode() not in bench.on_disk()


def test_a_volume_at_rest_is_read_and_written_as_a_whole_with_its_key(
    bench: EncryptedFileBench,
) -> None:
    driver, spec = bench.driver, make(bench)
    point = BackupPoint(id=spec.ref.id, source=spec.ref)
    driver.hold_point(point, work=WORK)
    with pytest.raises(NoKey), driver.reading(point):
        pass
    with driver.opened(spec.ref, KEY), driver.writing(spec.ref) as target:
        target.write(0, PATTERN.encode().ljust(512, b"\0"))
    with driver.opened(spec.ref, KEY), driver.reading(point) as source:
        assert source.read(0, 512).rstrip(b"\0").decode() == PATTERN
    assert PATTERN.encode() not in bench.on_disk()
    assert not any(_holds(path, KEY) for path in bench.directory.rglob("*"))


def _holds(path: Path, word: str) -> bool:
    return path.is_file() and word.encode() in path.read_bytes()


@contextmanager
def _nothing() -> Iterator[None]:
    yield
