"""A log-in in two requests: a receipt for the first factor, a token after the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from django.utils import timezone

from cloudweb.context import RequestContext
from cloudweb.encryption import encrypt
from identity import multifactor
from identity.manager import UserManager
from identity.models import Credential, User
from tests.builders.identity import ApiClient, make_member, make_token

pytestmark = pytest.mark.django_db
TOKENS = "/identity/v3/auth/tokens"
HEADER = "Openstack-Auth-Receipt"
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
START = datetime(2026, 3, 1, tzinfo=UTC)
RULES = {multifactor.ENABLED: True, multifactor.RULES: multifactor.PASSWORD_AND_PASSCODE}


def make(name: str = "ann") -> User:
    user = make_member(name=name, password="right", options=RULES)
    Credential.objects.create(user=user, type="totp", encrypted_blob=encrypt(SEED))
    return user


def show(user: User, receipt: str = "", **proofs: Any) -> Any:
    named = {name: {"user": {"id": user.pk, **proof}} for name, proof in proofs.items()}
    body = {"auth": {"identity": {"methods": list(proofs), **named}}}
    headers = {"Openstack_Auth_Receipt": receipt} if receipt else {}
    return ApiClient().send("POST", TOKENS, body, **headers)


def first(user: User) -> Any:
    return show(user, password={"password": "right"})


def second(user: User, receipt: str) -> Any:
    return show(user, receipt, totp={"passcode": pyotp.TOTP(SEED).at(timezone.now())})


def test_one_factor_after_the_other() -> None:
    user = make()
    with time_machine.travel(START, tick=False):
        answer = first(user)
        assert answer.status_code == 401
        assert answer.json() == {
            "receipt": {
                "methods": ["password"],
                "user": {
                    "id": user.pk,
                    "name": "ann",
                    "domain": {"id": "default", "name": "Default"},
                },
                "issued_at": "2026-03-01T00:00:00.000000Z",
                "expires_at": "2026-03-01T00:05:00.000000Z",
            },
            "required_auth_methods": [["password", "totp"]],
        }
        assert "WWW-Authenticate" in answer.headers
        token = second(user, answer.headers[HEADER])
        assert token.status_code == 201
        assert token.json()["token"]["methods"] == ["password", "totp"]


def test_the_other_way_round() -> None:
    user = make()
    answer = show(user, totp={"passcode": pyotp.TOTP(SEED).at(timezone.now())})
    done = show(user, answer.headers[HEADER], password={"password": "right"})
    assert done.status_code == 201


def test_a_receipt_alone_is_worth_nothing() -> None:
    """It is no token, and the same factor twice is one."""
    user = make()
    receipt = first(user).headers[HEADER]
    assert show(user, receipt, password={"password": "right"}).status_code == 401
    assert show(user, receipt, totp={"passcode": "000000"}).status_code == 401
    assert ApiClient(receipt).send("GET", "/identity/v3/auth/projects").status_code == 401
    token = make_token(user).signed()
    assert second(user, token).status_code == 401, "nor is a token a receipt"


def test_whose_receipts_do_not_count() -> None:
    ann, eve = make(), make("eve")
    with time_machine.travel(START, tick=False):
        receipt = first(ann).headers[HEADER]
        for wrong in (receipt[:-1], f"{receipt}x", "x", "x" * 5000):
            assert second(ann, wrong).status_code == 401
    with time_machine.travel(START + timedelta(minutes=1), tick=False):
        assert second(eve, receipt).status_code == 401
    with time_machine.travel(START + timedelta(minutes=5), tick=False):
        assert second(ann, receipt).status_code == 401
        fresh = first(ann).headers[HEADER]
        UserManager(RequestContext.system()).update(ann.pk, password="right")
    with time_machine.travel(START + timedelta(minutes=6), tick=False):
        assert second(ann, fresh).status_code == 401, "a new password ends them"
        assert second(ann, first(ann).headers[HEADER]).status_code == 201


def test_wrong_passwords_and_others_get_none() -> None:
    user, plain = make(), make_member(password="right")
    assert HEADER not in show(user, password={"password": "wrong"}).headers
    assert HEADER not in show(plain, password={"password": "wrong"}).headers
    assert first(plain).status_code == 201


def test_a_token_from_before_the_rule_gets_no_receipt() -> None:
    """It would let the token live longer."""
    user = make()
    identity = {"methods": ["token"], "token": {"id": make_token(user).signed()}}
    answer = ApiClient().send("POST", TOKENS, {"auth": {"identity": identity}})
    assert (answer.status_code, HEADER in answer.headers) == (401, False)
