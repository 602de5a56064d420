"""Tasks: the operations on images, as clients of the image service know them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from cloudweb.listing import Page
from cloudweb.policy import policy
from image.exceptions import TaskNotFound
from image.manager.finding import ImageFinder
from image.manager.image import ImageManager
from image.manager.imports import ImageImportManager
from image.task_words import DEFAULT_ORDER, STATES
from operations.history import KEEP, Entry, operation_of, operations_of, page_of

RESOURCE = "image"


class ImageTaskManager(ImageFinder):
    """The operations on images; they outlive the image."""

    @policy("image:tasks:create")
    def create(
        self,
        *,
        import_from: str,
        import_from_format: str,
        image_id: uuid.UUID | None = None,
        attributes: Mapping[str, Any],
    ) -> Entry:
        """Record an image with these attributes and begin to download its data.

        Raises what ``ImageManager.create`` and ``ImageImportManager.start`` do; then there is neither.
        """
        formats = {"disk_format": import_from_format, "container_format": "bare"}
        with transaction.atomic():
            image = ImageManager(self.context).create(
                image_id=image_id, attributes={**formats, **attributes}
            )
            ImageImportManager(self.context).start(
                image.id,
                method="web-download",
                uri=import_from,
                task_input={
                    "import_from_format": import_from_format,
                    "image_properties": dict(attributes),
                },
            )
        return operations_of(RESOURCE, str(image.id))[0]

    @policy("image:tasks:list")
    def list(
        self,
        *,
        kinds: Sequence[str] = (),
        status: str | None = None,
        order: Sequence[str] = DEFAULT_ORDER,
        marker: str | None = None,
        limit: int = 25,
    ) -> Page[Entry]:
        """Return a page of the project's tasks; of all projects for an admin."""
        own = None if self.context.is_admin else self.context.scoped_project_id
        states = STATES[status] if status is not None else ()
        return page_of(
            RESOURCE,
            project_id=own,
            kinds=kinds,
            states=states,
            order=order,
            marker=marker,
            limit=limit,
        )

    @policy("image:tasks:get")
    def get(self, task_id: str) -> Entry:
        """Return one task; raise TaskNotFound."""
        found = operation_of(RESOURCE, task_id)
        if found is None or not (
            self.context.is_admin or found.project_id == self.context.project_id
        ):
            raise TaskNotFound(task_id)
        return found

    @policy("image:tasks:list")
    def of_image(self, image_id: str | uuid.UUID) -> Sequence[Entry]:
        """Return the tasks of an image of one's own, newest first."""
        return operations_of(RESOURCE, str(self._own(image_id).id))


def expires_at(task: Entry) -> datetime | None:
    """Return when an ended task may be forgotten."""
    return task.finished_at + KEEP if task.finished_at is not None else None
