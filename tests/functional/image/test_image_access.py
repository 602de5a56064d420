"""Every route of images by anonymous, other project, reader, member, admin."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from image.api.urls import urlpatterns
from tests.builders.identity import ApiClient, client_with, make_project

pytestmark = pytest.mark.django_db(transaction=True)
PATCH = "application/openstack-images-v2.1-json-patch"
CALLERS = ("anonymous", "other", "reader", "member", "admin")
#: (method, path below the image, body type, body): status for each of CALLERS on a private image.
MATRIX = {
    ("GET", ""): (401, 404, 200, 200, 200),
    ("PATCH", ""): (401, 404, 403, 200, 200),
    ("DELETE", ""): (401, 404, 403, 204, 204),
    ("GET", "/file"): (401, 404, 204, 204, 204),
    ("PUT", "/file"): (401, 404, 403, 204, 204),
    ("GET", "/members"): (401, 404, 200, 200, 200),
    ("POST", "/members"): (401, 404, 403, 200, 200),
    ("GET", "/members/there"): (401, 404, 200, 200, 200),
    ("PUT", "/members/there"): (401, 404, 403, 403, 200),
    ("DELETE", "/members/there"): (401, 404, 403, 204, 204),
    ("POST", "/import"): (401, 404, 403, 409, 409),
    ("PUT", "/stage"): (401, 404, 403, 204, 204),
    ("GET", "/locations"): (401, 403, 403, 403, 200),
    ("GET", "/tasks"): (401, 404, 200, 200, 200),
    ("PUT", "/tags/x"): (401, 404, 403, 204, 204),
    ("DELETE", "/tags/there"): (401, 404, 403, 204, 204),
    ("POST", "/actions/deactivate"): (401, 403, 403, 403, 409),
    ("POST", "/actions/reactivate"): (401, 403, 403, 403, 409),
}
COLLECTION = {
    ("GET", "/image/v2/images"): (401, 200, 200, 200, 200),
    ("POST", "/image/v2/images"): (401, 201, 403, 201, 201),
    ("GET", "/image/v2/info/import"): (401, 200, 200, 200, 200),
    ("GET", "/image/v2/info/stores"): (401, 200, 200, 200, 200),
    ("GET", "/image/v2/info/stores/detail"): (401, 403, 403, 403, 200),
    ("GET", "/image/v2/schemas/image"): (401, 200, 200, 200, 200),
    ("GET", "/image/v2/schemas/odd"): (401, 404, 404, 404, 404),
    ("GET", "/image/v2/schemas/metadefs/namespace"): (401, 200, 200, 200, 200),
    ("GET", "/image/v2/info/usage"): (401, 200, 200, 200, 200),
    ("GET", "/image/v2/tasks"): (401, 200, 200, 200, 200),
    ("DELETE", "/image/v2/stores/default/odd"): (401, 403, 403, 403, 404),
    ("GET", "/image/v2/tasks/odd"): (401, 404, 404, 404, 404),
}
OPEN = {"", "/versions", "/v2", "/signed/<uuid:image_id>"}


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Any) -> None:
    settings.IMAGE_STORE = tmp_path / "images"
    settings.IMAGE_STAGING = tmp_path / "staging"


def callers(project: Any) -> dict[str, ApiClient]:
    return {
        "anonymous": ApiClient(),
        "other": client_with("member"),
        "reader": client_with("reader", project=project),
        "member": client_with("member", project=project),
        "admin": client_with("admin"),
    }


def send(client: ApiClient, method: str, path: str) -> Any:
    if method == "PATCH":
        return client.patch(path, orjson.dumps([]), content_type=PATCH)
    if path.endswith(("/file", "/stage")) and method == "PUT":
        return client.put(path, b"data", content_type="application/octet-stream")
    body = {"member": "new", "status": "accepted"} if "/members" in path else {}
    if path.endswith("/import") and method == "POST":
        body = {"method": {"name": "glance-direct"}}
    return client.send(method, path, body if method in ("POST", "PUT") else None)


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("route", MATRIX, ids=" ".join)
def test_private_image(route: tuple[str, str], who: str) -> None:
    project = make_project()
    clients = callers(project)
    body = {"disk_format": "raw", "container_format": "bare", "tags": ["there"]}
    image = clients["member"].send("POST", "/image/v2/images", body).json()
    clients["member"].send("POST", f"/image{image['self']}/members", {"member": "there"})
    answer = send(clients[who], route[0], f"/image{image['self']}{route[1]}")
    assert answer.status_code == MATRIX[route][CALLERS.index(who)], answer.content
    if answer.status_code == 401:
        assert "Keystone uri=" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("route", COLLECTION, ids=" ".join)
def test_collections(route: tuple[str, str], who: str) -> None:
    answer = send(callers(make_project())[who], *route)
    assert answer.status_code == COLLECTION[route][CALLERS.index(who)]


def test_no_route_is_left_out() -> None:
    named = {
        "/v2/schemas/image": "/v2/schemas/<str:name>",
        "/v2/schemas/odd": "/v2/schemas/<str:name>",
        "/v2/schemas/metadefs/namespace": "/v2/schemas/metadefs/<str:name>",
        "/v2/stores/default/odd": "/v2/stores/<str:store_id>/<str:image_id>",
        "/v2/tasks/odd": "/v2/tasks/<str:task_id>",
    }
    paths = {path.removeprefix("/image") for _, path in COLLECTION}
    tested = {named.get(path, path) for path in paths} | OPEN
    prefix = "/v2/images/<str:image_id>"
    words = {
        "/tags/x": "/tags/<str:tag>",
        "/tags/there": "/tags/<str:tag>",
        "/members/there": "/members/<str:member_id>",
    }
    tested |= {prefix + words.get(path, path) for _, path in MATRIX}
    routes = {str(route.pattern) for route in urlpatterns}
    assert {route for route in routes if not route.startswith("/v2/metadefs/")} == tested
