"""What the agent relies on, on every driver that encrypts: what lies in the pool is a cipher's, what is read is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from cloudweb.driver import DriverError, Interrupted, Unguarded
from tests.builders.encrypted_bench import (
    ENCRYPTION,
    KEY,
    EncryptedCephBench,
    EncryptedFileBench,
    EncryptedLvmBench,
)
from tests.builders.volume_bench import SIZE, snapshot_of, unexport_of
from tests.builders.work import CountedWork
from volume.backups.objects import BackupPoint
from volume.drivers.base import NoKey, WrongKey
from volume.objects import ReimageRequest, ResizeRequest, VolumeSpec

WORK = Unguarded()
PATTERN = "what-nobody-else-may-read"


@pytest.fixture(params=["file", "lvm", pytest.param("ceph", marks=pytest.mark.host)])
def bench(request: pytest.FixtureRequest) -> Iterator[Any]:
    made: Any
    if request.param == "ceph":
        made = EncryptedCephBench(request.getfixturevalue("ceph"))
    else:
        made = EncryptedFileBench() if request.param == "file" else EncryptedLvmBench()
    yield made
    made.close()


def make(bench: Any, **overrides: object) -> VolumeSpec:
    spec: VolumeSpec = bench.spec(**overrides)
    bench.driver.create(spec, image=None, work=WORK)
    return spec


def larger(spec: VolumeSpec, times: int) -> ResizeRequest:
    return ResizeRequest(volume=spec.ref, size=times * SIZE, passphrase=KEY)


def read_point(bench: Any, point: BackupPoint) -> tuple[str, bool]:
    """Return what a point holds, and whether all behind that is zeros."""
    with bench.driver.opened(point.volume, KEY), bench.driver.reading(point) as source:
        found = source.read(0, 2 * 512)
        rest = source.read(source.size - 512, 512)
    return found[:512].rstrip(b"\0").decode(), not any(found[512:] + rest)


def test_a_volume_is_plain_to_who_has_it_alone_whatever_is_done_to_it(bench: Any) -> None:
    driver, spec = bench.driver, make(bench)
    assert "encryption" in driver.pools()[0].capabilities
    assert driver.get(spec.ref).size == SIZE
    request = bench.export_of(spec)
    connection = driver.export(request, work=WORK)
    assert connection.size == SIZE
    assert bench.write_through(connection, PATTERN)
    for _ in range(2):
        assert driver.resize(larger(spec, 2), work=WORK).size == 2 * SIZE
    snapshot, point = snapshot_of(spec), BackupPoint(id=spec.ref.id, source=spec.ref)
    assert driver.snapshot(snapshot, work=WORK).size == 2 * SIZE
    driver.hold_point(point, work=WORK)
    assert bench.write_through(connection, f"later-{PATTERN}")
    assert read_point(bench, point) == (PATTERN, True)
    driver.release_point(point, work=WORK)
    copies = [make(bench, source=source, size=3 * SIZE) for source in (snapshot, spec.ref)]
    assert [driver.get(one.ref).size for one in copies] == [3 * SIZE, 3 * SIZE]
    driver.unexport(unexport_of(request), work=WORK)
    assert not bench.write_through(connection, "too late")
    assert [bench.read(one.ref) for one in copies] == [PATTERN, f"later-{PATTERN}"]
    assert driver.resize(larger(spec, 3), work=WORK).size == 3 * SIZE
    assert bench.read(spec.ref) == f"later-{PATTERN}"
    assert driver.revert(snapshot, work=WORK).size == 3 * SIZE
    assert bench.read(spec.ref) == PATTERN
    assert {one.size for one in driver.list()} == {3 * SIZE}
    assert PATTERN.encode() not in bench.on_disk()
    bench.restart()
    driver = bench.driver
    again = bench.export_of(spec)
    assert bench.write_through(driver.export(again, work=WORK), "again")
    driver.unexport(unexport_of(again), work=WORK)
    assert bench.read(spec.ref) == "again"
    for one in copies:
        driver.delete(one.ref, work=WORK)
    driver.delete_snapshot(snapshot, work=WORK)
    driver.delete(spec.ref, work=WORK)
    driver.tidy(lambda *_: nullcontext())
    assert list(bench.census()) == []


def test_only_its_key_opens_a_volume_and_what_is_made_of_it_has_that(bench: Any) -> None:
    driver, spec = bench.driver, make(bench)
    bench.write(spec.ref, PATTERN)
    for wrong, error in (("wrong", WrongKey), ("", NoKey)):
        with pytest.raises(error):
            driver.export(bench.export_of(spec, passphrase=wrong), work=WORK)
    assert driver.exports() == {}
    with pytest.raises(NoKey), driver.writing(spec.ref):
        pass
    point = BackupPoint(id=spec.ref.id, source=spec.ref)
    driver.hold_point(point, work=WORK)
    with pytest.raises(NoKey), driver.reading(point):
        pass
    with (
        pytest.raises(WrongKey),
        driver.opened(spec.ref, "wrong"),
        driver.reading(point),
    ):
        pass
    driver.release_point(point, work=WORK)
    plain = make(bench, encryption=None)
    refused = (
        bench.spec(encryption=ENCRYPTION.model_copy(update={"cipher": "rot13"})),
        bench.spec(source=plain.ref),
        bench.spec(source=spec.ref, encryption=None),
    )
    for one in refused:
        with pytest.raises(DriverError):
            driver.create(one, image=None, work=WORK)
        driver.delete(one.ref, work=WORK)
    bench_plain = driver.export(bench.export_of(plain, passphrase=""), work=WORK)
    assert bench.write_through(bench_plain, "plain")


def test_a_volume_of_an_image_is_no_cipher_of_it_that_others_read(bench: Any) -> None:
    source, path = bench.image(PATTERN)
    spec = bench.spec(source=source)
    bench.driver.create(spec, image=path, work=WORK)
    assert bench.read(spec.ref) == PATTERN
    assert bench.driver.get(spec.ref).size == SIZE
    anew = ReimageRequest(volume=(other := make(bench)).ref, image=source)
    with bench.driver.opened(other.ref, KEY):
        bench.driver.reimage(anew, image=path, work=WORK)
    assert bench.read(other.ref) == PATTERN
    with pytest.raises(NoKey):
        bench.driver.reimage(anew, image=path, work=WORK)
    assert PATTERN.encode() not in bench.on_disk()


def test_a_volume_at_rest_is_written_and_read_as_a_whole_with_its_key(bench: Any) -> None:
    driver, spec = bench.driver, make(bench)
    word = PATTERN.encode().ljust(512, b"\0")
    with driver.opened(spec.ref, KEY), driver.writing(spec.ref) as target:
        assert target.size == SIZE
        target.write(SIZE - 512, word)
    point = BackupPoint(id=spec.ref.id, source=spec.ref)
    driver.hold_point(point, work=WORK)
    with driver.opened(spec.ref, KEY), driver.reading(point) as source:
        whole = b"".join(source.read(at, SIZE // 8) for at in range(0, SIZE, SIZE // 8))
        assert source.data_after(SIZE - 512) < SIZE
    assert whole == bytes(SIZE - 512) + word
    driver.release_point(point, work=WORK)
    assert PATTERN.encode() not in bench.on_disk()


def test_one_that_is_broken_off_while_it_is_made_is_made_anew_or_taken_back(bench: Any) -> None:
    parent = make(bench)
    bench.write(parent.ref, PATTERN)
    broken_off = 0
    for overrides in ({}, {"source": parent.ref, "size": 2 * SIZE}):
        at, through = 0, False
        while not through:
            finished, taken_back = bench.spec(**overrides), bench.spec(**overrides)
            for spec in (finished, taken_back):
                try:
                    bench.driver.create(spec, image=None, work=CountedWork(at))
                    through = True
                except Interrupted:
                    broken_off += 1
                    bench.restart()
            bench.driver.create(finished, image=None, work=WORK)
            if overrides:
                assert bench.read(finished.ref) == PATTERN
            assert bench.driver.get(finished.ref).size == finished.size
            for spec in (finished, taken_back):
                bench.driver.delete(spec.ref, work=WORK)
            at += 1
    assert broken_off >= 4
    bench.driver.delete(parent.ref, work=WORK)
    assert list(bench.census()) == []
