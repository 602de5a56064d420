"""A server is made anew, or rescued, from an image that its user chooses, with a password of his."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from dashboard.components.launch import BOOTABLE_IMAGES, image_cards
from dashboard.forms.server import FromImageForm
from dashboard.views.server import ServerPage
from image.filters import ImageFilter
from image.manager import ImageManager
from instances.manager import InstanceManager
from instances.rebuild_request import RebuildRequest, new_password

OFFERED = 200


class ServerFromImage(ServerPage):
    """Choose an image and a password; nothing chosen is the image that is set, and a password nobody knows."""

    template = ""
    below = "dashboard/servers/from_image.html"
    action: ClassVar[str]
    title: ClassVar[str]
    words: ClassVar[str]
    done_words: ClassVar[str]

    def facts(self, server_id: uuid.UUID) -> dict[str, Any]:
        """Add the images and the form."""
        facts, wanted = super().facts(server_id), ImageFilter(any_of=BOOTABLE_IMAGES)
        images = ImageManager(self.context).list(wanted=wanted, limit=OFFERED).rows
        return {
            **facts,
            "images": image_cards(images),
            "form": FromImageForm(),
            "title": self.title,
            "words": self.words,
            "post_to": reverse(f"server_{self.action}", args=[server_id]),
            "may_do": self.may(f"compute:servers:{self.action}"),
        }

    def post(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Start it, or say what is in the way."""
        form = FromImageForm(request.POST)
        if not form.is_valid():
            return self.shown({**self.facts(server_id), "form": form}, status=422)
        password = form.cleaned_data["password"] or new_password()
        try:
            servers = InstanceManager(self.context)
            self.begin(servers, str(server_id), form.cleaned_data["image"], password)
        except CloudwebError as error:
            if error.code == "instance_not_found":
                raise
            facts = {**self.facts(server_id), "form": form}
            return self.shown(facts, status=422, wrong=error.message)
        name = InstanceManager(self.context).get(server_id).name
        return self.done(self.done_words.format(name), reverse("server", args=[server_id]))

    def begin(self, servers: InstanceManager, server_id: str, image: str, password: str) -> None:
        """Start it."""
        raise NotImplementedError


class ServerRebuild(ServerFromImage):
    """A new disk."""

    action, title = "rebuild", "Rebuild"
    words = (
        "What is on its disk is lost: it is made anew from the image. Its id, addresses and volumes stay. "
        "A volume that it boots from is written anew if an image is chosen, and else stays, too."
    )
    done_words = "{} is being rebuilt."

    def begin(self, servers: InstanceManager, server_id: str, image: str, password: str) -> None:
        """Start it from this image, or from the one that it was made from."""
        image = image or servers.get(server_id).image_id
        wanted = (
            RebuildRequest(image_id=image, admin_password=password, in_volumes=True)
            if image
            else None
        )
        servers.rebuild(server_id, wanted=wanted)


class ServerRescue(ServerFromImage):
    """A rescue disk."""

    action, title = "rescue", "Rescue"
    words = (
        "Its guest shuts down and starts from a rescue disk made of the image, with its own disk beside it. "
        "Nothing of its own disk changes by that."
    )
    done_words = "{} is starting from a rescue disk."

    def begin(self, servers: InstanceManager, server_id: str, image: str, password: str) -> None:
        """Start it from this image, or from the one that is set for all."""
        servers.rescue(server_id, password=password, image_id=image or None)
