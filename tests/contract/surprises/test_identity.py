"""What clients and dashboards expect of identity (contract 12.6), one function a number."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from identity.bootstrap import bootstrap
from identity.models import User
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    grant,
    make_member,
    make_project,
)

pytestmark = pytest.mark.django_db
TOKENS = "/identity/v3/auth/tokens"


@pytest.fixture
def user() -> User:
    """A manager of his default project, after the cloud's first minute."""
    bootstrap(admin_password="x", demo_password="y")
    return make_member("manager", password="right")


def log_in(identity: Any, scope: Any = None) -> Any:
    body = {"auth": {"identity": identity} | ({"scope": scope} if scope else {})}
    return ApiClient().send("POST", TOKENS, body)


def by_name(user: User, domain: dict[str, str]) -> dict[str, Any]:
    who = {"name": user.name, "domain": domain, "password": "right"}
    return {"methods": ["password"], "password": {"user": who}}


def test_46_roles_are_named_and_expanded(user: User) -> None:
    """A manager's token says member and reader as well."""
    token = log_in(by_name(user, {"id": "default"})).json()["token"]
    assert {one["name"] for one in token["roles"]} == {"manager", "member", "reader"}
    assert all(one.keys() >= {"id", "name"} for one in token["roles"])


@pytest.mark.parametrize("domain", [{"id": "default"}, {"name": "Default"}])
def test_47_the_domain_by_id_or_name(user: User, domain: dict[str, str]) -> None:
    assert log_in(by_name(user, domain)).status_code == 201


@pytest.mark.parametrize("noun", ["users", "projects"])
def test_48_what_is_disabled_has_no_tokens_any_more(user: User, noun: str) -> None:
    """At once, and a new one is refused as well."""
    client, admin = client_of(user), client_with("admin")
    assert client.send("GET", "/compute/v2.1/flavors").status_code == 200
    which = user.pk if noun == "users" else user.default_project_id
    changed = admin.send("PATCH", f"/identity/v3/{noun}/{which}", {noun[:-1]: {"enabled": False}})
    assert changed.status_code == 200
    assert client.send("GET", "/compute/v2.1/flavors").status_code == 401
    scope = {"project": {"id": user.default_project_id}}
    assert log_in(by_name(user, {"id": "default"}), scope).status_code == 401


def test_49_a_token_from_a_token_lives_no_longer(user: User) -> None:
    """It names both methods and its parent."""
    other = make_project()
    grant(user, other)
    first = log_in(by_name(user, {"id": "default"}))
    methods = {"methods": ["token"], "token": {"id": first.headers["X-Subject-Token"]}}
    second = log_in(methods, {"project": {"id": other.pk}}).json()["token"]
    parent = first.json()["token"]
    assert datetime.fromisoformat(second["expires_at"]) <= datetime.fromisoformat(
        parent["expires_at"]
    )
    assert set(second["methods"]) == {"password", "token"}
    assert second["audit_ids"][1] == parent["audit_ids"][0]


def test_51_a_name_is_taken_once_in_its_domain(user: User) -> None:
    """409, not a second user of that name."""
    body = {"user": {"name": user.name}}
    assert client_with("admin").send("POST", "/identity/v3/users", body).status_code == 409
