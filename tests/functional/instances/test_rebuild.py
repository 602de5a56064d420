"""Servers made anew, on fake drivers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.encryption import decrypt
from instances.models import Instance
from tests.builders.images import RAW, make_image
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def rebuild(home: Lab, server_id: str, *, version: str = "2.96", **said: Any) -> Any:
    body = {"imageRef": str(home.image.id), **said}
    return home.send("POST", f"/servers/{server_id}/action", {"rebuild": body}, version=version)


def test_a_server_is_made_anew(home: Lab) -> None:
    """Under its id and addresses, from another image, with all that may change; the answer says so."""
    server_id = home.create(metadata={"a": "b"})
    image = make_image(context=home.context, data=RAW, name="newer")
    before = home.show(server_id)
    answer = rebuild(
        *(home, server_id),
        imageRef=str(image.id),
        name="new",
        adminPass="secret",
        metadata={"c": "d"},
        description="made anew",
        hostname="fresh",
        user_data=b64encode(b"#!/bin/sh").decode(),
        accessIPv4="192.0.2.1",
    )
    assert answer.status_code == 202, answer.content
    said, shown = answer.json()["server"], home.show(server_id)
    assert answer.headers["Location"].endswith(f"/servers/{server_id}")
    assert said.pop("adminPass") == "secret"
    assert said.pop("OS-EXT-SRV-ATTR:user_data") == b64encode(b"#!/bin/sh").decode()
    assert said == shown
    assert (shown["status"], shown["OS-EXT-STS:task_state"]) == ("REBUILD", "rebuilding")
    home.cloud.settle()
    shown = home.show(server_id)
    assert (shown["status"], shown["image"]["id"], shown["name"]) == (
        "ACTIVE",
        str(image.id),
        "new",
    )
    assert (shown["metadata"], shown["description"]) == ({"c": "d"}, "made anew")
    assert (shown["addresses"], shown["hostId"]) == (before["addresses"], before["hostId"])
    assert (shown["OS-EXT-SRV-ATTR:hostname"], shown["accessIPv4"]) == ("fresh", "192.0.2.1")
    row = Instance.objects.get()
    assert (decrypt(row.admin_password), row.before_rebuild) == ("secret", "")
    (disk,) = row.block_devices.all()
    assert str(disk.source_id) == str(image.id)
    guest = home.guests["h1"]._guests[server_id]
    assert (guest.disks, guest.console.count("fake-guest: wiped")) == (["root"], 1)


def test_older_answers_say_less(home: Lab) -> None:
    server_id = home.create()
    keys = {}
    for version in ("2.1", "2.54", "2.57", "2.75"):
        keys[version] = {*rebuild(home, server_id, version=version).json()["server"]}
        home.cloud.settle()
    late = {"OS-EXT-STS:vm_state", "config_drive", "os-extended-volumes:volumes_attached"}
    assert "adminPass" in keys["2.1"]
    assert not late & keys["2.57"]
    assert late < keys["2.75"]
    news = {key: keys[key] & {"key_name", "OS-EXT-SRV-ATTR:user_data"} for key in keys}
    assert [len(found) for found in news.values()] == [0, 1, 2, 2]


def test_a_stopped_one_ends_stopped_and_one_in_error_runs(home: Lab) -> None:
    server_id = home.create()
    home.act(server_id, "os-stop")
    home.cloud.settle()
    rebuild(home, server_id)
    assert home.show(server_id)["status"] == "REBUILD"
    home.cloud.settle()
    assert (home.show(server_id)["status"], home.guests["h1"].get(server_id).power_state) == (
        *("SHUTOFF", "shutdown"),
    )
    Instance.objects.update(vm_state="error", fault_code=500, fault_message="It was lost.")
    rebuild(home, server_id)
    home.cloud.settle()
    assert (home.show(server_id)["status"], "fault" in home.show(server_id)) == ("ACTIVE", False)


def test_what_fails_before_the_disks_are_gone_changes_nothing_and_after_it_is_an_error(
    home: Lab,
) -> None:
    server_id = home.create(metadata={"a": "b"}, user_data=b64encode(b"old").decode())
    image = make_image(context=home.context, data=RAW, name="newer")
    keep, driver = Instance.objects.values().get(), home.guests["h1"]
    driver.faults.fail("wipe", transient=False)
    rebuild(home, server_id, imageRef=str(image.id), name="new", metadata={}, user_data=None)
    home.cloud.settle()
    changed = {key for key, value in Instance.objects.values().get().items() if value != keep[key]}
    assert changed == {"updated_at"}
    assert driver.get(server_id).power_state == "running"
    assert str(Instance.objects.get().block_devices.get().source_id) == str(home.image.id)
    driver.faults.clear()
    driver.faults.fail("spawn", transient=False)
    rebuild(home, server_id, imageRef=str(image.id), name="new")
    home.cloud.settle()
    server = home.show(server_id)
    assert (server["status"], server["name"]) == ("ERROR", "new")
    assert server["fault"]["message"] == "Ordered to fail."
    driver.faults.clear()
    rebuild(home, server_id, imageRef=str(image.id))
    home.cloud.settle()
    assert home.show(server_id)["status"] == "ACTIVE"


def test_blank_disks_stay_where_that_is_asked(home: Lab) -> None:
    home.flavor.ephemeral = 2
    home.flavor.save()
    root = {"boot_index": 0, "uuid": str(home.image.id), "source_type": "image"}
    blank = {"source_type": "blank", "destination_type": "local", "volume_size": 1}
    server_id = home.create(block_device_mapping_v2=[{**root, "destination_type": "local"}, blank])
    orders = []
    for said in (True, False):
        home.guests["h1"].faults.fail("spawn", transient=False)
        rebuild(home, server_id, preserve_ephemeral=said)
        home.cloud.settle()
        orders.append(home.guests["h1"]._guests[server_id].disks)
        home.guests["h1"].faults.clear()
        rebuild(home, server_id)
        home.cloud.settle()
    assert orders == [["vdb"], []]


def test_what_cannot_be_made_of_it(home: Lab) -> None:
    """Refused at once, in the words and statuses of a create; nothing has changed."""
    server_id = home.create()
    large = make_image(context=home.context, data=RAW, name="large", min_ram=1 << 20)
    empty = make_image(context=home.context, name="empty")
    volume = home.make_volume(image_id=str(home.image.id))
    device = {"boot_index": 0, "uuid": volume, "source_type": "volume"}
    on_volume = home.create(
        imageRef="", block_device_mapping_v2=[{**device, "destination_type": "volume"}]
    )
    cases: dict[str, tuple[str, dict[str, Any], str]] = {
        "unknown image": (server_id, {"imageRef": "0" * 32}, "2.96"),
        "image too large": (server_id, {"imageRef": str(large.id)}, "2.96"),
        "no key of this name": (server_id, {"key_name": "nobody"}, "2.54"),
        "a key too early": (server_id, {"key_name": "nobody"}, "2.53"),
        "user data that is none": (server_id, {"user_data": "?"}, "2.57"),
        "files too late": (server_id, {"personality": []}, "2.57"),
        "a host name too early": (server_id, {"hostname": "h"}, "2.89"),
        "another image on a volume": (on_volume, {"imageRef": str(large.id)}, "2.96"),
        "another word": (server_id, {"flavorRef": "1"}, "2.96"),
    }
    found = {
        name: rebuild(home, key, version=version, **said).status_code
        for name, (key, said, version) in cases.items()
    }
    assert found == dict.fromkeys(cases, 400)
    assert rebuild(home, server_id, imageRef=str(empty.id)).status_code == 409
    assert rebuild(home, server_id, metadata={str(n): "" for n in range(200)}).status_code == 403
    assert Instance.objects.filter(task_state=None, before_rebuild="").count() == 2
    assert rebuild(home, on_volume, name="new").status_code == 202
    home.cloud.settle()
    server = home.show(on_volume)
    assert (server["status"], server["name"], server["image"]) == ("ACTIVE", "new", "")
    assert [one["id"] for one in server["os-extended-volumes:volumes_attached"]] == [volume]
