"""OAuth 1.0a: a consumer asks, a user lets it, and the consumer acts with what he gave it, no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from cloudweb.database import clock
from identity.models import AccessToken, Consumer, Project, RequestToken, UsedNonce, User
from tests.builders.consumers import (
    BASE,
    LOG_IN,
    TOKENS,
    Pair,
    Program,
    allow,
    allowed,
    make_program,
    pair_of,
)
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    grant,
    make_member,
    make_project,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_member("manager")


@pytest.fixture
def project(user: User) -> Project:
    assert user.default_project is not None
    return user.default_project


@pytest.fixture
def program() -> Program:
    return make_program()


def acting(answer: Any) -> ApiClient:
    """Return a client with the token that a consumer got."""
    assert answer.status_code == 201, answer.content
    return ApiClient(answer.headers["X-Subject-Token"])


def test_the_life_of_a_consumer() -> None:
    """Its secret is shown once, and never kept in the clear."""
    admin = client_with("admin")
    body = {"consumer": {"description": "d", "colour": "red"}}
    answer = admin.send("POST", f"{BASE}/consumers", body)
    made = answer.json()["consumer"]
    assert answer.status_code == 201
    secret = made.pop("secret")
    url = f"{BASE}/consumers/{made['id']}"
    assert made == {
        "id": made["id"],
        "description": "d",
        "colour": "red",
        "links": {"self": f"http://testserver{url}"},
    }
    assert secret not in str(Consumer.objects.values().get())
    assert admin.send("GET", url).json() == {"consumer": made}
    assert admin.send("GET", f"{BASE}/consumers").json()["consumers"] == [made]
    changed = admin.send("PATCH", url, {"consumer": {"description": None, "colour": None}})
    assert changed.json()["consumer"]["description"] == ""
    assert "colour" not in changed.json()["consumer"]
    assert admin.send("PATCH", url, {"consumer": {"secret": "mine"}}).status_code == 400
    assert admin.send("DELETE", url).status_code == 204
    assert admin.send("GET", url).status_code == 404


def test_a_user_lets_a_consumer_act(program: Program, user: User, project: Project) -> None:
    """With the roles he names, on the project it asked for, as himself."""
    answer = program.request_token(project)
    assert answer.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert answer.headers["Cache-Control"] == "no-store"
    asked = pair_of(answer)
    verifier = allow(client_of(user), asked, "reader").json()["token"]["oauth_verifier"]
    access = pair_of(program.access_token(asked, verifier))
    assert not RequestToken.objects.exists()
    answer = program.log_in(access)
    token = answer.json()["token"]
    assert (token["user"]["id"], token["project"]["id"]) == (user.pk, project.pk)
    assert [role["name"] for role in token["roles"]] == ["reader"]
    assert token["methods"] == ["oauth1"]
    consumer = program.consumer.key
    assert token["OS-OAUTH1"] == {"access_token_id": access.key, "consumer_id": consumer}
    seen = acting(answer).send(
        "GET", TOKENS, **{"X-Subject-Token": answer.headers["X-Subject-Token"]}
    )
    assert seen.json()["token"]["OS-OAUTH1"] == token["OS-OAUTH1"]
    rows = (RequestToken, AccessToken, Consumer)
    kept = str([list(kind.objects.values()) for kind in rows])
    assert access.secret not in kept
    assert program.consumer.secret not in kept


def test_what_the_user_may_not_the_consumer_may_not(program: Program, project: Project) -> None:
    """Roles he lacks, or has elsewhere alone, are not his to give; nor in anyone's name twice."""
    reader, stranger = make_member("reader", project=project), make_member("manager")
    asked = pair_of(program.request_token(project))
    cases = {
        "more than he has": allow(client_of(reader), asked, "member").status_code,
        "no role": client_of(reader)
        .send("PUT", f"{BASE}/authorize/{asked.key}", {"roles": []})
        .status_code,
        "another project": allow(client_of(stranger), asked, "reader").status_code,
        "no such token": allow(client_of(reader), Pair("x" * 48), "reader").status_code,
        "his own": allow(client_of(reader), asked, "reader").status_code,
        "twice": allow(client_of(reader), asked, "reader").status_code,
    }
    assert cases == {
        "more than he has": 403,
        "no role": 400,
        "another project": 403,
        "no such token": 404,
        "his own": 200,
        "twice": 409,
    }


def test_a_wrong_signature_opens_nothing(program: Program, user: User, project: Project) -> None:
    """Each of these differs by one thing from what is right."""
    asked = pair_of(program.request_token(project))
    other = make_program()
    thief = Program(Pair(program.consumer.key, "0" * 48))
    before = program.access_token(asked, "not-yet-authorized").status_code
    verifier = allow(client_of(user), asked, "member").json()["token"]["oauth_verifier"]
    access_path = f"{BASE}/access_token"
    elsewhere = Program(program.consumer, host="http://elsewhere.example")
    plain = {"signature_method": "PLAINTEXT"}
    assert {
        "not authorized": before,
        "consumer's secret": thief.request_token(project).status_code,
        "consumer": Program(Pair("f" * 32, "0" * 48)).request_token(project).status_code,
        "another host": elsewhere.request_token(project).status_code,
        "token's secret": program.access_token(Pair(asked.key, "0" * 48), verifier).status_code,
        "token": program.access_token(Pair("f" * 48, asked.secret), verifier).status_code,
        "verifier": program.access_token(asked, "w" * 12).status_code,
        "another consumer's token": other.access_token(asked, verifier).status_code,
        "another path": program.post(
            access_path, program.header(f"{BASE}/request_token", asked, verifier=verifier)
        ).status_code,
        "in clear text": program.access_token(asked, verifier, **plain).status_code,
        "no signature": program.post(access_path, "").status_code,
        "no OAuth": program.post(access_path, "Basic eDp5").status_code,
        "request token to log in": program.log_in(asked).status_code,
    } == {
        "not authorized": 401,
        "consumer's secret": 401,
        "consumer": 401,
        "another host": 401,
        "token's secret": 401,
        "token": 401,
        "verifier": 401,
        "another consumer's token": 401,
        "another path": 401,
        "in clear text": 400,
        "no signature": 400,
        "no OAuth": 400,
        "request token to log in": 401,
    }
    assert UsedNonce.objects.count() == 1, "strangers fill no table"
    assert program.access_token(asked, verifier).status_code == 201
    assert program.access_token(asked, verifier).status_code == 401, "a verifier is used once"


def test_a_signature_counts_once_and_for_minutes(
    program: Program, user: User, project: Project
) -> None:
    access = allowed(program, client_of(user), project, "member")
    header = program.header(TOKENS, access)
    assert program.post(TOKENS, header, LOG_IN).status_code == 201
    assert program.post(TOKENS, header, LOG_IN).status_code == 401
    for away in (timedelta(minutes=11), timedelta(minutes=-11)):
        with time_machine.travel(clock.now() + away):
            late = program.header(TOKENS, access)
        assert program.post(TOKENS, late, LOG_IN).status_code == 401
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        assert program.log_in(access).status_code == 201
        assert UsedNonce.objects.count() == 1, "old ones are forgotten"


def test_a_query_and_a_stronger_hash_are_signed_too(
    program: Program, user: User, project: Project
) -> None:
    access = allowed(program, client_of(user), project, "member")
    path = f"{TOKENS}?nocatalog"
    header = program.header(path, access, signature_method="HMAC-SHA256")
    assert program.post(f"{TOKENS}?nocatalog&x=1", header, LOG_IN).status_code == 401
    answer = program.post(path, header, LOG_IN)
    assert answer.status_code == 201
    assert "catalog" not in answer.json()["token"]


def test_a_public_url_is_what_is_signed(
    program: Program, user: User, project: Project, settings: Any
) -> None:
    """Behind a proxy consumers know that name; within, the one they ask by."""
    settings.PUBLIC_URL = "https://cloud.example"
    outside = Program(program.consumer, host="https://cloud.example")
    assert outside.request_token(project).status_code == 201
    assert program.request_token(project).status_code == 201
    elsewhere = Program(program.consumer, host="https://other.example")
    assert elsewhere.request_token(project).status_code == 401


def test_a_consumer_is_no_user(program: Program, user: User, project: Project) -> None:
    """Its tokens make no further ways to log in, keep their place, and read no secrets."""
    access = allowed(program, client_of(user), project, "manager")
    answer = program.log_in(access)
    client, own = acting(answer), f"/identity/v3/users/{user.pk}"
    asked = pair_of(program.request_token(project))
    other = make_project()
    grant(user, other)
    rescope = {
        "auth": {
            "identity": {
                "methods": ["token"],
                "token": {"id": answer.headers["X-Subject-Token"]},
            },
            "scope": {"project": {"id": other.pk}},
        }
    }
    scoped = {"auth": LOG_IN["auth"] | {"scope": {"project": {"id": other.pk}}}}
    elsewhere = program.post(TOKENS, program.header(TOKENS, access), scoped)
    body = {"application_credential": {"name": "x"}}
    assert {
        "reads": client.send("GET", f"/identity/v3/projects/{project.pk}").status_code,
        "authorizes": allow(client, asked, "reader").status_code,
        "sees its kin": client.send("GET", f"{own}/OS-OAUTH1/access_tokens").status_code,
        "makes a program": client.send("POST", f"{own}/application_credentials", body).status_code,
        "makes a key": client.send(
            "POST", f"{own}/credentials/OS-EC2", {"tenant_id": project.pk}
        ).status_code,
        "rescopes": ApiClient().send("POST", TOKENS, rescope).status_code,
        "chooses its place": elsewhere.json()["token"]["project"]["id"],
    } == {
        "reads": 200,
        "authorizes": 403,
        "sees its kin": 403,
        "makes a program": 403,
        "makes a key": 403,
        "rescopes": 401,
        "chooses its place": project.pk,
    }


def test_it_ends_when_the_user_says_so(program: Program, user: User, project: Project) -> None:
    """He sees who acts for him, and with what; deleting it ends its tokens at once."""
    access = allowed(program, client_of(user), project, "reader")
    client, own = acting(program.log_in(access)), client_of(user)
    url = f"/identity/v3/users/{user.pk}/OS-OAUTH1/access_tokens"
    (listed,) = own.send("GET", url).json()["access_tokens"]
    assert listed == own.send("GET", f"{url}/{access.key}").json()["access_token"]
    assert (listed["consumer_id"], listed["project_id"], listed["authorizing_user_id"]) == (
        program.consumer.key,
        project.pk,
        user.pk,
    )
    assert access.secret not in str(listed)
    (role,) = own.send("GET", f"{url}/{access.key}/roles").json()["roles"]
    assert own.send("GET", f"{url}/{access.key}/roles/{role['id']}").json() == {"role": role}
    assert own.send("GET", f"{url}/{access.key}/roles/nothing").status_code == 404
    assert client_of(make_member()).send("DELETE", f"{url}/{access.key}").status_code == 404
    assert client.send("GET", "/identity/v3/auth/catalog").status_code == 200
    assert own.send("DELETE", f"{url}/{access.key}").status_code == 204
    assert client.send("GET", "/identity/v3/auth/catalog").status_code == 401
    assert program.log_in(access).status_code == 401
    assert own.send("GET", f"{url}/{access.key}").status_code == 404


def test_it_ends_with_the_consumer_the_role_and_its_time(
    program: Program, user: User, project: Project
) -> None:
    gone = make_program()
    lost = allowed(gone, client_of(user), project, "reader")
    client = acting(gone.log_in(lost))
    admin = client_with("admin")
    assert admin.send("DELETE", f"{BASE}/consumers/{gone.consumer.key}").status_code == 204
    assert client.send("GET", "/identity/v3/auth/catalog").status_code == 401
    assert gone.log_in(lost).status_code == 401
    access = allowed(program, client_of(user), project, "member")
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        assert program.log_in(access).status_code == 401
    asked = pair_of(program.request_token(project))
    with time_machine.travel(clock.now() + timedelta(hours=9)):
        assert allow(client_of(user), asked, "reader").status_code == 404
    user.assignments.all().delete()
    assert program.log_in(access).status_code == 401


def test_requests_that_nobody_takes_up_are_bounded(
    program: Program, user: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a consumer, and what a user lets act for him; a project must be there."""
    monkeypatch.setattr("identity.manager.request_tokens.MOST_OF_CONSUMER", 2)
    monkeypatch.setattr("identity.manager.request_tokens.MOST_OF_USER", 1)
    first, second = (pair_of(program.request_token(project)) for _ in range(2))
    assert program.request_token(project).status_code == 409
    assert allow(client_of(user), first, "reader").status_code == 200
    assert allow(client_of(user), second, "reader").status_code == 409
    assert make_program().request_token(Project(id="nowhere")).status_code == 404
    path = f"{BASE}/request_token"
    bare = program.post(path, program.header(path, callback_uri="oob"))
    assert bare.status_code == 400
    assert make_user().access_tokens.count() == 0


@pytest.mark.parametrize("path", [f"{BASE}/request_token", f"{BASE}/access_token", TOKENS])
def test_strange_signatures_are_refused_and_nothing_breaks(program: Program, path: str) -> None:
    right = program.header(path, Pair("t" * 48, "s"), verifier="v" * 12, callback_uri="oob")
    strange = (
        "OAuth",
        "OAuth x",
        "OAuth ,,,",
        "oauth a=b",
        "Bearer x",
        "OAuth \u00ff=\u00fe",
        "OAuth " + "x=y," * 500,
        right.replace('oauth_version="1.0"', 'oauth_version="2.0"'),
        right.replace("oauth_nonce", "oauth_nonsense"),
        right.replace('oauth_timestamp="1', 'oauth_timestamp="-'),
        right.replace('oauth_timestamp="', 'oauth_timestamp="9'),
        right + f', oauth_consumer_key="{program.consumer.key}"',
        right.replace(program.consumer.key, "%00" * 20),
        right.replace("oauth_signature=", "oauth_signature=%ff"),
    )
    answers = {}
    for header in strange:
        for url in (path, f"{path}?a=[;&%zz=%ff", f"{path}?oauth_nonce=1234567890"):
            answer = program.post(url, header, LOG_IN, **{"Requested-Project-Id": "x"})
            answers[header[:60], url] = answer.status_code
    assert {key: code for key, code in answers.items() if code not in (400, 401)} == {}
    assert not UsedNonce.objects.exists()
