"""What lists and members answer is what the schema says of them, to operators and to members."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.builders.identity import client_of, make_member
from tests.builders.openapi import drawn
from tests.integration.cloudweb.test_lists_cost_the_same import LISTS

NEWEST = {"OpenStack_API_Version": "compute 2.96"}


def paths() -> dict[str, Any]:
    """Return the paths of the schema."""
    found: dict[str, Any] = drawn()[0]["paths"]
    return found


def template(path: str) -> str:
    """Return how the schema writes a path: as it is, or with parameters."""
    forms = {re.sub(r"{\w+}", r"[^/]+", one): one for one in paths()}
    return (
        path
        if path in paths()
        else next(one for form, one in forms.items() if re.fullmatch(form, path))
    )


def said(path: str) -> dict[str, Any]:
    """Return the schema of what GET answers, with all components beside it; "type" alone if it says nothing."""
    answer = paths()[template(path)]["get"]["responses"]["200"]
    schema: dict[str, Any] = answer["content"]["application/json"]["schema"]
    return {**schema, "components": drawn()[0]["components"]} if "$ref" in schema else schema


def wrong(client: Any, path: str) -> list[str]:
    """Return where an answer is not what the schema says."""
    answer = client.send("GET", path, **NEWEST)
    assert answer.status_code == 200, (path, answer.content)
    check = Draft202012Validator(said(path.partition("?")[0]))
    return [
        f"{path}: {one.json_path}: {one.message}"[:300] for one in check.iter_errors(answer.json())
    ]


def member(client: Any, path: str) -> list[str]:
    """Return the path of the first of a list, where it has one of its own."""
    answer = client.send("GET", path, **NEWEST).json()
    rows: Any = next(value for value in answer.values() if isinstance(value, list))
    if not rows or "id" not in rows[0]:
        return []
    place = f"{path.partition('?')[0]}/{rows[0]['id']}"
    known = [
        re.sub(r"{\w+}", r"[^/]+", one) for one, methods in paths().items() if "get" in methods
    ]
    return [place] if any(re.fullmatch(one, place) for one in known) else []


#: Lists that have something in them without our doing.
ALWAYS = (
    "/network",
    "/network/v2.0",
    "/network/v2.0/extensions",
    "/network/v2.0/extensions/agent",
    "/network/v2.0/availability_zones",
    "/network/v2.0/quotas/tenant",
    "/network/v2.0/quotas/{project}",
    "/network/v2.0/quotas/{project}/default",
    "/network/v2.0/quotas/{project}/details",
    "/identity/v3/auth/system",
    "/identity/v3/auth/catalog",
    "/identity/v3/limits/model",
    "/identity/v3/role_inferences",
    "/identity/v3/projects/{project}/tags",
)


@pytest.mark.django_db
def test_answers_are_what_the_schema_says() -> None:
    admin = make_member("admin")
    reader = make_member("reader", project=admin.default_project)
    found: list[str] = []
    for number, (path, make) in enumerate(LISTS.items(), start=1):
        make(admin, number)
        place = path.format(user=admin.pk)
        for client in (client_of(admin), client_of(reader)):
            if client.send("GET", place, **NEWEST).status_code == 200:
                for one in (place, *member(client, place)):
                    found += wrong(client, one)
    for path in ALWAYS:
        found += wrong(client_of(admin), path.format(project=admin.default_project_id))
    assert found == []


def test_of_what_a_client_may_want_some_fields_alone_none_is_required() -> None:
    components = drawn()[0]["components"]["schemas"]
    shown: set[str] = set()
    for item in paths().values():
        get = item.get("get", {})
        if any(one.get("name") == "fields" for one in get.get("parameters", ())):
            answer = get["responses"]["200"]["content"]["application/json"]["schema"]
            envelope = components[answer["$ref"].rpartition("/")[2]]
            for part in envelope["properties"].values():
                noun = part.get("items", part)
                shown.add(noun.get("$ref", "").rpartition("/")[2])
    shown &= components.keys()
    assert len(shown) > 10
    assert {name for name in shown if components[name].get("required")} == set()
