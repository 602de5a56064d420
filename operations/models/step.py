"""One step of an operation, in one direction."""

from __future__ import annotations

from typing import Any

from django.db import models

from cloudweb.killpoints import Place
from operations.models.operation import Operation
from operations.states import Direction, StepState


class Step(models.Model):
    """One row of OPERATIONS 3.

    ``seq`` is round * 1,000,000 + index of the step * 10,000 + part: a step that gives orders about
    several scopes has a row for each, and a build on another host starts a new round, so (operation,
    seq, direction, attempt) names one order for good. While an order is queued on its host the step has
    the operation's deadline; its own time starts when it is executed (OPERATIONS 45).
    """

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="steps")
    seq = models.PositiveBigIntegerField()
    direction = models.CharField(max_length=4, choices=Direction.choices, default=Direction.DO)
    name = models.CharField(max_length=64)
    host = models.CharField(max_length=64, blank=True)
    scope = models.CharField(max_length=96, blank=True)
    state = models.CharField(max_length=9, choices=StepState.choices, default=StepState.PENDING)
    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    final = models.BooleanField(default=False)  # it failed, and trying again will not help
    epoch = models.BigIntegerField(default=0)
    child_id = models.UUIDField(null=True, blank=True)  # the operation it waits or waited for
    result: models.JSONField[Any] = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_public = models.TextField(blank=True)
    error_detail = models.TextField(blank=True)
    progress = models.PositiveSmallIntegerField(default=0)
    progress_text = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    cast_at = models.DateTimeField(null=True, blank=True)  # its newest attempt
    heard_at = models.DateTimeField(null=True, blank=True)  # set while its host has it
    executing_at = models.DateTimeField(null=True, blank=True)  # no longer queued on its host
    time_limit = models.FloatField(null=True, blank=True)  # seconds from executing_at
    deadline_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("seq", "direction")
        constraints = [
            models.UniqueConstraint(fields=["operation", "seq", "direction"], name="step_place"),
            models.CheckConstraint(
                condition=~models.Q(state="STARTED") | models.Q(deadline_at__isnull=False),
                name="started_step_has_deadline",
            ),
        ]
        indexes = [
            models.Index(
                fields=["host"], name="step_started_on", condition=models.Q(state="STARTED")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.direction})"

    @property
    def place(self) -> Place:
        """What an order about this row is an attempt of."""
        return str(self.operation_id), self.seq, self.direction
