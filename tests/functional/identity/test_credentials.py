"""Credentials and EC2 keys over HTTP."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from identity.models import Credential
from tests.builders.identity import client_of, client_with, make_member, make_project

pytestmark = pytest.mark.django_db
CREDENTIALS = "/identity/v3/credentials"


def test_create_show_change_delete() -> None:
    user = make_member()
    client = client_of(user)
    body = {"type": "cert", "blob": "a secret", "note": "mine"}
    answer = client.send("POST", CREDENTIALS, {"credential": body})
    one = answer.json()["credential"]
    assert answer.status_code == 201
    assert one == {
        **body,
        "id": one["id"],
        "user_id": user.pk,
        "project_id": None,
        "links": {"self": f"http://testserver{CREDENTIALS}/{one['id']}"},
    }
    assert "a secret" not in Credential.objects.get().encrypted_blob
    place = f"{CREDENTIALS}/{one['id']}"
    changed = client.send("PATCH", place, {"credential": {"blob": "another"}}).json()["credential"]
    assert changed == {**one, "blob": "another"}
    assert client.send("GET", place).json()["credential"] == changed
    listed = client.send("GET", f"{CREDENTIALS}?type=cert").json()["credentials"]
    assert listed == [{**changed, "blob": None}]
    assert client.send("GET", f"{CREDENTIALS}?type=totp").json()["credentials"] == []
    assert client.send("DELETE", place).status_code == 204
    assert client.send("GET", place).status_code == 404


def test_operators_see_and_make_those_of_others() -> None:
    user, admin = make_member(), client_with("admin")
    body = {"credential": {"type": "cert", "blob": "x", "user_id": user.pk}}
    assert client_with("member").send("POST", CREDENTIALS, body).status_code == 403
    assert admin.send("POST", CREDENTIALS, body).status_code == 201
    assert len(admin.send("GET", f"{CREDENTIALS}?user_id={user.pk}").json()["credentials"]) == 1
    assert len(client_of(user).send("GET", CREDENTIALS).json()["credentials"]) == 1
    assert client_with("member").send("GET", CREDENTIALS).json()["credentials"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"type": "cert"},
        {"blob": "x"},
        {"type": "cert", "blob": 7},
        {"type": "cert", "blob": ""},
        {"type": "cert", "blob": "x", "id": "mine"},
        {"type": "cert", "blob": "x", "project_id": "nothing"},
        {"type": "ec2", "blob": "{}", "project_id": "PROJECT"},
        {"type": "ec2", "blob": "[]", "project_id": "PROJECT"},
        {"type": "ec2", "blob": "no json", "project_id": "PROJECT"},
        {"type": "ec2", "blob": '{"access": "a"}'},
        {"type": "ec2", "blob": r'{"access": "\ud800", "secret": "s"}', "project_id": "PROJECT"},
        {"type": "ec2", "blob": r'{"access": "a", "trust_id": "\ud800"}', "project_id": "PROJECT"},
        {"type": "ec2", "blob": "[" * 60_000, "project_id": "PROJECT"},
    ],
)
def test_bad_bodies_are_a_400(body: dict[str, Any]) -> None:
    user = make_member()
    if body.get("project_id") == "PROJECT":
        body = {**body, "project_id": user.default_project_id}
    answer = client_of(user).send("POST", CREDENTIALS, {"credential": body})
    assert answer.status_code == 400
    assert not Credential.objects.exists()


def test_an_ec2_key_is_the_same_from_both_sides() -> None:
    user = make_member()
    client, project = client_of(user), user.default_project_id
    keys = f"/identity/v3/users/{user.pk}/credentials/OS-EC2"
    answer = client.send("POST", keys, {"tenant_id": project})
    key = answer.json()["credential"]
    assert answer.status_code == 201
    assert (key["user_id"], key["tenant_id"], key["trust_id"]) == (user.pk, project, None)
    assert client.send("GET", keys).json()["credentials"] == [{**key, "secret": None}]
    assert client.send("GET", f"{keys}/{key['access']}").json()["credential"] == key
    (listed,) = client.send("GET", f"{CREDENTIALS}?type=ec2").json()["credentials"]
    assert listed["id"] == hashlib.sha256(key["access"].encode()).hexdigest()
    one = client.send("GET", f"{CREDENTIALS}/{listed['id']}").json()["credential"]
    assert one == {**listed, "blob": one["blob"]}
    assert json.loads(one["blob"])["secret"] == key["secret"]
    again = {"credential": {name: one[name] for name in ("type", "blob", "project_id")}}
    assert client.send("POST", CREDENTIALS, again).status_code == 409
    assert client.send("DELETE", f"{keys}/{key['access']}").status_code == 204
    assert client.send("GET", f"{keys}/{key['access']}").status_code == 404


def test_the_access_key_of_an_ec2_key_may_change() -> None:
    """Its id stays, as clients expect; it is found by its new name alone, which is nobody else's."""
    user, other = make_member(), make_member()
    client, project = client_of(user), user.default_project_id
    keys = f"/identity/v3/users/{user.pk}/credentials/OS-EC2"
    key = client.send("POST", keys, {"tenant_id": project}).json()["credential"]
    place = f"{CREDENTIALS}/{hashlib.sha256(key['access'].encode()).hexdigest()}"

    def renamed(access: str, by: Any = client) -> int:
        body = {"credential": {"blob": json.dumps({"access": access, "secret": "c"})}}
        return int(by.send("PATCH", place, body).status_code)

    assert renamed("new") == 200
    assert client.send("GET", f"{keys}/{key['access']}").status_code == 404
    assert client.send("GET", f"{keys}/new").json()["credential"]["secret"] == "c"
    theirs = {"type": "ec2", "project_id": other.default_project_id}
    theirs["blob"] = json.dumps({"access": "new", "secret": "d"})
    rival = client_of(other)
    assert rival.send("POST", CREDENTIALS, {"credential": theirs}).status_code == 409
    theirs["blob"] = json.dumps({"access": "taken", "secret": "d"})
    assert rival.send("POST", CREDENTIALS, {"credential": theirs}).status_code == 201
    assert renamed("taken") == 409
    assert client.send("GET", f"{keys}/new").status_code == 200


def test_a_user_keeps_so_many_secrets(settings: Any) -> None:
    settings.USER_LIMITS = {**settings.USER_LIMITS, "credentials": 2}
    user = make_member()
    client, keys = client_of(user), f"/identity/v3/users/{user.pk}/credentials/OS-EC2"
    body = {"credential": {"type": "cert", "blob": "x"}}
    assert client.send("POST", CREDENTIALS, body).status_code == 201
    key = {"tenant_id": user.default_project_id}
    assert [client.send("POST", keys, key).status_code for _ in range(2)] == [201, 403]
    assert client.send("POST", CREDENTIALS, body).status_code == 403
    assert client_of(make_member()).send("POST", CREDENTIALS, body).status_code == 201


def test_an_ec2_key_of_odd_parts_is_shown() -> None:
    """What clients keep in a blob is theirs; an answer holds what it can."""
    user = make_member()
    client = client_of(user)
    odd = {"access": "odd", "secret": 10**40, "trust_id": [10**40]}
    body = {"type": "ec2", "project_id": user.default_project_id, "blob": json.dumps(odd)}
    assert client.send("POST", CREDENTIALS, {"credential": body}).status_code == 201
    keys = f"/identity/v3/users/{user.pk}/credentials/OS-EC2"
    assert client.send("GET", keys).status_code == 200
    shown = client.send("GET", f"{keys}/odd").json()["credential"]
    assert (shown["secret"], shown["trust_id"]) == (str(10**40), None)


def test_an_ec2_key_needs_a_role_on_its_project() -> None:
    user = make_member()
    keys = f"/identity/v3/users/{user.pk}/credentials/OS-EC2"
    answer = client_of(user).send("POST", keys, {"tenant_id": make_project().pk})
    assert answer.status_code == 404
