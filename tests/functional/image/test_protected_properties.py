"""Protected properties: the file's roles decide, for every action and in every answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.exceptions import ImproperlyConfigured

from cloudweb.context import RequestContext
from image import protections
from image.models import Image
from tests.builders.identity import ApiClient, client_with, make_project

pytestmark = pytest.mark.django_db
IMAGES = "/image/v2/images"
FILE = """
[[property]]
pattern = "billing_.*"
create = ["admin"]
read = ["member"]
update = ["admin"]
delete = ["admin"]

[[property]]
pattern = "secret"
create = ["*"]
read = ["admin"]
"""


@pytest.fixture(autouse=True)
def _protected(settings: Any, tmp_path: Path) -> Iterator[None]:
    path = tmp_path / "protections.toml"
    path.write_text(FILE)
    settings.IMAGE_PROPERTY_PROTECTIONS = str(path)
    protections._read.cache_clear()
    yield
    protections._read.cache_clear()


@pytest.fixture
def project() -> Any:
    return make_project()


@pytest.fixture
def member(project: Any) -> ApiClient:
    return client_with("member", project=project)


@pytest.fixture
def admin(project: Any) -> ApiClient:
    return client_with("admin", project=project)


def test_no_name_holds_a_request_up(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "slow.toml"
    path.write_text("""[[property]]\npattern = "(x+)+y"\nread = ["admin"]\n""")
    settings.IMAGE_PROPERTY_PROTECTIONS = str(path)
    protections._read.cache_clear()
    context = RequestContext(roles=frozenset({"member"}))
    before = time.thread_time()
    assert protections.may(context, "read", "x" * 255)
    assert not protections.may(context, "read", "xxy")
    assert time.thread_time() - before < 0.5


def patch(client: ApiClient, path: str, op: str, name: str, value: str = "") -> int:
    body = orjson.dumps([{"op": op, "path": f"/{name}", "value": value}])
    media_type = "application/openstack-images-v2.1-json-patch"
    return int(client.patch(path, body, content_type=media_type).status_code)


def test_who_may_not_create_does_not(member: ApiClient, admin: ApiClient) -> None:
    answer = member.send("POST", IMAGES, {"billing_code": "1"})
    assert answer.status_code == 403
    assert "billing_code" in answer.json()["error"]["message"]
    assert not Image.objects.exists()
    assert admin.send("POST", IMAGES, {"billing_code": "1"}).status_code == 201
    assert member.send("POST", IMAGES, {"billing": "free", "xbilling_": "free"}).status_code == 201


def test_every_change_is_checked(member: ApiClient, admin: ApiClient, project: Any) -> None:
    image = admin.send("POST", IMAGES, {"billing_code": "1", "colour": "red"}).json()
    path = f"/image{image['self']}"
    assert patch(member, path, "replace", "billing_code", "2") == 403
    assert patch(member, path, "add", "billing_code", "2") == 403
    assert patch(member, path, "remove", "billing_code") == 403
    assert patch(member, path, "add", "billing_other", "2") == 403
    assert patch(member, path, "replace", "colour", "blue") == 200
    body = member.send("GET", path).json()
    assert (body["billing_code"], body["colour"]) == ("1", "blue")
    assert patch(admin, path, "replace", "billing_code", "2") == 200
    assert patch(admin, path, "remove", "billing_code") == 200
    assert patch(admin, path, "remove", "colour") == 200


def test_who_may_not_read_sees_nothing(member: ApiClient, admin: ApiClient, project: Any) -> None:
    reader = client_with("reader", project=project)
    image = admin.send("POST", IMAGES, {"billing_code": "1", "secret": "s"}).json()
    path = f"/image{image['self']}"
    assert (image["secret"], image["billing_code"]) == ("s", "1")
    seen = member.send("GET", path).json()
    assert "secret" not in seen
    assert seen["billing_code"] == "1"
    assert "billing_code" not in reader.send("GET", path).json()
    for client in (member, reader):
        assert b'"secret"' not in client.send("GET", IMAGES).content
        assert client.send("GET", f"{IMAGES}?secret=s").json()["images"] == []
    assert len(admin.send("GET", f"{IMAGES}?secret=s").json()["images"]) == 1
    assert "secret" not in member.send("POST", IMAGES, {"secret": "mine"}).json()
    assert patch(admin, path, "replace", "secret", "other") == 403  # nobody updates it


@pytest.mark.parametrize(
    "text",
    [
        "nonsense", "[[property]]\n", "[[property]]\npattern = '('\n",
        "[[property]]\npattern = 'a'\nwrite = ['admin']\n",
        "[[property]]\npattern = 'a'\nread = 'admin'\n", "[other]\n",
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_said(settings: Any, tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    settings.IMAGE_PROPERTY_PROTECTIONS = str(path)
    with pytest.raises(ImproperlyConfigured, match="IMAGE_PROPERTY_PROTECTIONS"):
        protections.protections()
