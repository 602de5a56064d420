"""The questions that are asked of shelves. Visibility is decided here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.db import models

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from tests.example.states import BUILDING, ERROR

if TYPE_CHECKING:
    from tests.example.models import Shelf  # noqa: F401

KEPT = timedelta(days=1)


class ShelfQuerySet(models.QuerySet["Shelf"]):
    """Shelves."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what the caller's project owns; admins see everything."""
        return self if context.is_admin else self.filter(project_id=context.project_id)

    def removable(self) -> Self:
        """Keep those that nothing works on."""
        return self.exclude(status=BUILDING)

    def stale(self) -> Self:
        """Keep those that could not be built, a day ago or more."""
        return self.filter(status=ERROR, created_at__lt=now() - KEPT)
