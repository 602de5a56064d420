"""Requests signed with EC2 keys, as botocore signs them, and the tokens services get for them."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import time_machine
from botocore.auth import HmacV1Auth, SigV2Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cloudweb.encryption import encrypt
from identity import multifactor
from identity.models import Credential, Trust, User
from identity.tokens import Token
from tests.builders.identity import ApiClient, client_of, client_with, make_member, make_user

pytestmark = pytest.mark.django_db
EC2, S3 = "/identity/v3/ec2tokens", "/identity/v3/s3tokens"
URL = "https://ec2.example:8788/services/Cloud"
ASKED = {"Action": "DescribeInstances", "Filter.1.Name": "a b/c~d", "Version": "2016-11-15"}


@pytest.fixture
def user() -> User:
    return make_member()


@pytest.fixture
def key(user: User) -> Credentials:
    """An EC2 key of the user on his project."""
    url = f"/identity/v3/users/{user.pk}/credentials/OS-EC2"
    made = client_of(user).send("POST", url, {"tenant_id": user.default_project_id})
    found = made.json()["credential"]
    return Credentials(found["access"], found["secret"])


@pytest.fixture
def service() -> ApiClient:
    """A service that checks signatures here."""
    return client_with("service")


def signed_4(key: Credentials, *, method: str = "GET", auth: Any = SigV4Auth) -> dict[str, Any]:
    """Return what a service says about a request that botocore signed by version 4."""
    body = b"" if method == "GET" else b"Action=DescribeInstances"
    url = f"{URL}?{urlencode(ASKED, quote_via=quote, safe='-_.~')}" if method == "GET" else URL
    request = AWSRequest(method, url, data=body, headers={"X-Note": " a   b "})
    auth(key, "ec2", "RegionOne").add_auth(request)
    parts = urlsplit(request.url)
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    headers = {**dict(request.headers.items()), "Host": parts.netloc}
    authorization = headers.get("Authorization", "")
    return {
        "access": key.access_key,
        "signature": params.get("X-Amz-Signature") or authorization.partition("Signature=")[2],
        "verb": method,
        "host": parts.netloc,
        "path": parts.path,
        "params": params,
        "headers": headers,
        "body_hash": hashlib.sha256(body).hexdigest(),
    }


def signed_2(key: Credentials) -> dict[str, Any]:
    """Return the same of version 2."""
    request = AWSRequest("GET", URL, params=dict(ASKED))
    SigV2Auth(key).add_auth(request)
    params = dict(request.params)
    return {
        "access": key.access_key,
        "signature": params["Signature"],
        "verb": "GET",
        "host": urlsplit(URL).netloc,
        "path": urlsplit(URL).path,
        "params": params,
    }


def ask(client: ApiClient, body: dict[str, Any], url: str = EC2) -> Any:
    return client.send("POST", url, {"credentials": body})


@pytest.mark.parametrize(
    "sign",
    [
        signed_2,
        signed_4,
        lambda key: signed_4(key, method="POST"),
        lambda key: signed_4(key, auth=SigV4QueryAuth),
    ],
    ids=["2", "4", "4 of a POST", "4 in the query"],
)
def test_a_signature_becomes_a_token(
    user: User, key: Credentials, service: ApiClient, sign: Any
) -> None:
    answer = ask(service, sign(key))
    assert answer.status_code == 200, answer.content
    token = answer.json()["token"]
    assert token["user"]["id"] == user.pk
    assert token["project"]["id"] == user.default_project_id
    assert token["methods"] == ["ec2credential"]
    text = answer.headers["X-Subject-Token"]
    assert Token.read(text).user_id == user.pk
    assert ApiClient(text).send("GET", "/identity/v3/auth/projects").status_code == 200
    rescope = {"methods": ["token"], "token": {"id": text}}
    again = ApiClient().send(
        "POST", "/identity/v3/auth/tokens", {"auth": {"identity": rescope, "scope": "unscoped"}}
    )
    assert again.status_code == 401, "it stays on the project of its key"


@pytest.mark.parametrize("ending", ["OS-EC2", "credentials", "another secret"])
def test_what_a_key_signed_for_ends_with_it(
    user: User, key: Credentials, service: ApiClient, ending: str
) -> None:
    """However it goes, and when its secret is another one; other tokens of the user stay."""
    bearer = ApiClient(ask(service, signed_2(key)).headers["X-Subject-Token"])
    assert bearer.send("GET", "/identity/v3/auth/projects").status_code == 200
    own, digest = client_of(user), hashlib.sha256(key.access_key.encode()).hexdigest()
    secret = {"blob": json.dumps({"access": key.access_key, "secret": "s" * 32})}
    method, path, body = {
        "OS-EC2": ("DELETE", f"users/{user.pk}/credentials/OS-EC2/{key.access_key}", None),
        "credentials": ("DELETE", f"credentials/{digest}", None),
        "another secret": ("PATCH", f"credentials/{digest}", {"credential": secret}),
    }[ending]
    assert own.send(method, f"/identity/v3/{path}", body).status_code in (200, 204)
    assert bearer.send("GET", "/identity/v3/auth/projects").status_code == 401
    assert own.send("GET", "/identity/v3/auth/projects").status_code == 200


@pytest.mark.parametrize("name", ["access", "signature", "verb", "host", "path", "params"])
@pytest.mark.parametrize("sign", [signed_2, signed_4], ids="24")
def test_every_part_is_signed(key: Credentials, service: ApiClient, sign: Any, name: str) -> None:
    body = sign(key)
    changed: Any = {**body["params"], "Action": "TerminateInstances"}
    if name == "host" and sign is signed_4:
        body["headers"]["Host"] = "other.example"
    else:
        body[name] = changed if name == "params" else f"{body[name]}x"
    assert ask(service, body).status_code == 401


def test_body_headers_and_scope_are_signed_in_version_4(
    key: Credentials, service: ApiClient
) -> None:
    changes: list[dict[str, Any]] = [
        {"body_hash": hashlib.sha256(b"other").hexdigest()},
        {"body_hash": ""},
        {"headers": {"X-Note": "other"}},
        {"headers": {"X-Amz-Date": "nonsense"}},
    ]
    for change in changes:
        body = signed_4(key)
        body.update({**change, "headers": {**body["headers"], **change.get("headers", {})}})
        assert ask(service, body).status_code == 401
    body = signed_4(key)
    header = body["headers"]["Authorization"]
    for wrong in (
        header.replace("RegionOne", "Elsewhere"),
        header.replace("host;", ""),
        header.replace("/aws4_request", ""),
        header.replace("SignedHeaders=", "SignedHeaders=missing;"),
        "AWS4-HMAC-SHA256",
    ):
        body["headers"]["Authorization"] = wrong
        assert ask(service, body).status_code == 401


@pytest.mark.parametrize("sign", [signed_2, signed_4], ids="24")
def test_an_old_signature_is_worth_nothing(key: Credentials, service: ApiClient, sign: Any) -> None:
    body = sign(key)
    for minutes, status in ((14, 200), (16, 401)):
        with time_machine.travel(_in(minutes), tick=False):
            assert ask(service, body).status_code == status


def _in(minutes: int) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


@pytest.mark.parametrize("version", ["0", "1", "3", ""])
def test_weak_signatures_are_refused(key: Credentials, service: ApiClient, version: str) -> None:
    body = signed_2(key)
    body["params"]["SignatureVersion"] = version
    assert ask(service, body).status_code == 401


def test_a_text_signed_for_s3(user: User, key: Credentials, service: ApiClient) -> None:
    text = "GET\n\n\nThu, 01 Jan 2026 00:00:00 GMT\n/bucket/key"
    body = {
        "access": key.access_key,
        "signature": HmacV1Auth(key).sign_string(text),
        "token": base64.urlsafe_b64encode(text.encode()).decode(),
    }
    answer = ask(service, body, S3)
    assert (answer.status_code, answer.json()["token"]["user"]["id"]) == (200, user.pk)
    other = base64.b64encode(text.replace("key", "other").encode()).decode()
    assert ask(service, {**body, "token": other}, S3).status_code == 401
    request = AWSRequest("GET", "https://s3.example/bucket/key")
    auth = SigV4Auth(key, "s3", "RegionOne")
    auth.add_auth(request)
    again = AWSRequest("GET", "https://s3.example/bucket/key")
    again.context["timestamp"] = request.context["timestamp"]
    again.headers["X-Amz-Date"] = request.headers["X-Amz-Date"]
    text = auth.string_to_sign(again, auth.canonical_request(again))
    body["token"] = base64.b64encode(text.encode()).decode()
    body["signature"] = request.headers["Authorization"].partition("Signature=")[2]
    assert ask(service, body, S3).status_code == 200
    for wrong in (text.replace("s3", "s4"), "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256\n\n\n"):
        token = base64.b64encode(wrong.encode()).decode()
        assert ask(service, {**body, "token": token}, S3).status_code == 401
    assert ask(service, {**body, "token": "not base64 !"}, S3).status_code == 400


def test_who_may_ask(user: User, key: Credentials) -> None:
    """A signed request in a stranger's hands is no token."""
    for role, status in (("member", 403), ("manager", 403), ("admin", 200), ("service", 200)):
        assert ask(client_with(role), signed_4(key)).status_code == status
    assert ask(client_of(user), signed_4(key)).status_code == 403
    assert ask(ApiClient(), signed_4(key)).status_code == 401


def test_older_clients_name_it_otherwise(key: Credentials, service: ApiClient) -> None:
    assert service.send("POST", EC2, {"ec2Credentials": signed_4(key)}).status_code == 200


def test_a_key_counts_as_long_as_its_user(user: User, key: Credentials, service: ApiClient) -> None:
    user.assignments.all().delete()
    assert ask(service, signed_4(key)).status_code == 401
    User.objects.filter(pk=user.pk).update(enabled=False)
    assert ask(service, signed_4(key)).status_code == 401
    Credential.objects.all().delete()
    assert ask(service, signed_4(key)).status_code == 401


def test_a_key_stands_for_itself_where_two_factors_are_required(
    user: User, key: Credentials, service: ApiClient
) -> None:
    user.options = {
        multifactor.ENABLED: True,
        multifactor.RULES: multifactor.PASSWORD_AND_PASSCODE,
    }
    user.save()
    assert ask(service, signed_4(key)).status_code == 200


def test_a_key_on_a_trust_has_what_the_trust_gives(user: User, service: ApiClient) -> None:
    trustee = make_user()
    body = {
        "trustor_user_id": user.pk,
        "trustee_user_id": trustee.pk,
        "project_id": user.default_project_id,
        "impersonation": True,
        "roles": [{"name": "reader"}],
    }
    made = client_of(user).send("POST", "/identity/v3/OS-TRUST/trusts", {"trust": body})
    trust = Trust.objects.get(pk=made.json()["trust"]["id"])
    for trust_id, status in ((trust.pk, 200), ("nothing", 401), (["odd"], 401)):
        access = f"key-{status}-{trust_id}"
        blob = {"access": access, "secret": "s" * 32, "trust_id": trust_id}
        Credential.objects.create(
            access_digest=hashlib.sha256(access.encode()).hexdigest(),
            user=trustee,
            project=user.default_project,
            type="ec2",
            encrypted_blob=encrypt(json.dumps(blob)),
        )
        answer = ask(service, signed_4(Credentials(access, "s" * 32)))
        assert answer.status_code == status
        if status == 200:
            token = answer.json()["token"]
            assert token["OS-TRUST:trust"]["id"] == trust.pk
            assert [role["name"] for role in token["roles"]] == ["reader"]


@pytest.mark.parametrize(
    "change",
    [
        {"access": ""},
        {"access": 5},
        {"params": []},
        {"headers": {"Authorization": None}},
        {"other": 1},
        {"signature": None},
    ],
)
def test_bad_bodies_are_a_400(key: Credentials, service: ApiClient, change: dict[str, Any]) -> None:
    assert ask(service, {**signed_4(key), **change}).status_code == 400
