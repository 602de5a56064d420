"""The kinds of migrations, and how far each is, in Nova's words."""

from __future__ import annotations

from django.db.models import TextChoices


class MigrationType(TextChoices):
    """What was asked for."""

    RESIZE = "resize", "resize"
    MIGRATION = "migration", "cold migration"
    EVACUATION = "evacuation", "evacuation"
    LIVE = "live-migration", "live migration"


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
    COMPLETED = "completed", "all of it is elsewhere"
    ERROR = "error", "failed"
    QUEUED = "queued", "finding a host to run on"
    PREPARING = "preparing", "making ready"
    RUNNING = "running", "going over"
    CANCELLED = "cancelled", "called off"
    FAILED = "failed", "stayed"


S = MigrationStatus
#: Those that hold a place and disks besides what the server has.
LIVE = frozenset(
    {S.PRE_MIGRATING, S.MIGRATING, S.POST_MIGRATING, S.FINISHED, S.CONFIRMING, S.REVERTING}
    | {S.QUEUED, S.PREPARING, S.RUNNING}
)
#: Those of a live migration that can be called off, and of one whose guest has not begun to go.
GOING = frozenset({S.QUEUED, S.PREPARING, S.RUNNING})
WAITING = GOING - {S.RUNNING}
#: Who has the guest of a live migration, once that is known.
SOURCE, DESTINATION = "source", "destination"
