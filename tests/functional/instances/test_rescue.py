"""Servers started from rescue disks, on fake drivers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.encryption import decrypt
from compute.models import Host
from image.models import Image
from instances.api.serializers import recovery
from instances.conf import RESCUE_IMAGE
from instances.guest_metadata import GuestMetadata
from instances.models import Instance
from tests.builders.images import RAW, make_image
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def rescue(home: Lab, server_id: str, *, version: str = "2.96", **said: Any) -> Any:
    path = f"/servers/{server_id}/action"
    return home.send("POST", path, {"rescue": said or None}, version=version)


def rescue_image(home: Lab, **properties: str) -> Image:
    image = make_image(context=home.context, data=RAW, name="rescue")
    for name, value in properties.items():
        image.properties.create(name=name, value=value)
    return image


def test_rescued_and_back(home: Lab) -> None:
    """From running and from stopped; the password is the guest's for as long as it is rescued."""
    server_id, image = home.create(adminPass="its own"), rescue_image(home)
    guest = home.guests["h1"]._guests[server_id]
    answer = rescue(home, server_id, rescue_image_ref=str(image.id), adminPass="of rescue")
    assert (answer.status_code, answer.json()) == (200, {"adminPass": "of rescue"})
    assert home.show(server_id)["OS-EXT-STS:task_state"] == "rescuing"
    home.cloud.settle()
    server = home.show(server_id)
    assert (server["status"], server["OS-EXT-STS:power_state"]) == ("RESCUE", 1)
    assert (guest.rescue, server["image"]["id"]) == (str(image.id), str(home.image.id))
    row = Instance.objects.get()
    assert decrypt(row.rescue_password) == "of rescue"
    assert GuestMetadata(row, []).meta_data()["admin_pass"] == "of rescue"
    for action in ("reboot", "os-start", "suspend"):
        value = {"type": "HARD"} if action == "reboot" else None
        assert home.act(server_id, action, value).status_code == 409
    home.guests["h1"].crash(server_id, "shutdown")
    home.cloud.report()
    home.cloud.pump()
    server = home.show(server_id)
    assert (server["status"], server["OS-EXT-STS:power_state"]) == ("RESCUE", 4)
    answer = home.act(server_id, "unrescue")
    assert (answer.status_code, answer.content) == (202, b"")
    home.cloud.settle()
    server = home.show(server_id)
    assert (server["status"], server["OS-EXT-STS:power_state"], guest.rescue) == ("ACTIVE", 1, "")
    assert GuestMetadata(Instance.objects.get(), []).meta_data()["admin_pass"] == "its own"
    home.act(server_id, "os-stop")
    home.cloud.settle()
    assert len(rescue(home, server_id).json()["adminPass"]) >= 12
    home.cloud.settle()
    assert (home.show(server_id)["status"], guest.rescue) == ("RESCUE", str(home.image.id))
    assert home.client.send("DELETE", f"/compute/v2.1/servers/{server_id}").status_code == 204
    home.cloud.settle()
    row = Instance.objects.get()
    assert (row.rescue_image_id, row.rescue_password, home.guests["h1"].census()) == ("", "", ())


def test_a_rescue_that_fails_leaves_all_as_it_was(home: Lab) -> None:
    server_id = home.create()
    home.guests["h1"].faults.fail("rescue", transient=False)
    rescue(home, server_id)
    home.cloud.settle()
    server = home.show(server_id)
    assert (server["status"], server["OS-EXT-STS:power_state"]) == ("ACTIVE", 1)
    assert home.guests["h1"].get(server_id).power_state == "running"
    assert not Instance.objects.exclude(rescue_image_id="", rescue_password="").exists()


def test_what_cannot_be_rescued_with(home: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each said in the answer; the server stays as it is."""
    server_id = home.create()
    without_data = make_image(context=home.context, name="empty")
    images = {
        "unknown": "00000000-0000-0000-0000-000000000000",
        "no id": "nonsense",
        "no data": str(without_data.id),
        "floppy": str(rescue_image(home, hw_rescue_device="floppy").id),
        "ide": str(rescue_image(home, hw_rescue_bus="ide").id),
        "virtio CD": str(rescue_image(home, hw_rescue_device="cdrom", hw_rescue_bus="virtio").id),
    }
    found = {name: rescue(home, server_id, rescue_image_ref=key) for name, key in images.items()}
    assert {name: one.status_code for name, one in found.items()} == dict.fromkeys(images, 400)
    assert "is not supported" in found["floppy"].json()["badRequest"]["message"]
    Host.objects.update(capabilities={})
    answer = rescue(home, server_id)
    assert (answer.status_code, [*answer.json()]) == (501, ["notImplemented"])
    assert home.show(server_id)["OS-EXT-STS:task_state"] is None
    Host.objects.update(capabilities={"rescue": True})
    monkeypatch.setattr(recovery, "SHOWS_PASSWORD", False)
    assert rescue(home, server_id).json() == {}
    assert RESCUE_IMAGE == ""


def test_one_that_boots_from_a_volume(home: Lab) -> None:
    """From 2.87 on, with an image that leaves its disks their places."""
    volume = home.make_volume(image_id=str(home.image.id))
    device = {"boot_index": 0, "uuid": volume, "source_type": "volume"}
    server_id = home.create(
        imageRef="", block_device_mapping_v2=[{**device, "destination_type": "volume"}]
    )
    plain, stable = rescue_image(home), rescue_image(home, hw_rescue_bus="usb")
    asked = {
        ("2.86", str(stable.id)): 400,
        ("2.87", str(plain.id)): 400,
        ("2.87", ""): 400,
        ("2.87", str(stable.id)): 200,
    }
    found = {}
    for version, key in asked:
        said = {"rescue_image_ref": key} if key else {}
        found[version, key] = rescue(home, server_id, version=version, **said).status_code
    assert found == asked
    home.cloud.settle()
    guest = home.guests["h1"]._guests[server_id]
    assert (home.show(server_id)["status"], guest.rescue) == ("RESCUE", str(stable.id))
    assert [*guest.volumes] == [volume]
    home.act(server_id, "unrescue")
    home.cloud.settle()
    assert (home.show(server_id)["status"], [*guest.volumes]) == ("ACTIVE", [volume])
