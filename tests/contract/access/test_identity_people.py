"""Every route of tokens, domains, projects, users, groups and roles by everybody."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders.access import EVERY_TOKEN, EVERYBODY, OPERATORS, READERS_OF_ALL, Line, World
from tests.builders.identity import client_with
from tests.builders.identity_world import (
    DOMAIN_READERS,
    ELSEWHERE,
    NEW,
    PASSWORD,
    anyone,
    domain_make,
    domain_read,
    domain_write,
    hidden,
    identity_test,
    line,
    listed,
    mine,
    operator,
    read,
    world,
)

__all__ = ["world"]
TOKENS = "/auth/tokens"
SUBJECT = {"X-Subject-Token": "{own_token}"}
LOG_IN = {
    "auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"id": "{user_id}", "password": PASSWORD}},
        }
    }
}
PASSWORDS = {"user": {"original_password": PASSWORD, "password": "a-quite-different-password-1"}}
TAGS = "/projects/{project_id}/tags"
MEMBERS = "/groups/{group_id}/users"
IMPLIED = "/roles/{role_id}/implies"


def privileged(method: str, path: str, status: int = 204, body: Any = None) -> Line:
    """Return the line of what belongs to a domain and has more rights than its managers give."""
    return line(method, path, OPERATORS, status, body, others=ELSEWHERE)


CONFIG = "/domains/{domain_id}/config"
SET = {"config": {"ldap": {"url": "ldaps://directory.example"}}}
LINES = [
    read("GET", CONFIG),
    operator("PUT", "/domains/{spare_domain_id}/config", 201, SET),
    operator("PATCH", CONFIG, 200, SET),
    operator("DELETE", CONFIG, 204),
    read("GET", f"{CONFIG}/ldap"),
    operator("PATCH", f"{CONFIG}/ldap", 200, SET),
    operator("DELETE", f"{CONFIG}/ldap", 204),
    read("GET", f"{CONFIG}/ldap/url"),
    operator("PATCH", f"{CONFIG}/ldap/url", 200, {"config": {"url": "ldaps://b.example"}}),
    operator("DELETE", f"{CONFIG}/ldap/url", 204),
    read("GET", "/domains/config/default"),
    read("GET", "/domains/config/ldap/default"),
    read("GET", "/domains/config/ldap/url/default"),
    Line("GET", "/identity", EVERYBODY, status=300),
    Line("GET", "/identity/v3", EVERYBODY),
    line("POST", TOKENS, EVERYBODY, 201, LOG_IN),
    anyone("GET", TOKENS, headers=SUBJECT),
    anyone("HEAD", TOKENS, headers=SUBJECT),
    anyone("DELETE", TOKENS, 204, headers=SUBJECT),
    anyone("GET", "/auth/projects"),
    anyone("GET", "/auth/domains"),
    anyone("GET", "/auth/system"),
    anyone("GET", "/auth/catalog"),
    listed("/domains"),
    operator("POST", "/domains", 201, {"domain": {"name": NEW}}),
    line("GET", "/domains/{domain_id}", EVERY_TOKEN - {"other_domain"}, others=ELSEWHERE),
    operator("PATCH", "/domains/{domain_id}", 200, {"domain": {"description": NEW}}),
    operator("DELETE", "/domains/{spare_domain_id}", 204),
    listed("/projects"),
    domain_make("/projects", {"project": {"name": NEW}}),
    mine("/projects/{project_id}"),
    domain_write("PATCH", "/projects/{project_id}", 200, {"project": {"name": NEW}}),
    domain_write("DELETE", "/projects/{project_id}", 204),
    mine(TAGS),
    domain_write("PUT", TAGS, 200, {"tags": ["a"]}),
    domain_write("DELETE", TAGS, 204),
    mine(f"{TAGS}/{{tag}}", 204),
    domain_write("PUT", f"{TAGS}/{{tag}}", 201),
    domain_write("DELETE", f"{TAGS}/{{tag}}", 204),
    listed("/users"),
    domain_make("/users", {"user": {"name": NEW}}),
    hidden("/users/{user_id}"),
    domain_write("PATCH", "/users/{plain_user_id}", 200, {"user": {"name": NEW}}),
    domain_write("DELETE", "/users/{plain_user_id}", 204),
    # Whoever sets an operator's password is one; so is whoever fills a group of operators.
    privileged("PATCH", "/users/{system_user_id}", 200, {"user": {"name": NEW}}),
    privileged("DELETE", "/users/{system_user_id}"),
    privileged("PUT", "/groups/{system_group_id}/users/{plain_user_id}"),
    privileged("DELETE", "/groups/{system_group_id}"),
    hidden("/users/{user_id}/projects"),
    hidden("/users/{user_id}/groups"),
    # Whoever's password expired has no token: the old one tells who he is, whoever's token is sent.
    line("POST", "/users/{user_id}/password", EVERYBODY, 204, PASSWORDS),
    listed("/groups"),
    domain_make("/groups", {"group": {"name": NEW}}),
    domain_read("GET", "/groups/{group_id}"),
    domain_write("PATCH", "/groups/{group_id}", 200, {"group": {"name": NEW}}),
    domain_write("DELETE", "/groups/{group_id}", 204),
    domain_read("GET", MEMBERS),
    domain_read("GET", f"{MEMBERS}/{{user_id}}", 204),
    domain_write("PUT", f"{MEMBERS}/{{plain_user_id}}", 204),
    domain_write("DELETE", f"{MEMBERS}/{{user_id}}", 204),
    # Whoever gives roles chooses among them.
    line("GET", "/roles", DOMAIN_READERS | {"manager", "other_domain"}),
    operator("POST", "/roles", 201, {"role": {"name": NEW}}),
    line("GET", "/roles/{role_id}", DOMAIN_READERS | {"manager", "other_domain"}),
    operator("PATCH", "/roles/{role_id}", 200, {"role": {"name": NEW}}),
    operator("DELETE", "/roles/{role_id}", 204),
    read("GET", IMPLIED),
    read("GET", f"{IMPLIED}/{{implied_id}}"),
    read("HEAD", f"{IMPLIED}/{{implied_id}}", 204),
    operator("PUT", f"{IMPLIED}/{{implied_id}}", 201),
    operator("DELETE", f"{IMPLIED}/{{implied_id}}", 204),
    read("GET", "/role_inferences"),
    listed("/role_assignments"),
]


def grants(path: str, after: str) -> list[Line]:
    """Return the lines of roles of a holder at a project or a domain."""
    one = f"{path}/{{given_id}}{after}"
    return [
        domain_read("GET", f"{path}{after}"),
        domain_read("GET", one, 204),
        domain_read("HEAD", one, 204),
        domain_write("PUT", one, 204),
        domain_write("DELETE", one, 204),
        # Nobody gives more than he may himself.
        line("PUT", f"{path}/{{admin_id}}{after}", OPERATORS, 204, others=ELSEWHERE),
        line("PUT", f"{path}/{{service_role_id}}{after}", OPERATORS, 204, others=ELSEWHERE),
    ]


def system_grants(path: str) -> list[Line]:
    """Return those on the system: a domain's manager may not; another's does not find the holder."""
    one = f"{path}/{{given_id}}"
    return [
        line("GET", path, READERS_OF_ALL, others=ELSEWHERE),
        line("GET", one, READERS_OF_ALL, 204, others=ELSEWHERE),
        line("HEAD", one, READERS_OF_ALL, 204, others=ELSEWHERE),
        line("PUT", one, OPERATORS, 204, others=ELSEWHERE),
        line("DELETE", one, OPERATORS, 204, others=ELSEWHERE),
    ]


for _holder in ("users/{user_id}", "groups/{group_id}"):
    for _place in ("projects/{project_id}", "domains/{domain_id}"):
        if (_holder[:5], _place[:7]) == ("users", "domains"):
            LINES += grants(f"/{_place}/users/{{domain_user_id}}/roles", "")
        else:
            LINES += grants(f"/{_place}/{_holder}/roles", "")
        LINES += grants(f"/OS-INHERIT/{_place}/{_holder}/roles", "/inherited_to_projects")
for _holder in ("users/{system_user_id}", "groups/{system_group_id}"):
    LINES += system_grants(f"/system/{_holder}/roles")
test_access = identity_test(LINES)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body", "with_token"),
    [
        (TOKENS, {"auth": {"identity": {"methods": ["none"]}}}, 401),
        (
            "/users/{plain_user_id}/password",
            {"user": {"original_password": "a", "password": "b"}},
            401,
        ),
    ],
)
def test_what_proves_nothing(path: str, body: Any, with_token: int, world: World) -> None:
    asked = line("POST", path, {"owner"}, body=body)
    found = {caller: world.send(asked, caller).status_code for caller in EVERYBODY}
    assert found.pop("anonymous") == 401
    assert set(found.values()) == {with_token}


@pytest.mark.django_db
def test_text_of_a_refusal() -> None:
    """Tempest and people read it."""
    answer = client_with("reader").send("GET", "/identity/v3/users")
    assert answer.json()["error"] == {
        "code": 403,
        "title": "Forbidden",
        "message": "You are not authorized to perform the requested action: identity:list_users.",
    }
