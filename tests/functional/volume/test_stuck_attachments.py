"""Attachments that hang: operators cut them off by force, from a server too."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cloudweb.database.clock import now
from identity.models import User
from instances.models import BlockDevice
from tests.builders.browsers import text_of
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.instances import Lab, lab
from tests.builders.volumes import attach, make_volume
from volume.models import Attachment, Volume

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def operator(home: Lab) -> User:
    return make_member("admin")


def act(user: User, volume: Any, action: str, value: Any = None) -> Any:
    url = f"/volume/v3/volumes/{volume}/action"
    return client_of(user).send(
        "POST", url, {action: value or {}}, OpenStack_API_Version="volume 3.70"
    )


def test_a_server_loses_what_was_cut_off_by_force(home: Lab, operator: User) -> None:
    server, volume = home.create(), home.make_volume()
    home.send(
        "POST",
        f"/servers/{server}/os-volume_attachments",
        {"volumeAttachment": {"volumeId": volume}},
    )
    home.cloud.settle()
    held = str(Attachment.objects.get().id)
    unknown = str(uuid.UUID(int=1))
    member = make_member("member")
    refused = {
        "a member": act(member, volume, "os-force_detach").status_code,
        "another's": act(
            operator, volume, "os-force_detach", {"attachment_id": unknown}
        ).status_code,
        "no id": act(operator, volume, "os-force_detach", {"attachment_id": "x"}).status_code,
        "unknown": act(operator, unknown, "os-force_detach").status_code,
    }
    assert refused == {"a member": 403, "another's": 404, "no id": 400, "unknown": 404}
    assert (
        act(
            operator, volume, "os-force_detach", {"attachment_id": held, "connector": {}}
        ).status_code
        == 202
    )
    home.cloud.settle()
    assert Volume.objects.get(id=volume).status == "available"
    assert not Attachment.objects.exists()
    assert not BlockDevice.objects.filter(volume_id=volume).exists()
    assert [
        dict(driver.attached_disks(server)) for driver in home.guests.values() if driver.list()
    ] == [{}]
    Volume.objects.filter(id=volume).update(status="detaching")  # what older releases left
    assert act(operator, volume, "os-force_detach").status_code == 202
    assert Volume.objects.get(id=volume).status == "available"


def test_a_status_that_is_reset_to_detached_becomes_true(home: Lab, operator: User) -> None:
    server, volume = home.create(), home.make_volume()
    home.send(
        "POST",
        f"/servers/{server}/os-volume_attachments",
        {"volumeAttachment": {"volumeId": volume}},
    )
    home.cloud.settle()
    said = {"status": "available", "attach_status": "detached", "migration_status": "none"}
    assert act(operator, volume, "os-reset_status", said).status_code == 202
    home.cloud.settle()
    assert Volume.objects.get(id=volume).status == "available"
    assert not Attachment.objects.exists()
    found = [
        act(operator, volume, "os-reset_status", {name: value}).status_code
        for name, value in (
            ("migration_status", "odd"),
            ("attach_status", "odd"),
            ("attach_status", "attached"),
        )
    ]
    assert found == [400, 400, 400]


def test_who_swapped_a_volume_by_himself_completes_it(home: Lab, operator: User) -> None:
    context = make_context(make_member("member"))
    old, new = make_volume(context), make_volume(context)
    host = {"by_server": False, "instance_id": None, "host": "h1"}
    attach(old, status="detaching", **host)
    Attachment.objects.create(volume=new, project_id=new.project_id, status="reserved")
    Volume.objects.filter(id=new.id).update(status="reserved")
    action = "os-migrate_volume_completion"

    def complete(**said: Any) -> Any:
        return act(operator, old.id, action, {"new_volume": str(new.id), **said})

    assert complete(new_volume=str(uuid.UUID(int=1))).status_code == 404
    Volume.objects.filter(id=old.id).update(migration_status="migrating")
    assert complete().status_code == 400
    Volume.objects.filter(id=old.id).update(migration_status=None)
    answer = complete(error=True)
    assert (answer.status_code, answer.json()) == (200, {"save_volume_id": str(old.id)})
    assert Volume.objects.get(id=old.id).status == "in-use"
    answer = complete()
    assert (answer.status_code, answer.json()) == (200, {"save_volume_id": str(new.id)})
    assert Volume.objects.get(id=new.id).status == "in-use"
    assert Volume.objects.get(id=old.id).status == "detaching"
    Attachment.objects.filter(volume=new).update(by_server=True)
    assert act(operator, new.id, action, {"new_volume": str(old.id)}).status_code == 409


def test_operators_see_what_hangs_and_detach_it(home: Lab, operator: User) -> None:
    context = make_context(make_member("member"))
    late = now() - timedelta(minutes=11)
    rows = {
        "hangs": attach(make_volume(context), status="detaching", changed_at=late, epoch=0),
        "fails": attach(make_volume(context), status="error_attaching"),
        "fresh": attach(make_volume(context), status="attaching"),
        "rests": attach(make_volume(context), changed_at=late),
    }
    client = Client()
    client.force_login(operator)
    path = "/admin/volume/attachment/"
    shown, every = text_of(client.get(path)), text_of(client.get(path + "?which=all"))
    assert [name for name, row in rows.items() if str(row.instance_id) in shown] == [
        "hangs",
        "fails",
    ]
    assert all(str(row.instance_id) in every for row in rows.values())
    assert client.get(f"{path}{rows['rests'].id}/change/").status_code == 200
    data = {
        "action": "force_detach",
        "_selected_action": [str(rows["hangs"].id)],
        "sure": "yes",
    }
    client.post(path, data, follow=True)
    home.cloud.settle()
    assert not Attachment.objects.filter(id=rows["hangs"].id).exists()
