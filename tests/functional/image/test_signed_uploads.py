"""The URL by which a host brings an image's data: it is its own credential, for one image and no longer."""

from __future__ import annotations

import base64
import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client

from image.locations import BRINGING, signed_url
from image.manager import ImageManager
from image.models import Image
from tests.builders.images import RAW, caller, make_image

pytestmark = pytest.mark.django_db(transaction=True)
BINARY = "application/octet-stream"
DIGEST = "Content-Digest"


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def put(client: Client, path: str, data: bytes = RAW, **headers: str) -> int:
    return client.put(path, data, content_type=BINARY, headers=headers).status_code


def digest_of(data: bytes) -> str:
    """Return a digest as RFC 9530 writes it."""
    return f"sha-512=:{base64.b64encode(hashlib.sha512(data).digest()).decode()}:"


@pytest.fixture
def image() -> Image:
    return make_image(context=caller())


def test_it_brings_the_data_once(client: Client, image: Image) -> None:
    path = path_of(ImageManager(caller()).upload_url(image.id))
    assert put(client, path) == 204
    image.refresh_from_db()
    assert (image.status, image.size) == ("active", len(RAW))
    assert put(client, path, b"other words") == 204  # it has its data: nothing is read
    assert Image.objects.get().checksum == image.checksum


def test_nothing_else_does(client: Client, image: Image) -> None:
    path = path_of(ImageManager(caller()).upload_url(image.id))
    other = make_image(context=caller())
    found = {
        "no signature": put(client, path.partition("?")[0]),
        "a changed one": put(client, path[:-1] + ("a" if path[-1] != "a" else "b")),
        "another image": put(client, path.replace(str(image.id), str(other.id))),
        "one to download": put(client, path_of(signed_url(image.id))),
        "it does not download": client.get(path).status_code,
        "no such image": put(client, path_of(signed_url(uuid.uuid4(), what="upload"))),
        "what is no disk": put(
            client,
            path_of(ImageManager(caller()).upload_url(make_image(disk_format="qcow2").id)),
        ),
    }
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(seconds=BRINGING + 1)):
        found["too late"] = put(client, path)
    assert found == {
        "no signature": 403,
        "a changed one": 403,
        "another image": 403,
        "one to download": 403,
        "it does not download": 403,
        "no such image": 404,
        "what is no disk": 415,
        "too late": 403,
    }
    assert set(Image.objects.values_list("status", flat=True)) == {"queued"}


def test_data_that_did_not_arrive_as_it_was_sent_is_not_kept(client: Client, image: Image) -> None:
    path = path_of(ImageManager(caller()).upload_url(image.id))
    wrongs = {
        "another digest": digest_of(b"other words"),
        "half of one": digest_of(RAW)[:40],
        "no base64": "sha-512=:" + "!" * 88 + ":",
    }
    found = {name: put(client, path, **{DIGEST: said}) for name, said in wrongs.items()}
    assert found == dict.fromkeys(wrongs, 400)
    image.refresh_from_db()
    assert (image.status, image.size) == ("queued", 0)
    assert put(client, path, **{DIGEST: f"md5=:eHg=:, {digest_of(RAW)}"}) == 204
    image.refresh_from_db()
    assert image.status == "active"
