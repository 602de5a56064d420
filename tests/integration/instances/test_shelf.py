"""Servers put away and taken out, backups with rotation, servers that are deleted for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from compute.models import Claim, Host
from identity import quotas
from image.models import Image
from instances import conf
from instances.manager import InstanceManager
from instances.models import Instance
from network.models import Port
from tests.builders.backups import api_in_process
from tests.builders.identity import client_of, make_member
from tests.builders.instances import Lab, lab
from tests.drills.server_images import booted_from_volume
from volume.bootstrap import ensure_default_type

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, hosts=2) as running, api_in_process():
        yield running


def act(made: Lab, server: str, action: str, value: Any = None, version: str = "2.96") -> int:
    answer = made.send("POST", f"/servers/{server}/action", {action: value}, version=version)
    made.cloud.settle()
    return int(answer.status_code)


def test_a_server_gives_its_place_back_and_comes_back_as_it_was(made: Lab) -> None:
    server = made.create()
    host = Instance.objects.get(id=server).host
    before = made.show(server)
    Host.objects.exclude(name=host).update(zone="other")
    assert act(made, server, "shelve") == 202
    shown = made.show(server)
    assert (shown["status"], shown["OS-EXT-STS:power_state"]) == ("SHELVED_OFFLOADED", 0)
    assert shown["addresses"] == before["addresses"]
    assert shown["hostId"] == ""
    assert not Claim.objects.exists()
    assert [*Port.objects.filter(device_id=server).values_list("host", "status")] == [("", "DOWN")]
    image = Image.objects.get(name="vm1-shelved")
    gone = made.client.send("DELETE", f"/image/v2/images/{image.id}")
    assert gone.status_code == 409  # the server's disk is nowhere else
    wrongs = {
        "no such zone": act(made, server, "unshelve", {"availability_zone": "mars"}),
        "no zone before 2.77": act(made, server, "unshelve", {"availability_zone": "x"}, "2.76"),
        "no host before 2.91": act(made, server, "unshelve", {"host": "h2"}, "2.90"),
        "a host, by a member": act(made, server, "unshelve", {"host": "h2"}),
        "a host that is null": act(made, server, "unshelve", {"host": None}),
        "start": act(made, server, "os-start"),
        "shelve": act(made, server, "shelve"),
    }
    assert wrongs == dict.fromkeys(wrongs, 400) | {
        "a host, by a member": 403,
        "start": 409,
        "shelve": 409,
    }
    assert act(made, server, "unshelve", {"availability_zone": "other"}) == 202
    shown = made.show(server)
    assert (shown["status"], shown["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "other")
    assert shown["addresses"] == before["addresses"]
    row = Instance.objects.get(id=server)
    assert (row.host != host, row.shelved_image_id, row.shelved_at) == (True, "", None)
    assert not Image.objects.filter(name="vm1-shelved").exists()
    assert made.guests[host].census() == ()
    log = made.send("GET", f"/servers/{server}/os-instance-actions").json()["instanceActions"]
    assert [one["action"] for one in log] == ["unshelve", "shelve", "create"]


def test_volumes_stay_with_a_server_that_is_shelved(made: Lab) -> None:
    ensure_default_type()
    server = booted_from_volume(made)
    volume = made.show(server)["os-extended-volumes:volumes_attached"][0]["id"]
    assert act(made, server, "shelve") == 202
    assert made.show(server)["status"] == "SHELVED_OFFLOADED"
    assert not Image.objects.exclude(id=made.image.id).exists()
    shown = made.client.send("GET", f"/volume/v3/volumes/{volume}").json()["volume"]
    assert (shown["status"], shown["attachments"][0]["server_id"]) == ("in-use", server)
    assert act(made, server, "unshelve") == 202
    row = Instance.objects.get(id=server)
    assert made.show(server)["status"] == "ACTIVE"
    assert [*made.guests[row.host].attached_disks(server)] == [volume]


@pytest.mark.parametrize("offload", [0, 60])
def test_volumes_come_and_go_while_a_server_is_shelved(
    made: Lab, offload: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 2.20 on, whether or not it left its host; its guest has them when it comes back."""
    monkeypatch.setattr(conf, "SHELVED_OFFLOAD_TIME", offload)
    ensure_default_type()
    server, before, after, other = made.create(), *(made.make_volume() for _ in range(3))
    path = f"/servers/{server}/os-volume_attachments"

    def attach(volume: str, version: str = "2.20") -> int:
        body = {"volumeAttachment": {"volumeId": volume}}
        code = made.send("POST", path, body, version=version).status_code
        made.cloud.settle()
        return int(code)

    def detach(volume: str, version: str = "2.20") -> int:
        code = made.send("DELETE", f"{path}/{volume}", version=version).status_code
        made.cloud.settle()
        return int(code)

    def status(volume: str) -> str:
        found = made.client.send("GET", f"/volume/v3/volumes/{volume}").json()["volume"]
        return str(found["status"])

    assert (attach(before), act(made, server, "shelve")) == (200, 202)
    assert (attach(after, "2.19"), detach(before, "2.19")) == (409, 409)
    assert made.show(server)["OS-EXT-STS:task_state"] is None
    assert (attach(after), attach(other), detach(other), detach(before)) == (200, 200, 202, 202)
    assert [status(one) for one in (before, after, other)] == ["available", "in-use", "available"]
    assert act(made, server, "unshelve") == 202
    host = Instance.objects.get(id=server).host
    assert made.show(server)["status"] == "ACTIVE"
    assert [*made.guests[host].attached_disks(server)] == [after]
    assert (detach(after, "2.1"), status(after)) == (202, "available")


def test_it_leaves_its_host_after_the_time_that_the_setting_says(
    made: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "SHELVED_OFFLOAD_TIME", 60)
    server, other = made.create(), made.create(name="vm2")
    assert (act(made, server, "shelve"), act(made, other, "shelve")) == (202, 202)
    assert made.show(server)["status"] == "SHELVED"
    assert act(made, other, "unshelve", {"availability_zone": "nova"}) == 409
    assert act(made, other, "unshelve") == 202
    assert made.show(other)["status"] == "ACTIVE"
    manager = InstanceManager(RequestContext.system())
    assert manager.offload_shelved() == 0
    Instance.objects.filter(id=server).update(shelved_at=now() - timedelta(seconds=61))
    assert manager.offload_shelved() == 1
    made.cloud.settle()
    assert made.show(server)["status"] == "SHELVED_OFFLOADED"
    operator = client_of(make_member("admin"))
    body = {"shelveOffload": None}
    path = f"/servers/{server}/action"
    assert made.send("POST", path, body).status_code == 403
    assert made.send("POST", path, body, client=operator).status_code == 202
    made.cloud.settle()
    assert made.show(server)["status"] == "SHELVED_OFFLOADED"
    made.send("DELETE", f"/servers/{server}")
    made.cloud.settle()
    assert not Image.objects.filter(name="vm1-shelved").exists()


def test_of_backups_of_a_kind_the_newest_are_kept(made: Lab) -> None:
    server = made.create()

    def backup(name: str, kind: str = "daily", rotation: Any = 2) -> int:
        value = {"name": name, "backup_type": kind, "rotation": rotation}
        return act(made, server, "createBackup", value)

    found = [backup("d1"), backup("w1", "weekly", "1"), backup("d2"), backup("d3")]
    assert found == [202] * 4
    kept = Image.objects.exclude(id=made.image.id).order_by("name")
    assert [*kept.values_list("name", flat=True)] == ["d2", "d3", "w1"]
    said = kept[0].custom_properties
    assert (said["image_type"], said["backup_type"]) == ("backup", "daily")
    assert backup("d4", rotation=0) == 202
    assert [*kept.values_list("name", flat=True)] == ["w1"]
    wrongs = [backup("", rotation=1), backup("d", "", 1), backup("d", rotation=-1)]
    assert [*wrongs, backup("d", rotation="x"), backup("d", rotation=None)] == [400] * 5
    ensure_default_type()
    Instance.objects.all().delete()
    server = booted_from_volume(made)
    assert backup("v") == 400


def test_what_is_deleted_for_now_can_be_restored_until_it_is_reclaimed(
    made: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "RECLAIM_INTERVAL", 60)
    server = made.create()
    quotas.update(str(made.project.id), "compute", {"instances": 1})

    def delete() -> int:
        answer = made.send("DELETE", f"/servers/{server}")
        made.cloud.settle()
        return int(answer.status_code)

    def listed(query: str = "") -> list[str]:
        answer = made.send("GET", f"/servers{query}").json()["servers"]
        return [one["id"] for one in answer]

    assert (delete(), delete()) == (204, 204)
    assert made.show(server)["status"] == "SOFT_DELETED"
    assert (listed(), listed("?status=SOFT_DELETED"), listed("?soft_deleted=True")) == (
        [],
        [server],
        [server],
    )
    stranger = client_of(make_member("member"))
    assert made.send("DELETE", f"/servers/{server}", client=stranger).status_code == 404
    other = made.create(name="vm2")  # what can be restored does not count
    assert act(made, server, "restore") == 403  # but there is no room to do so
    made.send("POST", f"/servers/{other}/action", {"forceDelete": None})
    made.cloud.settle()
    assert made.send("GET", f"/servers/{other}").status_code == 404
    assert act(made, server, "restore") == 202
    assert (made.show(server)["status"], listed()) == ("ACTIVE", [server])
    delete()
    manager = InstanceManager(RequestContext.system())
    assert manager.reclaim() == 0
    Instance.objects.filter(id=server).update(soft_deleted_at=now() - timedelta(seconds=61))
    assert manager.reclaim() == 1
    made.cloud.settle()
    assert made.send("GET", f"/servers/{server}").status_code == 404
    assert not Claim.objects.exists()
    log = made.send("GET", f"/servers/{server}/os-instance-actions").json()["instanceActions"]
    assert [one["action"] for one in log] == ["delete", "delete", "restore", "delete", "create"]
