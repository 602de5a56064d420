"""Accounts take no password for a while after too many wrong ones (docs/passwords.md).

Counted in the user's row by one statement, so all processes count together. Whether a right password
counts is decided after its hash, by the row as it is then: of any number of guesses at the same time
only those count that end before the last failure that locks.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Case, F, Q, Value, When

from cloudweb.database import clock
from identity import multifactor
from identity.models import User
from identity.models.user import Source

IGNORE = "ignore_lockout_failure_attempts"


def admits(user: User | None, *, right: bool) -> bool:
    """Tell whether a password counts that was hashed now; failures are counted.

    A wrong one, a locked account and a user that does not exist cost the same.
    """
    if not settings.LOCKOUT_FAILURES:
        return right
    if user is not None and _is_exempt(user):
        return right
    if not right or user is None:
        failed(user)
        return False
    rows = User.objects.filter(pk=user.pk)
    if rows.filter(_locked()).exists():
        failed(user)
        return False
    if not multifactor.rules_of(user):  # else when he has shown enough
        forget(user)
    return True


def is_locked(user: User) -> bool:
    """Tell whether the account takes nothing now."""
    if not settings.LOCKOUT_FAILURES or _is_exempt(user):
        return False
    return User.objects.filter(_locked(), pk=user.pk).exists()


def failed(user: User | None) -> None:
    """Count a failure, unless the account is locked already: attempts never lengthen that."""
    if not settings.LOCKOUT_FAILURES or (user is not None and _is_exempt(user)):
        return
    full = Q(failed_logins__gte=settings.LOCKOUT_FAILURES)  # and its time is over, else excluded
    counted = Case(When(full, then=Value(1)), default=F("failed_logins") + 1)
    rows = User.objects.filter(~_locked(), pk=user.pk if user is not None else "")
    rows.update(failed_logins=counted, last_failed_at=clock.now())


def forget(user: User) -> None:
    """Start counting anew: he is in."""
    if settings.LOCKOUT_FAILURES:
        rows = User.objects.filter(pk=user.pk, failed_logins__gt=0)
        if rows.exists():  # most log-ins write nothing
            rows.update(failed_logins=0, last_failed_at=None)


def _is_exempt(user: User) -> bool:
    """Tell whether failures do not count: by his option, or because others keep his password."""
    return bool(user.options.get(IGNORE)) or user.source != Source.SQL


def _locked() -> Q:
    full = Q(failed_logins__gte=settings.LOCKOUT_FAILURES)
    if not settings.LOCKOUT_SECONDS:
        return full
    since = clock.now() - timedelta(seconds=settings.LOCKOUT_SECONDS)
    return full & Q(last_failed_at__gt=since)
