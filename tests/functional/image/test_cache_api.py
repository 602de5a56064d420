"""The image cache in front of an S3 store: downloads fill it, are served from it, operators rule it."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.stores.configured import store as store_of
from image import cache as caching
from image.cache import IncomingCopy, image_cache
from image.locations import open_signed, signed_url
from image.manager import ImageManager
from image.models import Image
from image.operations import transfers
from operations.history import operations_of
from operations.testing import Cloud, check_invariants, cloud
from tests.builders.identity import ApiClient, client_with
from tests.builders.images import RAW, caller, make_image
from tests.builders.stores import file_settings, s3_client, s3_service, s3_settings

pytestmark = pytest.mark.django_db(transaction=True)
CACHE = "/image/v2/cache"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with s3_service() as url:
        yield url


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path, service: str) -> Path:
    settings.IMAGE_STORES = {"far": s3_settings(service), "here": file_settings(tmp_path / "here")}
    settings.IMAGE_STAGING = tmp_path / "staging"
    settings.IMAGE_CACHE, settings.IMAGE_CACHE_SIZE = tmp_path / "cache", 3 * len(RAW)
    return tmp_path / "cache"


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Cloud]:
    with cloud(tmp_path / "cloud") as made:
        yield made


@pytest.fixture
def admin() -> ApiClient:
    return client_with("admin")


def read(client: ApiClient, image: Image, wanted: str = "") -> bytes:
    headers = {"Range": wanted} if wanted else {}
    answer = client.get(f"/image/v2/images/{image.id}/file", headers=headers)
    assert answer.status_code == (206 if wanted else 200)
    data: bytes = answer.getvalue()
    answer.close()
    return data


def take_away(image: Image, settings: Any) -> None:
    """Remove the data from the bucket, so that nothing but the cache can have it."""
    where = settings.IMAGE_STORES["far"]
    client: Any = s3_client(where["endpoint"])
    client.delete_object(Bucket=where["bucket"], Key=where["prefix"] + image.store_key)


def state(client: ApiClient) -> tuple[list[tuple[str, int]], list[str]]:
    answer = client.get(CACHE)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    return [(one["image_id"], one["hits"]) for one in body["cached_images"]], body["queued_images"]


def files(place: Path) -> int:
    return sum(path.is_file() for path in place.rglob("*") if path.name != "lock")


def test_the_first_download_fills_it_and_the_next_ones_need_no_store(
    admin: ApiClient, settings: Any
) -> None:
    image = make_image(data=RAW)
    assert read(admin, image) == RAW
    (shown,) = admin.get(CACHE).json()["cached_images"]
    assert {name: type(value) for name, value in shown.items()} == {
        "image_id": str, "hits": int, "last_accessed": float, "last_modified": float, "size": int,
    }  # fmt: skip
    assert (shown["image_id"], shown["hits"], shown["size"]) == (str(image.id), 0, len(RAW))
    take_away(image, settings)
    assert read(admin, image) == RAW
    assert read(admin, image, "bytes=5-9") == RAW[5:10]
    signature = signed_url(image.id).partition("signature=")[2]
    with open_signed(image.id, signature)[1] as file:
        assert (file.read(), file.fileno() > 0) == (RAW, True)
    assert state(admin) == ([(str(image.id), 3)], [])


def test_a_part_fills_nothing(admin: ApiClient, place: Path) -> None:
    image = make_image(data=RAW)
    assert read(admin, image, "bytes=0-9") == RAW[:10]
    assert files(place) == 0
    for left_off in (0, 10, len(RAW) - 1):
        file = ImageManager(caller()).open(image.id)[1]
        assert file is not None
        with file:
            assert len(file.read(left_off)) == left_off
        assert files(place) == 0
    file = ImageManager(caller()).open(image.id)[1]
    assert file is not None
    with file:
        file.read(10)
        file.seek(0)
        assert file.read() == RAW
    assert files(place) == 0


def test_damaged_data_is_not_kept(admin: ApiClient, place: Path, settings: Any) -> None:
    image = make_image(data=RAW)
    take_away(image, settings)
    incoming = store_of("far").receive(image.store_key, expected=len(RAW))
    incoming.write(bytes(len(RAW)))
    incoming.sync()
    assert read(admin, image) == bytes(len(RAW))
    assert files(place) == 0


def test_a_full_disk_stops_no_download(
    admin: ApiClient, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make_image(data=RAW)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(IncomingCopy, "write", full)
        assert read(admin, image) == RAW
    with monkeypatch.context() as patch:
        patch.setattr(caching.ImageCache, "open", full)
        patch.setattr(caching.ImageCache, "begin", full)
        assert read(admin, image) == RAW
    assert files(place) == 0


def test_a_cache_that_cannot_be_made_stops_nobody(
    admin: ApiClient, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    settings.IMAGE_CACHE = tmp_path / "file" / "cache"
    image = make_image(data=RAW)
    assert read(admin, image) == RAW
    assert admin.get(CACHE).status_code == 503
    assert admin.delete(f"/image/v2/images/{image.id}").status_code == 204
    ImageManager(caller("admin")).reap()


def test_the_limit_holds_and_the_least_recently_read_goes(admin: ApiClient) -> None:
    images = [make_image(data=RAW) for _ in range(4)]
    for used_at, image in enumerate(images[:3]):
        read(admin, image)
        path = Path(image_cache().data / image.store_key)  # type: ignore[union-attr]
        os.utime(path, (used_at, used_at))
    read(admin, images[0])
    read(admin, images[3])
    assert {image_id for image_id, _ in state(admin)[0]} == {
        str(images[place].id) for place in (0, 2, 3)
    }


def test_a_deleted_images_copy_goes_at_once(admin: ApiClient, place: Path) -> None:
    image = make_image(data=RAW)
    read(admin, image)
    assert admin.post(f"/image/v2/images/{image.id}/actions/deactivate").status_code == 204
    member = client_with("member")
    Image.objects.filter(id=image.id).update(visibility="public")
    assert member.get(f"/image/v2/images/{image.id}/file").status_code == 403
    assert files(place) > 0
    assert admin.delete(f"/image/v2/images/{image.id}").status_code == 204
    assert files(place) == 0


def test_housekeeping_removes_what_no_image_names(admin: ApiClient, place: Path) -> None:
    image, gone = make_image(data=RAW), make_image(data=RAW)
    for one in (image, gone):
        read(admin, one)
    Image.objects.filter(id=gone.id).delete()  # as if another machine had deleted it
    ImageManager(caller("admin")).reap()
    assert state(admin)[0] == [(str(image.id), 0)]


def test_a_directory_needs_no_cache(admin: ApiClient, place: Path) -> None:
    manager = ImageManager(caller())
    image = make_image()
    manager.upload(image.id, io.BytesIO(RAW), store_id="here")
    assert read(admin, image) == RAW
    assert files(place) == 0
    assert admin.put(f"{CACHE}/{image.id}").status_code == 400


def test_prefetching(admin: ApiClient, memory: Cloud, settings: Any) -> None:
    image = make_image(data=RAW)
    for _ in range(2):
        answer = admin.put(f"{CACHE}/{image.id}")
        assert (answer.status_code, answer.content) == (202, b"")
    assert state(admin) == ([], [str(image.id)])
    memory.settle()
    check_invariants()
    assert state(admin) == ([(str(image.id), 0)], [])
    assert admin.put(f"{CACHE}/{image.id}").status_code == 202
    take_away(image, settings)
    assert read(admin, image) == RAW
    (operation,) = operations_of("image", str(image.id))
    assert (operation.kind, operation.state) == ("image.cache", "DONE")
    assert [step.name for step in operation.steps] == ["fill"]


def test_a_prefetch_that_fails_says_why(admin: ApiClient, memory: Cloud, settings: Any) -> None:
    gone, off, late = (make_image(data=RAW) for _ in range(3))
    for image in (gone, off, late):
        assert admin.put(f"{CACHE}/{image.id}").status_code == 202
    take_away(gone, settings)
    Image.objects.filter(id=late.id).update(status="deactivated")
    memory.settle()
    check_invariants()
    errors = {one: operations_of("image", str(one.id))[0].error for one in (gone, off, late)}
    assert "not where it was" in errors[gone]
    assert "not active" in errors[late]
    assert errors[off] == ""
    assert [image_id for image_id, _ in state(admin)[0]] == [str(off.id)]


def test_deleting_an_image_ends_its_prefetch(
    admin: ApiClient, memory: Cloud, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make_image(data=RAW)
    assert admin.put(f"{CACHE}/{image.id}").status_code == 202
    assert admin.delete(f"/image/v2/images/{image.id}").status_code == 204
    memory.settle()
    check_invariants()
    assert (files(place), state(admin)) == (0, ([], []))
    assert not Image.objects.exists()


def test_a_prefetch_that_lost_its_claim_leaves_nothing(
    admin: ApiClient, memory: Cloud, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make_image(data=RAW)
    assert admin.put(f"{CACHE}/{image.id}").status_code == 202
    monkeypatch.setattr("image.operations.cache_image.CHUNK", 100)
    real, seen = transfers.progress, []

    def lost(running: Any, **values: Any) -> None:
        seen.append(files(place))
        if len(seen) == 3:
            running.lose()
        real(running, **values)

    monkeypatch.setattr("image.operations.cache_image.progress", lost)
    memory.settle()
    assert seen[:3] == [1, 1, 1]
    check_invariants()
    assert not any(image_cache().incoming.iterdir())  # type: ignore[union-attr]


def test_removing_and_clearing(admin: ApiClient, memory: Cloud) -> None:
    cached, queued = make_image(data=RAW), make_image(data=RAW)

    def fill() -> None:
        read(admin, cached)
        assert admin.put(f"{CACHE}/{queued.id}").status_code == 202
        assert state(admin) == ([(str(cached.id), 0)], [str(queued.id)])

    for target, left in (
        ("queue", ([(str(cached.id), 0)], [])),
        ("cache", ([], [str(queued.id)])),
        ("", ([], [])),
    ):
        fill()
        headers = {"x-image-cache-clear-target": target} if target else {}
        answer = admin.delete(CACHE, headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
        assert state(admin) == left
        assert admin.delete(CACHE).status_code == 204
        memory.settle()
        check_invariants()
        assert state(admin) == ([], [])
    fill()
    for image in (cached, queued, cached):
        assert admin.delete(f"{CACHE}/{image.id}").status_code == 204
    assert state(admin) == ([], [])


def test_what_is_refused(admin: ApiClient, settings: Any) -> None:
    empty, whole = make_image(), make_image(data=RAW)
    assert admin.put(f"{CACHE}/{empty.id}").status_code == 400
    for image_id in (uuid.uuid4(), "odd"):
        assert admin.put(f"{CACHE}/{image_id}").status_code == 404
        assert admin.delete(f"{CACHE}/{image_id}").status_code == 404
    answer = admin.delete(CACHE, headers={"x-image-cache-clear-target": "all"})
    assert (answer.status_code, "clear-target" in answer.json()["error"]["message"]) == (400, True)
    settings.IMAGE_CACHE_SIZE = len(RAW) - 1
    assert admin.put(f"{CACHE}/{whole.id}").status_code == 400
    settings.IMAGE_CACHE_SIZE = 0
    calls = [
        ("GET", CACHE),
        ("DELETE", CACHE),
        *((how, f"{CACHE}/{whole.id}") for how in ("PUT", "DELETE")),
    ]
    assert [admin.generic(*call).status_code for call in calls] == [404] * 4


def test_it_is_off_by_default(admin: ApiClient, settings: Any, place: Path) -> None:
    settings.IMAGE_CACHE_SIZE = 0
    image = make_image(data=RAW)
    assert read(admin, image) == RAW
    assert not place.exists()
