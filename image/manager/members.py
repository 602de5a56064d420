"""Sharing: which projects an image is for, and whether they want it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import IntegrityError, transaction

from cloudweb.database import clock
from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.names import no_control_characters
from cloudweb.policy import policy
from image.exceptions import MemberExists, MemberNotFound, NotShared, NotYourImage, TooManyDetails
from image.manager.finding import ImageFinder
from image.models import Image, ImageMember
from image.sharing import MEMBER_STATUSES, SHARED

MAX_MEMBERS = 128


class ImageMemberManager(ImageFinder):
    """The members of one image: its owner adds and removes them, each answers for itself."""

    @policy("image:members:list")
    def list(self, image_id: str | uuid.UUID) -> Sequence[ImageMember]:
        """Return the members, oldest first: all for the owner, only itself for a member.

        Raises ImageNotFound, NotShared.
        """
        image = self._shared(self._find(image_id))
        rows = ImageMember.objects.filter(image=image)
        if not self._owns(image):
            rows = rows.filter(project_id=self.context.scoped_project_id)
        return list(rows.order_by("created_at", "id"))

    @policy("image:members:get")
    def get(self, image_id: str | uuid.UUID, member_id: str) -> ImageMember:
        """Return one member; another member's entry does not exist for a member."""
        image = self._shared(self._find(image_id))
        if not self._owns(image) and member_id != self.context.project_id:
            raise MemberNotFound(member_id)
        return self._member(image, member_id)

    @policy("image:members:add")
    def add(self, image_id: str | uuid.UUID, member_id: str) -> ImageMember:
        """Share an image of one's own with a project. Raises NotShared, MemberExists."""
        project_id = _project_id(member_id)
        now = clock.now()
        try:
            with transaction.atomic():
                image = self._shared(self._own(image_id, locked(self._rows())))
                if image.members.count() >= MAX_MEMBERS:
                    raise TooManyDetails(f"An image has at most {MAX_MEMBERS} members.")
                return ImageMember.objects.create(
                    image=image, project_id=project_id, created_at=now, updated_at=now
                )
        except IntegrityError as error:
            raise MemberExists(
                f"Image {image_id} is already shared with project {project_id}."
            ) from error

    @policy("image:members:update")
    def update(self, image_id: str | uuid.UUID, member_id: str, status: str) -> ImageMember:
        """Accept or reject an image that was shared with one's own project.

        The owner cannot answer for a member: it gets NotYourImage.
        """
        if status not in MEMBER_STATUSES:
            raise InvalidInput(
                field="status", value=status, reason=f"One of {', '.join(MEMBER_STATUSES)}."
            )
        image = self._shared(self._find(image_id))
        if member_id != self.context.project_id and not self.context.is_admin:
            if self._owns(image):
                raise NotYourImage("Only the member itself can accept or reject an image.")
            raise MemberNotFound(member_id)
        rows = ImageMember.objects.filter(image=image, project_id=member_id)
        if not rows.update(status=status, updated_at=clock.now()):
            raise MemberNotFound(member_id)
        return self._member(image, member_id)

    @policy("image:members:delete")
    def delete(self, image_id: str | uuid.UUID, member_id: str) -> None:
        """Share an image of one's own no longer with a project. Raises MemberNotFound."""
        image = self._shared(self._own(image_id))
        if not ImageMember.objects.filter(image=image, project_id=member_id).delete()[0]:
            raise MemberNotFound(member_id)

    def _owns(self, image: Image) -> bool:
        return self.context.is_admin or image.project_id == self.context.project_id

    def _shared(self, image: Image) -> Image:
        if image.visibility != SHARED:
            raise NotShared
        return image

    def _member(self, image: Image, member_id: str) -> ImageMember:
        found = ImageMember.objects.filter(image=image, project_id=member_id).first()
        if found is None:
            raise MemberNotFound(member_id)
        return found


def _project_id(text: str) -> str:
    if not text.strip() or len(text) > 64:
        raise BadRequest("A member is the id of a project.")
    try:
        return no_control_characters(text)
    except ValueError as error:
        raise BadRequest("A member is the id of a project.") from error
