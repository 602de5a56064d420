"""The operators' page of images: its buttons do what the manager does, and say what it says."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from identity.authentication import find_user
from identity.bootstrap import bootstrap
from image.models import Image
from tests.builders.images import RAW, make_image

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/admin/image/image/"


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Any) -> None:
    settings.IMAGE_STORE = tmp_path / "images"


def browser(name: str = "admin") -> Client:
    bootstrap(admin_password="p", demo_password="p")
    user = find_user(name=name)
    assert user is not None
    client = Client()
    client.force_login(user)
    return client


def press(client: Client, button: str, *images: Image) -> str:
    body = {"action": button, "_selected_action": [str(image.id) for image in images]}
    return client.post(PAGE, body, follow=True).content.decode()


def test_buttons_call_the_manager() -> None:
    client, image = browser(), make_image(data=RAW, tags=["t"], colour="red")
    for button, field, value in (
        ("publish", "visibility", "public"),
        ("make_private", "visibility", "private"),
        ("deactivate", "status", "deactivated"),
        ("reactivate", "status", "active"),
        ("protect", "protected", True),
    ):
        assert "1 " in press(client, button, image)
        image.refresh_from_db()
        assert getattr(image, field) == value
    assert "is protected and cannot be deleted" in press(client, "delete_images", image)
    press(client, "unprotect", image)
    assert "1 deleted." in press(client, "delete_images", image)
    assert not Image.objects.exists()


def test_pages_show_and_change_nothing() -> None:
    client, image = browser(), make_image(data=RAW, tags=["blue"], colour="red")
    assert "an image" in client.get(PAGE).content.decode()
    page = client.get(f"{PAGE}{image.id}/change/").content.decode()
    assert "blue" in page
    assert "colour" in page
    assert client.post(f"{PAGE}{image.id}/change/", {"name": "x"}).status_code == 403
    assert client.post(f"{PAGE}{image.id}/delete/", {"post": "yes"}).status_code == 403
    assert Image.objects.get().name == "an image"


def test_the_pages_are_for_operators() -> None:
    image = make_image(data=RAW)
    for client in (browser("demo"), Client()):
        assert client.get(PAGE).status_code == 302
        press(client, "publish", image)
    image.refresh_from_db()
    assert image.visibility == "shared"
