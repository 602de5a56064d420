"""What else can be done with an image: its words, its members, its data withheld."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse

from cloudweb.exceptions import CloudwebError, NotFound
from dashboard.forms.image_details import ImageWordsForm, MemberForm
from dashboard.views.images import ImageDetail
from image.manager import ImageManager, ImageMemberManager


class ImageWords(ImageDetail):
    """Tags and properties of an image."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, image_id: uuid.UUID) -> HttpResponse:
        """Set them to what the form says."""
        manager = ImageManager(self.context)
        before = manager.get(image_id).shown_properties
        form = ImageWordsForm(request.POST, properties=before)
        if form.is_valid():
            try:
                manager.update(image_id, form.changes())
            except CloudwebError as error:
                form.refuse(error)
            else:
                return self.back(image_id, "Saved.")
        return self.show(image_id, status=422, words=form)


class ImageMembers(ImageDetail):
    """The projects an image is shared with."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, image_id: uuid.UUID) -> HttpResponse:
        """Share it with one more."""
        form = MemberForm(request.POST)
        if form.is_valid():
            try:
                ImageMemberManager(self.context).add(image_id, form.cleaned_data["project"])
            except CloudwebError as error:
                form.refuse(error)
            else:
                return self.back(image_id, "Shared. The project accepts it to see it in its lists.")
        return self.show(image_id, status=422, member=form)


class RemoveMember(ImageDetail):
    """One project an image is shared with."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, image_id: uuid.UUID, member_id: str = "") -> HttpResponse:
        """Share it no longer with this one."""
        ImageMemberManager(self.context).delete(image_id, member_id)
        return self.back(image_id, "The project cannot use the image any more.")


class AnswerShare(ImageDetail):
    """What one's own project says to an image that was shared with it."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, image_id: uuid.UUID, status: str = "") -> HttpResponse:
        """Accept or reject it."""
        own = self.context.scoped_project_id
        ImageMemberManager(self.context).update(image_id, own, status)
        return self.back(image_id, f"The image was {status}.")


class WithholdImage(ImageDetail):
    """Whether an image's data is given out; for operators."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, image_id: uuid.UUID, action: str = "") -> HttpResponse:
        """Deactivate or reactivate it."""
        manager = ImageManager(self.context)
        if action == "deactivate":
            manager.deactivate(image_id)
            return self.back(image_id, "Its data is withheld.")
        if action == "reactivate":
            manager.reactivate(image_id)
            return self.back(image_id, "Its data is given out again.")
        raise NotFound
