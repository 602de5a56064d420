"""Log-in with a one-time password, and rules of which methods are enough."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from django.utils import timezone

from cloudweb.encryption import encrypt
from identity import multifactor
from identity.models import Credential, User
from tests.builders.identity import ApiClient, client_of, make_member

pytestmark = pytest.mark.django_db
TOKENS = "/identity/v3/auth/tokens"
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture
def user() -> User:
    """Someone who must show both."""
    user = make_member(
        password="right",
        options={
            multifactor.ENABLED: True,
            multifactor.RULES: multifactor.PASSWORD_AND_PASSCODE,
        },
    )
    Credential.objects.create(user=user, type="totp", encrypted_blob=encrypt(SEED))
    return user


def shown(ago: int = 0) -> str:
    return pyotp.TOTP(SEED).at(timezone.now() - timedelta(seconds=ago))


def log_in(user: User, **proofs: Any) -> Any:
    blocks = {name: {"user": {"id": user.pk, **proof}} for name, proof in proofs.items()}
    body = {"auth": {"identity": {"methods": list(proofs), **blocks}}}
    return ApiClient().send("POST", TOKENS, body)


def both(user: User, passcode: str, password: str = "right") -> int:
    answer = log_in(user, password={"password": password}, totp={"passcode": passcode})
    return int(answer.status_code)


def test_both_are_required(user: User) -> None:
    answer = log_in(user, password={"password": "right"}, totp={"passcode": shown()})
    assert answer.status_code == 201
    assert answer.json()["token"]["methods"] == ["password", "totp"]
    assert log_in(user, password={"password": "right"}).status_code == 401


@pytest.mark.parametrize("passcode", ["000000", "", "12345678", "ééé", "x" * 64])
def test_a_wrong_passcode_is_refused(user: User, passcode: str) -> None:
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        assert passcode != shown()
        assert both(user, passcode) in (400, 401)


def test_a_passcode_alone_is_not_enough(user: User) -> None:
    assert log_in(user, totp={"passcode": shown()}).status_code == 401


def test_the_password_must_be_right_too(user: User) -> None:
    assert both(user, shown(), password="wrong") == 401


def test_a_passcode_works_once(user: User) -> None:
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        assert both(user, shown()) == 201
        assert both(user, shown()) == 401
        assert both(user, shown(ago=30)) == 201  # the one before it is another
    with time_machine.travel("2026-01-01T00:00:31Z", tick=False):
        assert both(user, shown()) == 201


def test_one_period_late_counts_and_two_do_not(user: User) -> None:
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        assert both(user, shown(ago=60)) == 401
        assert both(user, shown(ago=30)) == 201


def test_another_users_passcode_is_refused(user: User) -> None:
    other = make_member(password="right")
    password = {"user": {"id": other.pk, "password": "right"}}
    totp = {"user": {"id": user.pk, "passcode": shown()}}
    identity = {"methods": ["password", "totp"], "password": password, "totp": totp}
    answer = ApiClient().send("POST", TOKENS, {"auth": {"identity": identity}})
    assert answer.status_code == 401


def test_a_rescoped_token_keeps_what_was_shown(user: User) -> None:
    first = log_in(user, password={"password": "right"}, totp={"passcode": shown()})
    identity = {"methods": ["token"], "token": {"id": first.headers["X-Subject-Token"]}}
    answer = ApiClient().send("POST", TOKENS, {"auth": {"identity": identity}})
    assert answer.status_code == 201
    assert answer.json()["token"]["methods"] == ["password", "totp", "token"]


def test_without_rules_one_method_is_enough() -> None:
    assert log_in(make_member(password="x"), password={"password": "x"}).status_code == 201


def test_a_credential_that_is_no_seed_lets_nobody_in(user: User) -> None:
    Credential.objects.update(encrypted_blob=encrypt("not base 32 !"))
    assert both(user, "123456") == 401


def test_an_application_credential_stands_for_itself(user: User) -> None:
    url = f"/identity/v3/users/{user.pk}/application_credentials"
    made = client_of(user).send("POST", url, {"application_credential": {"name": "ci"}})
    block = {key: made.json()["application_credential"][key] for key in ("id", "secret")}
    identity = {"methods": ["application_credential"], "application_credential": block}
    assert ApiClient().send("POST", TOKENS, {"auth": {"identity": identity}}).status_code == 201
