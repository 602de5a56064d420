"""The pages of groups of volumes: the list, a new one, what goes in and out, points in time, copies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from tests.builders.browsers import PASSWORD, browser_of, said, text_of
from tests.builders.identity import make_member
from tests.builders.instances import Lab, lab
from tests.builders.volumes import make_pool, make_volume, make_volume_group
from volume.models import Group, GroupSnapshot, GroupType, Snapshot, Volume

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


def test_a_group_is_made_filled_and_deleted(home: Lab, member: Client) -> None:
    answer = member.post("/volume-groups/new", {"name": "shop"})
    assert answer.status_code == 422
    assert "operators have to make one" in text_of(answer)
    volume = make_volume(home.context, name="data", pool=make_pool())
    kind = GroupType.objects.create(name="kept")
    form = {"name": "shop", "group_type": str(kind.id)}
    assert said(member.post("/volume-groups/new", form, follow=True)) == ["shop was made."]
    group = Group.objects.get()
    at = f"/volume-groups/{group.id}"
    assert "open data-open" in member.get(f"{at}/volumes/new").content.decode()
    answer = member.post(f"{at}/volumes/new", {"volume": str(volume.id)}, follow=True)
    assert said(answer) == ["The volume is in the group now."]
    assert "data 1 GiB Free" in text_of(member.get(at))
    assert "shop Ready 1 " in text_of(member.get("/volume-groups"))
    assert "still contains volumes" in text_of(member.post(f"{at}/delete", follow=True))
    answer = member.post(f"{at}/edit", {"name": "store", "description": "d"}, follow=True)
    assert said(answer) == ["It is called store now."]
    member.post(f"{at}/volumes/{volume.id}/remove", follow=True)
    assert Volume.objects.get().group_id is None
    assert said(member.post(f"{at}/delete", follow=True)) == ["store was deleted."]
    assert not Group.objects.exists()
    assert member.get(at).status_code == 404


def test_a_group_is_snapshotted_and_copied_from_its_page(home: Lab, member: Client) -> None:
    group = make_volume_group(home.context, name="shop")
    make_volume(home.context, name="data", pool=make_pool(), group=group)
    at = f"/volume-groups/{group.id}"
    answer = member.post(f"{at}/snapshots/new", {"name": "before"}, follow=True)
    assert said(answer) == ["before is being taken."]
    assert "before" in text_of(member.get(at))
    assert "New group of it" not in text_of(member.get(at))
    kept = GroupSnapshot.objects.get()
    Snapshot.objects.update(status="available")
    GroupSnapshot.objects.update(status="available")
    answer = member.post(f"{at}/snapshots/{kept.id}/restore", follow=True)
    assert said(answer) == ["shop of before is being made."]
    answer = member.post(f"{at}/copy", {"name": "again"}, follow=True)
    assert said(answer) == ["again is being made."]
    assert {one.name: one.status for one in Group.objects.all()} == {
        "shop": "available",
        "shop of before": "creating",
        "again": "creating",
    }
    answer = member.post(f"{at}/snapshots/{kept.id}/delete", follow=True)
    assert "being copied" in text_of(answer)
