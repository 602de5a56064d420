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
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from cloudweb.database import clock
from identity.models import Revocation, RevocationCounter

#: Entries are kept for at least this long, also when the token lifetime was just shortened.
LEAST_RETENTION = timedelta(days=1)
#: So many revocations, for anyone who logs out adds one.
READ_WHOLE_EVERY = 1000
#: By which clocks may differ.
MARGIN = timedelta(minutes=5)
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
    """The revocation list as it was at ``mark``: the highest number for each thing revoked.

    ``whole_at`` is the number at which it was last read as a whole.
    """

    mark: Mark = field(default_factory=Mark)
    numbers: dict[str, int] = field(default_factory=dict)
    whole_at: int = 0

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
    """Return the list; only if the counter moved it is read on, or anew where that cannot be."""
    global _cached
    now = mark()
    if _cached.mark == now:
        return _cached
    with _lock:
        if _cached.mark != now:
            _cached = _load(now, _cached)
        return _cached


def _load(now: Mark, known: Revoked) -> Revoked:
    """Return the list at a mark, or a later one; what is known already is not read again.

    It holds still where its last line is in the database under the same stamp: else this is another
    past of the database, or a time long gone. Now and then all is read, to forget what is over.
    """
    rows = Revocation.objects.order_by("number").values_list("key", "number")
    last = Revocation.objects.filter(number=known.mark.number, stamp=known.mark.stamp)
    if known.mark.stamp and now.number < known.whole_at + READ_WHOLE_EVERY and last.exists():
        newer = rows.filter(number__gt=known.mark.number)
        return Revoked(now, {**known.numbers, **dict(newer)}, known.whole_at)
    return Revoked(now, dict(rows), now.number)


def revoke(*, until: datetime | None = None, **parts: Any) -> None:
    """Void every token that matches all that is given (``key_of``); part of the caller's transaction.

    ``until`` is when the last of them ends anyway, where that is known: so long it is kept. Call it
    last: the counter's row stays locked until the commit.
    """
    key = key_of(**parts)
    if not key:
        raise ValueError("a revocation names something")
    now = clock.now()
    keep = max(timedelta(seconds=settings.TOKEN_LIFETIME), LEAST_RETENTION)
    stamp = secrets.token_hex(8)
    with transaction.atomic():
        RevocationCounter.objects.bulk_create([RevocationCounter(pk=1)], ignore_conflicts=True)
        RevocationCounter.objects.filter(pk=1).update(number=F("number") + 1, stamp=stamp)
        Revocation.objects.filter(forget_at__lt=now).delete()
        Revocation.objects.create(
            number=RevocationCounter.objects.values_list("number", flat=True).get(pk=1),
            key=key,
            stamp=stamp,
            forget_at=min(now + keep, until + MARGIN) if until else now + keep,
        )
