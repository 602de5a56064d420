"""Tokens: what they say, and when they stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.core import signing
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cloudweb.context import RequestContext
from cloudweb.exceptions import Unauthorized
from identity import revocations
from identity.manager import (
    AssignmentManager,
    DomainManager,
    ProjectManager,
    RoleManager,
    TokenManager,
    UserManager,
)
from identity.manager.assignments import GrantTarget
from identity.models import Revocation, RevocationCounter, User
from identity.scopes import NOWHERE
from identity.tokens import Token, context_of, valid
from tests.builders.identity import (
    grant,
    make_context,
    make_member,
    make_project,
    make_role,
    make_token,
    make_user,
)

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
SYSTEM = RequestContext.system()


def test_context_carries_implied_roles() -> None:
    """A manager is a member and a reader too, and not an admin."""
    user = make_member("manager")
    context = context_of(make_token(user).signed(), request_id="req-1", remote_address="::1")
    assert context.roles == {"manager", "member", "reader"}
    assert (context.user_id, context.project_id) == (user.pk, user.default_project_id)
    assert (context.request_id, context.remote_address) == ("req-1", "::1")
    assert not context.is_admin


def test_unscoped_token_has_no_roles() -> None:
    """Without a project there is nothing to have a role on."""
    context = context_of(make_token(make_user()).signed(), request_id="", remote_address="")
    assert context.project_id is None
    assert context.roles == frozenset()


def test_token_survives_signing_unchanged() -> None:
    """What was issued is what is read, to the microsecond and with any name."""
    token = make_token(make_member(name="Zoë 'Ω' \u2028 <b>"))
    assert Token.read(token.signed()) == token


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: "nonsense",
        lambda text: ":",
        lambda text: "é" + text,
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: "A" + text,
        lambda text: text.rpartition(":")[0],
        lambda text: text * 100,
        lambda text: signing.Signer(salt="another").sign_object([1]),
        lambda text: signing.Signer(key="another", salt="cloudweb.identity.token").sign_object([1]),
        lambda text: signing.Signer(salt="cloudweb.identity.token").sign_object([99]),
    ],
)
def test_forged_token_is_refused(spoil: Callable[[str], str]) -> None:
    """Whatever we did not sign is a 401, never an error."""
    with pytest.raises(Unauthorized):
        valid(spoil(make_token(make_member()).signed()))


def test_expired_token_is_refused() -> None:
    """A token stops when its time is over, to the second."""
    text = make_token(make_member()).signed()
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.TOKEN_LIFETIME - 5)):
        assert valid(text)
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.TOKEN_LIFETIME + 1)):
        with pytest.raises(Unauthorized):
            valid(text)
        assert valid(text, allow_expired=True)


def test_request_reads_one_row(django_assert_num_queries: Callable[..., object]) -> None:
    """A token that nothing revoked costs the counter's row and nothing more."""
    text = make_token(make_member()).signed()
    revocations.revoke(audit_id="of someone else")
    valid(text)
    with django_assert_num_queries(1):
        context_of(text, request_id="", remote_address="")


Act = Callable[[User], object]


@pytest.mark.parametrize(
    "act",
    [
        lambda user: UserManager(SYSTEM).update(user.pk, password="another"),
        lambda user: UserManager(SYSTEM).update(user.pk, enabled=False),
        lambda user: UserManager(SYSTEM).delete(user.pk),
        lambda user: ProjectManager(SYSTEM).update(user.default_project_id, enabled=False),
        lambda user: ProjectManager(SYSTEM).delete(user.default_project_id),
        lambda user: DomainManager(SYSTEM).update("default", enabled=False),
        lambda user: AssignmentManager(SYSTEM).withdraw(
            GrantTarget(user_id=user.pk, project_id=user.default_project_id),
            role_id=make_role("member").pk,
        ),
        lambda user: RoleManager(SYSTEM).delete(make_role("member").pk),
        lambda user: RoleManager(SYSTEM).delete(make_role("reader").pk),
        lambda user: RoleManager(SYSTEM).update(make_role("member").pk, name="renamed"),
    ],
)
def test_what_ends_a_token_at_once(act: Act) -> None:
    """A new password, a role withdrawn, a user, project or domain disabled or deleted."""
    user = make_member("member")
    text = make_token(user).signed()
    valid(text)
    act(user)
    with pytest.raises(Unauthorized):
        valid(text)


@pytest.mark.parametrize(
    "act",
    [
        lambda user: UserManager(SYSTEM).update(user.pk, description="new", enabled=True),
        lambda user: ProjectManager(SYSTEM).update(user.default_project_id, name="renamed"),
        lambda user: grant(user, make_project(), "admin"),
        lambda user: UserManager(SYSTEM).update(make_member().pk, enabled=False),
        lambda user: ProjectManager(SYSTEM).update(make_project().pk, enabled=False),
        lambda user: AssignmentManager(SYSTEM).withdraw(
            GrantTarget(
                user_id=user.pk,
                project_id=grant(user, make_project(name="elsewhere")).project_id,
            ),
            role_id=make_role("member").pk,
        ),
    ],
)
def test_what_does_not_end_a_token(act: Act) -> None:
    """Changes of other users, other projects or plain attributes."""
    user = make_member("member")
    text = make_token(user).signed()
    act(user)
    assert valid(text)


def test_new_token_holds_after_old_ones_were_revoked() -> None:
    """Enabled again, a user's old tokens stay void and new ones hold."""
    user = make_member()
    old = make_token(user).signed()
    UserManager(SYSTEM).update(user.pk, enabled=False)
    UserManager(SYSTEM).update(user.pk, enabled=True)
    with pytest.raises(Unauthorized):
        valid(old)
    assert valid(make_token(user).signed())


def test_token_issued_while_its_user_is_disabled_is_void() -> None:
    """A log-in that read the user just before he was disabled loses, whatever the clocks say."""
    user = make_member()
    seen = revocations.mark().number
    stale = User.objects.select_related("domain").get(pk=user.pk)
    UserManager(SYSTEM).update(user.pk, enabled=False)
    late = Token.issue(user=stale, place=NOWHERE, roles=[], methods=["password"], seen=seen)
    with pytest.raises(Unauthorized):
        valid(late.signed())


def test_log_out_ends_one_token_alone() -> None:
    """Deleting a token leaves the user's others."""
    user = make_member()
    first, second = make_token(user).signed(), make_token(user).signed()
    TokenManager(context_of(first, request_id="", remote_address="")).revoke(first)
    with pytest.raises(Unauthorized):
        valid(first)
    assert valid(second)


def test_rolled_back_revocation_revokes_nothing() -> None:
    """A revocation belongs to its transaction."""
    text = make_token(make_member()).signed()
    with transaction.atomic():
        UserManager(SYSTEM).update(Token.read(text).user_id, enabled=False)
        transaction.set_rollback(True)
    assert valid(text)


def test_token_of_a_later_database_is_refused() -> None:
    """After yesterday's database was restored, tokens issued since then could hide revocations."""
    user = make_member()
    revocations.revoke(audit_id="one")
    text = make_token(user).signed()
    RevocationCounter.objects.update(number=0, stamp="restored")
    with pytest.raises(Unauthorized):
        valid(text)


def test_equal_number_of_another_history_is_noticed() -> None:
    """The cached list is dropped when the counter was put back and moved to the same number."""
    user = make_member()
    text = make_token(user).signed()
    revocations.revoke(user_id="someone else")
    valid(text)
    Revocation.objects.update(key=revocations.key_of(user_id=user.pk), stamp="another history")
    RevocationCounter.objects.update(stamp="another history")
    with pytest.raises(Unauthorized):
        valid(text)


def test_a_revocation_does_not_read_the_whole_list_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else whoever logs in and out all day would slow everybody down; what is over is forgotten."""
    user = make_member()
    for number in range(5):
        revocations.revoke(audit_id=f"before {number}")
    whole = revocations.current()
    token = make_token(user)
    for number in range(3):
        revocations.revoke(audit_id=f"after {number}")
        with CaptureQueriesContext(connection) as queries:
            now = revocations.current()
        assert '"number" >' in queries[-1]["sql"], "from where it knows on"
    assert {key: now.numbers[key] for key in whole.numbers} == whole.numbers
    assert len(now.numbers) == len(whole.numbers) + 3
    revocations.revoke(audit_id=token.audit_ids[0])
    assert token.is_revoked
    Revocation.objects.filter(key__startswith="audit:before").delete()
    monkeypatch.setattr(revocations, "READ_WHOLE_EVERY", 1)
    revocations.revoke(audit_id="last")
    assert not any("before" in key for key in revocations.current().numbers)
    assert token.is_revoked


def test_a_tokens_revocation_is_kept_as_long_as_the_token() -> None:
    user = make_member()
    token = make_token(user)
    TokenManager(make_context(user)).revoke(token.signed())
    kept = Revocation.objects.get(key=revocations.key_of(audit_id=token.audit_ids[0])).forget_at
    assert token.expires_at < kept < token.expires_at + timedelta(hours=1)


def test_revocations_are_forgotten_after_every_token_expired() -> None:
    """The list stays short."""
    revocations.revoke(user_id="long ago")
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        revocations.revoke(user_id="now")
    assert list(Revocation.objects.values_list("key", flat=True)) == ["user:now"]
