"""Volumes in servers over HTTP: attached, shown, detached, whatever died in between."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import Unguarded
from compute.models import Host
from compute.objects import GuestRef
from instances.models import BlockDevice, Instance
from tests.builders.identity import client_of, client_with, make_member
from tests.builders.instances import Lab, lab
from volume.bootstrap import ensure_default_type
from volume.manager import VolumeManager
from volume.models import Attachment, Pool, QosSpec, Volume, VolumeType

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def attach(home: Lab, server: str, volume: str, *, version: str = "2.89", **said: Any) -> Any:
    body = {"volumeAttachment": {"volumeId": volume, **said}}
    return home.send("POST", f"/servers/{server}/os-volume_attachments", body, version=version)


def detach(home: Lab, server: str, volume: str) -> Any:
    return home.send("DELETE", f"/servers/{server}/os-volume_attachments/{volume}")


def listed(home: Lab, server: str, version: str = "2.89") -> list[dict[str, Any]]:
    answer = home.send("GET", f"/servers/{server}/os-volume_attachments", version=version)
    found: list[dict[str, Any]] = answer.json()["volumeAttachments"]
    return found


def status(volume: str) -> str:
    return str(Volume.objects.get(id=volume).status)


def disks(home: Lab, server: str) -> set[str]:
    return {serial for driver in home.guests.values() for serial in driver.attached_disks(server)}


def exports(home: Lab) -> list[str]:
    states = list(home.stores.values())
    return [one for store in states for volume in store.list() for one in volume.attachments]


def test_attached_seen_by_all_and_detached(home: Lab) -> None:
    server, volume = home.create(), home.make_volume()
    answer = attach(home, server, volume, device=None)
    assert answer.status_code == 200, answer.content
    said = answer.json()["volumeAttachment"]
    assert said["device"] == "/dev/vdb"
    assert status(volume) == "reserved"
    home.cloud.settle()
    (row,) = Attachment.objects.all()
    assert (status(volume), row.status, row.device) == ("in-use", "attached", "/dev/vdb")
    assert str(row.instance_id) == server
    assert disks(home, server) == {volume}
    shown = home.show(server)
    assert shown["os-extended-volumes:volumes_attached"] == [
        {"id": volume, "delete_on_termination": False}
    ]
    assert (shown["status"], shown["OS-EXT-STS:task_state"]) == ("ACTIVE", None)
    assert home.show(server, "2.1")["os-extended-volumes:volumes_attached"] == [{"id": volume}]
    assert detach(home, server, volume).status_code == 202
    assert status(volume) == "detaching"
    home.cloud.settle()
    assert (status(volume), disks(home, server), exports(home)) == ("available", set(), [])
    assert listed(home, server) == []
    assert not Attachment.objects.exists()
    names = home.send("GET", f"/servers/{server}/os-instance-actions").json()["instanceActions"]
    assert [one["action"] for one in names] == ["detach_volume", "attach_volume", "create"]


def test_each_version_shows_what_it_knows(home: Lab) -> None:
    server, volume = home.create(), home.make_volume()
    attach(home, server, volume, tag="data", delete_on_termination=True)
    home.cloud.settle()
    keys = {"id", "volumeId", "serverId", "device"}
    wanted = {
        "2.1": keys,
        "2.69": keys,
        "2.70": keys | {"tag"},
        "2.79": keys | {"tag", "delete_on_termination"},
        "2.89": (keys - {"id"}) | {"tag", "delete_on_termination", "attachment_id", "bdm_uuid"},
    }
    found = {version: set(listed(home, server, version)[0]) for version in wanted}
    assert found == wanted
    one = home.send("GET", f"/servers/{server}/os-volume_attachments/{volume}").json()
    assert one == {"volumeAttachment": listed(home, server)[0]}
    assert one["volumeAttachment"]["tag"] == "data"
    assert one["volumeAttachment"]["attachment_id"] == str(Attachment.objects.get().id)


def test_what_is_asked_wrongly_is_said(home: Lab) -> None:
    server, volume, other = home.create(), home.make_volume(), home.make_volume()
    stranger = client_of(make_member("member"))
    attach(home, server, volume)
    home.cloud.settle()
    path = f"/servers/{server}/os-volume_attachments"

    def post(version: str = "2.89", client: Any = None, **said: Any) -> int:
        body = {"volumeAttachment": {"volumeId": other, **said}}
        answer = home.send("POST", path, body, version=version, client=client)
        return int(answer.status_code)

    unknown = "00000000-0000-4000-8000-000000000001"
    found = {
        "unknown volume": post(volumeId=unknown),
        "no id": post(volumeId="nonsense"),
        "attached already": post(volumeId=volume),
        "device taken": post(device="/dev/vdb"),
        "root's name": post(device="/dev/vda"),
        "no device": post(device="../etc"),
        "tag too early": post("2.48", tag="x"),
        "flag too early": post("2.78", delete_on_termination=True),
        "unknown key": post(nonsense=1),
        "another's": post(client=stranger),
        "show unknown": home.send("GET", f"{path}/{other}").status_code,
        "detach unknown": home.send("DELETE", f"{path}/{other}").status_code,
        "flag of unknown": home.send(
            "PUT",
            f"{path}/{other}",
            {"volumeAttachment": {"volumeId": other, "delete_on_termination": True}},
        ).status_code,
        "flag too early in PUT": home.send(
            "PUT",
            f"{path}/{volume}",
            {"volumeAttachment": {"volumeId": volume, "delete_on_termination": True}},
            version="2.84",
        ).status_code,
        "swap by a tenant": home.send(
            "PUT", f"{path}/{volume}", {"volumeAttachment": {"volumeId": other}}
        ).status_code,
        "list of nobody's": home.send(
            "GET", f"/servers/{unknown}/os-volume_attachments"
        ).status_code,
        "bad limit": home.send("GET", f"{path}?limit=x").status_code,
        "bad offset": home.send("GET", f"{path}?offset=-1").status_code,
    }
    assert found == {
        "unknown volume": 404,
        "no id": 400,
        "attached already": 400,
        "device taken": 409,
        "root's name": 409,
        "no device": 400,
        "tag too early": 400,
        "flag too early": 400,
        "unknown key": 400,
        "another's": 404,
        "show unknown": 404,
        "detach unknown": 404,
        "flag of unknown": 404,
        "flag too early in PUT": 400,
        "swap by a tenant": 403,
        "list of nobody's": 404,
        "bad limit": 400,
        "bad offset": 400,
    }
    assert status(other) == "available"
    assert home.send("GET", f"{path}?limit=1&offset=1").json() == {"volumeAttachments": []}


def test_two_at_once_wait_for_each_other(home: Lab) -> None:
    server, volumes = home.create(), [home.make_volume() for _ in range(3)]
    answers = [attach(home, server, volume).status_code for volume in volumes]
    assert answers == [200, 200, 200]
    home.cloud.settle()
    assert disks(home, server) == set(volumes)
    assert [one["device"] for one in listed(home, server)] == ["/dev/vdb", "/dev/vdc", "/dev/vdd"]
    assert home.act(server, "os-stop").status_code == 202
    home.cloud.settle()
    for volume in volumes[:2]:
        assert detach(home, server, volume).status_code == 202
    home.cloud.settle()
    assert home.act(server, "os-start").status_code == 202
    home.cloud.settle()
    assert disks(home, server) == {volumes[2]}
    assert {status(volume) for volume in volumes[:2]} == {"available"}


def test_a_guest_that_keeps_its_disk_keeps_the_volume(home: Lab) -> None:
    server, volume = home.create(), home.make_volume()
    attach(home, server, volume)
    home.cloud.settle()
    home.guests["h1"].keep_device(server, volume)
    assert detach(home, server, volume).status_code == 202
    home.cloud.settle()
    assert (status(volume), disks(home, server)) == ("in-use", {volume})
    assert home.show(server)["OS-EXT-STS:task_state"] is None
    (entry,) = [
        one
        for one in home.send("GET", f"/servers/{server}/os-instance-actions").json()[
            "instanceActions"
        ]
        if one["action"] == "detach_volume"
    ]
    assert entry["message"] == "Error"
    home.act(server, "os-stop")
    home.cloud.settle()
    assert detach(home, server, volume).status_code == 202
    home.cloud.settle()
    assert status(volume) == "available"


def test_a_volume_goes_with_its_server_where_that_was_said(home: Lab) -> None:
    server, stays, goes = home.create(), home.make_volume(), home.make_volume()
    for volume in (stays, goes):
        attach(home, server, volume)
    home.cloud.settle()
    path = f"/servers/{server}/os-volume_attachments/{goes}"
    body = {"volumeAttachment": {"volumeId": goes, "delete_on_termination": True}}
    assert home.send("PUT", path, body).status_code == 202
    assert home.send("DELETE", f"/servers/{server}").status_code == 204
    home.cloud.settle()
    assert [str(one.id) for one in Volume.objects.all()] == [stays]
    assert (status(stays), exports(home)) == ("available", [])
    assert not BlockDevice.objects.exists()
    assert not Instance.objects.alive().exists()


def apart(home: Lab) -> tuple[str, str, str, str]:
    """Attach a volume of one host to a server of another; return both with their hosts."""
    home.add_host("h2")
    server = home.create()
    here = Instance.objects.get(id=server).host
    there = "h2" if here == "h1" else "h1"
    Pool.objects.filter(host=here).update(enabled=False)
    volume = home.make_volume()
    attach(home, server, volume)
    home.cloud.settle()
    assert (Volume.objects.get(id=volume).pool.host, status(volume)) == (there, "in-use")
    return server, volume, here, there


def test_a_volume_comes_off_a_server_whose_host_died_and_the_guest_comes_back_without_it(
    home: Lab,
) -> None:
    server, volume, here, there = apart(home)
    home.cloud.kill_host(here)
    assert detach(home, server, volume).status_code == 202
    home.cloud.settle()
    assert status(volume) == "available"
    assert home.stores[there].list()[0].attachments == ()
    assert home.guests[here].attached_disks(server) == {volume: 1024**3}  # as it was when it died
    home.guests[here].power_off(GuestRef(id=server, name="x"), timeout=0, work=Unguarded())
    (home.cloud.directory / here / "boot_id").write_bytes(b"another")
    home.add_host(here)
    home.cloud.settle()
    home.start_guests(here)
    assert home.guests[here].get(server).power_state == "running"
    assert home.guests[here].attached_disks(server) == {}


def test_a_volume_comes_off_whose_own_host_died_and_nothing_is_served_there_again(
    home: Lab,
) -> None:
    server, volume, here, there = apart(home)
    home.cloud.kill_host(there)
    assert detach(home, server, volume).status_code == 202
    home.cloud.settle()
    assert (status(volume), home.guests[here].attached_disks(server)) == ("available", {})
    home.add_host(there)
    home.cloud.settle()
    assert home.stores[there].list()[0].attachments == ()


def test_a_volume_that_an_operator_took_away_is_forgotten_and_no_obstacle(home: Lab) -> None:
    server, volume = home.create(), home.make_volume()
    attach(home, server, volume)
    home.cloud.settle()
    home.act(server, "os-stop")
    home.cloud.settle()
    Attachment.objects.all().delete()
    home.act(server, "os-start")
    home.cloud.settle()
    assert (home.show(server)["status"], disks(home, server)) == ("ACTIVE", set())
    assert detach(home, server, volume).status_code == 202
    home.cloud.settle()
    assert (home.show(server)["OS-EXT-STS:task_state"], listed(home, server)) == (None, [])


def test_one_volume_in_two_servers(home: Lab) -> None:
    servers, volume = [home.create(), home.create()], home.make_volume(multiattach=True)
    refused = attach(home, servers[0], volume, version="2.59")
    assert refused.status_code == 400
    for server in servers:
        assert attach(home, server, volume).status_code == 200
    home.cloud.settle()
    assert [disks(home, server) for server in servers] == [{volume}, {volume}]
    assert detach(home, servers[0], volume).status_code == 202
    home.cloud.settle()
    assert (status(volume), disks(home, servers[1])) == ("in-use", {volume})
    home.send("DELETE", f"/servers/{servers[1]}")
    home.cloud.settle()
    assert (status(volume), exports(home)) == ("available", [])


def test_a_guest_sees_that_its_volume_has_grown(home: Lab) -> None:
    server, volume = home.create(), home.make_volume()
    attach(home, server, volume)
    home.cloud.settle()
    VolumeManager(home.context).extend(volume, size=3)
    home.cloud.settle()
    assert status(volume) == "in-use"
    assert home.guests["h1"].attached_disks(server) == {volume: 3 * 1024**3}
    home.act(server, "reboot", {"type": "HARD"})
    home.cloud.settle()
    assert home.guests["h1"].attached_disks(server) == {volume: 3 * 1024**3}


def test_a_guest_is_held_to_what_the_type_of_its_volume_says(home: Lab) -> None:
    ensure_default_type()
    specs = {"total_iops_sec": "100", "read_bytes_sec_per_gb": "1048576", "nonsense": "x"}
    spec = QosSpec.objects.create(name="slow", consumer="front-end", specs=specs)
    VolumeType.objects.update(qos_spec=spec)
    server, volume = home.create(), home.make_volume(size=2)
    attach(home, server, volume)
    home.cloud.settle()
    assert home.guests["h1"].throttles(server) == {
        volume: {"total_iops_sec": 100, "read_bytes_sec": 2 * 1024**2}
    }
    QosSpec.objects.update(consumer="back-end")
    home.act(server, "reboot", {"type": "HARD"})
    home.cloud.settle()
    assert home.guests["h1"].throttles(server) == {volume: {}}
    fast = QosSpec.objects.create(
        name="fast", consumer="front-end", specs={"total_iops_sec": "900"}
    )
    VolumeType.objects.create(name="gold", qos_spec=fast)
    VolumeManager(home.context).retype(volume, new_type="gold")
    home.cloud.settle()
    assert home.guests["h1"].throttles(server) == {volume: {"total_iops_sec": 900}}


def boot(home: Lab, *mapping: dict[str, Any], version: str = "2.67", **said: Any) -> Any:
    """Ask for a server with these block devices and no imageRef."""
    body = home.body(imageRef="", block_device_mapping_v2=list(mapping), **said)
    return home.send("POST", "/servers", body, version=version)


def new_root(home: Lab, **more: Any) -> dict[str, Any]:
    return {
        "boot_index": 0,
        "uuid": str(home.image.id),
        "source_type": "image",
        "destination_type": "volume",
        "volume_size": 1,
        **more,
    }


BLANK = {"boot_index": -1, "source_type": "blank", "destination_type": "volume", "volume_size": 2}


def test_a_server_boots_from_a_new_volume_and_has_blank_and_older_ones_beside_it(home: Lab) -> None:
    older = home.make_volume()
    beside = {"source_type": "volume", "destination_type": "volume", "uuid": older, "tag": "data"}
    answer = boot(home, new_root(home, delete_on_termination=True), BLANK, beside)
    assert answer.status_code == 202, answer.content
    server = answer.json()["server"]["id"]
    assert home.show(server)["OS-EXT-STS:task_state"] == "block_device_mapping"
    home.cloud.settle()
    shown = home.show(server)
    assert (shown["status"], shown["image"]) == ("ACTIVE", "")
    found = listed(home, server)
    assert [(one["device"], one["delete_on_termination"], one["tag"]) for one in found] == [
        ("/dev/vda", True, None),
        ("/dev/vdb", False, None),
        ("/dev/vdc", False, "data"),
    ]
    root, blank = (Volume.objects.get(id=one["volumeId"]) for one in found[:2])
    assert (root.bootable, root.size, str(root.image_id)) == (True, 1, str(home.image.id))
    assert (blank.bootable, blank.size) == (False, 2)
    assert disks(home, server) == {str(root.id), str(blank.id), older}
    refused = detach(home, server, str(root.id))
    assert (refused.status_code, refused.json()["forbidden"]["message"]) == (
        403,
        "Cannot detach a root device volume",
    )
    home.act(server, "reboot", {"type": "HARD"})
    home.cloud.settle()
    assert disks(home, server) == {str(root.id), str(blank.id), older}
    home.send("DELETE", f"/servers/{server}")
    home.cloud.settle()
    assert {str(one.id): one.status for one in Volume.objects.all()} == {
        str(blank.id): "available",
        older: "available",
    }


def test_a_server_boots_from_a_volume_that_is_there_by_either_mapping(home: Lab) -> None:
    first, second = (home.make_volume(image_id=str(home.image.id)) for _ in range(2))
    newer = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": first}
    older = {"device_name": "vda", "volume_id": second, "delete_on_termination": "1"}
    answers = [
        boot(home, newer),
        home.send("POST", "/servers", home.body(imageRef=None, block_device_mapping=[older])),
    ]
    assert [one.status_code for one in answers] == [202, 202], [one.content for one in answers]
    home.cloud.settle()
    for answer, volume in zip(answers, (first, second), strict=True):
        server = answer.json()["server"]["id"]
        assert (home.show(server)["status"], disks(home, server)) == ("ACTIVE", {volume})
    assert {status(first), status(second)} == {"in-use"}


def test_what_cannot_be_booted_is_said_and_leaves_nothing(home: Lab) -> None:
    plain, unknown = home.make_volume(), "00000000-0000-4000-8000-000000000001"
    volume = {"boot_index": 0, "source_type": "volume", "destination_type": "volume"}
    image = new_root(home)
    cases: dict[str, list[dict[str, Any]]] = {
        "no disk": [],
        "not bootable": [{**volume, "uuid": plain}],
        "unknown volume": [{**volume, "uuid": unknown}],
        "unknown image": [{**image, "uuid": unknown}],
        "unknown type": [{**image, "volume_type": "nonsense"}],
        "no size": [{**image, "volume_size": None}],
        "size zero": [{**image, "volume_size": 0}],
        "not a size": [{**image, "volume_size": "many"}],
        "no uuid": [{**volume, "uuid": None}],
        "blank with a uuid": [image, {**BLANK, "uuid": plain}],
        "two to boot from": [image, image],
        "a gap in the order": [image, {**BLANK, "boot_index": 2}],
        "nothing to boot from": [BLANK],
        "a volume on the host": [{**volume, "uuid": plain, "destination_type": "local"}],
        "two of one name": [image, *[{**BLANK, "device_name": "/dev/vdc"}] * 2],
        "a name of no disk": [image, {**BLANK, "device_name": "disk"}],
        "too many new ones": [image, *[BLANK] * 8],
        "a blank disk the flavor has not": [image, {**BLANK, "destination_type": "local"}],
        "a volume twice": [image, *[{**volume, "boot_index": -1, "uuid": plain}] * 2],
    }
    found = {name: boot(home, *mapping).status_code for name, mapping in cases.items()}
    assert found == dict.fromkeys(cases, 400)
    more = {
        "type too early": boot(home, new_root(home, volume_type="x"), version="2.66"),
        "several of one volume": boot(
            home, image, {**volume, "boot_index": None, "uuid": plain}, max_count=2
        ),
        "both mappings": boot(home, image, block_device_mapping=[{"volume_id": plain}]),
        "another image": home.send(
            "POST",
            "/servers",
            home.body(
                block_device_mapping_v2=[{**image, "destination_type": "local", "uuid": unknown}]
            ),
        ),
    }
    assert {name: one.status_code for name, one in more.items()} == dict.fromkeys(more, 400)
    assert status(plain) == "available"
    assert [str(one.id) for one in Volume.objects.all()] == [plain]
    assert not Instance.objects.exists()


def test_a_build_that_fails_leaves_no_volume(home: Lab) -> None:
    older = home.make_volume(image_id=str(home.image.id))
    for store in home.stores.values():
        store.faults.fail("create", times=100)
    beside = {"source_type": "volume", "destination_type": "volume", "uuid": older}
    answer = boot(home, new_root(home), BLANK, beside)  # the second is not begun at all
    assert status(older) == "reserved"
    home.cloud.settle()
    shown = home.show(answer.json()["server"]["id"])
    assert (shown["status"], status(older)) == ("ERROR", "available")
    assert shown["os-extended-volumes:volumes_attached"] == []
    assert [str(one.id) for one in Volume.objects.all()] == [older]


def test_a_server_that_runs_gets_no_volume_where_its_hypervisor_plugs_none(home: Lab) -> None:
    server, volume = home.create(), home.make_volume()
    Host.objects.update(capabilities={"console_log": True})
    answer = attach(home, server, volume)
    assert answer.status_code == 409
    assert "stop it first" in answer.json()["conflictingRequest"]["message"]
    assert (status(volume), Attachment.objects.exists()) == ("available", False)
    assert home.show(server)["OS-EXT-STS:task_state"] is None
    Instance.objects.update(vm_state="stopped")
    assert attach(home, server, volume).status_code == 200


def test_who_grew_a_volume_tells_its_servers(home: Lab) -> None:
    server, volume = home.create(), home.make_volume()
    attach(home, server, volume)
    home.cloud.settle()
    Volume.objects.update(size=3)
    nowhere = Instance.objects.get(id=server)
    nowhere.pk, nowhere.host = uuid.uuid4(), ""
    nowhere.save(force_insert=True)

    def tell(*events: dict[str, str], version: str = "2.51") -> Any:
        path = "/compute/v2.1/os-server-external-events"
        headers = {"OpenStack_API_Version": f"compute {version}"}
        return client_with("service").send("POST", path, {"events": [*events]}, **headers)

    grown = {"name": "volume-extended", "server_uuid": server, "tag": volume}
    heard = {"name": "network-changed", "server_uuid": server}
    answer = tell(grown, heard)
    assert (answer.status_code, [one["code"] for one in answer.json()["events"]]) == (
        200,
        [200, 200],
    )
    home.cloud.settle()
    assert {one.attached_disks(server).get(volume) for one in home.guests.values()} >= {3 * 1024**3}
    nobody = {**heard, "server_uuid": str(uuid.uuid4())}
    answer = tell(
        heard, nobody, {**heard, "server_uuid": str(nowhere.pk)}, {**grown, "tag": "no such"}
    )
    said = [(one["status"], one["code"]) for one in answer.json()["events"]]
    assert answer.status_code == 207
    assert said == [("completed", 200), ("failed", 404), ("failed", 422), ("failed", 404)]
    assert {
        "nobody": tell(nobody).status_code,
        "no event": tell().status_code,
        "an unknown one": tell({**heard, "name": "power-update"}).status_code,
        "a newer one": tell(grown, version="2.50").status_code,
        "no id": tell({**heard, "server_uuid": "x"}).status_code,
    } == {"nobody": 404, "no event": 400, "an unknown one": 400, "a newer one": 400, "no id": 400}


def test_volumes_in_compute_s_words(home: Lab) -> None:
    ensure_default_type()

    def ask(method: str, path: str, body: Any = None, *, version: str = "2.35") -> Any:
        return home.send(method, path, body, version=version)

    wanted = {"size": "2", "display_name": "v", "metadata": {"k": "v"}}
    made = ask("POST", "/os-volumes", {"volume": wanted}).json()["volume"]
    home.cloud.settle()
    server = home.create()
    attach(home, server, made["id"])
    home.cloud.settle()
    shown = ask("GET", f"/os-volumes/{made['id']}").json()["volume"]
    assert shown == made | {
        "status": "in-use",
        "availabilityZone": "nova",
        "attachments": [
            {"id": made["id"], "volumeId": made["id"], "serverId": server, "device": "/dev/vdb"}
        ],
    }
    assert (made["displayName"], made["size"], made["attachments"]) == ("v", 2, [{}])
    for path in ("/os-volumes", "/os-volumes/detail"):
        assert ask("GET", path).json() == {"volumes": [shown]}
    asked = {"snapshot": {"volume_id": made["id"], "display_name": "s", "force": False}}
    assert ask("POST", "/os-snapshots", asked).status_code == 400  # it is in use
    asked["snapshot"]["force"] = True
    snapshot = ask("POST", "/os-snapshots", asked).json()["snapshot"]
    home.cloud.settle()
    (listed,) = ask("GET", "/os-snapshots").json()["snapshots"]
    assert listed == snapshot | {"status": "available"}
    assert ask("GET", f"/os-snapshots/{listed['id']}").json() == {"snapshot": listed}
    assert ask("DELETE", f"/os-volumes/{made['id']}").status_code == 400
    assert ask("DELETE", f"/os-snapshots/{listed['id']}").status_code == 202
    (kind,) = ask("GET", "/os-volume-types").json()["volume_types"]
    assert kind["name"] == shown["volumeType"]
    assert ask("GET", f"/os-volume-types/{kind['id']}").json() == {"volume_type": kind}
    for path in ("/os-volumes", "/os-snapshots/detail", "/os-volume-types"):
        assert ask("GET", path, version="2.36").status_code == 404
    found = ask("GET", "/os-volumes?limit=1&offset=1").json()
    assert found == {"volumes": []}
