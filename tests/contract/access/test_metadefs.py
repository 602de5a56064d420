"""Every route of metadata definitions by everybody; the namespace is private to the project."""

from __future__ import annotations

from typing import Any

from identity.models import User
from tests.builders.access import (
    OPERATORS,
    PROJECT_READERS,
    Line,
    access_test,
    shared_world,
)
from tests.builders.identity import client_with

V2 = "/image/v2/metadefs"
OWN = V2 + "/namespaces/own"
PROPERTY = {"name": "one", "title": "One", "type": "string"}
NEW = {**PROPERTY, "name": "new"}


def build(owner: User) -> dict[str, Any]:
    """Make the namespace ``own`` with one of each."""
    body = {
        "namespace": "own",
        "properties": {"one": PROPERTY},
        "objects": [{"name": "one"}],
        "tags": [{"name": "one"}],
        "resource_type_associations": [{"name": "one"}],
    }
    client = client_with("admin", project=owner.default_project)
    made = client.send("POST", V2 + "/namespaces", body)
    assert made.status_code == 201, made.content
    return {}


def listed(path: str) -> Line:
    """Return the line of what everybody lists who has a project."""
    return Line("GET", V2 + path, PROJECT_READERS | {"other"})


def read(path: str) -> Line:
    """Return the line of a part of the namespace."""
    return Line("GET", OWN + path, PROJECT_READERS, others={"other": 404})


def write(method: str, path: str, body: Any = None, *, status: int = 200) -> Line:
    """Return the line of a change: definitions are the operators'."""
    return Line(method, OWN + path, OPERATORS, status=status, body=body)


def parts(noun: str) -> list[Line]:
    """Return the lines of properties or objects."""
    return [
        read(f"/{noun}"),
        write("POST", f"/{noun}", NEW, status=201),
        write("DELETE", f"/{noun}", status=204),
        read(f"/{noun}/one"),
        write("PUT", f"/{noun}/one", NEW),
        write("DELETE", f"/{noun}/one", status=204),
    ]


LINES = [
    listed("/namespaces"),
    Line(
        "POST",
        V2 + "/namespaces",
        OPERATORS - {"system_admin"},
        status=201,
        body={"namespace": "new"},
    ),
    read(""),
    write("PUT", "", {"namespace": "new"}),
    write("DELETE", "", status=204),
    *parts("properties"),
    *parts("objects"),
    read("/tags"),
    write("POST", "/tags", {"tags": [{"name": "new"}]}, status=201),
    write("DELETE", "/tags", status=204),
    read("/tags/one"),
    write("POST", "/tags/new", status=201),
    write("PUT", "/tags/one", {"name": "new"}),
    write("DELETE", "/tags/one", status=204),
    read("/resource_types"),
    write("POST", "/resource_types", {"name": "new"}, status=201),
    write("DELETE", "/resource_types/one", status=204),
    listed("/resource_types"),
]
world = shared_world(build)
test_access = access_test(LINES)
