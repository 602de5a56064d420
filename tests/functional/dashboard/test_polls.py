"""What an open page asks again and again costs next to nothing while nothing happens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from image.models import Image
from instances.models import Instance
from tests.builders.browsers import PASSWORD, browser_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)
MOST = 5000  # bytes of a poll, its headers included


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


def poll(client: Client, page: str) -> Any:
    """Ask for a page's live part as pages.js does."""
    part = re.search(r"<[^>]*data-live=[^>]*>", page, re.S)
    assert part is not None
    url = re.search(r'data-live="([^"]*)"', part[0])
    tag = re.search(r'data-etag="(\w+)"', part[0])
    assert url is not None
    headers = {"HX-Request": "true", **({"If-None-Match": f'W/"{tag[1]}"'} if tag else {})}
    return client.get(url[1].replace("&amp;", "&"), headers=headers)


def size(answer: Any) -> int:
    head = sum(len(f"{name}: {value}\r\n") for name, value in answer.headers.items())
    return head + len(answer.content)


def test_polls_of_idle_pages(home: Lab, member: Client) -> None:
    server_id = home.create()
    for number in range(5):
        home.create(name=f"more-{number}")
    found = {}
    for page in (
        "/", "/servers", "/images", f"/servers/{server_id}", f"/servers/{server_id}/history",
    ):  # fmt: skip
        answer = poll(member, member.get(page).content.decode())
        found[page.replace(server_id, "x")] = (answer.status_code, size(answer) < MOST)
    # the first look at an image also refreshes its head; a console log begins empty
    for page in (f"/images/{home.image.id}/live", f"/servers/{server_id}/console/text"):
        first = member.get(page, headers={"HX-Request": "true"})
        answer = poll(member, first.content.decode())
        found[page.rpartition("/")[2]] = (answer.status_code, size(answer) < MOST)
    assert set(found.values()) == {(304, True)}, found


def test_what_changed_is_sent(home: Lab, member: Client) -> None:
    server_id = home.create()
    shown = {page: member.get(page).content.decode() for page in ("/", "/servers", "/images")}
    Instance.objects.filter(id=server_id).update(name="renamed")
    Image.objects.filter(id=home.image.id).update(name="renamed")
    for page, before in shown.items():
        answer = poll(member, before)
        assert answer.status_code == 200, page
        assert "renamed" in answer.content.decode()
        assert poll(member, answer.content.decode()).status_code == 304
        assert answer.headers["Cache-Control"] == "no-store"


def test_another_role_is_another_part(home: Lab, member: Client) -> None:
    """A tag is of what is shown: buttons that a reader does not have make another one."""
    home.create()
    reader = browser_of(make_member("reader", project=home.project, password=PASSWORD))
    assert poll(reader, member.get("/servers").content.decode()).status_code == 200
