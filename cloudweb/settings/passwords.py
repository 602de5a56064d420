"""What is demanded of passwords, and how many wrong ones are put up with (docs/passwords.md)."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from cloudweb.conf import env


def password_validators(
    *, minimum_length: int = 0, refuse_common: bool = False, regex: str = "", description: str = ""
) -> list[dict[str, Any]]:
    """Return Django's AUTH_PASSWORD_VALIDATORS; raise ImproperlyConfigured for a bad expression."""
    found: list[dict[str, Any]] = []
    django = "django.contrib.auth.password_validation"
    if minimum_length > 0:
        length = {"NAME": f"{django}.MinimumLengthValidator"}
        found.append({**length, "OPTIONS": {"min_length": minimum_length}})
    if refuse_common:
        found.append({"NAME": f"{django}.CommonPasswordValidator"})
    if regex:
        try:
            re.compile(regex)
        except re.error as error:
            raise ImproperlyConfigured(
                f"PASSWORD_REGEX is no regular expression: {error}."
            ) from error
        shown = {"regex": regex, "description": description}
        found.append({"NAME": "identity.passwords.RegexValidator", "OPTIONS": shown})
    return found


def not_negative(name: str, default: int = 0) -> int:
    """Return a number from the environment; raise ImproperlyConfigured for one below nought."""
    value = int(env.int(name, default=default))
    if value < 0:
        raise ImproperlyConfigured(f"{name} is {value}; set 0 to switch it off.")
    return value


PASSWORD_REGEX = env.str("PASSWORD_REGEX", default="")
PASSWORD_REGEX_DESCRIPTION = env.str("PASSWORD_REGEX_DESCRIPTION", default="")
AUTH_PASSWORD_VALIDATORS = password_validators(
    minimum_length=not_negative("PASSWORD_MINIMUM_LENGTH"),
    refuse_common=env.bool("PASSWORD_REFUSE_COMMON", default=False),
    regex=PASSWORD_REGEX,
    description=PASSWORD_REGEX_DESCRIPTION,
)
PASSWORD_EXPIRES_DAYS = not_negative("PASSWORD_EXPIRES_DAYS")
PASSWORD_MINIMUM_AGE_DAYS = not_negative("PASSWORD_MINIMUM_AGE_DAYS")
if 0 < PASSWORD_EXPIRES_DAYS <= PASSWORD_MINIMUM_AGE_DAYS:
    raise ImproperlyConfigured(
        "PASSWORD_MINIMUM_AGE_DAYS must be less than PASSWORD_EXPIRES_DAYS, or nobody can ever "
        "change a password in time."
    )
#: So many of a user's last passwords, the one he has included, cannot be his next one.
PASSWORD_HISTORY = not_negative("PASSWORD_HISTORY")
CHANGE_PASSWORD_UPON_FIRST_USE = env.bool("CHANGE_PASSWORD_UPON_FIRST_USE", default=False)
#: After so many wrong passwords in a row an account takes none for LOCKOUT_SECONDS (0: until an
#: operator opens it).
LOCKOUT_FAILURES = not_negative("LOCKOUT_FAILURES")
LOCKOUT_SECONDS = not_negative("LOCKOUT_SECONDS", default=1800)
