"""Images: list, facts, upload, delete."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from cloudweb.listing import Page as Rows
from cloudweb.policy import check
from cloudweb.refusals import normalize
from dashboard.components import cells
from dashboard.components.lists import (
    Action,
    Asked,
    Choice,
    Column,
    Empty,
    Field,
    Link,
    Offer,
    Tool,
)
from dashboard.components.status import image_badge
from dashboard.components.words import spoken
from dashboard.forms.image_details import ImageWordsForm, MemberForm
from dashboard.forms.images import ImageForm, ImportImageForm, NewImageForm
from dashboard.templatetags.pages import size
from dashboard.views.list_page import ListPage
from dashboard.views.page import Page
from image.api.streams import RequestBody
from image.filters import ImageFilter
from image.formats import BOOTABLE, opened_as
from image.manager import ImageManager, ImageMemberManager
from image.manager.imports import ImageImportManager, methods
from image.sharing import SHARED

if TYPE_CHECKING:
    from image.models import Image

BUSY = ("saving", "uploading", "importing")


VISIBLE_TO = {
    "public": "everyone",
    "community": "whoever knows its ID",
    "shared": "projects it is shared with",
}


def _delete(context: RequestContext, image_id: str) -> None:
    ImageManager(context).delete(image_id)


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="image:images:delete",
    effect=_delete,
    done="{} was deleted.",
    warning="Its data is gone for good. Servers that were made from it keep running.",
    warning_all="Their data is gone for good. Servers that were made from them keep running.",
    harm=True,
)


class Images(ListPage):
    """Own images and public ones, newest first."""

    section = route = "images"
    title, about, nouns = "Images", "Disks that servers start from", ("image", "images")
    columns = (
        Column("Name", lambda one: cells.named(_url(one), _called(one)), sort="name"),
        Column(
            "Status",
            lambda one: cells.status(image_badge(one)),
            sort="status",
            css="col-status",
            unlabelled=True,
        ),
        Column("Format", lambda one: one.disk_format or cells.NOTHING, sort="disk_format"),
        Column(
            "Size",
            lambda one: size(one.size) if one.size else cells.NOTHING,
            sort="size",
            falling=True,
            css="num nowrap",
        ),
        Column("Visible to", lambda one: VISIBLE_TO.get(one.visibility, "its project only")),
        Column("Created", lambda one: cells.ago(one.created_at), sort="created_at", falling=True),
    )
    order = "-created_at"
    search = (Field("q", "Find by name or ID", live=True),)
    choices = (
        Choice(
            "visibility",
            "Which images",
            {"": "All", "own": "This project", "shared": "Shared", "public": "Public"},
        ),
    )
    actions = (DELETE,)
    tools = (
        Tool("Import from a URL", "import_image", "download", "image:images:import", main=False),
        Tool("Upload image", "new_image", "upload", "image:images:create"),
    )
    empty = Empty(
        "disc",
        "No images here",
        "Upload a qcow2 or raw disk; it is inspected before any host opens it.",
        "Your role in this project lets you look, not upload.",
        "No image is like that",
        "Try a part of its name, or look among all of them.",
    )
    pace = (2, 20)

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        wanted = replace(WANTED[asked.chosen.get("visibility", "")], words=asked.q)
        if asked.chosen.get("visibility") == "own":
            wanted = replace(wanted, project_id=self.context.project_id)
        return ImageManager(self.context).list(
            wanted=wanted, order=asked.columns(last="id"), marker=asked.marker, limit=asked.limit
        )

    def name_of(self, row: Image) -> str:
        """Return the name, or the id of an image that has none."""
        return _called(row)

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Ask for them all at once."""
        wanted = ImageFilter(any_of={"id": tuple(keys)}, visibility="all", member_status=None)
        found = ImageManager(self.context).list(wanted=wanted, limit=len(keys))
        return {str(one.id): _called(one) for one in found.rows}

    def is_busy(self, row: Image) -> bool:
        """Tell whether its data is on the way."""
        return row.status in BUSY

    def offers_of(self, row: Image) -> Sequence[Offer]:
        """Return what its owner may do."""
        return super().offers_of(row) if row.project_id == self.context.project_id else ()

    def links_of(self, row: Image) -> Sequence[Link]:
        """Lead to the launch of a server from it."""
        ready = row.status == "active" and row.disk_format in BOOTABLE
        if not ready or not self.may("compute:servers:create"):
            return ()
        url = f"{reverse('launch')}?image={row.id}"
        return [Link(f"Launch a server from {_called(row)}", url, "rocket")]

    def offered_tools(self) -> Sequence[Tool]:
        """Offer downloads where the cloud does any."""
        offers = super().offered_tools()
        return [one for one in offers if one.route != "import_image" or _offers_downloads()]


#: The filter behind a word above the list; shared ones show before one accepts.
WANTED = {
    "": ImageFilter(),
    "own": ImageFilter(),
    "shared": ImageFilter(visibility="shared", member_status=None),
    "public": ImageFilter(visibility="public"),
}


def _called(image: Image) -> str:
    return image.name or str(image.id)


def _url(image: Image) -> str:
    return reverse("image", args=[image.id])


class ImageDetail(Page):
    """One image: facts, and the form that changes them."""

    section = "images"

    def get(self, request: HttpRequest, image_id: uuid.UUID) -> HttpResponse:
        """Show it."""
        return self.show(image_id)

    def post(self, request: HttpRequest, image_id: uuid.UUID) -> HttpResponse:
        """Change it."""
        image = ImageManager(self.context).get(image_id)
        form = self._form(image, request.POST)
        if form.is_valid():
            try:
                ImageManager(self.context).update(image_id, form.changes())
            except CloudwebError as error:
                form.refuse(error)
            else:
                return self.back(image_id, "Saved.")
        return self.show(image_id, form=form, status=422)

    def _form(self, image: Any, data: Any = None) -> ImageForm:
        names = ("name", "visibility", "protected")
        least = {name: getattr(image, name) or None for name in ("min_ram", "min_disk")}
        return ImageForm(
            data,
            initial={name: getattr(image, name) for name in names} | least,
            may_publish=self.may("image:images:publicize"),
        )

    def back(self, image_id: uuid.UUID, text: str) -> HttpResponse:
        """Say what was done, on the image's page."""
        return self.done(text, reverse("image", args=[image_id]))

    def show(self, image_id: uuid.UUID, *, status: int = 200, **forms: Any) -> HttpResponse:
        """Show the image with these forms as they were filled in: form, words, member."""
        facts = image_facts(self, image_id)
        image = facts["image"]
        own_id = self.context.project_id
        members = self._members(image)
        texts = ImageWordsForm.texts(image.tag_names, image.shown_properties)
        new_words = ImageWordsForm(initial=texts, properties=image.shown_properties)
        return self.render(
            "dashboard/images/detail.html",
            status=status,
            form=forms.get("form") or self._form(image),
            words=forms.get("words") or new_words,
            member=forms.get("member") or MemberForm(),
            members=members,
            is_shared=image.visibility == SHARED,
            share=next((one for one in members if one.project_id == own_id), None),
            may_answer=self.may("image:members:update") and image.project_id != own_id,
            **facts,
        )

    def _members(self, image: Any) -> Sequence[Any]:
        """Return the members that the user may see; none of an image that is not shared."""
        if image.visibility != SHARED or not self.may("image:members:list"):
            return []
        return ImageMemberManager(self.context).list(image.id)


class ImageLive(Page):
    """What changes by itself on the page of an image."""

    def get(self, request: HttpRequest, image_id: uuid.UUID) -> HttpResponse:
        """Show it as it is now."""
        facts = image_facts(self, image_id)
        return self.fragment("dashboard/images/live.html", is_part=True, **facts)


def image_facts(page: Page, image_id: uuid.UUID) -> dict[str, Any]:
    """Return what the page of an image and its live part show."""
    context = page.context
    image = ImageManager(context).get(image_id)
    own = context.is_admin or image.project_id == context.project_id
    entry = next(iter(ImageImportManager(context).history(image_id)), None)
    opened = opened_as(image.disk_format, image.container_format)
    return {
        "image": image,
        "badge": image_badge(image),
        "entry": entry,
        "busy": image.status in BUSY or bool(entry and entry.is_live),
        "may_update": own and page.may("image:images:update"),
        "may_withhold": own and page.may("image:images:deactivate"),
        "may_import": _offers_downloads(),
        "may_launch": image.status == "active"
        and opened is not None
        and page.may("compute:servers:create"),
    }


def _offers_downloads() -> bool:
    return "web-download" in methods()


class ImportImage(Page):
    """Import an image from a URL: its page shows how that goes."""

    section = "images"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form."""
        check(self.context, "image:images:import")
        initial = {"visibility": SHARED, "disk_format": "qcow2"}
        return self._show(self._form(initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Record the image and begin; an image whose import is refused is not kept."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        images = ImageManager(self.context)
        try:
            with transaction.atomic():
                image = images.create(attributes=form.attributes())
                ImageImportManager(self.context).start(
                    image.id, method="web-download", uri=form.cleaned_data["uri"]
                )
        except CloudwebError as error:
            form.refuse(error)
            return self._show(form, status=422)
        return self.done("The import has begun.", reverse("image", args=[image.id]))

    def _form(self, data: Any = None, **options: Any) -> ImportImageForm:
        return ImportImageForm(data, may_publish=self.may("image:images:publicize"), **options)

    def _show(self, form: ImportImageForm, *, status: int = 200) -> HttpResponse:
        return self.render("dashboard/images/import.html", status=status, form=form)


class NewImage(Page):
    """Upload an image: its record by this form, then its data by a script that shows progress."""

    section = "images"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form."""
        check(self.context, "image:images:create")
        form = NewImageForm(
            initial={"visibility": SHARED, "disk_format": "qcow2"},
            may_publish=self.may("image:images:publicize"),
        )
        return self.render(
            "dashboard/images/new.html",
            form=form,
            limit=settings.IMAGE_MAX_SIZE,
            may_import=_offers_downloads(),
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Record the image; answer where its data goes, or what is wrong field by field."""
        form = NewImageForm(request.POST, may_publish=self.may("image:images:publicize"))
        if form.is_valid():
            try:
                image = ImageManager(self.context).create(attributes=form.attributes())
            except CloudwebError as error:
                form.refuse(error)
            else:
                urls = {
                    "data": reverse("image_data", args=[image.id]),
                    "page": reverse("image", args=[image.id]),
                    "remove": reverse("delete_image", args=[image.id]),
                }
                return JsonResponse(urls, status=201)
        errors = {name: [str(text) for text in texts] for name, texts in form.errors.items()}
        return JsonResponse({"errors": errors}, status=422)


class ImageData(Page):
    """The data of a new image, straight from the browser's file to the store."""

    def put(self, request: HttpRequest, image_id: uuid.UUID) -> HttpResponse:
        """Take it; nothing of it is ever held in memory but one chunk."""
        try:
            body = RequestBody(request.META)
            ImageManager(self.context).upload(image_id, body, size=body.length)
        except CloudwebError as raised:
            error = normalize(raised)
            return JsonResponse({"error": spoken(error)}, status=error.status)
        return HttpResponse(status=204)


class DeleteImage(Page):
    """Remove an image."""

    section = "images"

    def post(self, request: HttpRequest, image_id: uuid.UUID) -> HttpResponse:
        """Delete record and data."""
        manager = ImageManager(self.context)
        name = manager.get(image_id).name or "The image"
        manager.delete(image_id)
        return self.done(f"{name} was deleted.", reverse("images"))
