"""The federation path of the token API against a real provider: who gets in, and which tokens do not."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from cloudweb.database import clock
from identity.federation import discovery
from identity.federation.shadows import expire_memberships
from identity.models import Assignment, FederatedUser, Group, IdentityProvider, Membership, User
from identity.models.user import Source
from tests.builders.identity import (
    ApiClient,
    client_with,
    make_domain,
    make_project,
    make_provider,
    make_role,
    make_user,
)
from tests.builders.openid import CLIENT_ID, Account, Provider, new_key, running_provider, sign

pytestmark = pytest.mark.django_db
BY_GROUPS = [
    {
        "local": [{"user": {"name": "{0}", "email": "{1}"}}],
        "remote": [{"type": "preferred_username"}, {"type": "email"}],
    },
    {
        "local": [{"groups": "{0}", "domain": {"id": "default"}}],
        "remote": [{"type": "groups", "blacklist": ["admins"]}],
    },
]


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def oidc(running: Provider) -> Iterator[Provider]:
    """A provider with nobody in it yet."""
    discovery.forget()
    yield running
    discovery.forget()
    for one in (running.accounts, running.codes, running.opaque, running.bent, running.document):
        one.clear()
    running.asked.clear()


@pytest.fixture
def alice(oidc: Provider) -> Account:
    return oidc.add("alice", email="alice@corp.example", groups=["dev"])


@pytest.fixture
def idp(oidc: Provider) -> IdentityProvider:
    return make_provider(oidc.issuer, rules=BY_GROUPS)


def auth(
    idp: IdentityProvider, text: str | None, *, method: str = "POST", name: str = "openid"
) -> Any:
    path = f"/identity/v3/OS-FEDERATION/identity_providers/{idp.pk}/protocols/{name}/auth"
    headers = {"Authorization": f"Bearer {text}"} if text is not None else {}
    return ApiClient().send(method, path, **headers)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_of_the_provider_gives_an_unscoped_one(
    oidc: Provider, idp: IdentityProvider, alice: Account, method: str
) -> None:
    answer = auth(idp, oidc.token(alice), method=method)
    assert answer.status_code == 201
    token = answer.json()["token"]
    assert token["methods"] == ["mapped"]
    assert "roles" not in token
    user = token["user"]
    assert (user["name"], user["domain"]["id"]) == ("alice", idp.domain_id)
    assert user["OS-FEDERATION"] == {
        "identity_provider": {"id": idp.pk},
        "protocol": {"id": "openid"},
        "groups": [],
    }
    row = User.objects.get(pk=user["id"])
    assert (row.source, row.email) == (Source.OIDC, "alice@corp.example")
    assert len(row.pk) == 32
    assert not row.has_usable_password()
    client = ApiClient(answer.headers["X-Subject-Token"])
    assert client.send("GET", "/identity/v3/OS-FEDERATION/projects").json()["projects"] == []


def test_groups_give_roles_and_the_token_is_rescoped(
    oidc: Provider, idp: IdentityProvider, alice: Account
) -> None:
    project = make_project()
    group = Group.objects.create(domain=make_domain(), name="dev")
    Assignment.objects.create(group=group, project=project, role=make_role("member"))
    unscoped = auth(idp, oidc.token(alice)).headers["X-Subject-Token"]
    client = ApiClient(unscoped)
    listed = client.send("GET", "/identity/v3/OS-FEDERATION/projects").json()["projects"]
    assert [one["id"] for one in listed] == [project.pk]
    body = {
        "identity": {"methods": ["token"], "token": {"id": unscoped}},
        "scope": {"project": {"id": project.pk}},
    }
    answer = client.send("POST", "/identity/v3/auth/tokens", {"auth": body})
    assert answer.status_code == 201
    scoped = answer.json()["token"]
    assert {role["name"] for role in scoped["roles"]} == {"member", "reader"}
    assert scoped["user"]["OS-FEDERATION"]["groups"] == [{"id": group.pk}]
    held = ApiClient(answer.headers["X-Subject-Token"])
    assert held.send("GET", "/identity/v3/auth/projects").status_code == 200

    alice.claims["groups"] = []
    assert auth(idp, oidc.token(alice)).status_code == 201
    assert held.send("GET", "/identity/v3/auth/projects").status_code == 401


def test_a_group_an_operator_put_someone_into_stays(
    oidc: Provider, idp: IdentityProvider, alice: Account
) -> None:
    user_id = auth(idp, oidc.token(alice)).json()["token"]["user"]["id"]
    group = Group.objects.create(domain=make_domain(), name="dev")
    Membership.objects.create(group=group, user_id=user_id)
    alice.claims["groups"] = []
    auth(idp, oidc.token(alice))
    assert Membership.objects.filter(group=group, user_id=user_id).exists()


def test_a_user_is_known_by_issuer_and_subject_alone(
    oidc: Provider, idp: IdentityProvider, alice: Account
) -> None:
    first = auth(idp, oidc.token(alice)).json()["token"]["user"]["id"]
    renamed = auth(idp, oidc.token(alice, preferred_username="alicia")).json()["token"]["user"]
    assert (renamed["id"], renamed["name"]) == (first, "alicia")
    other = auth(idp, oidc.token(alice, sub="someone else")).json()["token"]["user"]
    assert other["id"] != first
    assert FederatedUser.objects.count() == 2


@pytest.mark.parametrize("same", ["name", "email"])
def test_no_account_is_taken_over_by_its_name_or_address(oidc: Provider, same: str) -> None:
    idp = make_provider(oidc.issuer, rules=BY_GROUPS, domain_id="default")
    ours = make_user(name="alice", email="alice@corp.example", password="x")
    account = oidc.add("alice", email="alice@corp.example")
    said = auth(idp, oidc.token(account)).json()["token"]["user"]
    assert said["id"] != ours.pk
    assert said["name"] == f"alice ({said['id'][:8]})"
    ours.refresh_from_db()
    assert (ours.name, ours.source) == ("alice", Source.SQL)
    assert ours.has_usable_password()


def test_two_providers_do_not_speak_for_each_other(oidc: Provider, alice: Account) -> None:
    first, second = make_provider(oidc.issuer), make_provider(oidc.issuer)
    ids = {auth(one, oidc.token(alice)).json()["token"]["user"]["id"] for one in (first, second)}
    assert len(ids) == 2


BENT: dict[str, dict[str, Any]] = {
    "wrong audience": {"aud": "another-client"},
    "wrong audiences": {"aud": ["a", "b"]},
    "no audience": {"aud": None},
    "wrong issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": int(time.time()) - 3600},
    "never expires": {"exp": None},
    "expires at infinity": {"exp": "never"},
    "not yet": {"nbf": int(time.time()) + 3600},
    "from the future": {"iat": int(time.time()) + 3600},
    "no subject": {"sub": None},
    "empty subject": {"sub": ""},
    "a number for a subject": {"sub": 7},
    "an endless subject": {"sub": "x" * 300},
    "a log-out token": {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    "nobody the rules let in": {"preferred_username": None, "groups": None},
}


@pytest.mark.parametrize("bent", BENT.values(), ids=BENT.keys())
def test_tokens_that_say_the_wrong_thing(
    oidc: Provider, idp: IdentityProvider, alice: Account, bent: dict[str, Any]
) -> None:
    answer = auth(idp, oidc.token(alice, **bent))
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == 401
    assert not User.objects.filter(source=Source.OIDC).exists()


def test_clocks_may_differ_a_little(oidc: Provider, idp: IdentityProvider, alice: Account) -> None:
    now = int(time.time())
    assert auth(idp, oidc.token(alice, exp=now - 30, iat=now - 330)).status_code == 201
    assert auth(idp, oidc.token(alice, iat=now + 30)).status_code == 201


def _text(part: Any) -> str:
    raw = part if isinstance(part, bytes) else orjson.dumps(part)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_token_that_nobody_signed(oidc: Provider, idp: IdentityProvider, alice: Account) -> None:
    for name in ("none", "None", "NONE"):
        header = _text({"alg": name, "kid": oidc.key.kid})
        assert auth(idp, f"{header}.{_text(oidc.claims(alice))}.").status_code == 401


def test_the_public_key_is_no_shared_secret(
    oidc: Provider, idp: IdentityProvider, alice: Account
) -> None:
    """The old trick: sign by HMAC with what everybody may read."""
    public = [oidc.key.as_pem(private=False), orjson.dumps(oidc.key.as_dict(private=False))]
    for shared in public:
        head = _text({"alg": "HS256", "kid": oidc.key.kid})
        signed = f"{head}.{_text(oidc.claims(alice))}"
        mac = hmac.digest(shared, signed.encode(), "sha256")
        assert auth(idp, f"{signed}.{_text(mac)}").status_code == 401


def test_another_key_of_the_same_name(
    oidc: Provider, idp: IdentityProvider, alice: Account
) -> None:
    other = new_key()
    text = sign(oidc.claims(alice), other, kid=oidc.key.kid)
    assert auth(idp, text).status_code == 401
    assert auth(idp, sign(oidc.claims(alice), other)).status_code == 401


def test_the_key_that_a_token_brings_along_is_not_believed(
    oidc: Provider, idp: IdentityProvider, alice: Account
) -> None:
    other = new_key()
    brought = {"jwk": other.as_dict(private=False), "jku": "http://127.0.0.1:1/keys"}
    assert auth(idp, sign(oidc.claims(alice), other, **brought)).status_code == 401


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "ey.ey.ey", "eyJ9.e30.", "x" * 20_000, "ü", "a b"]
)
def test_what_is_no_token_at_all(idp: IdentityProvider, oidc: Provider, text: str) -> None:
    assert auth(idp, text).status_code == 401


def test_other_ways_to_be_refused(oidc: Provider, idp: IdentityProvider, alice: Account) -> None:
    good = oidc.token(alice)
    assert auth(idp, None).status_code == 401
    assert auth(idp, good, name="saml2").status_code == 401
    assert auth(IdentityProvider(pk="nobody"), good).status_code == 401
    IdentityProvider.objects.filter(pk=idp.pk).update(enabled=False)
    assert auth(idp, good).status_code == 401


def test_a_new_key_is_fetched_once(
    oidc: Provider, idp: IdentityProvider, alice: Account, monkeypatch: Any
) -> None:
    assert auth(idp, oidc.token(alice)).status_code == 201
    oidc.change_keys()
    monkeypatch.setattr(discovery, "ASK_AGAIN_AFTER", 0.0)
    assert auth(idp, oidc.token(alice)).status_code == 201
    monkeypatch.setattr(discovery, "ASK_AGAIN_AFTER", 3600.0)
    oidc.asked.clear()
    for _ in range(3):
        assert auth(idp, sign(oidc.claims(alice), new_key())).status_code == 401
    assert oidc.asked == []


def test_opaque_tokens_are_introspected(
    oidc: Provider, idp: IdentityProvider, alice: Account
) -> None:
    answer = auth(idp, oidc.opaque_token(alice))
    assert answer.status_code == 201
    assert answer.json()["token"]["user"]["name"] == "alice"
    assert auth(idp, "0" * 40).status_code == 401


def test_userinfo_adds_what_the_token_lacks(oidc: Provider, alice: Account) -> None:
    idp = make_provider(oidc.issuer, rules=BY_GROUPS, asks_userinfo=True)
    group = Group.objects.create(domain=make_domain(), name="from-userinfo")
    alice.claims.pop("groups")
    user_id = auth(idp, oidc.token(alice)).json()["token"]["user"]["id"]
    assert Membership.objects.filter(group=group, user_id=user_id, source=Source.OIDC).exists()
    assert auth(idp, oidc.token(alice, sub="someone else")).status_code == 401


def test_a_membership_by_a_provider_ends_there_unless_an_operator_gave_it_too(
    oidc: Provider, idp: IdentityProvider, alice: Account
) -> None:
    group = Group.objects.create(domain=make_domain(), name="dev")
    user_id = auth(idp, oidc.token(alice)).json()["token"]["user"]["id"]
    path, admin = f"/identity/v3/groups/{group.pk}/users/{user_id}", client_with("admin")
    refused = admin.send("DELETE", path)
    assert refused.status_code == 403
    assert "by an identity provider" in refused.json()["error"]["message"]
    assert group.members.filter(pk=user_id).exists()

    assert admin.send("PUT", path).status_code == 204
    alice.claims["groups"] = []
    assert auth(idp, oidc.token(alice)).status_code == 201
    assert group.members.filter(pk=user_id).exists()
    assert admin.send("DELETE", path).status_code == 204
    assert not group.members.filter(pk=user_id).exists()


def test_other_audiences_count_where_an_operator_says_so(oidc: Provider, alice: Account) -> None:
    idp = make_provider(oidc.issuer, audiences=["api"])
    assert auth(idp, oidc.token(alice, aud="api")).status_code == 201
    assert auth(idp, oidc.token(alice, aud=[CLIENT_ID])).status_code == 201


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
        {"jwks_uri": "https://evil.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://user@127.0.0.1/keys"},
        {"jwks_uri": None},
        {"jwks_uri": ["x"]},
    ],
)
def test_a_provider_that_points_elsewhere_is_not_followed(
    oidc: Provider, idp: IdentityProvider, alice: Account, document: dict[str, Any]
) -> None:
    oidc.document.update(document)
    answer = auth(idp, oidc.token(alice))
    assert answer.status_code == 503
    assert idp.pk in answer.json()["error"]["message"]


def test_a_provider_that_is_away(oidc: Provider, alice: Account) -> None:
    idp = make_provider("http://127.0.0.1:1")
    answer = auth(idp, oidc.token(alice))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"


def test_disabling_a_provider_ends_what_its_users_hold(
    oidc: Provider, idp: IdentityProvider, alice: Account
) -> None:
    token = auth(idp, oidc.token(alice)).headers["X-Subject-Token"]
    admin = client_with("admin")
    path = f"/identity/v3/OS-FEDERATION/identity_providers/{idp.pk}"
    changed = admin.send("PATCH", path, {"identity_provider": {"enabled": False}})
    assert changed.status_code == 200
    assert ApiClient(token).send("GET", "/identity/v3/auth/projects").status_code == 401
    assert not User.objects.get(source=Source.OIDC).is_active
    admin.send("PATCH", path, {"identity_provider": {"enabled": True}})
    assert auth(idp, oidc.token(alice)).status_code == 201


def test_an_operator_disables_one_user(
    oidc: Provider, idp: IdentityProvider, alice: Account
) -> None:
    user_id = auth(idp, oidc.token(alice)).json()["token"]["user"]["id"]
    admin = client_with("admin")
    admin.send("PATCH", f"/identity/v3/users/{user_id}", {"user": {"enabled": False}})
    assert auth(idp, oidc.token(alice)).status_code == 401


def test_the_secret_is_encrypted_at_rest(idp: IdentityProvider) -> None:
    assert idp.encrypted_client_secret
    assert "secret" not in idp.encrypted_client_secret


def test_what_a_provider_says_counts_for_a_while(oidc: Provider, alice: Account) -> None:
    idp = make_provider(oidc.issuer, rules=BY_GROUPS, authorization_ttl=30)
    Group.objects.create(domain=make_domain(), name="dev")
    token = auth(idp, oidc.token(alice)).headers["X-Subject-Token"]
    assert expire_memberships() == 0
    User.objects.filter(source=Source.OIDC).update(last_login=clock.now() - timedelta(minutes=31))
    assert expire_memberships() == 1
    assert not Membership.objects.filter(source=Source.OIDC).exists()
    assert ApiClient(token).send("GET", "/identity/v3/auth/projects").status_code == 401
