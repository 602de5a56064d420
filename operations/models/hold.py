"""What a live operation keeps others away from."""

from __future__ import annotations

from django.db import models

from operations.models.operation import Operation


class Hold(models.Model):
    """One row of OPERATIONS 4: at most one live operation for each resource; one may hold several."""

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="holds")
    resource_type = models.CharField(max_length=32)
    resource_id = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["resource_type", "resource_id"], name="one_hold")
        ]

    def __str__(self) -> str:
        return f"{self.resource_type}:{self.resource_id}"
