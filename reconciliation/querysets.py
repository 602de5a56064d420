"""The questions asked of differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

from cloudweb.database.clock import now

if TYPE_CHECKING:
    from reconciliation.models import Difference  # noqa: F401

#: Seen so often it is no chance.
CONFIRMED = 2


class DifferenceQuerySet(models.QuerySet["Difference"]):
    """Differences."""

    def open(self) -> Self:
        """Keep those that are still found."""
        return self.filter(gone_at=None)

    def confirmed(self) -> Self:
        """Keep those that are still found and are no chance."""
        return self.open().filter(sightings__gte=CONFIRMED)

    def due(self) -> Self:
        """Keep those to be healed now."""
        return self.confirmed().filter(left=False, heal_at__lte=now())
