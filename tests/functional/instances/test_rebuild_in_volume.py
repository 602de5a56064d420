"""Servers that boot from volumes are made anew, on fake drivers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instances.models import BlockDevice, Instance
from tests.builders.images import RAW, make_image
from tests.builders.instances import Lab, lab
from tests.builders.volumes import attach
from volume.models import Attachment, Pool, Volume

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def boot(home: Lab) -> tuple[str, str]:
    """Return a server and the volume of the image that it boots from, in which its guest wrote."""
    volume = home.make_volume(image_id=str(home.image.id))
    device = {"boot_index": 0, "uuid": volume, "source_type": "volume"}
    disks = [{**device, "destination_type": "volume"}]
    server_id = home.create(imageRef="", block_device_mapping_v2=disks)
    home.stores["h1"].write(volume, "old")
    return server_id, volume


def rebuild(home: Lab, server_id: str, image: Any, *, version: str = "2.93", **said: Any) -> int:
    body = {"rebuild": {"imageRef": str(image), **said}}
    answer = home.send("POST", f"/servers/{server_id}/action", body, version=version)
    return int(answer.status_code)


def newer(home: Lab, **facts: Any) -> str:
    return str(make_image(context=home.context, data=RAW, name="newer", **facts).id)


def test_its_volume_is_written_anew_and_stays_its_own(home: Lab) -> None:
    server_id, volume_id = boot(home)
    image, store = newer(home), home.stores["h1"]
    attachment = Attachment.objects.get().id
    assert rebuild(home, server_id, image, name="new") == 202
    assert Volume.objects.get().status == "downloading"
    assert home.show(server_id)["status"] == "REBUILD"
    home.cloud.settle()
    shown, volume = home.show(server_id), Volume.objects.get()
    assert (shown["status"], shown["name"], shown["image"]) == ("ACTIVE", "new", "")
    assert [one["id"] for one in shown["os-extended-volumes:volumes_attached"]] == [volume_id]
    assert (volume.status, volume.size, str(volume.image_id)) == ("in-use", 1, image)
    assert volume.image_metadata["image_name"] == "newer"
    assert store.read(volume_id) == f"image {image}"
    assert store.exports() == {str(attachment): volume_id}
    assert Attachment.objects.get().status == "attached"
    assert home.guests["h1"].get(server_id).power_state == "running"
    path = f"/servers/{server_id}/os-instance-actions"
    done = home.send("GET", path).json()["instanceActions"]
    assert [one["action"] for one in done] == ["rebuild", "create"]


def test_from_the_same_image_too_and_only_from_the_version_on(home: Lab) -> None:
    """Before, another image is refused, and the same one leaves the volume as it is."""
    server_id, volume_id = boot(home)
    image, store = str(home.image.id), home.stores["h1"]
    assert rebuild(home, server_id, newer(home), version="2.92") == 400
    assert rebuild(home, server_id, image, version="2.92") == 202
    home.cloud.settle()
    assert store.read(volume_id) == "old"
    home.act(server_id, "os-stop")
    home.cloud.settle()
    assert rebuild(home, server_id, image) == 202
    home.cloud.settle()
    assert store.read(volume_id) == f"image {image}"
    assert home.show(server_id)["status"] == "SHUTOFF"
    assert Volume.objects.get().status == "in-use"


def test_what_cannot_be_written_is_said_before_anything_is_touched(home: Lab) -> None:
    server_id, volume_id = boot(home)
    image, rows = newer(home), Volume.objects.filter(id=volume_id)
    before = Instance.objects.values().get()
    found = {"too large": rebuild(home, server_id, newer(home, min_disk=2))}
    for status in ("uploading", "extending", "downloading"):
        rows.update(status=status)
        found[status] = rebuild(home, server_id, image)
    rows.update(status="in-use", migration_status="migrating")
    found["on its way"] = rebuild(home, server_id, image)
    rows.update(migration_status=None)
    other = attach(rows.get(), exclusive=False)
    found["in several servers"] = rebuild(home, server_id, image)
    other.delete()
    able = Pool.objects.get().capabilities
    Pool.objects.update(capabilities=[name for name in able if name != "reimage"])
    found["a back end that cannot"] = rebuild(home, server_id, image)
    assert found == dict.fromkeys(found, 400)
    assert Instance.objects.values().get() == before
    assert (rows.get().status, home.stores["h1"].read(volume_id)) == ("in-use", "old")


def test_what_fails_before_leaves_all_as_it_was_and_what_fails_on_the_way_is_done_again(
    home: Lab,
) -> None:
    server_id, volume_id = boot(home)
    image, guests, store = newer(home), home.guests["h1"], home.stores["h1"]
    guests.faults.fail("wipe", transient=False)
    assert rebuild(home, server_id, image) == 202
    home.cloud.settle()
    assert (home.show(server_id)["status"], Volume.objects.get().status) == ("ACTIVE", "in-use")
    assert (store.read(volume_id), guests.get(server_id).power_state) == ("old", "running")
    guests.faults.clear()
    store.faults.fail("reimage", transient=False)
    assert rebuild(home, server_id, image) == 202
    home.cloud.settle()
    shown, volume = home.show(server_id), Volume.objects.get()
    assert (shown["status"], volume.status) == ("ERROR", "error")
    assert shown["fault"]["message"] == volume.fault_message == "Ordered to fail."
    assert Attachment.objects.get().status == "attached"
    store.faults.clear()
    guests.faults.fail("spawn", transient=False)
    assert rebuild(home, server_id, image) == 202
    home.cloud.settle()
    assert (home.show(server_id)["status"], Volume.objects.get().status) == ("ERROR", "in-use")
    guests.faults.clear()
    assert rebuild(home, server_id, image) == 202
    home.cloud.settle()
    assert (home.show(server_id)["status"], Volume.objects.get().status) == ("ACTIVE", "in-use")
    assert (store.read(volume_id), len(store.exports())) == (f"image {image}", 1)
    assert BlockDevice.objects.get().attachment_id == Attachment.objects.get().id
