"""Queries over images, and the conditional writes that move one from status to status."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.database.prepared import Given
from cloudweb.identifiers import as_uuid
from image import states
from image.filters import Comparison, ImageFilter
from image.sharing import ACCEPTED, COMMUNITY, PUBLIC, SHARED

if TYPE_CHECKING:
    from image.models import Image  # noqa: F401  (named in a string below)


class ImageQuerySet(models.QuerySet["Image"]):
    """Images, narrowed step by step."""

    def live(self) -> Self:
        """Leave out what is deleted."""
        return self.exclude(status=states.DELETED)

    def readable_by(self, context: RequestContext) -> Self:
        """Keep what the caller may open by id: its own, what is open to all or shared with it.

        An admin may open everything.
        """
        return self.live() if context.is_admin else self.readable_in(context.scoped_project_id)

    def readable_in(self, project_id: str | Given) -> Self:
        """Keep what members of a project may open by id."""
        opened = Q(visibility__in=(PUBLIC, COMMUNITY))
        return self.live().filter(Q(project_id=project_id) | opened | _shared_with(project_id))

    def listed_for(
        self, context: RequestContext, visibility: str | None, member_status: str | None = ACCEPTED
    ) -> Self:
        """Keep what a list shows the caller; others' community images only when asked for.

        ``member_status`` is what the caller said to images that were shared with it; None for any.
        """
        rows = self.live()
        if not context.is_admin:
            project_id = context.scoped_project_id
            seen = Q(project_id=project_id) | Q(visibility=PUBLIC)
            seen |= _shared_with(project_id, member_status)
            if visibility in (COMMUNITY, "all"):
                seen |= Q(visibility=COMMUNITY)
            rows = rows.filter(seen)
        if visibility in (None, "all"):
            return rows
        return rows.filter(visibility=visibility)

    def matching(self, wanted: ImageFilter) -> Self:
        """Keep what meets every condition but visibility (see ``listed_for``)."""
        rows: Any = self.filter(os_hidden=wanted.os_hidden)
        for name, values in wanted.any_of.items():
            rows = rows.filter(**{f"{name}__in": _typed(name, values)})
        if wanted.words is not None:
            key = as_uuid(wanted.words)
            rows = rows.filter(Q(id=key) if key else Q(name__icontains=wanted.words))
        exact: dict[str, Any] = {"project_id": wanted.project_id, "protected": wanted.protected}
        rows = rows.filter(**{key: value for key, value in exact.items() if value is not None})
        bounds = {"size__gte": wanted.size_min, "size__lte": wanted.size_max}
        rows = rows.filter(**{key: value for key, value in bounds.items() if value is not None})
        rows = rows.filter(**wanted.numbers)
        for name, comparison, moment in wanted.times:
            rows = _compared(rows, name, comparison, moment)
        for tag in wanted.tags:
            rows = rows.filter(tags__name=tag)
        for name, text in wanted.properties.items():
            rows = rows.filter(properties__name=name, properties__value=text)
        return rows  # type: ignore[no-any-return]

    def with_details(self) -> Self:
        """Load tags and properties along: two more statements whatever the number of rows."""
        return self.prefetch_related("tags", "properties")

    def move(self, image_id: uuid.UUID, target: str, **values: Any) -> bool:
        """Move one image to a status if its status allows that; tell whether it did."""
        rows = self.filter(id=image_id, status__in=states.may_become(target))
        return rows.update(status=target, **values) == 1

    def begin_upload(
        self,
        image_id: uuid.UUID,
        *,
        status: str,
        upload_id: str,
        now: datetime,
        abandoned_before: datetime,
    ) -> bool:
        """Take the image for one upload: it is queued, or its last upload died."""
        died = Q(status__in=states.RECEIVING, upload_seen_at__lt=abandoned_before)
        taken = self.filter(Q(status=states.QUEUED) | died, id=image_id).update(
            status=status, upload_id=upload_id, upload_seen_at=now, updated_at=now, incoming_size=0
        )
        return taken == 1

    def of_upload(self, image_id: uuid.UUID, upload_id: str) -> Self:
        """Keep the image while this upload is still the one that may finish."""
        receiving = self.filter(id=image_id, status__in=states.RECEIVING, upload_id=upload_id)
        return receiving.filter(upload_seen_at__isnull=False)

    def abandoned(self, before: datetime) -> Self:
        """Keep what is being received by an upload that was last seen before this."""
        return self.filter(status__in=states.RECEIVING, upload_seen_at__lt=before)

    def staged(self) -> Self:
        """Keep what has all its data in the staging area and waits for its import."""
        return self.filter(status=states.UPLOADING, upload_seen_at__isnull=True)

    def busy(self) -> Self:
        """Keep what data comes in for, or is copied for, or waits in the staging area for."""
        coming = Q(status__in=(*states.RECEIVING, states.IMPORTING))
        return self.filter(coming | ~Q(importing_to=[]))


ImageRows = models.Manager.from_queryset(ImageQuerySet)


def _shared_with(project_id: str | Given, status: str | None = None) -> Q:
    """Name the images that are shared with a project (that said ``status`` to them)."""
    from image.models import ImageMember  # its module needs the queryset first

    # The visibility belongs inside: beside it, SQLite would read every shared image of the cloud.
    members = ImageMember.objects.filter(project_id=project_id, image__visibility=SHARED)
    if status is not None:
        members = members.filter(status=status)
    return Q(pk__in=members.values("image"))


def _typed(name: str, values: tuple[str, ...]) -> list[Any]:
    """Return the values as the column holds them; text that is no id matches nothing."""
    if name != "id":
        return list(values)
    found = []
    for value in values:
        try:
            found.append(uuid.UUID(value))
        except ValueError:
            continue
    return found


def _compared(
    rows: ImageQuerySet, name: str, comparison: Comparison, moment: datetime
) -> ImageQuerySet:
    """Compare as clients see times: in whole seconds."""
    start = moment.replace(microsecond=0)
    end = start + timedelta(seconds=1)
    same = Q(**{f"{name}__gte": start, f"{name}__lt": end})
    conditions = {
        "eq": same,
        "neq": ~same,
        "gt": Q(**{f"{name}__gte": end}),
        "gte": Q(**{f"{name}__gte": start}),
        "lt": Q(**{f"{name}__lt": start}),
        "lte": Q(**{f"{name}__lt": end}),
    }
    return rows.filter(conditions[comparison])
