"""Removing the copy of an image's data from one store, never the last one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from cloudweb.stores import directory
from cloudweb.stores.configured import store as store_of
from cloudweb.stores.exceptions import StoreUnavailable
from image.manager import ImageManager
from image.models import Image
from tests.builders.identity import ApiClient, client_with
from tests.builders.images import RAW, caller, make_image
from tests.builders.stores import file_settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def stores(settings: Any, tmp_path: Path) -> Path:
    settings.IMAGE_STORES = {name: file_settings(tmp_path / name) for name in ("one", "two")}
    settings.IMAGE_STAGING = tmp_path / "staging"
    return tmp_path


@pytest.fixture
def admin() -> ApiClient:
    return client_with("admin")


def files(root: Path, name: str) -> int:
    return sum(path.is_file() for path in (root / name).rglob("*"))


def image_in_both(**attributes: Any) -> Image:
    image = make_image(data=RAW, **attributes)
    incoming = store_of("two").receive(image.store_key, expected=len(RAW))
    incoming.write(RAW)
    incoming.sync()
    incoming.keep()
    Image.objects.filter(id=image.id).update(stores=["one", "two"])
    return image


def remove(client: ApiClient, store: str, image: Image) -> Any:
    return client.delete(f"/image/v2/stores/{store}/{image.id}")


@pytest.mark.parametrize(("gone", "stays"), [("one", "two"), ("two", "one")])
def test_a_copy_goes_and_the_image_stays(
    admin: ApiClient, stores: Path, gone: str, stays: str
) -> None:
    image = image_in_both()
    answer = remove(admin, gone, image)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (files(stores, gone), files(stores, stays)) == (0, 1)
    assert admin.get(f"/image/v2/images/{image.id}").json()["stores"] == stays
    assert admin.get(f"/image/v2/images/{image.id}/file").getvalue() == RAW
    assert remove(admin, gone, image).status_code == 404
    last = remove(admin, stays, image)
    assert (last.status_code, "only copy" in last.json()["error"]["message"]) == (403, True)
    assert files(stores, stays) == 1


def test_operators_learn_where_the_copies_are(admin: ApiClient, stores: Path) -> None:
    image = image_in_both()
    found = admin.get(f"/image/v2/images/{image.id}/locations").json()
    assert [one["metadata"] for one in found] == [{"store": "one"}, {"store": "two"}]
    for one in found:
        parts = urlsplit(one["url"])
        assert (parts.scheme, parts.netloc) == ("file", "")
        assert Path(unquote(parts.path)).read_bytes() == RAW
    assert admin.get(f"/image/v2/images/{make_image().id}/locations").json() == []


def test_what_keeps_a_copy(admin: ApiClient, stores: Path) -> None:
    image = image_in_both(protected=True)
    assert remove(admin, "one", image).status_code == 403
    assert remove(admin, "three", image).status_code == 404
    Image.objects.filter(id=image.id).update(protected=False, status="deactivated")
    assert remove(admin, "one", image).status_code == 409
    assert admin.delete(f"/image/v2/stores/one/{'0' * 32}").status_code == 404
    assert (files(stores, "one"), files(stores, "two")) == (1, 1)


def test_a_copy_is_not_removed_under_an_import(admin: ApiClient, settings: Any) -> None:
    settings.IMAGE_STORES["three"] = {**settings.IMAGE_STORES["one"], "path": "/nowhere"}
    image = image_in_both()
    body = {"method": {"name": "copy-image"}, "stores": ["three"]}
    assert admin.send("POST", f"/image/v2/images/{image.id}/import", body).status_code == 202
    assert remove(admin, "one", image).status_code == 409


def test_a_store_that_is_gone_is_forgotten_but_does_not_count(
    admin: ApiClient, settings: Any
) -> None:
    image = image_in_both()
    settings.IMAGE_STORES = {"one": settings.IMAGE_STORES["one"]}
    assert remove(admin, "one", image).status_code == 403
    assert remove(admin, "two", image).status_code == 204
    assert ImageManager(caller()).get(image.id).stores == ["one"]


def test_what_a_store_that_is_away_keeps_is_reaped(
    admin: ApiClient, stores: Path, monkeypatch: Any
) -> None:
    image = image_in_both()

    def away(_store: object, _key: str) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(directory.DirectoryStore, "delete", away)
        assert remove(admin, "two", image).status_code == 204
    assert files(stores, "two") == 1
    for path in (stores / "two").rglob("*"):
        os.utime(path, (0, 0))
    ImageManager(caller("admin")).reap()
    assert (files(stores, "one"), files(stores, "two")) == (1, 0)
