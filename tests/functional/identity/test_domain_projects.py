"""Projects that act as domains: a domain is a project, too, and may be made as one."""

from __future__ import annotations

from typing import Any

import pytest

from identity.models import Domain
from identity.scopes import SYSTEM, Place
from tests.builders.identity import ApiClient, client_at, client_with, make_project

pytestmark = pytest.mark.django_db
PROJECTS = "/identity/v3/projects"
DOMAINS = "/identity/v3/domains"


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


def create(admin: ApiClient, **body: Any) -> Any:
    """Post a project that acts as a domain."""
    return admin.send("POST", PROJECTS, {"project": {"name": "red", "is_domain": True, **body}})


def test_it_is_a_domain_and_a_project(admin: ApiClient) -> None:
    """Nothing is above it; projects of the domain are below it."""
    answer = create(admin, description="d", tags=["t"], colour="red")
    project = answer.json()["project"]
    assert answer.status_code == 201
    assert project == {
        "id": project["id"],
        "name": "red",
        "domain_id": None,
        "parent_id": None,
        "enabled": True,
        "description": "d",
        "is_domain": True,
        "tags": ["t"],
        "options": {},
        "colour": "red",
        "links": {"self": f"http://testserver{PROJECTS}/{project['id']}"},
    }
    domain = admin.send("GET", f"{DOMAINS}/{project['id']}").json()["domain"]
    assert (domain["name"], domain["description"], domain["tags"]) == ("red", "d", ["t"])
    assert admin.send("GET", f"{PROJECTS}/{project['id']}").json()["project"] == project
    below = {"project": {"name": "below", "parent_id": project["id"]}}
    made = admin.send("POST", PROJECTS, below).json()["project"]
    assert (made["domain_id"], made["parent_id"]) == (project["id"], project["id"])
    assert made["is_domain"] is False


def test_lists_show_them_when_asked_for(admin: ApiClient) -> None:
    project = create(admin, tags=["warm"]).json()["project"]["id"]

    def ids(query: str) -> set[str]:
        found = admin.send("GET", f"{PROJECTS}?{query}").json()["projects"]
        return {one["id"] for one in found}

    assert ids("is_domain=true") == {"default", project}
    assert project not in ids("") | ids("is_domain=false")
    for query in ("name=RED", "tags=warm", "name__startswith=re"):
        assert ids(f"is_domain=true&{query}") == {project}, query
    for query in ("domain_id=default", "parent_id=default", "name=blue", "not-tags=warm&name=red"):
        assert ids(f"is_domain=true&{query}") == set(), query


def test_it_is_changed_and_removed_as_the_domain_it_is(admin: ApiClient) -> None:
    """Its place never changes, and what is enabled stays."""
    url = f"{PROJECTS}/{create(admin).json()['project']['id']}"
    for wrong in ({"is_domain": False}, {"parent_id": "default"}, {"domain_id": "default"}):
        assert admin.send("PATCH", url, {"project": wrong}).status_code == 400
    assert admin.send("DELETE", url).status_code == 403
    same = {"is_domain": True, "parent_id": None}
    answer = admin.send("PATCH", url, {"project": {"name": "blue", "enabled": False, **same}})
    assert (answer.json()["project"]["name"], answer.status_code) == ("blue", 200)
    assert Domain.objects.get(name="blue").enabled is False
    assert admin.send("PUT", f"{url}/tags/t").status_code == 201
    assert admin.send("GET", f"{url}/tags").json()["tags"] == ["t"]
    assert admin.send("DELETE", url).status_code == 204
    assert admin.send("GET", url).status_code == 404
    assert admin.send("GET", f"{url}/tags").status_code == 404


def test_what_is_no_domain_is_refused(admin: ApiClient) -> None:
    for place in ({"parent_id": "default"}, {"domain_id": "default"}):
        assert create(admin, **place).status_code == 400
    assert create(admin, name="dEFAULT").status_code == 409
    taken = {"domain": {"name": "x", "explicit_domain_id": make_project().pk}}
    assert admin.send("POST", DOMAINS, taken).status_code == 409


def test_who_sees_and_changes_them(admin: ApiClient) -> None:
    """Only operators make and change domains; others know their own alone."""
    red = Domain.objects.get(pk=create(admin).json()["project"]["id"])
    manager, stranger = client_at(Place(domain=red), "manager"), client_with("manager")
    url = f"{PROJECTS}/{red.pk}"
    body = {"project": {"description": "x"}}
    assert {
        "manager makes": create(manager, name="x").status_code,
        "manager sees": manager.send("GET", url).status_code,
        "manager changes": manager.send("PATCH", url, body).status_code,
        "manager tags": manager.send("PUT", f"{url}/tags/t").status_code,
        "manager deletes": manager.send("DELETE", url).status_code,
        "reader of all sees": client_at(SYSTEM, "reader").send("GET", url).status_code,
        "stranger sees": stranger.send("GET", url).status_code,
        "stranger changes": stranger.send("PATCH", url, body).status_code,
        "stranger makes": create(stranger, name="y").status_code,
    } == {
        "manager makes": 403,
        "manager sees": 200,
        "manager changes": 403,
        "manager tags": 404,
        "manager deletes": 403,
        "reader of all sees": 200,
        "stranger sees": 404,
        "stranger changes": 403,
        "stranger makes": 403,
    }
    found = manager.send("GET", f"{PROJECTS}?is_domain=true").json()["projects"]
    assert [one["id"] for one in found] == [red.pk]
