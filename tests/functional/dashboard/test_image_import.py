"""Importing an image from a URL in the dashboard: the form, what is refused, how it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from image.models import Image
from operations.models import Operation
from operations.testing import cloud
from tests.builders import disks
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member, make_project
from tests.builders.web import says, web_server

pytestmark = pytest.mark.django_db(transaction=True)
FORM = {"name": "debian", "visibility": "private", "disk_format": "qcow2"}


@pytest.fixture(autouse=True)
def _stores(settings: Any, tmp_path: Path) -> None:
    settings.IMAGE_STORE = tmp_path / "images"
    settings.IMAGE_STAGING = tmp_path / "staging"
    settings.IMAGE_DOWNLOAD_ALLOW = ["127.0.0.1/32"]


def test_an_import_is_begun_and_shown(settings: Any, tmp_path: Path) -> None:
    browser = browser_of(make_member("member", project=make_project(), password=PASSWORD))
    with cloud(tmp_path / "cloud") as memory, web_server(says("200 OK", disks.qcow2())) as server:
        settings.IMAGE_DOWNLOAD_PORTS = [server.port]
        answer = browser.post(reverse("import_image"), {**FORM, "uri": f"{server.url}/disk"})
        image = Image.objects.get()
        assert (answer.status_code, answer.headers["Location"]) == (
            302, reverse("image", args=[image.id]),
        )  # fmt: skip
        live = reverse("image_live", args=[image.id])
        before = browser.get(live).content.decode()
        assert "Importing" in before
        assert 'data-every="2"' in before
        memory.settle()
    after = browser.get(live)
    assert 'data-every="20"' in after.content.decode()
    for words in ("Ready", "Fetch and inspect the data", "Launch a server"):
        assert words in text_of(after)
    assert "Make it ready" in text_of(browser.get(reverse("image", args=[image.id])))


@pytest.mark.parametrize("uri", ["", "ftp://example.org/d", "http://example.org:22/d"])
def test_what_is_refused_leaves_no_image(uri: str) -> None:
    browser = browser_of(make_member("member", project=make_project(), password=PASSWORD))
    answer = browser.post(reverse("import_image"), {**FORM, "uri": uri})
    assert answer.status_code == 422
    assert not Image.objects.exists()
    assert not Operation.objects.exists()


def test_it_is_not_offered_where_the_operator_does_not_offer_it(settings: Any) -> None:
    browser = browser_of(make_member("member", project=make_project(), password=PASSWORD))
    assert reverse("import_image") in browser.get(reverse("images")).content.decode()
    settings.IMAGE_IMPORT_METHODS = ["glance-direct"]
    assert reverse("import_image") not in browser.get(reverse("images")).content.decode()


def test_the_forms_say_what_becomes_of_a_format(settings: Any) -> None:
    browser = browser_of(make_member("member", project=make_project(), password=PASSWORD))
    settings.IMAGE_CONVERT_TO = "qcow2"
    page = text_of(browser.get(reverse("import_image")))
    assert "VMDK (VMware), converted to qcow2" in page
    assert "ISO, kept but not booted" in page
    assert "VMDK (VMware), kept but not booted" in text_of(browser.get(reverse("new_image")))
    settings.IMAGE_CONVERT_TO = ""
    assert "VMDK (VMware), kept but not booted" in text_of(browser.get(reverse("import_image")))
