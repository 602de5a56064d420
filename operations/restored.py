"""The database is older than what hosts know: it was restored from a copy, or lost its last moments (OPERATIONS 36).

A file beside the database says how far the epochs were, which is looked at before anything starts; hosts
that heard of a later one than there is tell so by themselves; and an operator may say it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog
from django.db import transaction
from django.db.models import Q

from cloudweb.conf import var_dir
from cloudweb.database.clock import now
from cloudweb.events import emit
from cloudweb.files import write_atomically
from operations import epoch
from operations.events import DatabaseRestored
from operations.models import EpochCounter

log = structlog.get_logger(__name__)
#: What one host claims makes everybody be told everything at most this often.
SELDOM = timedelta(hours=1)


def epoch_file() -> Path:
    """Return the file that says which epoch was the last."""
    return var_dir() / "epoch"


def remember() -> None:
    """Write down which epoch was the last; a control worker does so now and then."""
    newest, file = epoch.current(), epoch_file()
    if newest != _remembered(file):
        write_atomically(file, f"{newest}\n")


def look(*, say: Callable[[str], object]) -> None:
    """Compare the database with what is remembered, before anything starts."""
    if _remembered(epoch_file()) > epoch.current():
        say("The database is older than this cloud: hosts are told all anew.")
        note_restored()


def _remembered(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def catch_up(said: int) -> None:
    """Take it that a host heard of this epoch: if it is later than ours, tell hosts all anew."""
    if epoch.raise_above(said):
        transaction.on_commit(_tell_once_in_a_while, robust=True)


def note_restored() -> None:
    """Go on above whatever hosts may have heard of, and let each app tell them anew."""
    with transaction.atomic():
        epoch.raise_above(epoch.current() + epoch.STEP)
        EpochCounter.objects.update_or_create(id=1, defaults={"restored_at": now()})
        emit(DatabaseRestored())


def _tell_once_in_a_while() -> None:
    with transaction.atomic():
        EpochCounter.objects.get_or_create(id=1)
        long_ago = Q(restored_at=None) | Q(restored_at__lt=now() - SELDOM)
        if EpochCounter.objects.filter(long_ago, id=1).update(restored_at=now()):
            log.warning("the database is older than what hosts know: they are told all anew")
            emit(DatabaseRestored())
