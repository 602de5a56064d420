"""What settings demand of passwords: strength, age, expiry, no repetition (docs/passwords.md)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, is_password_usable
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from cloudweb.database import clock
from cloudweb.exceptions import InvalidInput
from cloudweb.patterns import expression
from identity.exceptions import PasswordExpired, PasswordReused, PasswordTooYoung, WeakPassword
from identity.models import PastPassword, User

IGNORE_EXPIRY = "ignore_password_expiry"
IGNORE_FIRST_USE = "ignore_change_password_upon_first_use"


class RegexValidator:
    """A password matches an expression (PASSWORD_REGEX); its users read the description."""

    def __init__(self, regex: str, description: str = "") -> None:
        self.regex = _compiled(regex)
        self.description = description or "It does not have the form this cloud asks for."

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError for a password of another form."""
        if not self.regex.match(password):
            raise ValidationError(self.description, code="password_form")

    def get_help_text(self) -> str:
        """Return what the forms show."""
        return self.description


def _compiled(regex: str) -> Any:
    """Return an expression that ends in linear time, unless it looks ahead: only ``re`` knows that.

    The operator answers for what such a one makes of a long password; the setting says so.
    """
    try:
        return expression(regex, field="PASSWORD_REGEX")
    except InvalidInput:
        return re.compile(regex)


def check_strength(password: str, user: User | None = None) -> None:
    """Raise WeakPassword for one that the settings do not allow."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(" ".join(error.messages)) from error


def check_age(user: User) -> None:
    """Raise PasswordTooYoung where the user chose the password he has a short while ago."""
    chosen_at = user.password_changed_at
    if not settings.PASSWORD_MINIMUM_AGE_DAYS or chosen_at is None or is_expired(user):
        return
    left = chosen_at + timedelta(days=settings.PASSWORD_MINIMUM_AGE_DAYS) - clock.now()
    if left > timedelta():
        raise PasswordTooYoung(days=settings.PASSWORD_MINIMUM_AGE_DAYS)


def check_history(user: User, password: str) -> None:
    """Raise PasswordReused for one of the user's last passwords; takes a hash for each of them."""
    count = settings.PASSWORD_HISTORY
    if count < 1:
        return
    past = PastPassword.objects.filter(user=user).order_by("-created_at", "-pk")
    hashes = [user.password, *past.values_list("hash", flat=True)[: count - 1]]
    if any(check_password(password, one) for one in hashes):
        raise PasswordReused(count=count)


def is_expired(user: User) -> bool:
    """Tell whether the password must be changed before it lets anyone in."""
    expires_at = user.password_expires_at
    if expires_at is None or user.options.get(IGNORE_EXPIRY):
        return False
    return expires_at <= clock.now()


def refuse_expired(user: User) -> None:
    """Raise PasswordExpired; only for who has shown that he knows the password."""
    if is_expired(user):
        raise PasswordExpired(user.pk)


def replaced(
    hashed: str, *, options: dict[str, Any], own: bool, lasting: bool = False
) -> dict[str, Any]:
    """Return the columns of a user with a new password, ``own`` if he chose it himself.

    Another's choice is changed at first use where the settings say so, unless it is ``lasting``.
    """
    now, expires_at = clock.now(), None
    if is_password_usable(hashed):
        if settings.PASSWORD_EXPIRES_DAYS and not options.get(IGNORE_EXPIRY):
            expires_at = now + timedelta(days=settings.PASSWORD_EXPIRES_DAYS)
        first_use = settings.CHANGE_PASSWORD_UPON_FIRST_USE and not options.get(IGNORE_FIRST_USE)
        if first_use and not own and not lasting:
            expires_at = now
    return {
        "password": hashed,
        "password_changed_at": now if own else None,
        "password_expires_at": expires_at,
        "failed_logins": 0,
        "last_failed_at": None,
    }


def remember(user: User, hashed: str) -> None:
    """Keep the hash of the password a user had; part of the caller's transaction."""
    if settings.PASSWORD_HISTORY < 2 or not is_password_usable(hashed):
        return
    PastPassword.objects.create(user=user, hash=hashed)
    past = PastPassword.objects.filter(user=user).order_by("-created_at", "-pk")
    kept = list(past.values_list("pk", flat=True)[: settings.PASSWORD_HISTORY - 1])
    PastPassword.objects.filter(user=user).exclude(pk__in=kept).delete()
