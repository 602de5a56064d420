"""Attempts to log in, counted for the user they are about: whoever asks, by whatever name or method.

What names nobody is counted as it is spelt, so an answer does not tell who exists. An address is
counted before anything is looked up (cloudweb/api/throttling.py).
"""

from __future__ import annotations

from cloudweb.throttle import admit
from identity.models import User


def count(user: User | None, *, claimed: str, passcode: bool = False) -> None:
    """Count one attempt; raise TooManyRequests for one too many.

    ``claimed`` is what was said where that names nobody. A ``passcode`` has a closer limit, too: six
    digits can be guessed.
    """
    key = f"user {user.pk}" if user is not None else f"nobody {claimed.casefold()}"
    admit("login", key)
    if passcode:
        admit("passcode", user.pk if user is not None else key)


def named(*, user_id: str | None, name: str, domain: str | None) -> str:
    """Return what a log-in says of its user, an id or a name in a domain, for ``claimed``."""
    return f"id {user_id}" if user_id is not None else f"{domain or 'default'}/{name}"
