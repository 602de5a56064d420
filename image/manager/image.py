"""Images: their records, their data, and who may do what with them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q

from cloudweb.database import clock
from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest
from cloudweb.holdings import holdings_of
from cloudweb.listing import Page, paginate
from cloudweb.periodic import periodic
from cloudweb.policy import check, policy
from image import locations, protections, quotas, states
from image.changes import BASE, MAX_TAGS, Change, check_amount, checked, patched, tag_name
from image.exceptions import (
    AttributeForbidden,
    ImageConflict,
    ImageIdTaken,
    ImageInUse,
    ImageNotFound,
    ImageProtected,
    TooManyDetails,
)
from image.filters import DEFAULT_ORDER, ImageFilter
from image.formats import mismatch
from image.manager.data import ImageDataManager
from image.models import Image, ImageProperty, ImageTag
from image.operations.delete_image import DeleteImage
from image.reaping import erase, reap
from operations.holding import is_held

log = structlog.get_logger(__name__)
_FORMATS = ("disk_format", "container_format")


class ImageManager(ImageDataManager):
    """Images of one's own project, and those that others made public."""

    # Records

    @policy("image:images:list")
    def list(
        self,
        *,
        wanted: ImageFilter | None = None,
        order: Sequence[str] = DEFAULT_ORDER,
        marker: str | None = None,
        limit: int = 25,
    ) -> Page[Image]:
        """Return one page with tags and properties loaded.

        A marker that is an id but of no image ends the list; other text is a BadRequest.
        """
        wanted = wanted or ImageFilter()
        rows = (
            Image.objects.all()
            .listed_for(self.context, wanted.visibility, wanted.member_status)
            .matching(wanted)
        )
        after = None
        if marker is not None:
            try:
                after = self._rows().filter(id=uuid.UUID(marker)).first()
            except ValueError:
                raise BadRequest(f"Invalid marker: {marker[:80]}.") from None
            if after is None:
                return Page([], more=False)
        if protections.hidden(self.context, wanted.properties):
            return Page([], more=False)  # who may not read a property does not learn it by asking
        page = paginate(rows.with_details(), limit=limit, marker=after, order=order)
        for image in page.rows:
            self._shown(image)
        return page

    @policy("image:images:get")
    def get(self, image_id: str | uuid.UUID) -> Image:
        """Return one image with tags and properties loaded. Raises ImageNotFound."""
        return self._shown(self._find(image_id, self._rows().with_details()))

    @policy("image:images:list")
    def mentioning(self, name: str, texts: Sequence[str]) -> Sequence[Image]:
        """Return the images that have one of these texts in a property, for whoever may read them."""
        said = Q()
        for text in texts:
            said |= Q(value__contains=text)
        if not texts or protections.hidden(self.context, [name]):
            return []
        properties = ImageProperty.objects.filter(said, name=name).values("image")
        return [*self._rows().filter(id__in=properties).order_by("created_at", "id")]

    def _shown(self, image: Image) -> Image:
        image.hidden_properties = protections.hidden(self.context, image.custom_properties)
        return image

    @policy("image:images:create")
    def create(
        self, *, image_id: uuid.UUID | None = None, attributes: Mapping[str, Any] | None = None
    ) -> Image:
        """Record a queued image.

        ``attributes`` are the API's (name, visibility, tags ...); other names are custom properties.
        Raises InvalidInput, AttributeForbidden, ImageIdTaken.
        """
        values = {name: checked(name, value) for name, value in (attributes or {}).items()}
        base = {name: value for name, value in values.items() if name in BASE}
        properties = {name: value for name, value in values.items() if name not in BASE}
        check_amount(properties)
        protections.check(self.context, "create", properties)
        tags = base.pop("tags", [])
        project_id = base.pop("owner", None) or self.context.scoped_project_id
        if project_id != self.context.project_id:
            check(self.context, "image:images:set_owner")
        self._check_base(base)
        now = clock.now()
        try:
            with transaction.atomic():
                quotas.reserve_image(project_id)
                image = Image(
                    id=image_id or uuid.uuid4(),
                    project_id=project_id,
                    created_at=now,
                    updated_at=now,
                    **base,
                )
                image.save(force_insert=True)
                self._write_details(image, tags, properties)
        except IntegrityError as error:
            raise ImageIdTaken(f"Image ID {image_id} already exists.") from error
        return self._shown(self._find(image.id, self._rows().with_details()))

    @policy("image:images:update")
    def update(self, image_id: str | uuid.UUID, changes: Sequence[Change]) -> Image:
        """Apply a patch as a whole or not at all; return the image."""
        with transaction.atomic():
            image = self._own(image_id, locked(self._rows()))
            self._apply(image, changes)
        return self._shown(self._find(image.id, self._rows().with_details()))

    def _apply(self, image: Image, changes: Sequence[Change]) -> None:
        before = {name: getattr(image, name) for name in BASE if name not in ("owner", "tags")}
        before |= {"owner": image.project_id, "tags": image.tag_names}
        old_properties = image.custom_properties
        after, properties = patched(before, old_properties, changes)
        protections.check_change(self.context, old_properties, properties)
        changed = {name: value for name, value in after.items() if value != before[name]}
        if "owner" in changed:
            check(self.context, "image:images:set_owner")
            image.project_id = changed.pop("owner")
        if any(name in changed for name in _FORMATS) and image.status != states.QUEUED:
            raise AttributeForbidden(
                "The disk and container format can be changed only while the image is queued."
            )
        tags = changed.pop("tags", None)
        self._check_base({**{name: after[name] for name in _FORMATS}, **changed})
        for name, value in changed.items():
            setattr(image, name, value)
        image.updated_at = clock.now()
        image.save(update_fields=[*changed, "project_id", "updated_at"])
        if tags is not None:
            image.tags.all().delete()
        gone = [name for name, value in old_properties.items() if properties.get(name) != value]
        image.properties.filter(name__in=gone).delete()
        added = {
            name: text for name, text in properties.items() if old_properties.get(name) != text
        }
        self._write_details(image, tags or [], added)

    def _check_base(self, base: Mapping[str, Any]) -> None:
        if base.get("visibility") == "public":
            check(self.context, "image:images:publicize")
        wrong = mismatch(base.get("disk_format", ""), base.get("container_format", ""))
        if wrong:
            raise BadRequest(wrong)

    def _write_details(
        self, image: Image, tags: Sequence[str], properties: Mapping[str, str]
    ) -> None:
        ImageTag.objects.bulk_create([ImageTag(image=image, name=tag) for tag in tags])
        ImageProperty.objects.bulk_create(
            [ImageProperty(image=image, name=name, value=text) for name, text in properties.items()]
        )

    @policy("image:images:delete")
    def delete(self, image_id: str | uuid.UUID) -> None:
        """Delete the record and then the data. Raises ImageProtected, ImageInUse."""
        image = self._own(image_id)
        if image.protected:
            raise ImageProtected(f"Image {image.id} is protected and cannot be deleted.")
        if held := holdings_of("image", str(image.id)):
            raise ImageInUse(image.id, holdings=held)
        unprotected = Image.objects.filter(protected=False)
        with transaction.atomic():
            if not unprotected.move(image.id, states.DELETED, updated_at=clock.now()):
                image = self._own(image_id)  # deleted by another meanwhile: 404
                raise ImageProtected(f"Image {image.id} is protected and cannot be deleted.")
            if is_held("image", str(image.id)):
                DeleteImage.start(self.context, resource_id=str(image.id), preempt=True)
            else:
                transaction.on_commit(lambda: erase(image), robust=True)

    # Images that other parts of the cloud make

    @policy("image:images:upload")
    def upload_url(self, image_id: str | uuid.UUID) -> str:
        """Return where a host brings the data of an image that waits for it. Raises ImageNotFound."""
        return locations.signed_url(self._own(image_id).id, what="upload")

    @policy("image:images:upload")
    def complete_without_data(self, image_id: str | uuid.UUID) -> None:
        """Let an image be active that holds no data: its properties name where that is.

        Raises ImageNotFound, ImageConflict.
        """
        image = self._own(image_id)
        if image.status != states.QUEUED:
            raise ImageConflict(f"An image in status {image.status} cannot become active.")
        self._move(image_id, states.ACTIVE)

    @policy("image:images:delete")
    def abandon(self, image_id: str | uuid.UUID) -> None:
        """Take away an image that never got its data, protected or not; one that went is no error.

        For the operation that makes it, which itself is at work on it. Call inside ``atomic()``.
        """
        with suppress(ImageNotFound):
            image = self._own(image_id)
            if not Image.objects.all().move(image.id, states.DELETED, updated_at=clock.now()):
                return
            transaction.on_commit(lambda: erase(image), robust=True)

    # Tags

    @policy("image:tags:add")
    def add_tag(self, image_id: str | uuid.UUID, tag: str) -> None:
        """Put a tag on the image; it may be there already."""
        name = tag_name(tag)
        with transaction.atomic():
            image = self._own(image_id, locked(self._rows()))
            if image.tags.exclude(name=name).count() >= MAX_TAGS:
                raise TooManyDetails(f"An image has at most {MAX_TAGS} tags.")
            ImageTag.objects.get_or_create(image=image, name=name)
            Image.objects.filter(id=image.id).update(updated_at=clock.now())

    @policy("image:tags:delete")
    def delete_tag(self, image_id: str | uuid.UUID, tag: str) -> None:
        """Take a tag off the image; raise ImageNotFound when it has no such tag."""
        with transaction.atomic():
            image = self._own(image_id, locked(self._rows()))
            if not image.tags.filter(name=tag).delete()[0]:
                raise ImageNotFound(tag)
            Image.objects.filter(id=image.id).update(updated_at=clock.now())

    # Withholding

    @policy("image:images:deactivate")
    def deactivate(self, image_id: str | uuid.UUID) -> None:
        """Withhold the data of an active image of one's own from all but operators."""
        self._move(image_id, states.DEACTIVATED)

    @policy("image:images:reactivate")
    def reactivate(self, image_id: str | uuid.UUID) -> None:
        """Give a deactivated image's data out again."""
        image = self._own(image_id)
        if image.status not in (states.ACTIVE, states.DEACTIVATED):
            raise ImageConflict(f"An image in status {image.status} cannot be reactivated.")
        self._move(image_id, states.ACTIVE)

    def _move(self, image_id: str | uuid.UUID, target: str) -> None:
        image = self._own(image_id)
        if image.status == target:
            return
        if not Image.objects.all().move(image.id, target, updated_at=clock.now()):
            raise ImageConflict(f"An image in status {image.status} cannot become {target}.")

    @periodic(every=timedelta(hours=1))
    @policy("image:images:reap")
    def reap(self) -> Sequence[str]:
        """Finish what died half-way: uploads, deletions and files that no image names.

        Returns the store keys that were removed.
        """
        removed = reap()
        if removed:
            log.info("image store reaped", removed=removed)
        return removed
