"""Every route of metadata definitions by anonymous, other project, reader, member, admin."""

from __future__ import annotations

from typing import Any

import pytest

from image.api.urls import urlpatterns
from tests.builders.identity import ApiClient, client_with, make_project

pytestmark = pytest.mark.django_db
CALLERS = ("anonymous", "other", "reader", "member", "admin")
EVERYBODY = (401, 200, 200, 200, 200)
SEEN = (401, 404, 200, 200, 200)  # the namespace is private
NEW = (401, 403, 403, 403, 201)
CHANGED = (401, 403, 403, 403, 200)
GONE = (401, 403, 403, 403, 204)
#: (method, path below /v2/metadefs): status for each of CALLERS.
MATRIX = {
    ("GET", "namespaces"): EVERYBODY,
    ("POST", "namespaces"): NEW,
    ("GET", "namespaces/own"): SEEN,
    ("PUT", "namespaces/own"): CHANGED,
    ("DELETE", "namespaces/own"): GONE,
    ("GET", "namespaces/own/properties"): SEEN,
    ("POST", "namespaces/own/properties"): NEW,
    ("DELETE", "namespaces/own/properties"): GONE,
    ("GET", "namespaces/own/properties/one"): SEEN,
    ("PUT", "namespaces/own/properties/one"): CHANGED,
    ("DELETE", "namespaces/own/properties/one"): GONE,
    ("GET", "namespaces/own/objects"): SEEN,
    ("POST", "namespaces/own/objects"): NEW,
    ("DELETE", "namespaces/own/objects"): GONE,
    ("GET", "namespaces/own/objects/one"): SEEN,
    ("PUT", "namespaces/own/objects/one"): CHANGED,
    ("DELETE", "namespaces/own/objects/one"): GONE,
    ("GET", "namespaces/own/tags"): SEEN,
    ("POST", "namespaces/own/tags"): NEW,
    ("DELETE", "namespaces/own/tags"): GONE,
    ("GET", "namespaces/own/tags/one"): SEEN,
    ("POST", "namespaces/own/tags/new"): NEW,
    ("PUT", "namespaces/own/tags/one"): CHANGED,
    ("DELETE", "namespaces/own/tags/one"): GONE,
    ("GET", "namespaces/own/resource_types"): SEEN,
    ("POST", "namespaces/own/resource_types"): NEW,
    ("DELETE", "namespaces/own/resource_types/one"): GONE,
    ("GET", "resource_types"): EVERYBODY,
}
PROPERTY = {"name": "one", "title": "One", "type": "string"}


def body_for(method: str, path: str) -> Any:
    """Return what the call needs to succeed."""
    if method not in ("POST", "PUT") or path.endswith("/new"):
        return None
    if path.endswith("/tags"):
        return {"tags": [{"name": "new"}]}
    return {**PROPERTY, "name": "new", "namespace": "new"}


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("route", MATRIX, ids=" ".join)
def test_private_namespace(route: tuple[str, str], who: str) -> None:
    project = make_project()
    clients = {
        "anonymous": ApiClient(),
        "other": client_with("member"),
        "reader": client_with("reader", project=project),
        "member": client_with("member", project=project),
        "admin": client_with("admin", project=project),
    }
    made = clients["admin"].send(
        "POST",
        "/image/v2/metadefs/namespaces",
        {
            "namespace": "own", "properties": {"one": PROPERTY}, "objects": [{"name": "one"}],
            "tags": [{"name": "one"}], "resource_type_associations": [{"name": "one"}],
        },
    )  # fmt: skip
    assert made.status_code == 201, made.content
    answer = clients[who].send(route[0], f"/image/v2/metadefs/{route[1]}", body_for(*route))
    assert answer.status_code == MATRIX[route][CALLERS.index(who)], answer.content


def test_no_route_is_left_out() -> None:
    tested = set()
    for _, path in MATRIX:
        words = path.split("/")
        filled = [
            {1: "<str:namespace>", 3: "<str:name>"}.get(place, word)
            for place, word in enumerate(words)
        ]
        tested.add("/v2/metadefs/" + "/".join(filled))
    routes = {str(route.pattern) for route in urlpatterns}
    assert {route for route in routes if route.startswith("/v2/metadefs/")} == tested
