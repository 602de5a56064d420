"""What settings demand of passwords, over HTTP."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ImproperlyConfigured, ValidationError

from cloudweb.context import RequestContext
from cloudweb.settings.passwords import password_validators
from identity.authentication import log_in as prove
from identity.bootstrap import bootstrap
from identity.manager import UserManager
from identity.models import PastPassword, User
from identity.passwords import RegexValidator
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    make_domain,
    make_member,
    make_user,
)

pytestmark = pytest.mark.django_db
TOKENS = "/identity/v3/auth/tokens"
USERS = "/identity/v3/users"
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


def log_in(user_id: str, password: str) -> Any:
    proof = {"user": {"id": user_id, "password": password}}
    identity = {"methods": ["password"], "password": proof}
    return ApiClient().send("POST", TOKENS, {"auth": {"identity": identity}})


def change(user: User, old: str, new: str, client: ApiClient | None = None) -> Any:
    body = {"user": {"original_password": old, "password": new}}
    return (client or ApiClient()).send("POST", f"{USERS}/{user.pk}/password", body)


def message(answer: Any) -> str:
    return str(answer.json()["error"]["message"])


# strength


def test_without_settings_any_password_will_do(admin: ApiClient) -> None:
    body = {"user": {"name": "new", "password": "x"}}
    assert admin.send("POST", USERS, body).status_code == 201


def test_no_password_holds_a_request_up() -> None:
    """Unless the operator's expression looks ahead, which takes back-tracking."""
    slow = RegexValidator(r"(a+)+$", "It is of a alone.")
    before = time.thread_time()
    with pytest.raises(ValidationError):
        slow.validate("a" * 4000 + "b")
    assert time.thread_time() - before < 0.5
    ahead = RegexValidator(r"(?=.*\d)(?=.*[a-z]).{7,}$")
    ahead.validate("passw0rd")
    with pytest.raises(ValidationError):
        ahead.validate("password")


def test_strength_is_asked_of_every_new_password(admin: ApiClient, settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = password_validators(
        minimum_length=8, refuse_common=True, regex=r".*\d", description="It needs a digit."
    )
    user = make_member(password="old")
    for weak, reason in (
        ("sh0rt", "at least 8 characters"),
        ("password1", "too common"),
        ("no digit at all", "It needs a digit."),
    ):
        for answer in (
            admin.send("POST", USERS, {"user": {"name": "new", "password": weak}}),
            admin.send("PATCH", f"{USERS}/{user.pk}", {"user": {"password": weak}}),
            change(user, "old", weak, client_of(user)),
            change(user, "old", weak),
        ):
            assert answer.status_code == 400
            assert reason in message(answer)
    assert not User.objects.filter(name="new").exists()
    assert log_in(user.pk, "old").status_code == 201, "what is in use stays good"
    assert change(user, "old", "a l0ng one").status_code == 204
    assert admin.send("POST", USERS, {"user": {"name": "none"}}).status_code == 201


def test_the_clouds_own_accounts_are_not_judged(settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = password_validators(minimum_length=50)
    settings.CHANGE_PASSWORD_UPON_FIRST_USE = True
    done = bootstrap(demo_password="x")
    for account in (done.admin, done.demo):
        assert prove(name=account.user_name, password=account.password)


def test_a_wrong_expression_is_said_at_the_start() -> None:
    with pytest.raises(ImproperlyConfigured, match="PASSWORD_REGEX"):
        password_validators(regex="(")


# expiry


def test_a_password_expires(admin: ApiClient, settings: Any) -> None:
    settings.PASSWORD_EXPIRES_DAYS = 30
    with time_machine.travel(START, tick=False):
        body = {"user": {"name": "new", "password": "first"}}
        shown = client_with("admin").send("POST", USERS, body).json()["user"]
        assert shown["password_expires_at"].startswith("2026-03-31T00:00:")
        token = log_in(shown["id"], "first").json()["token"]
        assert token["user"]["password_expires_at"] == shown["password_expires_at"]
    user = User.objects.get(pk=shown["id"])
    with time_machine.travel(START + timedelta(days=30, minutes=1), tick=False):
        answer = log_in(user.pk, "first")
        assert answer.status_code == 401
        assert message(answer) == (
            f"The password is expired and needs to be changed for user: {user.pk}."
        )
        assert "expired" not in message(log_in(user.pk, "wrong")), "strangers learn nothing"
        assert change(user, "first", "second").status_code == 204
        assert log_in(user.pk, "second").status_code == 201


def test_expiry_is_ignored_for_whom_it_is_ignored(admin: ApiClient, settings: Any) -> None:
    settings.PASSWORD_EXPIRES_DAYS = 1
    body = {"user": {"name": "robot", "password": "x", "options": {"ignore_password_expiry": True}}}
    shown = admin.send("POST", USERS, body).json()["user"]
    assert shown["password_expires_at"] is None
    user = make_user(password="x", password_expires_at=START)
    assert log_in(user.pk, "x").status_code == 401
    options = {"user": {"options": {"ignore_password_expiry": True}}}
    assert admin.send("PATCH", f"{USERS}/{user.pk}", options).status_code == 200
    assert log_in(user.pk, "x").status_code == 201


def test_a_given_password_is_changed_at_first_use(admin: ApiClient, settings: Any) -> None:
    settings.CHANGE_PASSWORD_UPON_FIRST_USE = True
    settings.PASSWORD_MINIMUM_AGE_DAYS = 1
    body = {"user": {"name": "new", "password": "given"}}
    user = User.objects.get(pk=admin.send("POST", USERS, body).json()["user"]["id"])
    assert log_in(user.pk, "given").status_code == 401
    assert change(user, "given", "own").status_code == 204
    assert log_in(user.pk, "own").status_code == 201
    reset = {"user": {"password": "given again"}}
    assert admin.send("PATCH", f"{USERS}/{user.pk}", reset).status_code == 200
    assert log_in(user.pk, "given again").status_code == 401
    reset["user"]["options"] = {"ignore_change_password_upon_first_use": True}  # type: ignore[assignment]
    reset["user"]["password"] = "given for good"
    assert admin.send("PATCH", f"{USERS}/{user.pk}", reset).status_code == 200
    assert log_in(user.pk, "given for good").status_code == 201


# minimum age and history


def test_a_password_is_kept_for_its_minimum_age(settings: Any) -> None:
    settings.PASSWORD_MINIMUM_AGE_DAYS = 2
    user = make_user(password="given")
    with time_machine.travel(START, tick=False):
        assert change(user, "given", "first").status_code == 204, "another chose it"
    with time_machine.travel(START + timedelta(days=2, seconds=-1), tick=False):
        answer = change(user, "first", "second")
        assert (answer.status_code, "2 day" in message(answer)) == (400, True)
    with time_machine.travel(START + timedelta(days=2), tick=False):
        assert change(user, "first", "second").status_code == 204


def test_the_last_passwords_are_not_repeated(admin: ApiClient, settings: Any) -> None:
    settings.PASSWORD_HISTORY = 3
    user = make_user(password="a")
    assert change(user, "a", "a").status_code == 400
    assert change(user, "a", "b").status_code == 204
    assert admin.send("PATCH", f"{USERS}/{user.pk}", {"user": {"password": "c"}}).status_code == 200
    for repeated in "abc":
        answer = change(user, "c", repeated)
        assert (answer.status_code, "last 3" in message(answer)) == (400, True)
    assert change(user, "c", "d").status_code == 204
    assert PastPassword.objects.filter(user=user).count() == 2
    assert change(user, "d", "a").status_code == 204, "that one is the fourth from the end"
    operators = admin.send("PATCH", f"{USERS}/{user.pk}", {"user": {"password": "d"}})
    assert operators.status_code == 200, "an operator may give any"


def test_without_history_no_hash_is_kept() -> None:
    user = make_user(password="a")
    assert change(user, "a", "b").status_code == 204
    assert not PastPassword.objects.exists()


# who may change it


def test_without_a_token_the_password_must_be_right() -> None:
    user, domain = make_user(password="a"), make_domain(id="off", name="off", enabled=False)
    disabled = make_user(password="a", enabled=False)
    there = make_user(password="a", domain=domain)
    for one in (user, disabled, there, User(id="0" * 32)):
        answer = change(one, "wrong", "new")
        assert answer.status_code == 401
        assert message(answer) == "The request you have made requires authentication."
    for one in (disabled, there):
        assert change(one, "a", "new").status_code == 401
    locked = make_user(password="a", lock_password=True)
    assert change(locked, "a", "new").status_code == 403
    foreign = make_user(source="ldap")
    assert change(foreign, "", "new").status_code == 400
    assert change(foreign, "a", "new").status_code == 401
    assert change(user, "a", "new").status_code == 204


def test_with_a_token_of_ones_own_the_wrong_password_is_no_401() -> None:
    user = make_member(password="a")
    assert change(user, "wrong", "new", client_of(user)).status_code == 403
    assert change(user, "a", "new", client_of(user)).status_code == 204


# hashes


def test_a_log_in_renews_an_old_hash(settings: Any) -> None:
    """And nobody's tokens end by it."""
    settings.PASSWORD_HASHERS = [
        "identity.hashers.Argon2",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    user = make_member()
    user.password = make_password("x", hasher="md5")
    user.save()
    client = client_of(user)
    assert log_in(user.pk, "wrong").status_code == 401
    user.refresh_from_db()
    assert user.password.startswith("md5$")
    assert log_in(user.pk, "x").status_code == 201
    user.refresh_from_db()
    assert user.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert log_in(user.pk, "x").status_code == 201
    assert client.send("GET", f"{USERS}/{user.pk}").status_code == 200


def test_other_parameters_renew_it_too(settings: Any, monkeypatch: Any) -> None:
    from identity.hashers import Argon2

    settings.PASSWORD_HASHERS = ["identity.hashers.Argon2"]
    monkeypatch.setattr(Argon2, "memory_cost", 8_192)
    user = make_member(password="x")
    url = f"{USERS}/{user.pk}/application_credentials"
    made = client_of(user).send("POST", url, {"application_credential": {"name": "ci"}}).json()
    block = {key: made["application_credential"][key] for key in ("id", "secret")}
    monkeypatch.setattr(Argon2, "memory_cost", 9_216)
    assert log_in(user.pk, "x").status_code == 201
    identity = {"methods": ["application_credential"], "application_credential": block}
    answer = ApiClient().send("POST", TOKENS, {"auth": {"identity": identity}})
    assert answer.status_code == 201
    user.refresh_from_db()
    assert "m=9216" in user.password
    assert "m=9216" in user.application_credentials.get().secret
    assert log_in(user.pk, "x").status_code == 201


def test_the_engine_sets_lasting_passwords(settings: Any) -> None:
    settings.CHANGE_PASSWORD_UPON_FIRST_USE = True
    user = make_user(password="a")
    UserManager(RequestContext.system()).update(user.pk, password="b")
    assert log_in(user.pk, "b").status_code == 201
