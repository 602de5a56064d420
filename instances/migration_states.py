"""The kinds of migrations, and how far each is, in Nova's words."""

from __future__ import annotations

from django.db.models import TextChoices


class MigrationType(TextChoices):
    """What was asked for."""

    RESIZE = "resize", "resize"
    MIGRATION = "migration", "cold migration"
    EVACUATION = "evacuation", "evacuation"


class MigrationStatus(TextChoices):
    """How far it is."""

    PRE_MIGRATING = "pre-migrating", "finding a host"
    MIGRATING = "migrating", "moving disks"
    POST_MIGRATING = "post-migrating", "starting"
    FINISHED = "finished", "waits to be confirmed"
    CONFIRMING = "confirming", "being confirmed"
    CONFIRMED = "confirmed", "confirmed"
    REVERTING = "reverting", "going back"
    REVERTED = "reverted", "went back"
    DONE = "done", "runs elsewhere"
    COMPLETED = "completed", "gone from its old host"
    ERROR = "error", "failed"


S = MigrationStatus
#: Those that hold a place and disks besides what the server has.
LIVE = frozenset(
    {S.PRE_MIGRATING, S.MIGRATING, S.POST_MIGRATING, S.FINISHED, S.CONFIRMING, S.REVERTING}
)
