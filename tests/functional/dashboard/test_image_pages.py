"""The page of an image: sharing it, answering, its tags and properties, withholding its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cloudweb.context import RequestContext
from image.models import Image
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import make_member, make_project
from tests.builders.images import RAW, make_image

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Path) -> None:
    settings.IMAGE_STORE = tmp_path / "images"


@pytest.fixture
def project() -> Any:
    return make_project()


@pytest.fixture
def image(project: Any) -> Image:
    context = RequestContext.system(project_id=project.pk)
    return make_image(
        context=context, data=RAW, name="base-disk", tags=["old"], colour="red", size_="m"
    )


def browser(project: Any, role: str = "member") -> Client:
    return browser_of(make_member(role, project=project, password=PASSWORD))


def test_sharing_and_answering(project: Any, image: Image) -> None:
    url, friends = f"/images/{image.id}", make_project()
    owner, friend = browser(project), browser(friends)
    assert friend.get(url).status_code == 404
    assert owner.post(f"{url}/members", {"project": friends.pk}).url == url
    page = text_of(owner.get(url))
    assert friends.pk in page
    assert "none yet" in page
    again = owner.post(f"{url}/members", {"project": friends.pk})
    assert again.status_code == 422
    assert "already shared" in text_of(again)
    assert "base-disk" not in text_of(friend.get("/images"))
    assert "base-disk" in text_of(friend.get("/images?visibility=shared"))
    assert "Accept it to see it" in text_of(friend.get(url))
    assert friend.post(f"{url}/answer/accepted").url == url
    assert "base-disk" in text_of(friend.get("/images"))
    assert "base-disk" not in text_of(friend.get("/images?visibility=own"))
    assert friend.post(f"{url}/answer/rejected").url == url
    assert "has rejected it" in text_of(friend.get(url))
    assert friend.post(f"{url}/answer/odd").status_code == 400
    assert friend.post(f"{url}/members/{friends.pk}/remove").status_code == 403
    assert owner.post(f"{url}/members/{friends.pk}/remove").url == url
    assert friend.get(url).status_code == 404


def test_a_member_is_not_offered_what_is_the_owners(project: Any, image: Image) -> None:
    url, friends = f"/images/{image.id}", make_project()
    browser(project).post(f"{url}/members", {"project": friends.pk})
    page = text_of(browser(friends).get(url))
    assert "Shared with" not in page
    assert "Tags and properties" not in page


def test_tags_and_properties(project: Any, image: Image) -> None:
    url, owner = f"/images/{image.id}", browser(project)
    assert "colour=red" in owner.get(url).content.decode()
    body = {"tags": "new, fast,, new", "properties": "colour=blue = green\n\n hw_rng = virtio "}
    assert owner.post(f"{url}/words", body).url == url
    after = Image.objects.get()
    assert after.tag_names == ["fast", "new"]
    assert after.custom_properties == {"colour": "blue = green", "hw_rng": "virtio"}


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("properties", "no equals sign", "is not name=value"),
        ("properties", "a=1\na=2", "is there twice"),
        ("properties", "size=5", "read-only"),
        ("tags", "x" * 256, "longer than 255"),
    ],
)
def test_bad_words_change_nothing(
    project: Any, image: Image, field: str, text: str, said: str
) -> None:
    body = {"tags": "old", "properties": "colour=red\nsize_=m", field: text}
    answer = browser(project).post(f"/images/{image.id}/words", body)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert text[:20] in answer.content.decode()
    after = Image.objects.get()
    assert (after.tag_names, len(after.custom_properties)) == (["old"], 2)


@pytest.mark.parametrize("role", ["member", "admin"])
def test_owners_and_operators_withhold_the_data(project: Any, image: Image, role: str) -> None:
    url, operator = f"/images/{image.id}", browser(project, role)
    assert "Deactivate" not in text_of(browser(project, "reader").get(url))
    assert "Deactivate" in text_of(operator.get(url))
    assert operator.post(f"{url}/withhold/deactivate").url == url
    assert Image.objects.get().status == "deactivated"
    assert "Reactivate" in text_of(operator.get(url))
    assert operator.post(f"{url}/withhold/reactivate").url == url
    assert Image.objects.get().status == "active"
    assert operator.post(f"{url}/withhold/explode").status_code == 404
    assert Image.objects.get().status == "active"
