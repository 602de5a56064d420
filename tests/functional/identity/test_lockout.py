"""Accounts that take no password for a while after too many wrong ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from django.contrib.auth import authenticate
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Record
from cloudweb.encryption import encrypt
from identity import multifactor
from identity.models import Credential, User
from identity.second_step import passed
from tests.builders.identity import ApiClient, client_with, make_user

pytestmark = pytest.mark.django_db
TOKENS = "/identity/v3/auth/tokens"
USERS = "/identity/v3/users"
START = datetime(2026, 3, 1, tzinfo=UTC)
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture(autouse=True)
def locking(settings: Any) -> None:
    settings.LOCKOUT_FAILURES = 3
    settings.LOCKOUT_SECONDS = 600


def log_in(user_id: str, password: str, **others: Any) -> Any:
    blocks = {"password": {"password": password}, **others}
    named = {name: {"user": {"id": user_id, **one}} for name, one in blocks.items()}
    body = {"auth": {"identity": {"methods": list(blocks), **named}}}
    return ApiClient().send("POST", TOKENS, body)


def fail(user: User, times: int) -> None:
    for _ in range(times):
        assert log_in(user.pk, "wrong").status_code == 401


def test_a_locked_account_answers_like_a_wrong_password() -> None:
    user = make_user(password="right")
    fail(user, 3)
    locked, wrong = log_in(user.pk, "right"), log_in(make_user(password="x").pk, "wrong")
    assert (locked.status_code, locked.content) == (401, wrong.content)
    assert authenticate(username=user.name, password="right") is None
    body = {"user": {"original_password": "right", "password": "new"}}
    assert ApiClient().send("POST", f"{USERS}/{user.pk}/password", body).status_code == 401


def test_it_opens_by_itself_and_attempts_do_not_lengthen_it() -> None:
    user = make_user(password="right")
    with time_machine.travel(START, tick=False):
        fail(user, 3)
    with time_machine.travel(START + timedelta(seconds=599), tick=False):
        fail(user, 2)
        assert log_in(user.pk, "right").status_code == 401
    with time_machine.travel(START + timedelta(seconds=600), tick=False):
        fail(user, 2)
        assert log_in(user.pk, "right").status_code == 201, "counted from one again"
    user.refresh_from_db()
    assert (user.failed_logins, user.last_failed_at) == (0, None)


def test_a_success_starts_the_count_anew() -> None:
    user = make_user(password="right")
    for _ in range(2):
        fail(user, 2)
        assert log_in(user.pk, "right").status_code == 201


@pytest.mark.parametrize("body", [{"enabled": True}, {"password": "right"}])
def test_an_operator_opens_it(body: dict[str, Any], settings: Any) -> None:
    settings.LOCKOUT_SECONDS = 0
    user = make_user(password="right")
    with time_machine.travel(START, tick=False):
        fail(user, 3)
    assert log_in(user.pk, "right").status_code == 401, "for good"
    answer = client_with("admin").send("PATCH", f"{USERS}/{user.pk}", {"user": body})
    assert answer.status_code == 200
    assert log_in(user.pk, "right").status_code == 201


def test_whom_it_leaves_alone() -> None:
    robot = make_user(password="right", options={"ignore_lockout_failure_attempts": True})
    fail(robot, 4)
    assert log_in(robot.pk, "right").status_code == 201
    foreign = make_user(source="ldap")
    fail(foreign, 4)
    foreign.refresh_from_db()
    assert foreign.failed_logins == 0
    before = list(User.objects.values_list("pk", "failed_logins"))
    for _ in range(4):
        assert log_in("0" * 32, "wrong").status_code == 401
    assert list(User.objects.values_list("pk", "failed_logins")) == before


def test_off_means_off(settings: Any) -> None:
    settings.LOCKOUT_FAILURES = 0
    user = make_user(password="right")
    fail(user, 5)
    user.refresh_from_db()
    assert user.failed_logins == 0
    assert log_in(user.pk, "right").status_code == 201


def test_wrong_locked_and_unknown_cost_one_hash_and_the_same_statements(
    monkeypatch: Any,
) -> None:
    """What takes time is done whoever is asked for."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    hashes: list[str] = []
    real = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        hashes.append(password)
        return real(self, password, salt)

    wrong, locked = make_user(password="right"), make_user(password="right")
    fail(locked, 3)
    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    seen = []
    for user_id in (wrong.pk, locked.pk, "0" * 32):
        Record.objects.all().delete()  # a name that is tried again is counted, known or not
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert log_in(user_id, "wrong").status_code == 401
        verbs = [one["sql"].split()[0] for one in queries]
        seen.append((len(hashes), verbs))
        hashes.clear()
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == 1


def test_wrong_passcodes_lock_too() -> None:
    """The password before them was right each time."""
    rules = {multifactor.ENABLED: True, multifactor.RULES: multifactor.PASSWORD_AND_PASSCODE}
    user = make_user(password="right", options=rules)
    Credential.objects.create(user=user, type="totp", encrypted_blob=encrypt(SEED))
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        shown = {"passcode": pyotp.TOTP(SEED).at(timezone.now())}
        for _ in range(2):
            assert log_in(user.pk, "right", totp={"passcode": "000000"}).status_code == 401
        assert log_in(user.pk, "right", totp=shown).status_code == 201
        user.refresh_from_db()
        assert user.failed_logins == 0
        for _ in range(3):
            assert log_in(user.pk, "right", totp={"passcode": "000000"}).status_code == 401
    with time_machine.travel("2026-01-01T00:00:31Z", tick=False):
        shown = {"passcode": pyotp.TOTP(SEED).at(timezone.now())}
        assert log_in(user.pk, "right", totp=shown).status_code == 401


def test_wrong_codes_on_the_page_lock_too() -> None:
    """And the right one starts the count anew."""
    user = make_user(password="right")
    Credential.objects.create(user=user, type="totp", encrypted_blob=encrypt(SEED))
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        shown = pyotp.TOTP(SEED).at(timezone.now())
        assert [passed(user, "000000") for _ in range(2)] == [False, False]
        assert passed(user, shown)
        assert [passed(user, "000000") for _ in range(3)] == [False] * 3
    with time_machine.travel("2026-01-01T00:00:31Z", tick=False):
        assert not passed(user, pyotp.TOTP(SEED).at(timezone.now()))
