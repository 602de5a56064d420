"""Which volume types a caller sees, and what can be asked of volumes in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db.models import Q, QuerySet

from cloudweb.context import RequestContext

if TYPE_CHECKING:
    from volume.models import VolumeType  # noqa: F401


class VolumeTypeQuerySet(QuerySet["VolumeType"]):
    """Volume types."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep what exists for this caller: public types and those granted to its project."""
        return self if context.is_admin else self.open_to(context.project_id)

    def open_to(self, project_id: str | None) -> Self:
        """Keep public types and those this project was granted."""
        condition = Q(is_public=True)
        if project_id is not None:
            granted = self.model.objects.filter(access__project_id=project_id)
            condition |= Q(pk__in=granted.values("pk"))
        return self.filter(condition)

    def complete(self) -> Self:
        """Read along what an answer shows of a type."""
        return self.select_related("encryption")
