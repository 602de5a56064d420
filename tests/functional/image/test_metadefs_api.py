"""Metadata definitions over HTTP: shapes, statuses, who sees what, what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from image.models import MetadefNamespace, MetadefResourceType
from tests.builders.identity import ApiClient, client_with

pytestmark = pytest.mark.django_db
ROOT = "/image/v2/metadefs"
SPACES = f"{ROOT}/namespaces"
BUS = {"name": "hw_disk_bus", "title": "Disk bus", "type": "string", "enum": ["virtio", "scsi"]}


@pytest.fixture
def admin() -> ApiClient:
    return client_with("admin")


def make(admin: ApiClient, namespace: str = "OS::Compute::Disk", **body: Any) -> dict[str, Any]:
    answer = admin.send("POST", SPACES, {"namespace": namespace, **body})
    assert answer.status_code == 201, answer.content
    return answer.json()


def without_times(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("created_at", "updated_at")}


def names(client: ApiClient, query: str = "") -> list[str]:
    body = client.send("GET", f"{SPACES}?{query}").json()
    return [one["namespace"] for one in body["namespaces"]]


def test_a_namespace_is_made_whole(admin: ApiClient) -> None:
    answer = admin.send(
        "POST",
        SPACES,
        {
            "namespace": "OS::Compute::Disk", "display_name": "Disks", "visibility": "public",
            "properties": {"hw_disk_bus": BUS}, "tags": [{"name": "b"}, {"name": "a"}],
            "objects": [{"name": "disk", "properties": {"bus": BUS}, "required": ["bus"]}],
            "resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "hw_"}],
        },
    )  # fmt: skip
    body, schema = answer.json(), {key: value for key, value in BUS.items() if key != "name"}
    assert answer.headers["Location"].endswith("/image/v2/metadefs/namespaces/OS::Compute::Disk")
    found = admin.send("GET", f"{SPACES}/OS::Compute::Disk").json()
    assert found == body
    assert body["properties"] == {"hw_disk_bus": schema}
    assert [tag["name"] for tag in body["tags"]] == ["a", "b"]
    assert without_times(body["resource_type_associations"][0]) == {
        "name": "OS::Glance::Image", "prefix": "hw_",
    }  # fmt: skip
    assert without_times(body["objects"][0]) == {
        "name": "disk", "description": None, "required": ["bus"], "properties": {"bus": schema},
        "self": "/v2/metadefs/namespaces/OS::Compute::Disk/objects/disk",
        "schema": "/v2/schemas/metadefs/object",
    }  # fmt: skip
    facts = {"display_name": "Disks", "description": None, "visibility": "public"}
    assert {name: body[name] for name in facts} == facts
    assert (body["protected"], body["schema"]) == (False, "/v2/schemas/metadefs/namespace")
    prefixed = admin.send("GET", f"{SPACES}/OS::Compute::Disk?resource_type=OS::Glance::Image")
    assert prefixed.json()["properties"] == {"hw_hw_disk_bus": schema}


def test_a_namespace_that_cannot_be_whole_is_not_made(admin: ApiClient) -> None:
    twice = [{"name": "same"}, {"name": "same"}]
    answer = admin.send("POST", SPACES, {"namespace": "x", "objects": twice})
    assert answer.status_code == 409
    assert not MetadefNamespace.objects.exists()


def test_private_ones_are_for_their_project(admin: ApiClient) -> None:
    member = client_with("member")
    make(admin, "secret")
    make(admin, "open", visibility="public")
    assert (names(member), names(admin)) == (["open"], ["open", "secret"])
    assert member.send("GET", f"{SPACES}/secret").status_code == 404
    assert member.send("GET", f"{SPACES}/secret/tags").status_code == 404
    assert names(admin, "visibility=private") == ["secret"]
    assert names(member, "visibility=private") == []


def test_a_page_follows_the_last(admin: ApiClient) -> None:
    for name in ("c", "a", "b"):
        make(admin, name, visibility="public", resource_type_associations=[{"name": f"for-{name}"}])
    assert names(admin) == ["b", "a", "c"]
    first = admin.send("GET", f"{SPACES}?limit=2&sort_key=namespace&sort_dir=asc").json()
    assert [one["namespace"] for one in first["namespaces"]] == ["a", "b"]
    assert first["next"] == (
        "/v2/metadefs/namespaces?limit=2&sort_key=namespace&sort_dir=asc&marker=b"
    )
    second = admin.send("GET", f"/image{first['next']}").json()
    assert [one["namespace"] for one in second["namespaces"]] == ["c"]
    assert "next" not in second
    assert names(admin, "marker=gone") == []
    assert names(admin, "resource_types=for-a,for-c,unknown") == ["a", "c"]


def test_a_list_costs_the_same_for_any_number(admin: ApiClient) -> None:
    counts = []
    for number in range(2):
        for item in range(5):
            kinds = [{"name": f"type-{item}"}]
            make(admin, f"n{number}-{item}", resource_type_associations=kinds)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            names(admin)
        counts.append(len([one for one in queries if "metadef" in one["sql"]]))
    assert counts == [3, 3]


def test_change_and_delete(admin: ApiClient) -> None:
    make(admin, "old", description="kept")
    make(admin, "taken")
    path = f"{SPACES}/old"
    answer = admin.send("PUT", path, {"namespace": "old", "visibility": "public"})
    assert (answer.json()["visibility"], answer.json()["description"]) == ("public", "kept")
    assert admin.send("PUT", path, {"visibility": "public"}).status_code == 400
    assert admin.send("PUT", path, {"namespace": "taken"}).status_code == 409
    assert admin.send("PUT", path, {"namespace": "new", "protected": True}).status_code == 200
    assert admin.send("DELETE", path).status_code == 404
    assert admin.send("DELETE", f"{SPACES}/new").status_code == 403
    assert admin.send("DELETE", f"{SPACES}/new/tags").status_code == 403
    admin.send("PUT", f"{SPACES}/new", {"namespace": "new", "protected": False})
    answer = admin.send("DELETE", f"{SPACES}/new")
    assert (answer.status_code, answer.content) == (204, b"")
    assert names(admin) == ["taken"]
    assert admin.send("POST", SPACES, {"namespace": "taken"}).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {}, [], {"namespace": ""}, {"namespace": " "}, {"namespace": 5}, {"namespace": "a/b"},
        {"namespace": "a\nb"}, {"namespace": "x" * 81}, {"namespace": "x", "visibility": "shared"},
        {"namespace": "x", "display_name": "y" * 81}, {"namespace": "x", "protected": {}},
        {"namespace": "x", "properties": {"p": {}}}, {"namespace": "x", "properties": []},
        {"namespace": "x", "properties": {"p": {**BUS, "type": "colour"}}},
        {"namespace": "x", "objects": [{}]}, {"namespace": "x", "tags": ["t"]},
        {"namespace": "x", "owner": ""}, {"namespace": "x", "description": "d" * 501},
    ],
)  # fmt: skip
def test_bad_namespaces(admin: ApiClient, body: Any) -> None:
    assert admin.send("POST", SPACES, body).status_code == 400
    assert not MetadefNamespace.objects.exists()


@pytest.mark.parametrize(
    "query", ["visibility=odd", "sort_key=odd", "sort_dir=up", "limit=x", "limit=-1"]
)
def test_bad_queries(admin: ApiClient, query: str) -> None:
    assert admin.send("GET", f"{SPACES}?{query}").status_code == 400


def test_properties(admin: ApiClient) -> None:
    path = f"{make(admin, 'n')['self']}/properties"
    made = admin.send("POST", f"/image{path}", BUS)
    assert (made.status_code, made.json()) == (201, BUS)
    assert admin.send("POST", f"/image{path}", BUS).status_code == 409
    listed = admin.send("GET", f"/image{path}").json()["properties"]
    assert listed == {"hw_disk_bus": {key: BUS[key] for key in ("title", "type", "enum")}}
    body = {"name": "bus", "title": "Bus", "type": "string", "maxLength": 5, "minLength": None}
    changed = admin.send("PUT", f"/image{path}/hw_disk_bus", body).json()
    assert changed == {"name": "bus", "title": "Bus", "type": "string", "maxLength": 5}
    assert admin.send("GET", f"/image{path}/bus").json() == changed
    assert admin.send("GET", f"/image{path}/hw_disk_bus").status_code == 404
    assert admin.send("DELETE", f"/image{path}/bus").status_code == 204
    assert admin.send("DELETE", f"/image{path}/bus").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "p"}, {**BUS, "type": None}, {**BUS, "minimum": "low"}, {**BUS, "minLength": -1},
        {**BUS, "enum": "a"}, {**BUS, "items": 5}, {**BUS, "readonly": "perhaps"}, "x",
    ],
)  # fmt: skip
def test_bad_properties(admin: ApiClient, body: Any) -> None:
    path = f"/image{make(admin, 'n')['self']}/properties"
    assert admin.send("POST", path, body).status_code == 400
    assert admin.send("GET", path).json()["properties"] == {}


def test_objects(admin: ApiClient) -> None:
    path = f"/image{make(admin, 'n')['self']}/objects"
    assert admin.send("POST", path, {"name": "o", "properties": {"bus": BUS}}).status_code == 201
    assert admin.send("POST", path, {"name": "o"}).status_code == 409
    renamed = admin.send("PUT", f"{path}/o", {"name": "p", "description": "why"}).json()
    assert (renamed["name"], renamed["description"]) == ("p", "why")
    assert set(renamed["properties"]) == {"bus"}
    listed = admin.send("GET", path).json()
    assert [one["name"] for one in listed["objects"]] == ["p"]
    assert listed["first"] == "/v2/metadefs/namespaces/n/objects"
    assert admin.send("DELETE", path).status_code == 204
    assert admin.send("GET", f"{path}/p").status_code == 404


def test_tags(admin: ApiClient) -> None:
    path = f"/image{make(admin, 'n')['self']}/tags"

    def listed() -> list[str]:
        return [one["name"] for one in admin.send("GET", path).json()["tags"]]

    assert admin.send("POST", f"{path}/a").status_code == 201
    assert admin.send("POST", f"{path}/a").status_code == 409
    body = {"tags": [{"name": "b"}, {"name": "c"}]}
    assert admin.send("POST", path, body, X_OpenStack_Append="True").status_code == 201
    assert listed() == ["a", "b", "c"]
    assert admin.send("POST", path, body).status_code == 201
    assert listed() == ["b", "c"]
    assert admin.send("PUT", f"{path}/b", {"name": "d"}).json()["name"] == "d"
    assert admin.send("PUT", f"{path}/d", {"name": "c"}).status_code == 409
    assert admin.send("DELETE", f"{path}/c").status_code == 204
    assert listed() == ["d"]
    assert admin.send("POST", path, {"tags": [{"name": "x"}, {"name": ""}]}).status_code == 400
    assert listed() == ["d"]


def test_resource_types(admin: ApiClient) -> None:
    path = f"/image{make(admin, 'n')['self']}/resource_types"
    wanted = {"name": "OS::Nova::Flavor", "prefix": "hw:", "properties_target": "image"}
    made = admin.send("POST", path, wanted)
    assert (made.status_code, without_times(made.json())) == (201, wanted)
    assert admin.send("POST", path, wanted).status_code == 409
    known = admin.send("GET", f"{ROOT}/resource_types").json()["resource_types"]
    assert [one["name"] for one in known] == ["OS::Nova::Flavor"]
    listed = admin.send("GET", path).json()["resource_type_associations"]
    assert [one["name"] for one in listed] == ["OS::Nova::Flavor"]
    assert admin.send("DELETE", f"{path}/OS::Nova::Flavor").status_code == 204
    assert admin.send("DELETE", f"{path}/OS::Nova::Flavor").status_code == 404
    assert MetadefResourceType.objects.count() == 1


def test_a_namespace_has_an_end(admin: ApiClient, monkeypatch: Any) -> None:
    monkeypatch.setattr("image.manager.metadefs.items.MOST", 1)
    path = f"/image{make(admin, 'n')['self']}/tags"
    assert admin.send("POST", f"{path}/a").status_code == 201
    assert admin.send("POST", f"{path}/b").status_code == 413
    both = {"tags": [{"name": "b"}, {"name": "c"}]}
    assert admin.send("POST", path, both).status_code == 413
    assert [one["name"] for one in admin.send("GET", path).json()["tags"]] == ["a"]
