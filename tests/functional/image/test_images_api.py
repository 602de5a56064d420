"""The image API over HTTP: shapes, headers, statuses as clients expect them."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import orjson
import pytest

from identity import quotas
from image.models import Image
from tests.builders import disks
from tests.builders.identity import ApiClient, client_with, make_project

pytestmark = pytest.mark.django_db(transaction=True)
IMAGES = "/image/v2/images"
PATCH = "application/openstack-images-v2.1-json-patch"
BINARY = "application/octet-stream"
DATA = b"0123456789" * 10


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Any) -> None:
    settings.IMAGE_STORE = tmp_path / "images"


@pytest.fixture
def project() -> Any:
    return make_project()


@pytest.fixture
def member(project: Any) -> ApiClient:
    return client_with("member", project=project)


def create(client: ApiClient, **body: Any) -> dict[str, Any]:
    wanted = {"name": "an image", "disk_format": "raw", "container_format": "bare", **body}
    answer = client.send("POST", IMAGES, wanted)
    assert answer.status_code == 201, answer.content
    return answer.json()


def upload(client: ApiClient, image: dict[str, Any], data: bytes = DATA) -> Any:
    return client.put(f"/image{image['file']}", data, content_type=BINARY)


def patch(client: ApiClient, image: dict[str, Any], body: Any, media_type: str = PATCH) -> Any:
    return client.patch(f"/image{image['self']}", orjson.dumps(body), content_type=media_type)


def test_create_answers_as_clients_expect(member: ApiClient, project: Any) -> None:
    answer = member.send(
        "POST",
        IMAGES,
        {"name": "demo", "tags": ["t"], "owner_specified.openstack.md5": "", "visibility": None},
    )
    body = answer.json()
    path = f"/v2/images/{body['id']}"
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://testserver/image{path}"
    assert "OpenStack-image-import-methods" in answer.headers
    assert body == {
        "id": body["id"], "name": "demo", "status": "queued", "visibility": "shared",
        "protected": False, "os_hidden": False, "owner": project.id, "checksum": None,
        "os_hash_algo": None, "os_hash_value": None, "size": None, "virtual_size": None,
        "min_disk": 0, "min_ram": 0, "disk_format": None, "container_format": None,
        "created_at": body["created_at"], "updated_at": body["updated_at"], "tags": ["t"],
        "self": path, "file": f"{path}/file", "schema": "/v2/schemas/image",
        "owner_specified.openstack.md5": "",
    }  # fmt: skip
    assert body["created_at"].endswith("Z")
    assert "." not in body["created_at"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"5", 400),
        (b'{"id": "five"}', 400),
        (b'{"name": 5}', 400),
        (b'{"tags": {}}', 400),
        (b'{"min_disk": 1e400}', 400),
        (b'{"min_disk": 99999999999999999999}', 400),
        (b'{"colour": {"a": 1}}', 400),
        (b'{"a\\u0000": "b"}', 400),
        (b'{"disk_format": []}', 400),
        (b'{"visibility": {}}', 400),
        (b'{"checksum": "x"}', 403),
        (b'{"status": "active"}', 403),
        (b'{"visibility": "public"}', 403),
        (b"\xff\xfe", 400),
    ],
)
def test_bad_bodies_are_refused(member: ApiClient, body: bytes, status: int) -> None:
    answer = member.post(IMAGES, body, content_type="application/json")
    assert answer.status_code == status, answer.content
    assert answer.json()["error"]["message"]
    assert not Image.objects.exists()


def test_an_id_of_the_clients_own(member: ApiClient) -> None:
    wanted = str(uuid.uuid4())
    assert create(member, id=wanted)["id"] == wanted
    assert member.send("POST", IMAGES, {"id": wanted}).status_code == 409


@pytest.mark.parametrize(
    "image_id", ["cirros", "00000000", "3f7c9a52-6f0e-4c0e-9a53-0d1f6f1f9d11", "ü", "a b", "%00"]
)
def test_a_name_is_not_found(member: ApiClient, image_id: str) -> None:
    assert member.get(f"{IMAGES}/{image_id}").status_code == 404
    assert member.get(f"{IMAGES}/{image_id}/file").status_code == 404
    assert member.delete(f"{IMAGES}/{image_id}").status_code == 404


def test_upload_and_download(member: ApiClient) -> None:
    image = create(member)
    assert member.get(f"/image{image['file']}").status_code == 204
    answer = upload(member, image)
    assert (answer.status_code, answer.content) == (204, b"")
    after = member.get(f"/image{image['self']}").json()
    assert (after["status"], after["size"], after["virtual_size"]) == ("active", 100, 100)
    assert after["checksum"] == hashlib.md5(DATA).hexdigest()
    assert (after["os_hash_algo"], after["os_hash_value"]) == (
        "sha512", hashlib.sha512(DATA).hexdigest(),
    )  # fmt: skip
    got = member.get(f"/image{image['file']}")
    assert (got.status_code, got.getvalue()) == (200, DATA)
    assert got.headers["Content-Type"] == BINARY
    assert got.headers["Content-Length"] == "100"
    assert got.headers["Content-MD5"] == after["checksum"]


@pytest.mark.parametrize(
    ("wanted", "status", "data", "content_range"),
    [
        ("bytes=0-9", 206, DATA[:10], "bytes 0-9/100"),
        ("bytes=95-", 206, DATA[95:], "bytes 95-99/100"),
        ("bytes=-5", 206, DATA[-5:], "bytes 95-99/100"),
        ("bytes=-500", 206, DATA, "bytes 0-99/100"),
        ("bytes=90-1000", 206, DATA[90:], "bytes 90-99/100"),
        ("bytes=100-", 416, None, "bytes */100"),
        ("bytes=-0", 416, None, "bytes */100"),
        ("bytes=9-0", 200, DATA, None),
        ("bytes=0-1,5-6", 200, DATA, None),
        ("furlongs=1-2", 200, DATA, None),
        ("bytes=-", 200, DATA, None),
    ],
)
def test_ranges(
    member: ApiClient, wanted: str, status: int, data: bytes | None, content_range: str | None
) -> None:
    image = create(member)
    upload(member, image)
    answer = member.get(f"/image{image['file']}", headers={"Range": wanted})
    assert answer.status_code == status
    assert answer.headers.get("Content-Range") == content_range
    if data is not None:
        assert answer.getvalue() == data
        assert answer.headers["Content-Length"] == str(len(data))


def test_uploads_that_are_refused(member: ApiClient, settings: Any) -> None:
    image = create(member)
    path = f"/image{image['file']}"
    assert member.put(path, DATA, content_type="application/json").status_code == 415
    odd = {"X-OpenStack-Image-Size": "7"}
    assert member.put(path, DATA, content_type=BINARY, headers=odd).status_code == 400
    odd = {"X-OpenStack-Image-Size": "many"}
    assert member.put(path, DATA, content_type=BINARY, headers=odd).status_code == 400
    hostile = upload(member, image, disks.qcow2(backing=b"/etc/shadow"))
    assert (hostile.status_code, "qcow2" in hostile.json()["error"]["message"]) == (415, True)
    settings.IMAGE_MAX_SIZE = 50
    assert upload(member, image).status_code == 413
    settings.IMAGE_MAX_SIZE = 100
    assert upload(member, image).status_code == 204
    assert upload(member, image).status_code == 409
    bare = create(member, disk_format=None, container_format=None)
    assert upload(member, bare).status_code == 400


def test_quotas_are_413(member: ApiClient, project: Any) -> None:
    quotas.update(project.id, "image", {"image_count_total": 2, "image_size_total": 1})
    first, second = create(member), create(member)
    answer = member.send("POST", IMAGES, {"name": "third"})
    assert answer.status_code == 413
    assert "image_count_total" in answer.json()["error"]["message"]
    assert upload(member, first, bytes(1024**2)).status_code == 204
    assert upload(member, second, b"x").status_code == 413
    assert member.get(f"/image{second['self']}").json()["status"] == "queued"


def test_patches(member: ApiClient) -> None:
    image = create(member, colour="red")
    changes = [
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "add", "path": "/a~1b~0c", "value": "odd"},
        {"op": "remove", "path": "/colour"},
        {"op": "replace", "path": "/tags", "value": ["x"]},
    ]
    answer = patch(member, image, changes)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["name"], body["a/b~c"], body["tags"]) == ("new", "odd", ["x"])
    assert "colour" not in body
    old = "application/openstack-images-v2.0-json-patch"
    answer = patch(member, image, [{"replace": "/name", "value": "older"}], old)
    assert (answer.status_code, answer.json()["name"]) == (200, "older")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], {}),
        ([{"op": "add", "path": "/colour", "value": "blue"}], {"colour": "blue"}),
        ([{"op": "add", "path": "/name", "value": "n"}], {"name": "n"}),
        ([{"op": "add", "path": "/tags", "value": ["b", "a", "b"]}], {"tags": ["a", "b"]}),
        ([{"op": "replace", "path": "/name", "value": None}], {"name": None}),
        ([{"op": "add", "path": "/~01", "value": "x"}], {"~1": "x"}),
        ([{"op": "add", "path": "/~1~0", "value": "x"}], {"/~": "x"}),
        ([{"op": "add", "path": "/ü", "value": ""}], {"ü": ""}),
        ([{"op": "remove", "path": "/colour", "value": "ignored"}], {"colour": None}),
        (  # each change sees what those before it did
            [
                {"op": "add", "path": "/new", "value": "1"},
                {"op": "replace", "path": "/new", "value": "2"},
                {"op": "remove", "path": "/colour"},
                {"op": "add", "path": "/colour", "value": "green"},
            ],
            {"new": "2", "colour": "green"},
        ),
        (
            [{"op": "add", "path": "/gone", "value": "1"}, {"op": "remove", "path": "/gone"}],
            {"gone": None},
        ),
    ],
)
def test_what_a_patch_does(
    member: ApiClient, changes: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    image = create(member, colour="red")
    answer = patch(member, image, changes, f"{PATCH}; charset=utf-8")
    assert answer.status_code == 200, answer.content
    after = {**image, **expected, "updated_at": answer.json()["updated_at"]}
    assert answer.json() == {
        name: text for name, text in after.items() if text is not None or name in image
        if name != "colour" or text is not None
    }  # fmt: skip
    assert member.get(f"/image{image['self']}").json() == answer.json()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"replace": "/name"}, 400),
        ({"replace": "/name", "add": "/name", "value": "x"}, 400),
        ({"op": "replace", "path": "/name", "value": "x"}, 400),
        ({"add": "name", "value": "x"}, 400),
        ({"remove": "/nothing"}, 409),
        ({"remove": "/tags"}, 403),
    ],
)
def test_bad_patches_in_the_older_spelling(
    member: ApiClient, change: dict[str, Any], status: int
) -> None:
    older = "application/openstack-images-v2.0-json-patch"
    assert patch(member, create(member), [change], older).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([5], 400),
        ([{"op": "move", "path": "/name", "from": "/x"}], 400),
        ([{"op": "move", "path": "/name", "value": "/x"}], 400),
        ([{"op": "replace", "path": "name", "value": "x"}], 400),
        ([{"op": "replace", "path": "/", "value": "x"}], 400),
        ([{"op": "replace", "path": "/name/x", "value": "x"}], 400),
        ([{"op": "replace", "path": "/name/", "value": "x"}], 400),
        ([{"op": "replace", "path": "//name", "value": "x"}], 400),
        ([{"op": "replace", "path": "", "value": "x"}], 400),
        ([{"op": "add", "path": "/ ", "value": "x"}], 400),
        ([{"op": "add", "path": "/tags/-", "value": "x"}], 400),
        ([{"op": "remove", "path": "/tags/0"}], 400),
        ([{"op": "add", "path": "/a~", "value": "x"}], 400),
        ([{"op": "add", "path": "/a~~10", "value": "x"}], 400),
        ([{"op": "test", "path": "/name", "value": "an image"}], 400),
        ([{"path": "/name", "value": "x"}], 400),
        ([{"op": ["add"], "path": "/name", "value": "x"}], 400),
        ([{"op": "add", "path": "/colour"}], 400),
        ([{"op": "add", "path": "/colour", "value": None}], 400),
        ([{"op": "replace", "path": "/tags", "value": "x"}], 400),
        ([{"op": "replace", "path": "/name", "value": "x"}, {"op": "remove", "path": "/no"}], 409),
        ([{"op": "replace", "path": "/na~2me", "value": "x"}], 400),
        ([{"op": "replace", "path": 7, "value": "x"}], 400),
        ([{"op": "replace", "path": "/name"}], 400),
        ([{"op": "replace", "path": "/name", "value": {}}], 400),
        *(
            ([{"op": "remove", "path": f"/{name}"}], 403)
            for name in (
                "id",
                "name",
                "status",
                "visibility",
                "protected",
                "os_hidden",
                "owner",
                "tags",
                "size",
                "checksum",
                "min_ram",
                "disk_format",
                "created_at",
                "schema",
                "stores",
                "os_glance_importing_to_stores",
            )
        ),
        ([{"op": "add", "path": "/os_glance_x", "value": "x"}], 403),
        ([{"op": "add", "path": "/status", "value": "active"}], 403),
        ([{"op": "replace", "path": "/size", "value": 5}], 403),
        ([{"op": "replace", "path": "/id", "value": "x"}], 403),
        ([{"op": "add", "path": "/locations/-", "value": {}}], 403),
        ([{"op": "replace", "path": "/visibility", "value": "public"}], 403),
        ([{"op": "replace", "path": "/nothing", "value": "x"}], 409),
        ([{"op": "remove", "path": "/nothing"}], 409),
    ],
)
def test_bad_patches(member: ApiClient, body: Any, status: int) -> None:
    image = create(member)
    answer = patch(member, image, body)
    assert answer.status_code == status, answer.content
    assert member.get(f"/image{image['self']}").json()["name"] == "an image"


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json-patch+json", BINARY, "text/plain", ""]
)
def test_other_media_types_learn_what_is_understood(member: ApiClient, media_type: str) -> None:
    answer = patch(member, create(member), [], media_type)
    assert answer.status_code == 415
    assert PATCH in answer.headers["Accept-Patch"]


def test_a_patch_that_is_no_json(member: ApiClient) -> None:
    path = f"/image{create(member)['self']}"
    assert member.patch(path, b'[{"op":', content_type=PATCH).status_code == 400


def test_tags_and_deletion(member: ApiClient) -> None:
    image = create(member, protected=True)
    path = f"/image{image['self']}"
    assert member.put(f"{path}/tags/blue sky").status_code == 204
    assert member.get(path).json()["tags"] == ["blue sky"]
    assert member.delete(f"{path}/tags/blue sky").status_code == 204
    assert member.delete(f"{path}/tags/blue sky").status_code == 404
    assert member.delete(path).status_code == 403
    patch(member, image, [{"op": "replace", "path": "/protected", "value": False}])
    answer = member.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert member.get(path).status_code == 404


def test_lists_page_by_relative_links(member: ApiClient) -> None:
    made = [create(member, name=f"i{number}")["id"] for number in range(5)]
    path, seen = "/v2/images?limit=2&sort=created_at:asc", []
    while path:
        body = member.get(f"/image{path}").json()
        assert body["schema"] == "/v2/schemas/images"
        assert body["first"] == "/v2/images?limit=2&sort=created_at%3Aasc"
        seen += [image["id"] for image in body["images"]]
        path = body.get("next")
    assert seen == made
    last = member.get(f"{IMAGES}?limit=5&marker={made[0]}").json()
    assert (last["images"], "next" in last) == ([], False)


def test_lists_filter(member: ApiClient) -> None:
    a, b = create(member, name="a,b", os_hidden=False), create(member, name="b", colour="red")
    create(member, name="hidden", os_hidden=True)

    def names(query: str) -> list[str]:
        return sorted(image["name"] for image in member.get(f"{IMAGES}?{query}").json()["images"])

    assert names("") == ["a,b", "b"]
    assert names(f"id=in:{a['id']},{b['id']}") == ["a,b", "b"]
    assert names(f"id=in:{a['id']}") == ["a,b"]
    assert names("id=in:nothing") == []
    assert names("id=in:") == []
    assert names('name=in:"a,b",c') == ["a,b"]
    assert names("name=b") == ["b"]
    assert names("colour=red") == ["b"]
    assert names("os_hidden=True") == ["hidden"]
    assert names("os_hidden=False&visibility=shared") == ["a,b", "b"]
    assert names("visibility=private") == []
    assert names("member_status=accepted&status=queued") == ["a,b", "b"]
    assert names(f"owner={a['owner']}&protected=false") == ["a,b", "b"]
    assert names("created_at=gt:2020-01-01T00:00:00Z") == ["a,b", "b"]
    assert names("created_at=lt:2020-01-01T00:00:00+00:00") == []
    assert names("sort_key=name&sort_dir=asc&limit=1") == ["a,b"]
    assert names("sort=name") == ["a,b", "b"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1", "limit=x", "marker=x", "sort=colour", "sort=name:up", "sort_key=x",
        "sort=name&sort_key=name", "sort_key=name&sort_dir=asc&sort_dir=asc", "visibility=odd",
        "os_hidden=maybe", "protected=7", "size_min=x", "size_max=-1", "min_ram=many",
        "created_at=yesterday", "created_at=gt:9999-12-31T23:59:59-05:00", "name=%00",
        "created_at=lt:0001-01-01T00:00:00%2B14:00",
    ],
)  # fmt: skip
def test_bad_queries(member: ApiClient, query: str) -> None:
    assert member.get(f"{IMAGES}?{query}").status_code == 400


def test_documents(member: ApiClient) -> None:
    anyone = ApiClient()
    for path, status in (
        ("/image", 300), ("/image/", 300), ("/image/versions", 200), ("/image/v2/", 300),
    ):  # fmt: skip
        answer = anyone.get(path)
        assert answer.status_code == status
        newest = answer.json()["versions"][0]
        assert (newest["id"], newest["status"]) == ("v2.16", "CURRENT")
        assert newest["links"] == [{"rel": "self", "href": "http://testserver/image/v2/"}]
    methods = member.get("/image/v2/info/import").json()["import-methods"]
    assert methods["type"] == "array"
    assert methods["value"] == ["glance-direct", "web-download", "copy-image"]
    schema = member.get("/image/v2/schemas/image").json()
    assert set(create(member)) == set(schema["properties"]) - {"stores"}  # it has no data
    assert member.get("/image/v2/schemas/images").json()["properties"]["images"]["items"] == schema


def test_a_project_with_images_stays(member: ApiClient, project: Any) -> None:
    admin, path = client_with("admin"), f"/identity/v3/projects/{project.id}"
    image = create(member)
    refused = admin.delete(path)
    assert (refused.status_code, "images" in refused.content.decode()) == (409, True)
    member.delete(f"/image{image['self']}")
    assert admin.delete(path).status_code == 204


def test_a_project_that_is_gone_is_no_member_any_more(member: ApiClient) -> None:
    gone, stays = make_project(), make_project()
    members = f"/image{create(member)['self']}/members"
    for project in (gone, stays):
        assert member.send("POST", members, {"member": project.pk}).status_code == 200
    assert client_with("admin").delete(f"/identity/v3/projects/{gone.pk}").status_code == 204
    left = [one["member_id"] for one in member.get(members).json()["members"]]
    assert left == [stays.pk]
