"""Revocation: a counter read by each request, and the short list behind it kept in memory.

A token carries the counter's value from before its user was read. It is void once the list has a
matching entry with a higher number. Numbers are drawn under the counter row's lock, which is held
until the commit: whoever sees number n sees every revocation up to n, whatever the clocks say.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from cloudweb.database import clock
from identity.models import Revocation, RevocationCounter

#: Entries are kept for at least this long, also when the token lifetime was just shortened.
LEAST_RETENTION = timedelta(days=1)
SYSTEM = "system"


def key_of(
    *,
    audit_id: str = "",
    user_id: str = "",
    project_id: str = "",
    domain_id: str = "",
    system: bool = False,
    within_domain_id: str = "",
    role: str = "",
    credential_id: str = "",
    trust_id: str = "",
    key_id: str = "",
) -> str:
    """Return the key of all that is given, as text.

    ``project_id``, ``domain_id`` and ``system`` are a token's scope; ``within_domain_id`` is any
    domain it touches: its user's, its project's or its own scope.
    """
    parts = {
        "audit": audit_id,
        "user": user_id,
        "project": project_id,
        "domain": domain_id,
        SYSTEM: "all" if system else "",
        "within": within_domain_id,
        "role": role,
        "credential": credential_id,
        "trust": trust_id,
        "key": key_id,
    }
    return " ".join(f"{name}:{value}" for name, value in parts.items() if value)


@dataclass(frozen=True, slots=True)
class Mark:
    """The state of the counter."""

    number: int = 0
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Revoked:
    """The revocation list as it was at ``mark``: the highest number for each thing revoked."""

    mark: Mark = field(default_factory=Mark)
    numbers: dict[str, int] = field(default_factory=dict)

    def covers(self, keys: Iterable[str], *, seen: int) -> bool:
        """Tell whether a token that was issued at ``seen`` and answers to these keys is void."""
        return bool(self.numbers) and any(self.numbers.get(key, 0) > seen for key in keys)


_cached = Revoked()
_lock = threading.Lock()


def mark() -> Mark:
    """Return the counter as committed now: the one row read of every request."""
    with connection.cursor() as cursor:  # building the query would cost more than running it
        cursor.execute("SELECT number, stamp FROM identity_revocationcounter WHERE id = 1")
        row = cursor.fetchone()
    return Mark(*row) if row else Mark()


def current() -> Revoked:
    """Return the list, loaded again only if the counter moved."""
    global _cached
    now = mark()
    if _cached.mark == now:
        return _cached
    with _lock:
        if _cached.mark != now:
            _cached = _load(now)
        return _cached


def _load(now: Mark) -> Revoked:
    rows = Revocation.objects.order_by("number").values_list("key", "number")
    return Revoked(now, dict(rows))


def revoke(**parts: Any) -> None:
    """Void every token that matches all that is given (``key_of``); part of the caller's transaction.

    Call it last: the counter's row stays locked until the commit.
    """
    key = key_of(**parts)
    if not key:
        raise ValueError("a revocation names something")
    now = clock.now()
    keep = max(timedelta(seconds=settings.TOKEN_LIFETIME), LEAST_RETENTION)
    with transaction.atomic():
        RevocationCounter.objects.bulk_create([RevocationCounter(pk=1)], ignore_conflicts=True)
        RevocationCounter.objects.filter(pk=1).update(
            number=F("number") + 1, stamp=secrets.token_hex(8)
        )
        Revocation.objects.filter(forget_at__lt=now).delete()
        Revocation.objects.create(
            number=RevocationCounter.objects.values_list("number", flat=True).get(pk=1),
            key=key,
            forget_at=now + keep,
        )
