"""The states of operations and steps (OPERATIONS 2 and 3)."""

from __future__ import annotations

from django.db.models import TextChoices


class OperationState(TextChoices):
    """QUEUED waits for another; FAILED is an undo that needs an operator (and is retried)."""

    QUEUED = "QUEUED", "queued"
    READY = "READY", "ready"
    RUNNING = "RUNNING", "running"
    WAITING = "WAITING", "waiting"
    DONE = "DONE", "done"
    UNDONE = "UNDONE", "undone"
    FAILED = "FAILED", "failed"

    @classmethod
    def ended(cls) -> tuple[str, str]:
        """Return the states that are the end."""
        return (cls.DONE.value, cls.UNDONE.value)


class Direction(TextChoices):
    """Forward, or newest first backward."""

    DO = "do", "do"
    UNDO = "undo", "undo"


class StepState(TextChoices):
    """A step's row; ABANDONED was under way when its operation was pre-empted."""

    PENDING = "PENDING", "pending"
    STARTED = "STARTED", "started"
    DONE = "DONE", "done"
    FAILED = "FAILED", "failed"
    ABANDONED = "ABANDONED", "abandoned"
