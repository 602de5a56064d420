"""The JSON schemas say what the service really answers."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from tests.builders.identity import ApiClient, client_with

pytestmark = pytest.mark.django_db
SCHEMAS = "/image/v2/schemas"
METADEFS = (
    "namespace", "namespaces", "object", "objects", "property", "properties", "tag", "tags",
    "resource_type", "resource_types", "resource_type_association", "resource_type_associations",
)  # fmt: skip


@pytest.fixture
def admin() -> ApiClient:
    return client_with("admin")


def schema(client: ApiClient, name: str) -> dict[str, Any]:
    answer = client.send("GET", f"{SCHEMAS}/{name}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    jsonschema.Draft202012Validator.check_schema(found)
    return found


@pytest.mark.parametrize(
    "name",
    ["image", "images", "member", "members", "task", "tasks", *(f"metadefs/{n}" for n in METADEFS)],
)
def test_every_schema_is_one(admin: ApiClient, name: str) -> None:
    found = schema(admin, name)
    named = {"resource_type": "resource_type_association",
             "resource_types": "resource_type_associations"}  # fmt: skip
    short = name.removeprefix("metadefs/")
    assert found["name"] == named.get(short, short)
    assert found["properties"]


def test_images_and_members_are_as_they_say(admin: ApiClient) -> None:
    image = admin.send("POST", "/image/v2/images", {"colour": "red", "disk_format": "raw"}).json()
    jsonschema.validate(image, schema(admin, "image"))
    assert set(image) - {"colour"} <= set(schema(admin, "image")["properties"])
    jsonschema.validate(admin.send("GET", "/image/v2/images").json(), schema(admin, "images"))
    path = f"/image{image['self']}/members"
    member = admin.send("POST", path, {"member": "m"}).json()
    jsonschema.validate(member, schema(admin, "member"))
    assert set(member) == set(schema(admin, "member")["properties"])
    jsonschema.validate(admin.send("GET", path).json(), schema(admin, "members"))


def test_metadata_definitions_are_as_they_say(admin: ApiClient) -> None:
    bus = {"title": "Bus", "type": "string", "enum": ["virtio"], "minLength": 1}
    made = admin.send(
        "POST",
        "/image/v2/metadefs/namespaces",
        {
            "namespace": "n", "properties": {"bus": bus}, "tags": [{"name": "t"}],
            "objects": [{"name": "o", "properties": {"bus": bus}}],
            "resource_type_associations": [{"name": "r", "prefix": "hw_"}],
        },
    ).json()  # fmt: skip
    jsonschema.validate(made, schema(admin, "metadefs/namespace"))
    root = "/image/v2/metadefs"
    for path, name in (
        ("namespaces", "namespaces"), ("namespaces/n/properties", "properties"),
        ("namespaces/n/objects", "objects"), ("namespaces/n/tags", "tags"),
        ("namespaces/n/resource_types", "resource_types"), ("namespaces/n/properties/bus", "property"),
        ("namespaces/n/objects/o", "object"), ("namespaces/n/tags/t", "tag"),
    ):  # fmt: skip
        answer = admin.send("GET", f"{root}/{path}").json()
        jsonschema.validate(answer, schema(admin, f"metadefs/{name}"))
