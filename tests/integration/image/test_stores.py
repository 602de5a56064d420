"""One suite for every kind of store: what goes in comes out, and nothing else stays."""

from __future__ import annotations

import io
import os
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from cloudweb.context import RequestContext
from cloudweb.stores import configured, s3
from cloudweb.stores.base import Store
from cloudweb.stores.configured import UnknownStore, store
from cloudweb.stores.exceptions import StoreUnavailable
from image.copies import DamagedData, copy
from image.manager import ImageManager
from image.models import Image
from tests.builders import disks
from tests.builders.images import RAW, caller, make_image
from tests.builders.stores import file_settings, s3_client, s3_settings

MIB = 1024**2
OLD = timedelta(seconds=-60)  # everything is older than the future


@pytest.fixture(params=["file", "s3"])
def kind(request: Any, settings: Any, tmp_path: Path) -> str:
    """Have one store of this kind."""
    if request.param == "file":
        settings.IMAGE_STORES = {"one": file_settings(tmp_path / "one")}
    else:
        settings.IMAGE_STORES = {"one": s3_settings(request.getfixturevalue("s3"))}
    settings.IMAGE_STAGING = tmp_path / "staging"
    return str(request.param)


@pytest.fixture
def left(kind: str, settings: Any, tmp_path: Path) -> Callable[[], int]:
    """Count what the store holds, finished or not, from outside."""
    if kind == "file":
        return lambda: sum(path.is_file() for path in (tmp_path / "one").rglob("*"))
    values = settings.IMAGE_STORES["one"]
    client: Any = s3_client(values["endpoint"])

    def count() -> int:
        objects = client.list_objects_v2(Bucket=values["bucket"]).get("KeyCount", 0)
        unfinished = client.list_multipart_uploads(Bucket=values["bucket"]).get("Uploads", [])
        return int(objects) + len(unfinished)

    return count


def put(one: Store, key: str, data: bytes, *, piece: int = MIB) -> None:
    incoming = one.receive(key, expected=None)
    for start in range(0, len(data), piece):
        incoming.write(data[start : start + piece])
    incoming.sync()
    with incoming.open() as file:
        assert file.read(10) == data[:10]
    incoming.keep()


@pytest.mark.parametrize("size", [0, 1, 3 * MIB, 16 * MIB, 20 * MIB + 7])
def test_what_goes_in_comes_out(kind: str, size: int) -> None:
    one, data = store("one"), os.urandom(size)
    put(one, "key", data, piece=1_000_003)
    with one.open("key") as file:
        assert file.read() == data
        if size > MIB:
            for at in (size - 5, 0, 12_345, size // 2):
                file.seek(at)
                assert file.read(5) == data[at : at + 5]
            assert file.seek(-3, io.SEEK_END) == size - 3
            assert (file.read(), file.read()) == (data[-3:], b"")


def test_deleted_is_absent_and_absent_is_fine(kind: str, left: Callable[[], int]) -> None:
    one = store("one")
    put(one, "key", b"data")
    one.delete("key")
    one.delete("key")
    with pytest.raises(FileNotFoundError):
        one.open("key")
    assert left() == 0


@pytest.mark.parametrize("size", [10, 9 * MIB])
@pytest.mark.parametrize("until", ["written", "synced", "kept"])
def test_dropped_leaves_nothing(kind: str, left: Callable[[], int], size: int, until: str) -> None:
    incoming = store("one").receive("key", expected=size)
    incoming.write(bytes(size))
    if until != "written":
        incoming.sync()
    if until == "kept":
        incoming.keep()
    incoming.drop()
    incoming.drop()
    assert left() == 0


def test_one_that_is_dropped_does_not_take_anothers_data_along(kind: str) -> None:
    one, late = store("one"), store("one").receive("key", expected=None)
    late.write(b"late")
    put(one, "key", b"good")
    late.drop()
    with one.open("key") as file:
        assert file.read() == b"good"


def test_an_address_names_the_data_and_no_secret(kind: str, settings: Any) -> None:
    url = store("one").url("a key")
    assert url.startswith({"file": "file:///", "s3": "s3://images-"}[kind])
    assert unquote(url).endswith("/a key")
    values = settings.IMAGE_STORES["one"]
    assert not any(values[name] in url for name in ("access_key", "secret_key") if name in values)


def test_the_reaper_takes_what_nobody_keeps(kind: str, left: Callable[[], int]) -> None:
    one = store("one")
    for key in ("kept", "orphan"):
        put(one, key, b"data")
    for key in ("coming", "dead"):
        one.receive(key, expected=None).write(bytes(9 * MIB))
    keep = {"kept", "coming"}.__contains__
    if kind == "file":  # the S3 service of the tests says of every upload that it is years old
        assert one.reap(keep, older_than=timedelta(hours=1)) == []
    removed = one.reap(keep, older_than=OLD)
    assert {name.partition(".")[0] for name in removed} == {"orphan", "dead"}
    assert left() == 2


def test_what_is_inside_a_store_is_apart_from_it(kind: str, left: Callable[[], int]) -> None:
    one = store("one")
    inside = one.inside("backups")
    put(one, "image", b"data")
    for key in ("a/b/1", "a/b/2", "a/c/1"):
        inside.put(key, key.encode())
    assert sorted(inside.keys("a/b/")) == ["a/b/1", "a/b/2"]
    assert sorted(inside.keys("a/")) == ["a/b/1", "a/b/2", "a/c/1"]
    assert list(inside.keys("b")) == []
    assert list(one.keys("im")) == ["image"]
    inside.put("a/b/1", b"again")
    with inside.open("a/b/1") as file:
        assert file.read() == b"again"
    assert one.reap(lambda _: False, older_than=OLD) == ["image"]
    assert inside.reap(lambda _: False, older_than=OLD) == []
    for key in ("a/b/1", "a/b/2", "a/c/1", "a/c/1"):
        inside.delete(key)
    assert (list(inside.keys("")), left()) == ([], 0)
    if kind == "file":
        assert list((inside.root / "data").iterdir()) == []  # type: ignore[attr-defined]


def test_a_copy_that_is_damaged_is_not_kept(kind: str, left: Callable[[], int]) -> None:
    with pytest.raises(DamagedData):
        copy(
            io.BytesIO(b"data"), store_id="one", key="key", size=4, sha512="0" * 128,
            on_chunk=lambda _: None,
        )  # fmt: skip
    assert left() == 0


def held() -> int:
    """Return the bytes that stores hold, and that we made for them; other threads' do not count."""
    ours = [tracemalloc.Filter(True, pattern) for pattern in ("*/cloudweb/stores/*", __file__)]
    snapshot = tracemalloc.take_snapshot().filter_traces(ours)
    return sum(found.size for found in snapshot.statistics("filename"))


def test_memory_stays_bounded(kind: str) -> None:
    tracemalloc.start()
    try:
        incoming = store("one").receive("key", expected=None)
        seen = []
        for number in range(40):
            incoming.write(bytes(MIB))
            if number % 10 == 9:
                seen.append(held())
        incoming.sync()
        incoming.keep()
    finally:
        tracemalloc.stop()
    assert max(seen) < (4 if kind == "file" else 16) * MIB  # S3 holds a part of eight


def test_one_part_is_in_memory_at_a_time(s3: str, settings: Any) -> None:
    settings.IMAGE_STORES = {"one": s3_settings(s3)}
    incoming: Any = store("one").receive("key", expected=None)
    held = []
    for _ in range(40):
        incoming.write(bytes(MIB))
        held.append(len(incoming._buffer))
    assert max(held) < 8 * MIB
    incoming.drop()


@pytest.mark.parametrize(
    ("expected", "part"), [(10, 8 * MIB), (None, 8 * MIB), (5 * 1024**4, 549_755_814)]
)
def test_a_large_image_has_parts_that_are_large_enough(
    s3: str, settings: Any, expected: int | None, part: int
) -> None:
    settings.IMAGE_STORES = {"one": s3_settings(s3)}
    incoming: Any = store("one").receive("key", expected=expected)
    assert incoming._part_size == part


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
class TestImages:
    """Images in a store of either kind."""

    def test_upload_read_delete(self, kind: str, left: Callable[[], int]) -> None:
        data = disks.qcow2(clusters=[b"data"])
        image = make_image(disk_format="qcow2", data=data)
        assert (image.status, image.stores) == ("active", ["one"])
        _, file = ImageManager(caller("reader")).open(image.id)
        assert file is not None
        with file:
            assert file.read() == data
        ImageManager(caller()).delete(image.id)
        assert left() == 0

    def test_what_is_refused_leaves_nothing(self, kind: str, left: Callable[[], int]) -> None:
        image = make_image(disk_format="qcow2")
        with pytest.raises(Exception, match="refused"):
            ImageManager(caller()).upload(image.id, io.BytesIO(disks.qcow2(backing=b"/etc/shadow")))
        assert left() == 0
        assert Image.objects.get(id=image.id).status == "queued"

    def test_a_store_of_ones_choice(self, kind: str, settings: Any, tmp_path: Path) -> None:
        settings.IMAGE_STORES = settings.IMAGE_STORES | {"two": file_settings(tmp_path / "two")}
        image = make_image()
        with pytest.raises(UnknownStore):
            ImageManager(caller()).upload(image.id, io.BytesIO(RAW), store_id="three")
        ImageManager(caller()).upload(image.id, io.BytesIO(RAW), store_id="two")
        assert Image.objects.get(id=image.id).stores == ["two"]
        assert (tmp_path / "two" / "data").exists()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_the_first_store_that_has_the_data_serves_it(settings: Any, tmp_path: Path) -> None:
    settings.IMAGE_STORES = {name: file_settings(tmp_path / name) for name in ("one", "two")}
    image = make_image(data=RAW)
    copied = store("one").open(image.store_key)
    put(store("two"), image.store_key, copied.read())
    Image.objects.filter(id=image.id).update(stores=["two", "one", "gone"])
    store("one").delete(image.store_key)
    _, file = ImageManager(caller()).open(image.id)
    assert file is not None
    with file:
        assert file.read() == RAW


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_store_that_is_away_is_an_error_that_can_be_tried_again(
    settings: Any, tmp_path: Path, s3: str
) -> None:
    settings.IMAGE_STORES = {"one": s3_settings(s3)}
    image = make_image(data=RAW)
    settings.IMAGE_STORES = {"one": settings.IMAGE_STORES["one"] | {"bucket": "no-such-bucket"}}
    with pytest.raises(StoreUnavailable) as refused:
        ImageManager(caller()).upload(make_image().id, io.BytesIO(RAW))
    assert "bucket" not in refused.value.message
    ImageManager(caller()).delete(image.id)
    with pytest.raises(Exception, match="No image found"):
        ImageManager(caller()).get(image.id)
    ImageManager(
        RequestContext.system()
    ).reap()  # what could not be erased is tried again, and the other work is done
    assert Image.objects.get(id=image.id).status == "deleted"


def test_the_client_library_is_loaded_only_for_its_store(tmp_path: Path) -> None:
    from cloudweb import process

    script = (
        "import django; django.setup(); import image.api.urls, image.reaping, sys; "
        "from cloudweb.stores.configured import store; store('default'); "
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    import sys

    process.run(
        sys.executable, "-c", script,
        env={"DJANGO_SETTINGS_MODULE": "cloudweb.settings.test", "CLOUDWEB_VAR": str(tmp_path)},
        timeout=60,
    )  # fmt: skip


def test_settings_name_stores(monkeypatch: Any, tmp_path: Path) -> None:
    from cloudweb.settings.images import image_stores

    monkeypatch.setenv("IMAGE_STORES", "fast,deep-1")
    monkeypatch.setenv("IMAGE_STORE_DEEP_1_TYPE", "s3")
    with pytest.raises(ValueError, match="IMAGE_STORE_DEEP_1_BUCKET"):
        image_stores(tmp_path)
    for word in ("BUCKET", "ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.setenv(f"IMAGE_STORE_DEEP_1_{word}", "x")
    found = image_stores(tmp_path)
    assert found["fast"] == {"kind": "file", "description": "", "path": str(tmp_path / "fast")}
    assert found["deep-1"]["bucket"] == "x"
    assert s3.LEAST_PART >= 5 * MIB
    assert configured.ordered(["zzz", "default"]) == ["default", "zzz"]
