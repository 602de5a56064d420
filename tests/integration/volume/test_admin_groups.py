"""The operators' pages of groups, offers and messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from cloudweb.database.clock import now
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.compute import make_context
from tests.builders.identity import make_member
from tests.builders.volume_types import make_volume_type
from tests.builders.volumes import make_snapshot, make_volume
from volume.manager import GroupManager, TransferManager
from volume.models import Group, GroupSnapshot, GroupType, Message, Transfer, Volume

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
HERE = "/admin/volume"


@pytest.fixture
def operator() -> Client:
    return browser_of(make_member("admin", password=PASSWORD))


def post(operator: Client, path: str, **body: Any) -> str:
    answer = operator.post(f"{HERE}/{path}", body, follow=True)
    assert answer.status_code == 200
    return text_of(answer)


def test_group_types_are_offered_changed_and_withdrawn(operator: Client) -> None:
    post(operator, "grouptype/add/", name="gold", is_public="on", specs="a=b\nc=d")
    row = GroupType.objects.get()
    assert (row.group_specs, row.description) == ({"a": "b", "c": "d"}, None)
    post(operator, f"grouptype/{row.pk}/change/", name="silver", description="x", specs="a=e")
    row.refresh_from_db()
    assert (row.name, row.is_public, row.group_specs) == ("silver", False, {"a": "e"})
    make_volume_type("t")
    GroupManager(make_context("admin")).create(group_type=str(row.id), volume_types=["t"])
    post(operator, f"grouptype/{row.pk}/delete/", post="yes")
    assert GroupType.objects.exists()
    group = Group.objects.get()
    assert "1 deleted" in post(
        operator, "group/", action="delete_groups", _selected_action=group.pk
    )
    post(operator, f"grouptype/{row.pk}/delete/", post="yes")
    assert not GroupType.objects.exists()


def test_operators_see_and_delete_snapshots_of_groups(operator: Client) -> None:
    context = make_context("admin")
    kind, volume_type = GroupType.objects.create(name="g"), make_volume_type("t")
    group = GroupManager(context).create(group_type=str(kind.id), volume_types=["t"])
    taken = GroupSnapshot.objects.create(
        group=group, project_id=group.project_id, name="nightly", status="available"
    )
    volume = make_volume(context, volume_type=volume_type)
    make_snapshot(volume, group_snapshot=taken, consistency="file-systems")
    page = text_of(operator.get(f"{HERE}/groupsnapshot/"))
    assert "nightly" in page
    assert "with everything written to the file systems" in page
    said = post(
        operator, "groupsnapshot/", action="delete_group_snapshots", _selected_action=taken.pk
    )
    assert "1 being deleted" in said
    taken.refresh_from_db()
    assert taken.status == "deleting"


def test_offers_and_messages_are_for_operators(operator: Client) -> None:
    context = make_context()
    offer = TransferManager(context).create(volume_id=str(make_volume(context).id))
    message = Message.objects.create(
        project_id="p",
        resource_type="VOLUME",
        event_id="VOLUME_VOLUME_001_003",
        text="no pool has room",
        expires_at=now() + timedelta(days=1),
    )
    transfer = offer.transfer
    paths = [
        f"{HERE}/transfer/", f"{HERE}/transfer/{transfer.pk}/change/", f"{HERE}/message/",
        f"{HERE}/message/{message.pk}/change/", f"{HERE}/group/", f"{HERE}/grouptype/",
    ]  # fmt: skip
    pages = [operator.get(path) for path in paths]
    assert [page.status_code for page in pages] == [200] * len(paths)
    assert "no pool has room" in text_of(pages[2])
    assert transfer.key_hash not in "".join(page.content.decode() for page in pages)
    member = browser_of(make_member("member", password=PASSWORD))
    assert [member.get(path).status_code for path in paths] == [302] * len(paths)
    told = post(operator, "transfer/", action="withdraw", _selected_action=transfer.pk)
    assert "1 withdrawn" in told
    assert not Transfer.objects.exists()
    assert Volume.objects.get().status == "available"
