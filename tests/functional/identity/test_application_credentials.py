"""Application credentials and their access rules over HTTP: made, used, held to their rules, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from cloudweb.context import RequestContext
from identity.access_rules import allows
from identity.manager import AssignmentManager
from identity.manager.assignments import GrantTarget
from identity.models import ApplicationCredential, User
from tests.builders.identity import (
    ApiClient,
    client_of,
    grant,
    make_member,
    make_project,
    make_role,
)

pytestmark = pytest.mark.django_db
TOKENS = "/identity/v3/auth/tokens"


@pytest.fixture
def user() -> User:
    return make_member("member")


def url(user: User) -> str:
    return f"/identity/v3/users/{user.pk}/application_credentials"


def create(user: User, **body: Any) -> Any:
    wanted = {"application_credential": {"name": "ci", **body}}
    return client_of(user).send("POST", url(user), wanted)


def made(user: User, **body: Any) -> dict[str, Any]:
    answer = create(user, **body)
    assert answer.status_code == 201, answer.content
    return dict(answer.json()["application_credential"])


def log_in(credential: dict[str, Any], **auth: Any) -> Any:
    block = {"id": credential["id"], "secret": credential["secret"]}
    identity = {"methods": ["application_credential"], "application_credential": block}
    return ApiClient().send("POST", TOKENS, {"auth": {"identity": identity, **auth}})


def client_by(credential: dict[str, Any]) -> ApiClient:
    answer = log_in(credential)
    assert answer.status_code == 201
    return ApiClient(answer.headers["X-Subject-Token"])


def test_create_show_list_delete(user: User) -> None:
    one = made(user, description="of the builds", roles=[{"name": "reader"}])
    assert len(one.pop("secret")) >= 64
    assert [role["name"] for role in one["roles"]] == ["reader"]
    assert (one["project_id"], one["unrestricted"], one["expires_at"]) == (
        user.default_project_id,
        False,
        None,
    )
    assert "access_rules" not in one
    client, place = client_of(user), f"{url(user)}/{one['id']}"
    assert client.send("GET", place).json()["application_credential"] == one
    assert client.send("GET", f"{url(user)}?name=ci").json()["application_credentials"] == [one]
    assert client.send("GET", f"{url(user)}?name=x").json()["application_credentials"] == []
    assert create(user).status_code == 409
    assert client.send("DELETE", place).status_code == 204
    assert client.send("GET", place).status_code == 404


def test_the_secret_is_kept_as_a_hash(user: User) -> None:
    one = made(user, secret="known to nobody")
    assert one["secret"] == "known to nobody"
    assert "known" not in ApplicationCredential.objects.get().secret


def test_log_in_counts_in_its_project_whatever_is_asked_for(user: User) -> None:
    elsewhere = make_project()
    grant(user, elsewhere)
    one = made(user, roles=[{"name": "reader"}])
    for scope in ({}, {"scope": {"project": {"id": elsewhere.pk}}}, {"scope": "unscoped"}):
        token = log_in(one, **scope).json()["token"]
        assert token["project"]["id"] == user.default_project_id
        assert [role["name"] for role in token["roles"]] == ["reader"]
        assert token["methods"] == ["application_credential"]
        assert token["application_credential"] == {
            "id": one["id"],
            "name": "ci",
            "restricted": True,
        }


def test_log_in_by_name(user: User) -> None:
    one = made(user)
    block = {"name": "ci", "user": {"id": user.pk}, "secret": one["secret"]}
    identity = {"methods": ["application_credential"], "application_credential": block}
    assert ApiClient().send("POST", TOKENS, {"auth": {"identity": identity}}).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"roles": [{"name": "admin"}]},
        {"roles": [{"id": "nothing"}]},
        {"roles": [{}]},
        {"expires_at": "2001-01-01T00:00:00"},
        {"expires_at": "soon"},
        {"access_rules": [{"service": "compute", "method": "FETCH", "path": "/v2.1"}]},
        {"access_rules": [{"service": "compute", "method": "GET"}]},
        {"access_rules": [{"id": "nothing"}]},
        {"name": ""},
        {"colour": "red"},
    ],
)
def test_bad_bodies_are_a_400(user: User, body: dict[str, Any]) -> None:
    assert create(user, **body).status_code == 400
    assert not ApplicationCredential.objects.exists()


def test_wrong_or_late_secrets_are_a_401(user: User) -> None:
    soon = (timezone.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    one = made(user, expires_at=soon)
    assert log_in({**one, "secret": "wrong"}).status_code == 401
    assert log_in({**one, "id": "nothing"}).status_code == 401
    token = log_in(one).json()["token"]
    assert token["expires_at"].startswith(soon)  # it never outlives the credential
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert log_in(one).status_code == 401


def test_a_role_withdrawn_leaves_the_credential_without_it(user: User) -> None:
    one = made(user, roles=[{"name": "member"}])
    client = client_by(one)
    AssignmentManager(RequestContext.system()).withdraw(
        GrantTarget(user_id=user.pk, project_id=user.default_project_id),
        role_id=make_role("member").pk,
    )
    assert client.send("GET", "/identity/v3/auth/projects").status_code == 401
    assert log_in(one).status_code == 401


def test_deleting_it_ends_its_tokens_alone(user: User) -> None:
    one, own = made(user), client_of(user)
    client = client_by(one)
    assert own.send("DELETE", f"{url(user)}/{one['id']}").status_code == 204
    assert client.send("GET", "/identity/v3/auth/projects").status_code == 401
    assert own.send("GET", "/identity/v3/auth/projects").status_code == 200


def test_a_restricted_one_makes_no_further_log_ins(user: User) -> None:
    restricted, free = client_by(made(user)), client_by(made(user, name="f", unrestricted=True))
    body = {"application_credential": {"name": "more"}}
    assert restricted.send("POST", url(user), body).status_code == 403
    keys = f"/identity/v3/users/{user.pk}/credentials/OS-EC2"
    assert restricted.send("POST", keys, {"tenant_id": user.default_project_id}).status_code == 403
    one = ApplicationCredential.objects.get(name="f")
    assert restricted.send("DELETE", f"{url(user)}/{one.pk}").status_code == 403
    assert free.send("POST", url(user), body).status_code == 201


def test_what_a_program_makes_is_no_more_than_itself(user: User) -> None:
    """No role, no time and no request more; the user himself names any role that he has now."""
    soon = (timezone.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    free = client_by(made(user, roles=[{"name": "reader"}], unrestricted=True, expires_at=soon))

    def more(client: ApiClient, name: str, **body: Any) -> Any:
        return client.send("POST", url(user), {"application_credential": {"name": name, **body}})

    assert more(free, "m", roles=[{"name": "member"}]).status_code == 400
    late = more(free, "r", expires_at="2099-01-01T00:00:00").json()["application_credential"]
    assert late["expires_at"].startswith(soon)
    assert [role["name"] for role in late["roles"]] == ["reader"]
    anything = [{"service": "identity", "method": "POST", "path": "/**"}]
    ruled = client_by(made(user, name="ruled", unrestricted=True, access_rules=anything))
    assert more(ruled, "n").status_code == 403

    before = client_of(user)
    grant(user, user.default_project, "manager")
    assert more(before, "now", roles=[{"name": "manager"}]).status_code == 201
    assert more(free, "never", roles=[{"name": "manager"}]).status_code == 400


def test_a_user_keeps_so_many_and_no_more(user: User, settings: Any) -> None:
    settings.USER_LIMITS = {**settings.USER_LIMITS, "application_credentials": 2, "access_rules": 2}
    assert create(user, access_rules=[*RULES, {**RULES[0], "path": "/x"}]).status_code == 403
    assert not ApplicationCredential.objects.exists()
    assert [create(user, name=f"n{number}").status_code for number in range(3)] == [201, 201, 403]
    refused = create(user, name="more").json()["error"]["message"]
    assert refused == "A user keeps at most 2 application credentials. Delete some first."
    assert create(make_member(), name="mine").status_code == 201


def test_its_token_cannot_be_rescoped(user: User) -> None:
    text = log_in(made(user)).headers["X-Subject-Token"]
    identity = {"methods": ["token"], "token": {"id": text}}
    answer = ApiClient().send("POST", TOKENS, {"auth": {"identity": identity}})
    assert answer.status_code == 401


RULES = [
    {"service": "identity", "method": "GET", "path": "/v3/auth/projects"},
    {"service": "compute", "method": "GET", "path": "/v2.1/flavors/*"},
]


def test_access_rules_are_enforced(user: User) -> None:
    one = made(user, access_rules=RULES)
    assert [rule["path"] for rule in one["access_rules"]] == [rule["path"] for rule in RULES]
    client = client_by(one)
    assert client.send("GET", "/identity/v3/auth/projects").status_code == 200
    assert client.send("GET", "/identity/v3/auth/projects/").status_code == 200
    refused = client.send("GET", "/identity/v3/auth/catalog")
    assert refused.status_code == 403
    assert "access rules" in refused.json()["error"]["message"]
    assert client.send("GET", "/compute/v2.1/flavors/detail").status_code == 200
    assert client.send("GET", "/compute/v2.1/flavors").status_code == 403
    assert client.send("POST", "/compute/v2.1/servers", {}).status_code == 403
    assert client.send("GET", "/network/v2.0/networks").status_code == 403


def test_rules_are_shared_kept_and_deleted_last(user: User) -> None:
    one = made(user, access_rules=RULES[:1])
    rule_id = one["access_rules"][0]["id"]
    again = made(user, name="again", access_rules=[{"id": rule_id}])
    assert again["access_rules"] == one["access_rules"]
    client, rules = client_of(user), f"/identity/v3/users/{user.pk}/access_rules"
    (listed,) = client.send("GET", f"{rules}?service=identity").json()["access_rules"]
    assert listed["id"] == rule_id
    assert client.send("DELETE", f"{rules}/{rule_id}").status_code == 403
    for credential in (one, again):
        client.send("DELETE", f"{url(user)}/{credential['id']}")
    assert client.send("DELETE", f"{rules}/{rule_id}").status_code == 204
    assert client.send("GET", f"{rules}/{rule_id}").status_code == 404


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/v2.1/servers", "/compute/v2.1/servers", True),
        ("/v2.1/servers", "/compute/v2.1/servers/", True),
        ("/v2.1/servers", "/compute/v2.1/servers/a", False),
        ("/v2.1/servers", "/compute/v2.1/serversa", False),
        ("/v2.1/servers/*", "/compute/v2.1/servers/a", True),
        ("/v2.1/servers/*", "/compute/v2.1/servers/a/b", False),
        ("/v2.1/servers/{id}/b", "/compute/v2.1/servers/a/b", True),
        ("/v2.1/**", "/compute/v2.1/servers/a/b", True),
        ("/**", "/compute/v2.1/servers", True),
        ("/v2.1/serv.rs", "/compute/v2.1/servers", False),
        ("/v2.1/servers", "/network/v2.1/servers", False),
        ("/v2.1/servers", "/nowhere/v2.1/servers", False),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    given = {"service": "compute", "verb": "GET", "pattern": pattern, "path": path}
    assert allows(**given, method="GET") is fits
    assert allows(**given, method="HEAD") is fits
    assert not allows(**given, method="POST")
