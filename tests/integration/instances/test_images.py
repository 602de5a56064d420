"""Images that are made of servers: what they hold and say, what stands against them, what ends them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.stores.configured import store
from compute.models import Host
from identity import quotas
from image.manager import ImageManager
from image.models import Image
from instances.models import Instance
from operations.models import Operation
from tests.builders.backups import api_in_process
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.images import make_image
from tests.builders.instances import Lab, lab
from tests.drills.server_images import booted_from_volume
from volume.bootstrap import ensure_default_type
from volume.manager import SnapshotManager, VolumeManager, VolumeRequest
from volume.models import Snapshot, Volume

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as running, api_in_process():
        running.image.properties.create(name="hw_disk_bus", value="virtio")
        running.image.properties.create(name="image_type", value="of another")
        yield running


def make(made: Lab, server: str, *, version: str = "2.96", **said: Any) -> Any:
    body = {"createImage": {"name": "new", **said}}
    return made.send("POST", f"/servers/{server}/action", body, version=version)


def new_image() -> Image:
    return Image.objects.get(name="new")


def test_an_image_says_what_it_was_made_of_and_boots(made: Lab) -> None:
    made.give_agent()
    server = made.create()
    answer = make(made, server, metadata={"purpose": "test"})
    assert (answer.status_code, answer.json()) == (202, {"image_id": str(new_image().id)})
    assert new_image().status == "queued"
    assert made.show(server)["OS-EXT-STS:task_state"] == "image_snapshot"
    refused = make(made, server).json()["conflictingRequest"]["message"]
    assert refused == (
        f"Cannot 'createImage' instance {server} while it is in task_state image_snapshot"
    )
    made.cloud.settle()
    shown = made.show(server)
    assert (shown["status"], shown["OS-EXT-STS:task_state"]) == ("ACTIVE", None)
    image = new_image()
    assert (image.status, image.disk_format, image.visibility) == ("active", "qcow2", "private")
    assert (image.min_disk, image.virtual_size) == (made.flavor.disk, made.flavor.disk << 30)
    with store("default").open(image.store_key) as data:
        assert data.read(4) == b"QFI\xfb"
    assert image.custom_properties == {
        "base_image_ref": str(made.image.id),
        "boot_roles": "member,reader",
        "hw_disk_bus": "virtio",
        "hw_qemu_guest_agent": "yes",
        "image_state": "available",
        "image_type": "snapshot",
        "instance_uuid": server,
        "purpose": "test",
        "snapshot_consistency": "file-systems",
        "user_id": made.user.pk,
    }
    guests = made.guests["h1"]
    assert guests.snapshots_of(server) == []
    assert not guests.is_frozen(server)
    another = made.create(imageRef=str(image.id))
    assert made.show(another)["status"] == "ACTIVE"
    [log] = [
        one["action"]
        for one in made.send("GET", f"/servers/{server}/os-instance-actions").json()[
            "instanceActions"
        ]
        if one["action"] != "create"
    ]
    assert log == "createImage"


def test_each_state_says_how_much_the_image_is_worth(made: Lab) -> None:
    server = made.create()
    found = {}
    for action, back, state in (
        ("unlock", "unlock", "ACTIVE"),
        ("pause", "unpause", "PAUSED"),
        ("suspend", "resume", "SUSPENDED"),
        ("os-stop", "os-start", "SHUTOFF"),
    ):
        made.act(server, action)
        made.cloud.settle()
        answer = make(made, server, name=f"of {state}", version="2.44")
        image = Image.objects.get(name=f"of {state}")
        assert answer.status_code == 202
        assert answer.content == b""
        assert answer.headers["Location"] == f"http://testserver/image/v2/images/{image.id}"
        made.cloud.settle()
        assert made.show(server)["status"] == state
        image = Image.objects.get(name=f"of {state}")
        found[state] = image.status, image.custom_properties["snapshot_consistency"]
        made.act(server, back)
        made.cloud.settle()
    assert found == {
        "ACTIVE": ("active", "one-moment"),
        "PAUSED": ("active", "one-moment"),
        "SUSPENDED": ("active", "one-moment"),
        "SHUTOFF": ("active", "at-rest"),
    }


def test_what_cannot_be_made_leaves_no_image(made: Lab) -> None:
    server = made.create()
    reader = client_of(make_member("reader", project=made.project))
    stranger = client_of(make_member("member"))

    def status(client: Any = None, **said: Any) -> int:
        body = {"createImage": {"name": "new", **said}}
        path = f"/servers/{server}/action"
        return int(made.send("POST", path, body, client=client).status_code)

    found = {
        "no name": status(name=""),
        "a number for a name": status(name=1),
        "a key that images have": status(metadata={"visibility": "public"}),
        "a key that is read-only": status(metadata={"size": "1"}),
        "too long": status(metadata={"k": "v" * 256}),
        "no text": status(metadata={"k": 1}),
        "too many": status(metadata={str(number): "" for number in range(129)}),
        "unknown": status(rotation=1),
        "a reader": status(client=reader),
        "a stranger": status(client=stranger),
    }
    assert found == dict.fromkeys(found, 400) | {
        "too many": 403,
        "a reader": 403,
        "a stranger": 404,
    }
    quotas.update(str(made.project.id), "image", {"image_count_total": 1})
    assert status() == 403
    quotas.update(str(made.project.id), "image", {"image_count_total": 100})
    Host.objects.update(capabilities=["pause"])
    assert status() == 409
    assert Image.objects.count() == 1
    assert made.show(server)["OS-EXT-STS:task_state"] is None
    assert not Operation.objects.filter(kind="instances.create_image").exists()


def test_an_image_over_quota_or_not_held_still_is_none(made: Lab) -> None:
    made.give_agent()
    made.image.properties.create(name="os_require_quiesce", value="yes")
    server = made.create()
    made.guests["h1"].faults.fail("freeze", transient=False, message="It does not answer.")
    assert make(made, server).status_code == 202
    made.cloud.settle()
    assert not Image.objects.filter(name="new").exists()
    assert made.guests["h1"].snapshots_of(server) == []
    made.guests["h1"].faults.clear()
    quotas.update(str(made.project.id), "image", {"image_size_total": 0})
    assert make(made, server).status_code == 202
    made.cloud.settle()
    assert not Image.objects.filter(name="new").exists()
    assert made.guests["h1"].snapshots_of(server) == []
    log = made.send("GET", f"/servers/{server}/os-instance-actions").json()["instanceActions"]
    assert [(one["action"], one["message"]) for one in log] == [
        ("createImage", "Error"),
        ("createImage", "Error"),
        ("create", None),
    ]
    shown = made.show(server)
    assert (shown["status"], shown["OS-EXT-STS:task_state"]) == ("ACTIVE", None)


@pytest.mark.parametrize("gone", ["image", "server"])
def test_deleting_either_ends_it(made: Lab, gone: str) -> None:
    server = made.create()
    made.guests["h1"].faults.fail("open_snapshot")
    make(made, server)
    made.cloud.pump()
    assert len(made.guests["h1"].snapshots_of(server)) == 1
    assert made.show(server)["OS-EXT-STS:task_state"] == "image_uploading"
    if gone == "image":
        ImageManager(made.context).delete(new_image().id)
    else:
        made.send("DELETE", f"/servers/{server}")
    made.cloud.settle()
    assert not Image.objects.filter(name="new").exists()
    assert made.guests["h1"].snapshots_of(server) == []
    row = Instance.objects.get(id=server)
    assert (row.vm_state, row.task_state) == (
        ("active", None) if gone == "image" else ("deleted", None)
    )


def test_an_image_of_volumes_names_snapshots_and_boots(made: Lab) -> None:
    """It has no data; a server of it has volumes of its own with what the first had."""
    ensure_default_type()
    made.give_agent()
    root = {
        "uuid": str(made.image.id),
        "source_type": "image",
        "destination_type": "volume",
        "boot_index": 0,
        "volume_size": 1,
        "delete_on_termination": True,
    }
    blank = {"source_type": "blank", "destination_type": "volume", "volume_size": 2, "tag": "data"}
    server = made.create(imageRef=None, block_device_mapping_v2=[root, {**blank, "boot_index": -1}])
    answer = make(made, server)
    assert (answer.status_code, answer.json()) == (202, {"image_id": str(new_image().id)})
    assert new_image().status == "queued"
    early = made.send("POST", "/servers", made.body(imageRef=str(new_image().id)))
    assert early.status_code == 409  # it is not whole
    made.cloud.settle()
    image = new_image()
    shown = made.client.send("GET", f"/image/v2/images/{image.id}").json()
    assert (shown["status"], shown["size"], shown["min_disk"]) == ("active", 0, 1)
    assert made.client.send("GET", f"/image/v2/images/{image.id}/file").status_code == 204
    assert shown["snapshot_consistency"] == "file-systems"
    snapshots = {one.volume.size: str(one.id) for one in Snapshot.objects.all()}
    told = json.loads(shown["block_device_mapping"])
    assert [
        (one["source_type"], one["snapshot_id"], one["device_name"], one["boot_index"], one["tag"])
        for one in told
    ] == [
        ("snapshot", snapshots[1], "/dev/vda", 0, None),
        ("snapshot", snapshots[2], "/dev/vdb", None, "data"),
    ]
    another = made.create(imageRef=str(image.id))
    shown = made.show(another)
    assert (shown["status"], shown["image"]) == ("ACTIVE", "")
    volumes = Volume.objects.filter(snapshot_id__isnull=False).order_by("size")
    assert [(one.size, str(one.snapshot_id)) for one in volumes] == sorted(snapshots.items())
    assert {one["id"] for one in shown["os-extended-volumes:volumes_attached"]} == {
        str(one.id) for one in volumes
    }
    larger = {**blank, "volume_size": 3, "boot_index": -1, "device_name": "/dev/vdb"}
    third = made.create(imageRef=str(image.id), block_device_mapping_v2=[larger])
    ids = [one["id"] for one in made.show(third)["os-extended-volumes:volumes_attached"]]
    assert [Volume.objects.get(id=one).size for one in ids] == [1, 3]


def test_a_mapping_that_somebody_wrote_is_read_with_care(made: Lab) -> None:
    ensure_default_type()
    stranger = make_context(make_member("member"))
    volume = VolumeManager(stranger).create(VolumeRequest(size=1))
    made.cloud.settle()
    snapshot = SnapshotManager(stranger).create(str(volume.id))
    made.cloud.settle()
    foreign = {
        "source_type": "snapshot",
        "destination_type": "volume",
        "boot_index": 0,
        "snapshot_id": str(snapshot.id),
    }
    wrongs = {
        "no list": "{}",
        "no JSON": "[",
        "no disk to boot from": "[]",
        "a local file": json.dumps([{**foreign, "destination_type": "/etc/shadow"}]),
        "not theirs": json.dumps([foreign]),
        "without a snapshot": json.dumps([{**foreign, "snapshot_id": None}]),
    }
    found = {}
    for name, text in wrongs.items():
        image = make_image(context=made.context, name=name, block_device_mapping=text)
        ImageManager(made.context).complete_without_data(image.id)
        answer = made.send("POST", "/servers", made.body(imageRef=str(image.id)))
        found[name] = answer.status_code
    assert found == dict.fromkeys(wrongs, 400)
    assert not Instance.objects.exists()


def test_an_image_of_volumes_that_is_deleted_while_it_is_made_leaves_no_snapshot(made: Lab) -> None:
    ensure_default_type()
    server = booted_from_volume(made)
    made.stores["h1"].faults.fail("snapshot_together")
    make(made, server)
    made.cloud.pump()
    assert (new_image().status, Snapshot.objects.count()) == ("queued", 1)
    ImageManager(made.context).delete(new_image().id)
    made.cloud.settle()
    assert not Image.objects.filter(name="new").exists()
    assert not Snapshot.objects.exists()
    assert make(made, server).status_code == 202
    made.cloud.settle()
    assert new_image().status == "active"
