"""The operators' page of images: its buttons do what the manager does, and say what it says."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from identity.authentication import find_user
from identity.bootstrap import bootstrap
from image.manager import ImageMemberManager
from image.manager.metadefs import MetadefNamespaceManager
from image.models import Image, MetadefNamespace
from tests.builders.images import RAW, caller, make_image

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/admin/image/image/"
MEMBERS = "/admin/image/imagemember/"
SPACES = "/admin/image/metadefnamespace/"


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


def press(client: Client, button: str, *rows: Any, page: str = PAGE) -> str:
    body = {"action": button, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(page, body, follow=True).content.decode()


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


def test_an_image_tells_where_its_data_is_and_what_was_done() -> None:
    client, image = browser(), make_image(data=RAW, name="")
    ImageMemberManager(caller()).add(image.id, "a-friend")
    assert str(image.id) in client.get(PAGE).content.decode()
    page = client.get(f"{PAGE}{image.id}/change/").content.decode()
    for text in ("default", image.store_key, image.os_hash_value, "a-friend", "pending"):
        assert text in page
    assert f"/admin/operations/operation/?q={image.id}" in page


def test_members_are_shown_and_withdrawn() -> None:
    client, image = browser(), make_image()
    one, other = (ImageMemberManager(caller()).add(image.id, name) for name in ("p-1", "p-2"))
    assert "p-1" in client.get(MEMBERS).content.decode()
    assert "p-2" in client.get(f"{MEMBERS}?q=p-2").content.decode()
    assert client.get(f"{MEMBERS}{one.pk}/change/").status_code == 200
    assert client.post(f"{MEMBERS}{one.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "1 withdrawn." in press(client, "withdraw", one, page=MEMBERS)
    assert list(image.members.all()) == [other]


def test_metadata_definitions_are_shown_and_deleted() -> None:
    client = browser()
    found = MetadefNamespaceManager(caller("admin")).create(
        namespace="OS::Test",
        properties={"hw_speed": {"title": "Speed", "type": "string"}},
        tags=["fast"],
        associations=[{"name": "OS::Glance::Image"}],
    )
    assert "OS::Test" in client.get(SPACES).content.decode()
    page = client.get(f"{SPACES}{found.pk}/change/").content.decode()
    for text in ("hw_speed", "fast", "OS::Glance::Image"):
        assert text in page
    assert "OS::Glance::Image" in client.get("/admin/image/metadefresourcetype/").content.decode()
    for button, field, value in (
        ("publish", "visibility", "public"),
        ("make_private", "visibility", "private"),
        ("protect", "protected", True),
    ):
        assert "1 " in press(client, button, found, page=SPACES)
        found.refresh_from_db()
        assert getattr(found, field) == value
    assert "is protected" in press(client, "delete_namespaces", found, page=SPACES)
    press(client, "unprotect", found, page=SPACES)
    assert "1 deleted." in press(client, "delete_namespaces", found, page=SPACES)
    assert not MetadefNamespace.objects.exists()


def test_the_pages_are_for_operators() -> None:
    image = make_image(data=RAW)
    member = ImageMemberManager(caller()).add(image.id, "p-1")
    for client in (browser("demo"), Client()):
        for page in (PAGE, MEMBERS, SPACES):
            assert client.get(page).status_code == 302
        press(client, "publish", image)
        press(client, "withdraw", member, page=MEMBERS)
    image.refresh_from_db()
    assert image.visibility == "shared"
    assert image.members.exists()
