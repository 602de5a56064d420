"""Image data: hashed, inspected, all or nothing, one upload at a time."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest, CloudwebError, PolicyNotAuthorized
from cloudweb.stores import directory, room
from cloudweb.stores.exceptions import StoreFull
from image import states, uploads
from image.exceptions import (
    ImageConflict,
    ImageGone,
    ImageRefused,
    ImageTooLarge,
    NotYourImage,
)
from image.manager import ImageManager
from image.models import Image
from tests.builders import disks
from tests.builders.images import OTHER, RAW, caller, make_image
from tests.infrastructure import PATIENCE

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.IMAGE_STORE = tmp_path / "images"
    return tmp_path / "images"


def files(store: Path) -> list[Path]:
    return [path for path in store.rglob("*") if path.is_file()]


class Scripted:
    """A stream that serves chunks and calls what stands between them."""

    def __init__(self, *script: bytes | Callable[[], None]) -> None:
        self._script = list(script)

    def read(self, size: int, /) -> bytes:
        while self._script:
            step = self._script.pop(0)
            if isinstance(step, bytes):
                return step
            step()
        return b""


def test_an_upload_makes_the_image_active(store: Path) -> None:
    data = disks.qcow2(clusters=[b"data"])
    image = make_image(disk_format="qcow2", data=data)
    assert (image.status, image.size, image.virtual_size) == ("active", len(data), 1024**3)
    assert image.checksum == hashlib.md5(data).hexdigest()
    assert (image.os_hash_algo, image.os_hash_value) == (
        "sha512", hashlib.sha512(data).hexdigest(),
    )  # fmt: skip
    found, file = ImageManager(caller("reader")).open(image.id)
    assert file is not None
    with file:
        assert (found.id, file.read()) == (image.id, data)
    assert len(files(store)) == 1


def test_data_comes_once() -> None:
    image = make_image(data=RAW)
    with pytest.raises(ImageConflict):
        ImageManager(caller()).upload(image.id, io.BytesIO(b"other"))
    assert ImageManager(caller()).get(image.id).size == len(RAW)


def test_formats_come_first() -> None:
    image = make_image(disk_format=None, container_format=None)
    with pytest.raises(BadRequest):
        ImageManager(caller()).upload(image.id, io.BytesIO(RAW))


def _breaks() -> None:
    raise BadRequest("The connection broke.")


@pytest.mark.parametrize(
    ("stream", "size", "error"),
    [
        (Scripted(b"x" * 100, _breaks), None, BadRequest),
        (Scripted(b"x" * 100), 200, BadRequest),
        (Scripted(b"x" * 300), 200, BadRequest),
        (Scripted(disks.qcow2()), None, ImageRefused),
        (Scripted(b"x" * 3000), None, ImageTooLarge),
        (Scripted(b""), 5000, ImageTooLarge),
    ],
)
def test_a_failed_upload_leaves_nothing(
    store: Path, settings: Any, stream: Scripted, size: int | None, error: type[Exception]
) -> None:
    settings.IMAGE_MAX_SIZE = 2500 if error is ImageTooLarge else 10**6
    image = make_image()
    with pytest.raises(error):
        ImageManager(caller()).upload(image.id, stream, size=size)
    assert files(store) == []
    assert ImageManager(caller()).get(image.id).status == "queued"
    ImageManager(caller()).upload(image.id, io.BytesIO(b"second try"))
    assert ImageManager(caller()).get(image.id).status == "active"


def test_a_full_disk_is_said_before_and_during(store: Path, monkeypatch: Any) -> None:
    image, manager = make_image(), ImageManager(caller())
    with pytest.raises(StoreFull):
        manager_upload_of(manager, image, size=10**9, free=10**6, monkeypatch=monkeypatch)

    def full(self: Any, chunk: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(directory.IncomingFile, "write", _translating(full))
    with pytest.raises(StoreFull):
        manager.upload(image.id, io.BytesIO(RAW))
    assert files(store) == []
    assert manager.get(image.id).status == "queued"


def manager_upload_of(
    manager: ImageManager, image: Image, *, size: int, free: int, monkeypatch: Any
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(room.shutil, "disk_usage", lambda _: type("U", (), {"free": free}))
        manager.upload(image.id, io.BytesIO(RAW), size=size)


def _translating(write: Callable[[Any, bytes], int]) -> Callable[[Any, bytes], None]:
    original = directory.IncomingFile.write

    class FullFile:
        def write(self, chunk: bytes) -> int:
            return write(self, chunk)

        def close(self) -> None:
            """Nothing was opened."""

    def wrapped(self: directory.IncomingFile, chunk: bytes) -> None:
        self._file.close()
        self._file = FullFile()  # type: ignore[assignment]
        original(self, chunk)

    return wrapped


def test_who_may_upload() -> None:
    image = make_image(context=caller("admin"), visibility="public")
    with pytest.raises(PolicyNotAuthorized):
        ImageManager(caller("reader")).upload(image.id, io.BytesIO(RAW))
    with pytest.raises(NotYourImage):
        ImageManager(caller("member", OTHER)).upload(image.id, io.BytesIO(RAW))


def test_a_second_upload_is_refused_while_one_runs(store: Path) -> None:
    image = make_image()
    second: list[CloudwebError] = []

    def compete() -> None:
        try:
            ImageManager(caller()).upload(image.id, io.BytesIO(b"second"))
        except CloudwebError as error:
            second.append(error)

    ImageManager(caller()).upload(image.id, Scripted(b"first ", compete, b"wins"))
    assert [type(error) for error in second] == [ImageConflict]
    _, file = ImageManager(caller()).open(image.id)
    assert file is not None
    with file:
        assert file.read() == b"first wins"
    assert len(files(store)) == 1


def test_of_many_uploads_at_once_one_wins(store: Path) -> None:
    image = make_image()
    gate, outcomes = threading.Barrier(4), []

    def upload(number: int) -> None:
        try:
            gate.wait(PATIENCE)
            ImageManager(caller()).upload(image.id, io.BytesIO(b"%d" % number * 100))
            outcomes.append("won")
        except CloudwebError as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(outcomes) == ["image_conflict"] * 3 + ["won"]
    assert len(files(store)) == 1


def test_an_image_deleted_meanwhile_is_gone(store: Path) -> None:
    image = make_image()
    with pytest.raises(ImageGone):
        ImageManager(caller()).upload(
            image.id, Scripted(b"data", lambda: ImageManager(caller()).delete(image.id), b"more")
        )
    assert files(store) == []
    assert not Image.objects.exists()


def test_a_long_upload_notices_early_that_its_image_is_gone(store: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(uploads, "SEEN_EVERY", timedelta(0))
    image, read_after = make_image(), []
    with pytest.raises(ImageGone):
        ImageManager(caller()).upload(
            image.id,
            Scripted(
                b"data", lambda: ImageManager(caller()).delete(image.id), b"more",
                lambda: read_after.append(1), b"and more",
            ),
        )  # fmt: skip
    assert read_after == []


def test_a_dead_upload_makes_way_and_cannot_come_back(store: Path) -> None:
    image = make_image()

    def overtake() -> None:
        Image.objects.filter(id=image.id).update(
            upload_seen_at=image.created_at - 2 * states.ABANDONED
        )
        ImageManager(caller()).upload(image.id, io.BytesIO(b"the living one"))

    with pytest.raises(ImageConflict):
        ImageManager(caller()).upload(image.id, Scripted(b"late", overtake, b"r"))
    _, file = ImageManager(caller()).open(image.id)
    assert file is not None
    with file:
        assert file.read() == b"the living one"
    assert len(files(store)) == 1


def test_no_transaction_is_open_while_data_comes_in() -> None:
    image, seen = make_image(), []
    ImageManager(caller()).upload(
        image.id, Scripted(b"a", lambda: seen.append(connection.in_atomic_block), b"b")
    )
    assert seen == [False]


def test_deleting_takes_the_data_along(store: Path) -> None:
    image = make_image(data=RAW)
    assert len(files(store)) == 1
    ImageManager(caller()).delete(image.id)
    assert files(store) == []
    assert not Image.objects.exists()


def test_the_reaper_finishes_what_died(store: Path) -> None:
    kept = make_image(data=RAW)
    dead_upload, dead_delete = make_image(), make_image(data=RAW)
    long_ago = kept.created_at - 20 * states.ABANDONED
    Image.objects.filter(id=dead_upload.id).update(
        status="saving", upload_id="u", upload_seen_at=long_ago
    )
    Image.objects.filter(id=dead_delete.id).update(status="deleted", updated_at=long_ago)
    orphan, fresh = store / "incoming" / f"{dead_upload.id}.u", store / "incoming" / "fresh"
    for path in (orphan, fresh):
        path.write_bytes(b"half")
    os.utime(orphan, (long_ago.timestamp(), long_ago.timestamp()))
    ImageManager(RequestContext.system()).reap()
    assert {path.name for path in files(store)} == {fresh.name, kept.store_key}
    assert Image.objects.get(id=dead_upload.id).status == "queued"
    assert not Image.objects.filter(id=dead_delete.id).exists()


def test_memory_stays_bounded() -> None:
    size = 256 * 1024**2

    class Sparse:
        left = size

        def read(self, wanted: int, /) -> bytes:
            served = min(wanted, self.left)
            self.left -= served
            return bytes(served)

    image = make_image()
    tracemalloc.start()
    try:
        ImageManager(caller()).upload(image.id, Sparse(), size=size)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 * 1024**2
    assert ImageManager(caller()).get(image.id).size == size
