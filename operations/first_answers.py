"""First answers to POSTs with an ``Idempotency-Key``, for a day (OPERATIONS 38; cloudweb/api/once.py)."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet, Sum

from cloudweb.database.clock import now
from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import TooManyRequests
from cloudweb.first_answers import KeyTaken
from operations.models import FirstAnswer

KEPT = timedelta(hours=24)
#: Characters of encrypted answers that one project may have kept, beside IDEMPOTENCY_KEYS of them.
MOST = 64 * 1024 * 1024


class KeptAnswers:
    """The table."""

    def find(self, scope: str, key: str) -> tuple[str, bytes] | None:
        """Return the fingerprint of the request and its answer."""
        rows = FirstAnswer.objects.filter(scope=scope, key=key, created_at__gt=now() - KEPT)
        row = rows.values_list("fingerprint", "answer").first()
        return (row[0], decrypt(row[1]).encode()) if row else None

    def check_room(self, scope: str) -> None:
        """Raise TooManyRequests when the scope keeps as much as it may."""
        kept = FirstAnswer.objects.filter(scope=scope).aggregate(rows=Count("id"), size=Sum("size"))
        if kept["rows"] >= settings.IDEMPOTENCY_KEYS or (kept["size"] or 0) >= MOST:
            raise TooManyRequests(retry_after=3600, detail="too many answers are kept")

    def keep(self, scope: str, key: str, fingerprint: str, answer: bytes) -> None:
        """Keep an answer, in the transaction that is open; raise KeyTaken."""
        text = encrypt(answer.decode())
        _outdated().filter(scope=scope, key=key).delete()
        row = FirstAnswer(
            scope=scope, key=key, fingerprint=fingerprint, answer=text, size=len(text)
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise KeyTaken from error


def forget_outdated(*, batch: int) -> int:
    """Forget some of the answers that nobody gets any more; return how many."""
    ids = list(_outdated().values_list("id", flat=True)[:batch])
    FirstAnswer.objects.filter(id__in=ids).delete()
    return len(ids)


def _outdated() -> QuerySet[FirstAnswer]:
    return FirstAnswer.objects.filter(created_at__lte=now() - KEPT)
