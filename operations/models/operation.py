"""The durable record of one thing being done to one resource."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now
from operations.states import Direction, OperationState


class Operation(models.Model):
    """One row of OPERATIONS 1-2; every write after START carries the claimant's epoch."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=64)
    version = models.PositiveIntegerField(default=1)
    request_id = models.CharField(max_length=64, blank=True)
    user_id = models.CharField(max_length=64, blank=True)
    project_id = models.CharField(max_length=64, blank=True, db_index=True)
    resource_type = models.CharField(max_length=32)
    resource_id = models.CharField(max_length=64)
    args: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    state = models.CharField(
        max_length=8, choices=OperationState.choices, default=OperationState.READY
    )
    direction = models.CharField(max_length=4, choices=Direction.choices, default=Direction.DO)
    cursor = models.IntegerField(default=0)
    round = models.PositiveIntegerField(default=0)  # grows when a build is tried on another host
    undo_floor = models.PositiveIntegerField(
        null=True, blank=True
    )  # undo down to here, then forward
    past_pivot = models.BooleanField(default=False)  # forward only from now on
    owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    epoch = models.BigIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField()
    preempted_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="preempts"
    )
    after = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="followers"
    )
    waits_for: models.JSONField[list[list[str]] | None] = models.JSONField(
        null=True, blank=True
    )  # what a QUEUED one will hold: pairs of type and id
    parent_step = models.ForeignKey(
        "operations.Step",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="children",
        db_index=False,
    )  # the step of another operation that waits for this one
    excluded_hosts: models.JSONField[list[str]] = models.JSONField(default=list)
    error_code = models.CharField(max_length=64, blank=True)
    error_public = models.TextField(blank=True)
    error_detail = models.TextField(blank=True)  # operators alone
    created_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)

    #: What the transaction under way has still to write here, and what it found (``guard.put_off``).
    unwritten: dict[str, Any] | None = None
    found: tuple[str, int] = ("", 0)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(
                fields=["next_at"],
                name="operation_due",
                condition=models.Q(state__in=["READY", "WAITING", "FAILED"]),
            ),
            models.Index(
                fields=["lease_until"],
                name="operation_lease",
                condition=models.Q(state="RUNNING"),
            ),
            models.Index(
                fields=["resource_type", "resource_id", "created_at"], name="operation_resource"
            ),
            models.Index(
                fields=["resource_type", "project_id", "created_at", "id"],
                name="operation_project",
            ),
            models.Index(fields=["request_id"], name="operation_request"),
            models.Index(fields=["after"], name="operation_after"),
            models.Index(
                fields=["parent_step"],
                name="operation_parent",
                condition=models.Q(parent_step__isnull=False),
            ),
            models.Index(fields=["-created_at", "-id"], name="operation_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.resource_id}"

    @property
    def is_live(self) -> bool:
        """Tell whether the operation has not ended."""
        return self.state not in OperationState.ended()
