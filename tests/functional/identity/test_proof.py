"""What changes how a user logs in takes his password, and a passcode where he has a second factor."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
import time_machine

from cloudweb.encryption import encrypt
from identity import multifactor, recovery_codes
from identity.models import Credential, User
from tests.builders.identity import ApiClient, client_of, client_with, make_member

pytestmark = pytest.mark.django_db
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OTHER_SEED = "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"
CREDENTIALS = "/identity/v3/credentials"
VOICE = {multifactor.ENABLED: True, multifactor.RULES: [["password", "voice"]]}


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as travelled:
        yield travelled


@pytest.fixture
def user() -> User:
    return make_member(password="right")


def with_device(user: User, **options: Any) -> User:
    Credential.objects.create(user=user, type="totp", encrypted_blob=encrypt(SEED))
    User.objects.filter(pk=user.pk).update(options=options)
    user.refresh_from_db()
    return user


def code() -> str:
    return pyotp.TOTP(SEED).now()


def change(user: User, client: ApiClient | None = None, **more: Any) -> int:
    body = {"user": {"original_password": "right", "password": "new", **more}}
    answer = (client or ApiClient()).send("POST", f"/identity/v3/users/{user.pk}/password", body)
    return int(answer.status_code)


def kept(client: ApiClient, **body: Any) -> int:
    wanted = {"type": "totp", "blob": OTHER_SEED, **body}
    return int(client.send("POST", CREDENTIALS, {"credential": wanted}).status_code)


def test_a_first_device_takes_the_password(user: User) -> None:
    client = client_of(user)
    assert kept(client) == 403
    assert kept(client, original_password="wrong") == 403
    assert kept(client, original_password="right") == 201
    (row,) = Credential.objects.all()
    assert row.extra == {}, "the proof is no attribute of the credential"


def test_a_second_device_takes_a_code_of_the_first(user: User) -> None:
    client = client_of(with_device(user))
    for passcode in (None, "000000", pyotp.TOTP(OTHER_SEED).now()):
        assert kept(client, original_password="right", passcode=passcode) == 403
    assert kept(client, original_password="wrong", passcode=code()) == 403
    assert kept(client, original_password="right", passcode=code()) == 201
    assert kept(client, original_password="right", passcode=code()) == 403, "a code counts once"


def test_a_device_is_removed_and_changed_by_proof(user: User, clock: Any) -> None:
    client = client_of(with_device(user))
    place = f"{CREDENTIALS}/{Credential.objects.get().pk}"
    whole = {"original_password": "right", "passcode": code()}
    for part in ({}, {"original_password": "right"}, {**whole, "original_password": "x"}):
        for method, more in (("DELETE", {}), ("PATCH", {"type": "cert"})):
            body = {"credential": {**part, **more}}
            assert client.send(method, place, body).status_code == 403
    assert client.send("DELETE", place).status_code == 403
    changed = client.send("PATCH", place, {"credential": {**whole, "blob": OTHER_SEED}})
    assert changed.status_code == 200
    assert client.send("GET", place).json()["credential"]["blob"] is None
    clock.shift(30)
    whole["passcode"] = pyotp.TOTP(OTHER_SEED).now()
    assert client.send("DELETE", place, {"credential": whole}).status_code == 204
    assert not Credential.objects.exists()


def test_operators_need_no_proof_for_others_but_for_themselves(user: User) -> None:
    admin = make_member("admin", password="right")
    client = client_of(admin)
    assert kept(client, user_id=user.pk) == 201
    assert kept(client, user_id=admin.pk) == 403
    assert client.send("DELETE", f"{CREDENTIALS}/{Credential.objects.get().pk}").status_code == 204


def test_a_password_alone_changes_no_password_of_who_has_a_device(user: User) -> None:
    """Whether or not his rules ask for it at a log-in."""
    for options in ({}, multifactor.SWITCHED_ON):
        with_device(user, **options)
        Credential.objects.exclude(pk=Credential.objects.earliest("created_at").pk).delete()
        own = client_of(user)
        assert [change(user), change(user, passcode="000000")] == [401, 401]
        assert [change(user, own), change(user, own, passcode="000000")] == [403, 403]
        assert User.objects.get(pk=user.pk).check_password("right")
    assert change(user, passcode=code()) == 204
    assert User.objects.get(pk=user.pk).check_password("new")


def test_a_recovery_code_will_do(user: User) -> None:
    with_device(user, **multifactor.SWITCHED_ON)
    codes = recovery_codes.draw()
    recovery_codes.replace(user.pk, recovery_codes.rows_of(user.pk, codes))
    assert change(user, client_of(user), passcode=codes[0]) == 204


def test_rules_nobody_shows_here_take_the_whole_of_them(user: User) -> None:
    """A demanded device that is missing, or a method of another kind."""
    for options in (multifactor.SWITCHED_ON, VOICE):
        User.objects.filter(pk=user.pk).update(options=options)
        assert change(user) == 403
        assert change(user, client_of(user)) == 403
    assert User.objects.get(pk=user.pk).check_password("right")


def test_anothers_token_is_as_good_as_none(user: User) -> None:
    other = client_with("member")
    assert change(user, other, original_password="wrong") == 401
    assert change(user, other) == 204
    assert User.objects.get(pk=user.pk).check_password("new")
    assert other.send("GET", "/identity/v3/auth/projects").status_code == 200


def test_the_code_of_a_new_password_is_throttled(
    user: User, settings: Any, redis_socket: Any
) -> None:
    settings.THROTTLES = {"passcode": "2/minute"}
    settings.THROTTLE_SOCKET = str(redis_socket)
    with_device(user)
    assert [change(user, passcode="000000") for _ in range(3)] == [401, 401, 429]
    assert change(user, passcode=code()) == 429
