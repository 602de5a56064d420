"""The second factor as its user sets it up: devices, recovery codes, what ends with it."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
import time_machine

from cloudweb.context import RequestContext
from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import Conflict, Forbidden, PolicyNotAuthorized, Unauthorized
from identity import multifactor, passcodes
from identity.exceptions import (
    CredentialNotFound,
    UserNotFound,
    WrongPasscode,
    WrongPassword,
)
from identity.manager import SecondFactorManager
from identity.manager.second_factor import PATIENCE
from identity.models import Credential, RecoveryCode, Source, User
from identity.second_step import Need, need_of, passed
from identity.tokens import valid
from tests.builders.identity import make_context, make_member, make_token

pytestmark = pytest.mark.django_db
PASSWORD = "right"
START = "2026-03-01T12:00:00Z"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(START, tick=False) as travelled:
        yield travelled


@pytest.fixture
def user() -> User:
    return make_member(password=PASSWORD)


def manager_of(user: User) -> SecondFactorManager:
    return SecondFactorManager(make_context(user))


def add(user: User, label: str = "phone", *, current: str = "") -> tuple[Any, pyotp.TOTP]:
    """Add a device (``current`` is a code of one before it); return what that gave, and the device."""
    begun = manager_of(user).begin()
    device = pyotp.TOTP(begun.seed)
    made = manager_of(user).confirm(
        sealed=begun.sealed,
        label=label,
        password=PASSWORD,
        passcode=device.now(),
        current_passcode=current,
    )
    user.refresh_from_db()
    return made, device


def test_nothing_changes_until_a_passcode_proves_the_device(user: User) -> None:
    begun = manager_of(user).begin()
    assert begun.seed not in begun.sealed
    assert begun.uri.startswith(
        f"otpauth://totp/Cloudweb:{user.name}%40Default?secret={begun.seed}"
    )
    assert "issuer=Cloudweb" in begun.uri
    wrong = "000000" if pyotp.TOTP(begun.seed).now() != "000000" else "111111"
    with pytest.raises(WrongPasscode):
        manager_of(user).confirm(sealed=begun.sealed, label="x", password=PASSWORD, passcode=wrong)
    with pytest.raises(WrongPassword):
        manager_of(user).confirm(
            sealed=begun.sealed,
            label="x",
            password="wrong",
            passcode=pyotp.TOTP(begun.seed).now(),
        )
    assert not Credential.objects.exists()
    assert need_of(user) is Need.NOTHING


def test_the_first_device_sets_the_rule_and_ends_tokens_and_sessions(user: User) -> None:
    token, before = make_token(user).signed(), user.get_session_auth_hash()
    made, device = add(user)
    assert multifactor.rules_of(user) == multifactor.PASSWORD_AND_PASSCODE
    assert need_of(user) is Need.PASSCODE
    assert user.get_session_auth_hash() != before
    with pytest.raises(Unauthorized):
        valid(token)
    row = Credential.objects.get()
    assert (row.pk, row.type, row.user) == (made.device.pk, "totp", user)
    assert device.secret not in row.encrypted_blob
    assert decrypt(row.encrypted_blob) == device.secret
    assert len(set(made.codes)) == 8
    assert not set(RecoveryCode.objects.values_list("hash", flat=True)) & set(made.codes)


def test_the_passcode_that_proved_the_device_logs_nobody_in(user: User, clock: Any) -> None:
    _, device = add(user)
    assert not passed(user, device.now())
    clock.shift(30)
    assert passed(user, device.now())
    assert not passed(user, device.now())


def test_another_device_ends_nothing_and_draws_no_codes(user: User) -> None:
    first, _ = add(user)
    token, before = make_token(user).signed(), user.get_session_auth_hash()
    with pytest.raises(WrongPasscode):
        add(user, "tablet")
    assert len(passcodes.seeds(user)) == 1
    made, _ = add(user, "tablet", current=first.codes[0])
    assert made.codes == ()
    assert user.get_session_auth_hash() == before
    assert valid(token)
    labels = {one.extra["label"] for one in manager_of(user).get().devices}
    assert labels == {"phone", "tablet"}  # the clock stands still here: no order among them


def test_a_seed_is_its_users_and_soon_over(user: User, clock: Any) -> None:
    begun = manager_of(user).begin()
    with pytest.raises(Conflict):
        manager_of(make_member(password=PASSWORD)).resume(begun.sealed)
    with pytest.raises(Conflict):
        manager_of(user).resume("nonsense")
    assert manager_of(user).resume(begun.sealed) == begun
    clock.shift(PATIENCE.total_seconds() + 1)
    with pytest.raises(Conflict):
        manager_of(user).resume(begun.sealed)


def test_a_device_is_added_once_and_eight_are_enough(user: User) -> None:
    begun = manager_of(user).begin()
    proof = {"label": "x", "password": PASSWORD, "passcode": pyotp.TOTP(begun.seed).now()}
    made = manager_of(user).confirm(sealed=begun.sealed, **proof)
    with pytest.raises(Conflict, match="already"):
        manager_of(user).confirm(sealed=begun.sealed, **proof)
    for number in range(7):
        add(user, f"device {number}", current=made.codes[number])
    with pytest.raises(Conflict, match="at most 8"):
        add(user, current=made.codes[7])
    assert Credential.objects.count() == 8


def test_recovery_codes_count_once(user: User) -> None:
    made, _ = add(user)
    first, second = made.codes[:2]
    assert passed(user, first)
    assert not passed(user, first)
    assert not passed(user, first[:-1] + ("2" if first[-1] != "2" else "3"))
    assert passed(user, f" {second.replace('-', '').upper()} ")
    assert not passed(make_member(), made.codes[2])
    assert manager_of(user).get().codes_left == 6


def test_new_codes_end_the_old_ones(user: User, clock: Any) -> None:
    made, device = add(user)
    with pytest.raises(WrongPasscode):
        manager_of(user).renew_codes(password=PASSWORD, passcode="123")
    clock.shift(30)
    codes = manager_of(user).renew_codes(password=PASSWORD, passcode=device.now())
    assert not passed(user, made.codes[0])
    assert passed(user, codes[0])
    with pytest.raises(Conflict):
        manager_of(make_member(password=PASSWORD)).renew_codes(password=PASSWORD, passcode="1")


def test_removing_asks_for_both_and_the_last_one_ends_the_rule(user: User, clock: Any) -> None:
    made, device = add(user)
    other, _ = add(user, "tablet", current=made.codes[1])
    clock.shift(30)
    with pytest.raises(WrongPassword):
        manager_of(user).remove(made.device.pk, password="wrong", passcode=device.now())
    with pytest.raises(WrongPasscode):
        manager_of(user).remove(made.device.pk, password=PASSWORD, passcode="000")
    manager_of(user).remove(other.device.pk, password=PASSWORD, passcode=device.now())
    user.refresh_from_db()
    assert need_of(user) is Need.PASSCODE
    clock.shift(30)
    manager_of(user).remove(made.device.pk, password=PASSWORD, passcode=made.codes[0])
    user.refresh_from_db()
    assert need_of(user) is Need.NOTHING
    assert multifactor.ENABLED not in user.options
    assert not RecoveryCode.objects.exists()


def test_another_users_device_is_not_there(user: User) -> None:
    made, _ = add(user)
    other = make_member(password=PASSWORD)
    with pytest.raises(CredentialNotFound):
        manager_of(other).remove(made.device.pk, password=PASSWORD, passcode="1")
    assert manager_of(other).get().devices == []


def test_what_an_operator_demands_a_user_cannot_switch_off(user: User) -> None:
    user.options = dict(multifactor.SWITCHED_ON)
    user.save()
    assert need_of(user) is Need.DEVICE
    made, _ = add(user)
    with pytest.raises(Forbidden, match="operator"):
        manager_of(user).remove(made.device.pk, password=PASSWORD, passcode=made.codes[0])
    user.options = {multifactor.ENABLED: True, multifactor.RULES: [["password", "voice"]]}
    assert need_of(user) is Need.OTHER


def test_programs_and_users_of_a_provider_have_none(user: User) -> None:
    for acting in ({"restricted": True}, {"credential_id": "unrestricted"}, {"trust_id": "t"}):
        with pytest.raises(PolicyNotAuthorized):
            SecondFactorManager(RequestContext(user_id=user.pk, **acting)).begin()
    begun = manager_of(user).begin()
    User.objects.filter(pk=user.pk).update(source=Source.OIDC)
    with pytest.raises(Forbidden):
        manager_of(user).resume(begun.sealed)
    assert not manager_of(user).get().available


def test_an_operator_takes_it_away(user: User) -> None:
    add(user)
    Credential.objects.create(user=user, type="cert", encrypted_blob=encrypt("kept"))
    token, before = make_token(user).signed(), user.get_session_auth_hash()
    with pytest.raises(PolicyNotAuthorized):
        manager_of(make_member("manager")).reset(user.pk)
    operator = manager_of(make_member("admin"))
    with pytest.raises(UserNotFound):
        operator.reset("nobody")
    operator.reset(user.pk)
    user.refresh_from_db()
    assert need_of(user) is Need.NOTHING
    assert passcodes.seeds(user) == []
    assert not RecoveryCode.objects.exists()
    assert Credential.objects.count() == 1
    assert user.get_session_auth_hash() != before
    with pytest.raises(Unauthorized):
        valid(token)
