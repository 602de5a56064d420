"""Bad log-ins that repeat are one record with a count: whoever guesses must not fill the log.

One record for each user, address and ``WINDOW``. Of one address so many names are kept apart; further
ones share a record without a name.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F

from audit.models import Outcome, Record
from audit.querysets import RecordQuerySet

WINDOW = timedelta(minutes=10)
MOST_NAMES = 50
#: What a stranger may try without a token.
GUESSES = frozenset(
    {
        "identity:tokens:issue",
        "identity:ec2_tokens:issue",
        "identity:sessions:create",
        "identity:user_passwords:change",
        "identity:federation:log_in",
        "database:guests:enrol",
        "database:guests:mailbox",
        "database:guests:result",
        "database:guests:heartbeat",
        "database:guests:renew",
    }
)
OTHERS = "More names were tried from this address than are kept apart."


def count(row: Record) -> bool:
    """Count a new record where it repeats one that is kept; tell whether that was so.

    Two that repeat nothing at the same instant may both be kept.
    """
    if row.action not in GUESSES or row.outcome != Outcome.REFUSED:
        return False
    rows = Record.objects.filter(
        created_at__gt=row.created_at - WINDOW,
        action=row.action,
        outcome=row.outcome,
        remote_address=row.remote_address,
    )
    named = ("user_id", "user_name", "code", "origin")
    if _counted(rows.filter(**{name: getattr(row, name) for name in named}), row):
        return True
    if rows.count() < MOST_NAMES:
        return False
    row.user_id = row.user_name = row.user_domain_id = ""
    row.reason = OTHERS
    return _counted(rows.filter(reason=OTHERS), row)


def _counted(rows: RecordQuerySet, row: Record) -> bool:
    kept = rows.order_by("-created_at").values_list("pk", flat=True).first()
    if kept is None:
        return False
    same = Record.objects.filter(pk=kept)
    return same.update(count=F("count") + 1, last_at=row.created_at) == 1
