"""What the audit log does when others have news."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from audit.models import Record
from cloudweb.database.clock import now
from cloudweb.events import on

BATCH = 500
BATCHES = 200  # in one round of house-keeping, so that it ends


@on("house.kept")
def forget_old_records() -> None:
    """Drop records older than AUDIT_KEEP_DAYS (0 keeps all), each batch in a statement of its own.

    Other writers come in between; what is left over goes in the next round.
    """
    if settings.AUDIT_KEEP_DAYS <= 0:
        return
    limit = now() - timedelta(days=settings.AUDIT_KEEP_DAYS)
    for _ in range(BATCHES):
        old = Record.objects.filter(created_at__lt=limit).order_by("created_at")[:BATCH]
        gone, _kinds = Record.objects.filter(pk__in=old.values("pk")).delete()
        if gone < BATCH:
            return
