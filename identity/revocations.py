"""Revocation: a counter read by each request, and the short list behind it kept in memory.

A token carries the counter's value from before its user was read. It is void once the list has a
matching entry with a higher number. Numbers are drawn under the counter row's lock, which is held
until the commit: whoever sees number n sees every revocation up to n, whatever the clocks say.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from cloudweb.database import clock
from identity.models import Revocation, RevocationCounter

#: Entries are kept for at least this long, also when the token lifetime was just shortened.
LEAST_RETENTION = timedelta(days=1)
Key = tuple[str, str, str, str]  # audit id, user, project, domain; empty matches all


@dataclass(frozen=True, slots=True)
class Mark:
    """The state of the counter."""

    number: int = 0
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Revoked:
    """The revocation list as it was at ``mark``: the highest number for each thing revoked."""

    mark: Mark = field(default_factory=Mark)
    numbers: dict[Key, int] = field(default_factory=dict)

    def covers(
        self,
        *,
        seen: int,
        audit_id: str,
        user_id: str,
        project_id: str,
        domain_ids: tuple[str, ...],
    ) -> bool:
        """Tell whether a token that was issued at ``seen`` is void."""
        keys: list[Key] = [
            (audit_id, "", "", ""),
            ("", user_id, "", ""),
            *(("", "", "", domain_id) for domain_id in domain_ids),
        ]
        if project_id:
            keys += [("", "", project_id, ""), ("", user_id, project_id, "")]
        return any(self.numbers.get(key, 0) > seen for key in keys)


_cached = Revoked()
_lock = threading.Lock()


def mark() -> Mark:
    """Return the counter as committed now: the one row read of every request."""
    row = RevocationCounter.objects.filter(pk=1).values_list("number", "stamp").first()
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
    numbers: dict[Key, int] = {}
    rows = Revocation.objects.order_by("number").values_list(
        "audit_id", "user_id", "project_id", "domain_id", "number"
    )
    for audit_id, user_id, project_id, domain_id, number in rows:
        numbers[(audit_id, user_id, project_id, domain_id)] = number
    return Revoked(now, numbers)


def revoke(
    *, audit_id: str = "", user_id: str = "", project_id: str = "", domain_id: str = ""
) -> None:
    """Void every token that matches all that is given; part of the caller's transaction.

    Call it last: the counter's row stays locked until the commit.
    """
    if not (audit_id or user_id or project_id or domain_id):
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
            audit_id=audit_id,
            user_id=user_id,
            project_id=project_id,
            domain_id=domain_id,
            forget_at=now + keep,
        )
