"""Users over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from identity.models import User
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    make_group,
    make_member,
    make_project,
    make_user,
)

pytestmark = pytest.mark.django_db
USERS = "/identity/v3/users"


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


def create(admin: ApiClient, **body: Any) -> Any:
    """Post a user."""
    return admin.send("POST", USERS, {"user": {"name": "new", **body}})


def test_create_show_and_log_in(admin: ApiClient) -> None:
    """A password is stored hashed and never shown."""
    project = make_project()
    answer = create(
        admin,
        password="secret word",
        email="new@example.org",
        default_project_id=project.pk,
        nickname="N",
    )
    user = answer.json()["user"]
    assert answer.status_code == 201
    assert user == {
        "id": user["id"],
        "name": "new",
        "domain_id": "default",
        "enabled": True,
        "description": "",
        "email": "new@example.org",
        "default_project_id": project.pk,
        "password_expires_at": None,
        "options": {},
        "nickname": "N",
        "links": {"self": f"http://testserver/identity/v3/users/{user['id']}"},
    }
    assert admin.send("GET", f"{USERS}/{user['id']}").json() == {"user": user}
    assert "secret word" not in User.objects.get(pk=user["id"]).password
    proof = {"user": {"id": user["id"], "password": "secret word"}}
    auth = {"auth": {"identity": {"methods": ["password"], "password": proof}}}
    assert ApiClient().send("POST", "/identity/v3/auth/tokens", auth).status_code == 201


def test_patch_merges(admin: ApiClient) -> None:
    """Only what is named changes; null clears what may be empty."""
    user = create(admin, description="d", email="e@example.org").json()["user"]
    url = f"{USERS}/{user['id']}"
    answer = admin.send("PATCH", url, {"user": {"email": None, "enabled": False}})
    assert answer.json()["user"] == {**user, "email": None, "enabled": False}


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "x" * 256},
        {"name": "line\nbreak"},
        {"password": 5},
        {"password": ""},
        {"password": "x" * 4097},
        {"enabled": []},
        {"default_project_id": "nowhere"},
        {"options": {"lock_password": "perhaps"}},
        {"id": "0" * 32},
    ],
)
def test_bad_attributes_are_a_400(admin: ApiClient, body: dict[str, Any]) -> None:
    """On create, and the same on update."""
    assert create(admin, **body).status_code == 400
    url = f"{USERS}/{make_member().pk}"
    assert admin.send("PATCH", url, {"user": body}).status_code == 400


def test_a_change_may_repeat_the_id(admin: ApiClient) -> None:
    """Of every resource, with dashes, too; another one is a 400."""
    user, project, group = make_member(), make_project(), make_group()
    for noun, row in (("user", user), ("project", project), ("group", group)):
        url = f"/identity/v3/{noun}s/{row.pk}"
        for own in (row.pk, str(uuid.UUID(row.pk))):
            body = {noun: {"id": own, "description": own}}
            answer = admin.send("PATCH", url, body)
            assert answer.status_code == 200, answer.content
            assert answer.json()[noun]["description"] == own
        other = {noun: {"id": make_user().pk, "description": "x"}}
        assert admin.send("PATCH", url, other).status_code == 400


def test_an_unknown_domain_is_a_404(admin: ApiClient) -> None:
    """Of users and groups, for who could make them there."""
    assert create(admin, domain_id="nowhere").status_code == 404
    body = {"group": {"name": "new", "domain_id": "nowhere"}}
    assert admin.send("POST", "/identity/v3/groups", body).status_code == 404


def test_duplicate_name_is_a_409(admin: ApiClient) -> None:
    """In one domain."""
    assert create(admin).status_code == 201
    answer = create(admin)
    assert answer.status_code == 409
    assert (
        answer.json()["error"]["message"] == "A user named 'new' already exists in domain default."
    )


def test_lookup_by_name_and_hints(admin: ApiClient) -> None:
    """A name is no id: 404, then the hint finds it."""
    user = make_member(name="findme", enabled=False)
    assert admin.send("GET", f"{USERS}/findme").status_code == 404
    for query in ("name=findme", "enabled=0", "domain_id=default&name__startswith=find"):
        (found,) = admin.send("GET", f"{USERS}?{query}").json()["users"]
        assert found["id"] == user.pk
    assert admin.send("GET", f"{USERS}?enabled=perhaps").status_code == 400


def test_everyone_sees_himself_alone() -> None:
    """Others do not exist for him."""
    user = make_member("manager")
    client = client_of(user)
    assert client.send("GET", f"{USERS}/{user.pk}").json()["user"]["name"] == user.name
    assert client.send("GET", f"{USERS}/{make_member().pk}").status_code == 404
    assert client.send("GET", f"{USERS}/{make_member().pk}/projects").status_code == 404


def test_delete(admin: ApiClient) -> None:
    """204, then 404, and his tokens are void."""
    user = make_member()
    client = client_of(user)
    assert admin.send("DELETE", f"{USERS}/{user.pk}").status_code == 204
    assert admin.send("DELETE", f"{USERS}/{user.pk}").status_code == 404
    assert client.send("GET", "/identity/v3/auth/projects").status_code == 401
