"""Log-in, rescoping, validation and log-out over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from identity.bootstrap import bootstrap
from identity.manager import UserManager
from identity.models import Project, User
from identity.tokens import LONGEST, LONGEST_CHAIN
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    grant,
    make_domain,
    make_member,
    make_project,
    make_token,
    make_user,
)

pytestmark = pytest.mark.django_db
TOKENS = "/identity/v3/auth/tokens"


def by_name(user: User, password: str, **domain: str) -> dict[str, Any]:
    """Return the identity block of a log-in by name."""
    who = {"name": user.name, "domain": domain or {"id": "default"}, "password": password}
    return {"methods": ["password"], "password": {"user": who}}


def by_id(user: User, password: str) -> dict[str, Any]:
    """Return the identity block of a log-in by id."""
    return {"methods": ["password"], "password": {"user": {"id": user.pk, "password": password}}}


def by_token(text: str) -> dict[str, Any]:
    """Return the identity block of a rescope."""
    return {"methods": ["token"], "token": {"id": text}}


def log_in(identity: dict[str, Any], scope: Any = None, query: str = "") -> Any:
    """Ask for a token."""
    auth = {"identity": identity} | ({} if scope is None else {"scope": scope})
    return ApiClient().send("POST", TOKENS + query, {"auth": auth})


@pytest.fixture
def user() -> User:
    """A member with the password "right"."""
    return make_member("member", password="right")


def test_log_in_by_name_for_a_project(user: User) -> None:
    """The token is in the header alone; the body says who, where, what and until when."""
    bootstrap(admin_password="x", demo_password="y")
    project = user.default_project
    assert project is not None
    scope = {"project": {"name": project.name, "domain": {"name": "Default"}}}
    answer = log_in(by_name(user, "right", name="Default"), scope)
    assert answer.status_code == 201
    text = answer.headers["X-Subject-Token"]
    assert text
    assert text not in answer.content.decode()
    token = answer.json()["token"]
    default = {"id": "default", "name": "Default"}
    assert token["user"] == {
        "id": user.pk,
        "name": user.name,
        "domain": default,
        "password_expires_at": None,
    }
    assert token["project"] == {"id": project.pk, "name": project.name, "domain": default}
    assert token["is_domain"] is False
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    assert token["methods"] == ["password"]
    assert len(token["audit_ids"]) == 1
    issued, expires = (datetime.fromisoformat(token[key]) for key in ("issued_at", "expires_at"))
    assert expires - issued == timedelta(hours=4)
    assert len(token["issued_at"]) == len("2026-01-31T10:11:12.000000Z")
    assert {entry["type"]: entry["name"] for entry in token["catalog"]} == {
        "identity": "keystone",
        "compute": "nova",
        "network": "neutron",
        "image": "glance",
        "block-storage": "cinder",
        "volumev3": "cinderv3",
        "database": "trove",
    }


def test_catalog_urls_are_what_every_client_accepts(user: User) -> None:
    """Contract 1.3: version in compute's URL alone; three interfaces; region twice."""
    bootstrap(admin_password="x", demo_password="y")
    catalog = log_in(by_id(user, "right")).json()["token"]["catalog"]
    urls = {
        entry["type"]: {endpoint["url"] for endpoint in entry["endpoints"]} for entry in catalog
    }
    assert urls == {
        "identity": {"http://testserver/identity"},
        "compute": {"http://testserver/compute/v2.1"},
        "network": {"http://testserver/network"},
        "image": {"http://testserver/image"},
        "block-storage": {"http://testserver/volume/v3"},
        "volumev3": {"http://testserver/volume/v3"},
        "database": {f"http://testserver/database/v1.0/{user.default_project_id}"},
    }
    for entry in catalog:
        assert sorted(one["interface"] for one in entry["endpoints"]) == [
            "admin",
            "internal",
            "public",
        ]
        assert {(one["region"], one["region_id"]) for one in entry["endpoints"]} == {
            ("RegionOne", "RegionOne")
        }


def test_catalog_follows_public_url(user: User, settings: Any) -> None:
    """Behind a proxy the setting decides, else the host forwarded by one that is trusted."""
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    bootstrap(admin_password="x", demo_password="y")
    auth = {"auth": {"identity": by_id(user, "right")}}
    forwarded = ApiClient().send(
        "POST", TOKENS, auth, X_Forwarded_Host="cloud.example", X_Forwarded_Proto="https"
    )
    assert "https://cloud.example/network" in forwarded.content.decode()
    settings.PUBLIC_URL = "https://public.example/"
    answer = ApiClient().send("POST", TOKENS, auth).content.decode()
    assert "https://public.example/network" in answer
    assert "testserver" not in answer


def test_nocatalog(user: User) -> None:
    """The catalog can be left out."""
    token = log_in(by_id(user, "right"), query="?nocatalog").json()["token"]
    assert "catalog" not in token
    assert token["roles"]


def test_default_project_is_taken_without_a_scope(user: User) -> None:
    """And falls back to unscoped when it is disabled."""
    assert log_in(by_id(user, "right")).json()["token"]["project"]["id"] == user.default_project_id
    Project.objects.update(enabled=False)
    assert "project" not in log_in(by_id(user, "right")).json()["token"]


@pytest.mark.parametrize("scope", ["unscoped", {"unscoped": {}}])
def test_unscoped_although_there_is_a_default_project(user: User, scope: Any) -> None:
    """An unscoped token has no project, roles or catalog keys at all."""
    answer = log_in(by_id(user, "right"), scope)
    assert answer.status_code == 201
    assert not {"project", "roles", "catalog", "is_domain"} & answer.json()["token"].keys()


def test_every_failed_log_in_looks_the_same(user: User) -> None:
    """Wrong user, password, project, domain, disabled user: one answer."""
    other = make_project()
    disabled = make_user(password="right", enabled=False)
    dark = make_domain(id="dark", name="Dark", enabled=False)
    in_dark = make_user(password="right", domain=dark)
    ghost = User(id="0" * 32, name="ghost")
    attempts = [
        log_in(by_id(user, "wrong")),
        log_in(by_name(user, "right", id="nowhere")),
        log_in(by_name(ghost, "right")),
        log_in(by_id(ghost, "right")),
        log_in(by_id(disabled, "right")),
        log_in(by_id(in_dark, "right")),
        log_in(by_id(make_user(), "!")),
        log_in(by_id(user, "right"), {"project": {"id": other.pk}}),
        log_in(by_id(user, "right"), {"project": {"id": "0" * 32}}),
        log_in(by_id(user, "right"), {"domain": {"id": "default"}}),
        log_in(by_id(user, "right"), {"system": {"all": True}}),
        log_in(by_token("nonsense")),
        log_in({"methods": ["kerberos"]}),
    ]
    for answer in attempts:
        assert answer.status_code == 401
        assert "X-Subject-Token" not in answer.headers
        assert answer.headers["WWW-Authenticate"] == 'Keystone uri="http://testserver/identity"'
        assert answer.json() == {
            "error": {
                "code": 401,
                "message": "The request you have made requires authentication.",
                "title": "Unauthorized",
            }
        }


def test_unknown_users_cost_a_hash_too(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hash is computed whoever asks, so time tells nothing about who exists."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    for who in (user, User(id="0" * 32), make_user(enabled=False, password="secret")):
        hashed.clear()
        log_in(by_id(who, "guess"))
        assert hashed == ["guess"]


@pytest.mark.parametrize(
    "auth",
    [
        None,
        [],
        {},
        {"identity": {}},
        {"identity": {"methods": []}},
        {"identity": {"methods": "password"}},
        {"identity": {"methods": ["password"]}},
        {"identity": {"methods": ["token"], "token": {}}},
        {"identity": {"methods": ["password"], "password": {"user": {"password": "x"}}}},
        {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": "n", "password": "x"}},
            }
        },
        {"identity": {"methods": ["password"], "password": {"user": {"id": 5, "password": "x"}}}},
        {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"id": "a" * 65, "password": "x"}},
            }
        },
        {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"id": "a", "password": "x" * 4097}},
            }
        },
    ],
)
def test_malformed_log_in_is_a_400(auth: Any) -> None:
    """In identity's envelope, before anything is looked up."""
    answer = ApiClient().send("POST", TOKENS, {"auth": auth})
    assert answer.status_code == 400
    assert answer.json()["error"]["title"] == "Bad Request"


def test_two_scopes_are_a_400(user: User) -> None:
    """A token has one."""
    scope = {"project": {"id": user.default_project_id}, "domain": {"id": "default"}}
    assert log_in(by_id(user, "right"), scope).status_code == 400


def test_rescope_keeps_expiry_and_names_its_parent(user: User) -> None:
    """However often it is repeated, a token cannot be made to last longer."""
    other = make_project()
    grant(user, other, "reader")
    first = log_in(by_id(user, "right"), "unscoped")
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        scope = {"project": {"id": other.pk}}
        second = log_in(by_token(first.headers["X-Subject-Token"]), scope)
        third = log_in(by_token(second.headers["X-Subject-Token"]), "unscoped")
    one, two, three = (answer.json()["token"] for answer in (first, second, third))
    assert two["expires_at"] == three["expires_at"] == one["expires_at"]
    assert two["issued_at"] > one["issued_at"]
    assert two["methods"] == three["methods"] == ["password", "token"]
    assert two["audit_ids"][1:] == three["audit_ids"][1:] == one["audit_ids"]
    assert len({two["audit_ids"][0], three["audit_ids"][0], one["audit_ids"][0]}) == 3
    assert [role["name"] for role in two["roles"]] == ["reader"]


def test_a_revoked_token_takes_along_what_was_scoped_from_it(user: User) -> None:
    """However often; not what it was scoped from itself, nor its sisters."""
    texts = [log_in(by_id(user, "right")).headers["X-Subject-Token"]]
    for _ in range(3):
        texts.append(log_in(by_token(texts[-1])).headers["X-Subject-Token"])
    sister = log_in(by_token(texts[0])).headers["X-Subject-Token"]

    def usable() -> list[bool]:
        answers = [ApiClient(one).send("GET", f"{TOKENS}", X_Subject_Token=one) for one in texts]
        return [one.status_code == 200 for one in answers]

    assert usable() == [True] * 4
    client_of(user).send("DELETE", TOKENS, X_Subject_Token=texts[1])
    assert usable() == [True, False, False, False]
    assert ApiClient(sister).send("GET", "/identity/v3/auth/projects").status_code == 200
    client_of(user).send("DELETE", TOKENS, X_Subject_Token=texts[0])
    assert ApiClient(sister).send("GET", "/identity/v3/auth/projects").status_code == 401


def test_a_chain_of_tokens_has_an_end(user: User) -> None:
    """Each token names all that it comes from."""
    text = log_in(by_id(user, "right")).headers["X-Subject-Token"]
    for _ in range(LONGEST_CHAIN - 1):
        text = log_in(by_token(text)).headers["X-Subject-Token"]
    assert len(text) < LONGEST
    assert log_in(by_token(text)).status_code == 401
    assert ApiClient(text).send("GET", "/identity/v3/auth/projects").status_code == 200


def test_expired_or_revoked_token_cannot_be_rescoped(user: User) -> None:
    """401, like a wrong password."""
    text = make_token(user).signed()
    with time_machine.travel(timezone.now() + timedelta(hours=5)):
        assert log_in(by_token(text)).status_code == 401
    client_of(user).send("DELETE", TOKENS, X_Subject_Token=text)
    assert log_in(by_token(text)).status_code == 401


def test_validation_says_what_the_log_in_said(user: User) -> None:
    """GET returns the same body and header; HEAD the status alone."""
    issued = log_in(by_id(user, "right"))
    text = issued.headers["X-Subject-Token"]
    client = ApiClient(text)
    shown = client.send("GET", TOKENS, X_Subject_Token=text)
    assert (shown.status_code, shown.json()) == (200, issued.json())
    assert shown.headers["X-Subject-Token"] == text
    checked = client.send("HEAD", TOKENS, X_Subject_Token=text)
    assert (checked.status_code, checked.content) == (200, b"")
    assert client.send("GET", TOKENS).status_code == 400


def test_who_may_validate_whose_token(user: User) -> None:
    """One's own; operators and services any."""
    text = make_token(user).signed()
    for role, status in (("admin", 200), ("service", 200), ("manager", 404), ("reader", 404)):
        client = client_with(role)
        assert client.send("GET", TOKENS, X_Subject_Token=text).status_code == status, role
    for role, status in (("manager", 404), ("admin", 204)):
        client = client_with(role)
        assert client.send("DELETE", TOKENS, X_Subject_Token=text).status_code == status, role


def test_expired_token_is_shown_to_who_asks_for_expired_ones(user: User) -> None:
    """Services finish long uploads with them."""
    text = make_token(user).signed()
    with time_machine.travel(timezone.now() + timedelta(hours=5)):
        admin = client_with("admin")
        assert admin.send("GET", TOKENS, X_Subject_Token=text).status_code == 404
        asked = admin.send("GET", f"{TOKENS}?allow_expired=1", X_Subject_Token=text)
        assert asked.status_code == 200


def test_log_out(user: User) -> None:
    """204 and empty; then the token is a 401, and a 404 for who asks about it."""
    text = make_token(user).signed()
    answer = ApiClient(text).send("DELETE", TOKENS, X_Subject_Token=text)
    assert (answer.status_code, answer.content) == (204, b"")
    assert ApiClient(text).send("GET", "/identity/v3/auth/projects").status_code == 401
    assert client_of(user).send("GET", TOKENS, X_Subject_Token=text).status_code == 404


def test_own_scopes(user: User) -> None:
    """What one can scope to, also with an unscoped token; disabled projects are left out."""
    other = make_project(name="another")
    grant(user, other)
    grant(user, make_project(enabled=False))
    make_project()
    unscoped = ApiClient(log_in(by_id(user, "right"), "unscoped").headers["X-Subject-Token"])
    listed = unscoped.send("GET", "/identity/v3/auth/projects").json()
    assert {one["id"] for one in listed["projects"]} == {other.pk, user.default_project_id}
    assert listed["links"] == {
        "self": "http://testserver/identity/v3/auth/projects",
        "next": None,
        "previous": None,
    }
    same = unscoped.send("GET", f"/identity/v3/users/{user.pk}/projects").json()
    assert {one["id"] for one in same["projects"]} == {other.pk, user.default_project_id}
    assert unscoped.send("GET", "/identity/v3/auth/domains").json()["domains"] == []
    assert unscoped.send("GET", "/identity/v3/auth/system").json()["system"] == []
    assert unscoped.send("GET", "/identity/v3/auth/catalog").status_code == 403
    bootstrap(admin_password="x", demo_password="y")
    assert len(client_of(user).send("GET", "/identity/v3/auth/catalog").json()["catalog"]) == 7


def test_changing_ones_password(user: User) -> None:
    """It takes the old one, ends every token, and works at once."""
    url = f"/identity/v3/users/{user.pk}/password"
    text = make_token(user).signed()
    wrong = {"user": {"original_password": "wrong", "password": "new"}}
    assert ApiClient(text).send("POST", url, wrong).status_code == 403
    right = {"user": {"original_password": "right", "password": "new"}}
    answer = ApiClient(text).send("POST", url, right)
    assert (answer.status_code, answer.content) == (204, b"")
    assert ApiClient(text).send("GET", "/identity/v3/auth/projects").status_code == 401
    assert log_in(by_id(user, "right")).status_code == 401
    assert log_in(by_id(user, "new")).status_code == 201


def test_locked_password_cannot_be_changed(user: User) -> None:
    """An operator's option."""
    from cloudweb.context import RequestContext

    UserManager(RequestContext.system()).update(user.pk, lock_password=True)
    body = {"user": {"original_password": "right", "password": "new"}}
    answer = client_of(user).send("POST", f"/identity/v3/users/{user.pk}/password", body)
    assert answer.status_code == 403


def test_version_documents_need_no_token() -> None:
    """With and without a slash, whatever token comes along."""
    for client in (ApiClient(), ApiClient("nonsense")):
        for path in ("/identity", "/identity/"):
            root = client.send("GET", path)
            assert root.status_code == 300
            assert root.headers["Location"] == "http://testserver/identity/v3/"
            (v3,) = root.json()["versions"]["values"]
            assert v3["links"] == [{"rel": "self", "href": "http://testserver/identity/v3/"}]
        for path in ("/identity/v3", "/identity/v3/"):
            answer = client.send("GET", path)
            assert answer.status_code == 200
            assert answer.json() == {"version": v3}
    assert v3["status"] == "stable"
    assert v3["media-types"] == [
        {"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}
    ]


@pytest.mark.parametrize("path", ["/identity", "/identity/v3"])
def test_json_home(path: str) -> None:
    """Who asks for it gets a JSON home document."""
    answer = ApiClient().send("GET", path, Accept="application/json-home")
    assert (answer.status_code, answer.json()) == (200, {"resources": {}})


def test_statements_of_a_log_in(
    user: User, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    """The catalog included, and the audit log's record."""
    bootstrap(admin_password="x", demo_password="y")
    with django_assert_max_num_queries(10):
        log_in(by_id(user, "right"))
