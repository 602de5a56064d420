"""Roles, grants and assignments over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from identity.models import Role
from identity.querysets import effective_roles
from identity.scopes import Place
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    grant,
    make_domain,
    make_member,
    make_project,
    make_role,
    make_token,
    make_user,
)

pytestmark = pytest.mark.django_db
ROLES = "/identity/v3/roles"
ASSIGNMENTS = "/identity/v3/role_assignments"


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


def test_create_show_rename_delete(admin: ApiClient) -> None:
    """The life of a role."""
    answer = admin.send("POST", ROLES, {"role": {"name": "auditor"}})
    role = answer.json()["role"]
    assert answer.status_code == 201
    url = f"{ROLES}/{role['id']}"
    assert role == {
        "id": role["id"],
        "name": "auditor",
        "domain_id": None,
        "description": "",
        "options": {},
        "links": {"self": f"http://testserver{url}"},
    }
    assert admin.send("POST", ROLES, {"role": {"name": "auditor"}}).status_code == 409
    assert admin.send("GET", f"{ROLES}/auditor").status_code == 404
    assert admin.send("GET", f"{ROLES}?name=auditor").json()["roles"] == [role]
    renamed = admin.send("PATCH", url, {"role": {"name": "inspector"}})
    assert renamed.json()["role"] == {**role, "name": "inspector"}
    assert admin.send("DELETE", url).status_code == 204
    assert admin.send("GET", url).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "x", "links": 1}, {"name": "x", "domain_id": "nowhere"}]
)
def test_bad_attributes_are_a_400(admin: ApiClient, body: dict[str, Any]) -> None:
    """No attribute that is ours to fill, and no domain that is none."""
    assert admin.send("POST", ROLES, {"role": body}).status_code == 400


def test_immutable_role(admin: ApiClient) -> None:
    """The roles the product brings cannot be broken by accident."""
    Role.objects.create(name="fixed", immutable=True)
    (role,) = admin.send("GET", f"{ROLES}?name=fixed").json()["roles"]
    assert role["options"] == {"immutable": True}
    assert admin.send("DELETE", f"{ROLES}/{role['id']}").status_code == 403
    body = {"role": {"name": "broken", "options": {"immutable": False}}}
    assert admin.send("PATCH", f"{ROLES}/{role['id']}", body).status_code == 403


def test_grant_check_list_withdraw(admin: ApiClient) -> None:
    """Each is repeatable but the last, which is a 404 the second time."""
    user, project, role = make_user(), make_project(), make_role("member")
    base = f"/identity/v3/projects/{project.pk}/users/{user.pk}/roles"
    url = f"{base}/{role.pk}"
    assert admin.send("HEAD", url).status_code == 404
    for _ in range(2):
        answer = admin.send("PUT", url)
        assert (answer.status_code, answer.content) == (204, b"")
    assert admin.send("HEAD", url).status_code == 204
    assert [one["name"] for one in admin.send("GET", base).json()["roles"]] == ["member"]
    assert client_of(user, project).send("GET", "/identity/v3/auth/catalog").status_code == 200
    assert admin.send("DELETE", url).status_code == 204
    assert admin.send("DELETE", url).status_code == 404
    assert admin.send("GET", base).json()["roles"] == []


@pytest.mark.parametrize("missing", ["project", "user", "role"])
@pytest.mark.parametrize("method", ["PUT", "HEAD", "DELETE"])
def test_grant_of_something_unknown(admin: ApiClient, missing: str, method: str) -> None:
    """404, whichever is missing."""
    user, role = make_member(), make_role()
    ids = {"project": user.default_project_id, "user": user.pk, "role": role.pk, missing: "ghost"}
    url = f"/identity/v3/projects/{ids['project']}/users/{ids['user']}/roles/{ids['role']}"
    assert admin.send(method, url).status_code == 404


def assignments(admin: ApiClient, query: str) -> list[dict[str, Any]]:
    """Return the assignments a query finds."""
    found: list[dict[str, Any]] = admin.send("GET", f"{ASSIGNMENTS}?{query}").json()[
        "role_assignments"
    ]
    return found


def test_assignments(admin: ApiClient) -> None:
    """Ids alone, with names, and with the implied roles."""
    user = make_member("manager")
    project, role = user.default_project, make_role("manager")
    assert project is not None
    (plain,) = assignments(admin, f"user.id={user.pk}")
    link = f"http://testserver/identity/v3/projects/{project.pk}/users/{user.pk}/roles/{role.pk}"
    assert plain == {
        "role": {"id": role.pk},
        "user": {"id": user.pk},
        "scope": {"project": {"id": project.pk}},
        "links": {"assignment": link},
    }
    domain = {"id": "default", "name": "Default"}
    (named,) = assignments(admin, f"user.id={user.pk}&include_names")
    assert named["role"] == {"id": role.pk, "name": "manager"}
    assert named["user"] == {"id": user.pk, "name": user.name, "domain": domain}
    assert named["scope"]["project"] == {"id": project.pk, "name": project.name, "domain": domain}
    effective = assignments(admin, f"user.id={user.pk}&effective=True&include_names=1")
    assert [one["role"]["name"] for one in effective][:1] == ["manager"]
    assert {one["role"]["name"] for one in effective} == {"manager", "member", "reader"}
    assert len(assignments(admin, f"user.id={user.pk}&effective=0")) == 1


def own_role(admin: ApiClient, name: str, domain_id: str = "default") -> dict[str, Any]:
    body = {"role": {"name": name, "domain_id": domain_id}}
    made: dict[str, Any] = admin.send("POST", ROLES, body).json()["role"]
    return made


def test_a_domains_own_role_may_imply_another(admin: ApiClient) -> None:
    """Tokens carry what is at the end of it; a role of the whole cloud implies none of a domain."""
    user, project = make_user(), make_project()
    first, second = own_role(admin, "first"), own_role(admin, "second")
    reader = make_role("reader").pk
    links = [(first["id"], second["id"]), (second["id"], reader)]
    for prior, implied in links:
        assert admin.send("PUT", f"{ROLES}/{prior}/implies/{implied}").status_code == 201
    assert admin.send("PUT", f"{ROLES}/{second['id']}/implies/{first['id']}").status_code == 409
    assert admin.send("PUT", f"{ROLES}/{reader}/implies/{first['id']}").status_code == 403
    base = f"/identity/v3/projects/{project.pk}/users/{user.pk}/roles"
    assert admin.send("PUT", f"{base}/{first['id']}").status_code == 204
    token = make_token(user, project)
    assert token.roles == ("reader",)
    assert not token.is_revoked
    assert admin.send("DELETE", f"{ROLES}/{links[0][0]}/implies/{links[0][1]}").status_code == 204
    assert token.is_revoked
    assert effective_roles(user.pk, Place(project=project)) == []


def test_a_domains_own_role_on_another_domain(admin: ApiClient) -> None:
    """As Keystone: on the domain, not on its projects nor on the system."""
    user, elsewhere = make_user(), make_domain(id="elsewhere", name="elsewhere")
    role = own_role(admin, "its own")["id"]
    theirs = make_project(domain=elsewhere)
    found = {
        place: admin.send("PUT", f"/identity/v3/{place}/users/{user.pk}/roles/{role}").status_code
        for place in ("domains/elsewhere", "domains/default", f"projects/{theirs.pk}", "system")
    }
    assert list(found.values()) == [204, 204, 403, 403]


def test_assignment_filters(admin: ApiClient) -> None:
    """By user, project, role, subtree; what does not exist here finds nothing."""
    parent = make_project()
    child = make_project(parent=parent)
    user = make_user()
    grant(user, parent, "reader")
    grant(user, child, "member")
    reader = make_role("reader")

    def count(query: str) -> int:
        return len(assignments(admin, query))

    assert count(f"scope.project.id={parent.pk}") == 1
    assert count(f"scope.project.id={parent.pk}&include_subtree") == 2
    assert count(f"user.id={user.pk}&role.id={reader.pk}") == 1
    assert count(f"user.id={user.pk}&role.id={reader.pk}&effective") == 2
    for query in ("group.id=g", "scope.domain.id=default", "scope.system=all", "user.id=ghost"):
        assert count(query) == 0


def test_invented_attributes_are_kept(admin: ApiClient) -> None:
    """Stored, returned, merged by PATCH, removed by null."""
    role = {"name": "painter", "colour": "red", "cost": {"centre": [7]}}
    made = admin.send("POST", "/identity/v3/roles", {"role": role}).json()["role"]
    assert (made["colour"], made["cost"]) == ("red", {"centre": [7]})
    url = f"/identity/v3/roles/{made['id']}"
    changed = admin.send("PATCH", url, {"role": {"colour": None, "size": 3}}).json()["role"]
    assert "colour" not in changed
    assert (changed["cost"], changed["size"]) == ({"centre": [7]}, 3)
