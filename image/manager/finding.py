"""How a manager of images finds one: what the caller may read, and what is the caller's own."""

from __future__ import annotations

import uuid

from django.db.models import CharField, QuerySet

from cloudweb.database.prepared import Given, Prepared
from cloudweb.manager import Manager
from image.exceptions import ImageNotFound, NotYourImage
from image.models import Image
from image.querysets import ImageQuerySet

_EXISTING = Prepared(lambda: Image.objects.all().live().filter(id=Given("id")).order_by())
_READABLE = Prepared(
    lambda: (
        Image.objects.all()
        .readable_in(Given("project", CharField()))
        .filter(id=Given("id"))
        .order_by()
    )
)


class ImageFinder(Manager):
    """The base of the managers that work on one image."""

    def _rows(self) -> ImageQuerySet:
        return Image.objects.all().readable_by(self.context)

    def _find(self, image_id: str | uuid.UUID, rows: QuerySet[Image] | None = None) -> Image:
        try:
            key = image_id if isinstance(image_id, uuid.UUID) else uuid.UUID(image_id)
        except ValueError:
            raise ImageNotFound(image_id) from None
        if rows is not None:
            found = rows.filter(id=key).first()
        elif self.context.is_admin:
            found = _EXISTING.row(id=key)
        else:
            found = _READABLE.row(id=key, project=self.context.scoped_project_id)
        if found is None:
            raise ImageNotFound(image_id)
        return found

    def _own(self, image_id: str | uuid.UUID, rows: QuerySet[Image] | None = None) -> Image:
        image = self._find(image_id, rows)
        if not self.context.is_admin and image.project_id != self.context.project_id:
            raise NotYourImage
        return image
