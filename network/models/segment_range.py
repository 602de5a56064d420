"""Ranges of the numbers that networks are given."""

from __future__ import annotations

from django.db import models

from network.models.network import NetworkKind
from network.models.standard import Named
from network.querysets import SegmentRangeQuerySet
from network.strategies import STRATEGIES, Strategy


class SegmentRange(Named):
    """Numbers of one type, on one wire if it is VLANs: everybody's, or one project's first of all.

    ``project_id`` is empty for a shared one. One that is ``default`` is what settings say.
    """

    kind = models.CharField(max_length=16, choices=NetworkKind.choices)
    physical_network = models.CharField(max_length=64, blank=True, default="")
    minimum = models.PositiveIntegerField()
    maximum = models.PositiveIntegerField()
    default = models.BooleanField(default=False)
    shared = models.BooleanField(default=True)

    used: dict[int, str]  # by number the project that has it, where a manager asked

    objects = SegmentRangeQuerySet.as_manager()

    class Meta(Named.Meta):
        indexes = [models.Index(fields=["created_at", "id"], name="segment_range_by_age")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(minimum__lte=models.F("maximum")),
                name="segment_range_in_order",
            ),
            models.CheckConstraint(
                condition=models.Q(shared=True, project_id="")
                | (models.Q(shared=False) & ~models.Q(project_id="")),
                name="segment_range_of_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.kind} {self.minimum} to {self.maximum}"

    @property
    def numbers(self) -> range:
        """All its numbers."""
        return range(self.minimum, self.maximum + 1)

    @property
    def strategy(self) -> Strategy:
        """What its type can do."""
        return STRATEGIES[self.kind]
