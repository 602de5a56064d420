"""Attachments over HTTP: who holds a volume, and what a client may do to it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from identity.models import User
from operations.models import Operation
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.volumes import attach, make_pool, make_volume, make_volume_type
from volume.manager import AttachmentManager
from volume.models import Attachment, Volume
from volume.objects import VolumeConnection

pytestmark = pytest.mark.django_db
CONNECTOR = {"host": "h2", "ip": "10.0.0.2", "initiator": "iqn.x"}


@pytest.fixture
def user() -> User:
    make_volume_type()
    return make_member("member")


def send(user: User, method: str, path: str, body: Any = None, *, at: str = "3.70") -> Any:
    client = client_of(user)
    return client.send(method, f"/volume/v3{path}", body, OpenStack_API_Version=f"volume {at}")


def hold(user: User, volume: Volume, *, at: str = "3.70", **more: Any) -> Any:
    body = {"attachment": {"volume_uuid": str(volume.id), **more}}
    return send(user, "POST", "/attachments", body, at=at)


def test_a_client_holds_a_volume_and_connects_to_it(user: User) -> None:
    volume = make_volume(make_context(user), pool=make_pool())
    server = str(uuid.uuid4())
    answer = hold(user, volume, instance_uuid=server, connector=None, mode="ro")
    assert answer.status_code == 200
    made = answer.json()["attachment"]
    assert made == {
        "id": made["id"], "status": "reserved", "instance": server, "volume_id": str(volume.id),
        "attached_at": None, "detached_at": None, "attach_mode": "ro", "connection_info": {},
    }  # fmt: skip
    path = f"/attachments/{made['id']}"
    connected = send(user, "PUT", path, {"attachment": {"connector": CONNECTOR}})
    assert connected.json()["attachment"]["status"] == "attaching"
    assert Operation.objects.get().kind == "volume.export"
    row = Attachment.objects.get()
    facts = {
        "attachment_id": made["id"],
        "volume_id": str(volume.id),
        "kind": "nbd_unix",
        "size": 1,
    }
    system = AttachmentManager(make_context(make_member("admin")))
    system.exported(row.id, VolumeConnection(**facts, epoch=row.epoch, path="/run/s"))
    assert send(user, "POST", f"{path}/action", {"os-complete": {}}).status_code == 204
    shown = send(user, "GET", path).json()["attachment"]
    assert (shown["status"], shown["connection_info"]) == ("attached", {})
    assert shown["attached_at"]
    operator = send(make_member("admin"), "GET", path).json()["attachment"]
    assert operator["connection_info"]["path"] == "/run/s"
    assert Volume.objects.get().status == "in-use"
    (listed,) = send(user, "GET", "/attachments").json()["attachments"]
    assert listed.keys() == {"id", "status", "instance", "volume_id"}


def test_what_is_let_go(user: User) -> None:
    context, pool = make_context(user), make_pool()
    several = make_volume(context, pool=pool, multiattach=True)
    first, second = (hold(user, several).json()["attachment"]["id"] for _ in range(2))
    gone = send(user, "DELETE", f"/attachments/{first}")
    assert (gone.status_code, [one["id"] for one in gone.json()["attachments"]]) == (200, [second])
    server = attach(make_volume(context, pool=pool))
    refused = send(user, "DELETE", f"/attachments/{server.id}")
    assert refused.status_code == 409
    assert (
        f"Server {server.instance_id} has the volume"
        in refused.json()["conflictingRequest"]["message"]
    )


def test_lists(user: User) -> None:
    context, pool = make_context(user), make_pool()
    rows = [attach(make_volume(context, pool=pool)) for _ in range(3)]
    attach(make_volume(make_context(make_member("member")), pool=pool))
    one = rows[1]
    queries = {
        "": 3,
        f"?volume_id={one.volume_id}": 1,
        f"?instance_id={one.instance_id}": 1,
        "?status=reserved": 0,
        "?limit=2": 2,
        "?offset=2": 1,
        "?all_tenants=1": 3,
    }
    found = {
        query: len(send(user, "GET", f"/attachments/detail{query}").json()["attachments"])
        for query in queries
    }
    assert found == queries
    operator = make_member("admin")
    assert len(send(operator, "GET", "/attachments?all_tenants=1").json()["attachments"]) == 4
    assert send(user, "GET", "/attachments", at="3.26").status_code == 404


def test_what_is_refused(user: User) -> None:
    context, pool = make_context(user), make_pool()
    volume = make_volume(context, pool=pool)
    held = hold(user, volume).json()["attachment"]["id"]
    other = make_volume(make_context(make_member("member")), pool=pool)
    fresh = make_volume(context, pool=pool, read_only=True)
    path = f"/attachments/{held}"
    found = {
        "held": hold(user, volume).status_code,
        "another's": hold(user, other).status_code,
        "no id": send(
            user, "POST", "/attachments", {"attachment": {"volume_uuid": "x"}}
        ).status_code,
        "read-only": hold(user, fresh, mode="rw").status_code,
        "mode": hold(user, fresh, at="3.53", mode="ro").status_code,
        "host": send(
            user, "PUT", path, {"attachment": {"connector": {"host": "../h"}}}
        ).status_code,
        "address": send(
            user, "PUT", path, {"attachment": {"connector": {"host": "h2", "ip": "; reboot"}}}
        ).status_code,
        "empty": send(user, "PUT", path, {"attachment": {"connector": {}}}).status_code,
        "early": send(user, "POST", f"{path}/action", {"os-complete": {}}).status_code,
        "action": send(user, "POST", f"{path}/action", {"os-dance": {}}).status_code,
        "unknown": send(user, "GET", f"/attachments/{uuid.uuid4()}").status_code,
    }
    assert found == {
        "held": 400, "another's": 404, "no id": 400, "read-only": 400, "mode": 400, "host": 400, "address": 400,
        "empty": 400, "early": 400, "action": 400, "unknown": 404,
    }  # fmt: skip


def test_the_older_way_by_actions(user: User) -> None:
    context, pool = make_context(user), make_pool()
    volume = make_volume(context, pool=pool)
    server = str(uuid.uuid4())

    def act(action: str, value: Any = None, of: Volume = volume) -> tuple[int, str]:
        answer = send(user, "POST", f"/volumes/{of.id}/action", {action: value}, at="3.0")
        return answer.status_code, Volume.objects.get(id=of.id).status

    attached = {"instance_uuid": server, "mountpoint": "/dev/vdc", "mode": "rw"}
    told = [
        act("os-unreserve"), act("os-reserve"), act("os-reserve"), act("os-unreserve"),
        act("os-reserve"), act("os-attach", attached), act("os-attach", attached),
        act("os-begin_detaching"), act("os-begin_detaching"), act("os-roll_detaching"),
        act("os-detach", {"attachment_id": str(uuid.uuid4())}), act("os-detach", {}),
    ]  # fmt: skip
    assert told == [
        (400, "available"), (202, "reserved"), (400, "reserved"), (202, "available"),
        (202, "reserved"), (202, "in-use"), (400, "in-use"),
        (202, "detaching"), (400, "detaching"), (202, "in-use"),
        (400, "in-use"), (202, "detaching"),
    ]  # fmt: skip
    row = Attachment.objects.get()
    assert (str(row.instance_id), row.device, row.by_server) == (server, "/dev/vdc", False)
    held = make_volume(context, pool=pool)
    attach(held)
    assert act("os-detach", {}, held) == (409, "in-use")
    fresh = make_volume(context)
    assert act("os-attach", {"mountpoint": "/dev/vdb"}, fresh)[0] == 400
    assert act("os-attach", {"host_name": "h" * 65}, fresh)[0] == 400
