"""Snapshots over HTTP: what may be taken of what, what is shown, and what goes back."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from identity import quotas
from identity.models import User
from operations.models import Operation
from tests.builders.identity import client_of, make_context, make_member
from tests.builders.volumes import attach, make_pool, make_snapshot, make_volume, make_volume_type
from volume.models import Snapshot, Volume

pytestmark = pytest.mark.django_db
BARE = {
    "id", "name", "description", "volume_id", "status", "size", "created_at", "updated_at", "metadata",
}  # fmt: skip
EXTENDED = {
    "os-extended-snapshot-attributes:progress", "os-extended-snapshot-attributes:project_id",
}  # fmt: skip


@pytest.fixture
def user() -> User:
    make_volume_type()
    return make_member("member")


def send(user: User, method: str, path: str, body: Any = None, *, at: str = "3.70") -> Any:
    client = client_of(user)
    return client.send(method, f"/volume/v3{path}", body, OpenStack_API_Version=f"volume {at}")


def take(user: User, volume: Volume, *, at: str = "3.70", **more: Any) -> Any:
    return send(
        user, "POST", "/snapshots", {"snapshot": {"volume_id": str(volume.id), **more}}, at=at
    )


def test_what_each_version_shows(user: User) -> None:
    volume = make_volume(make_context(user), pool=make_pool(), size=3)
    answer = take(
        user, volume, at="3.0", name="s", force=None, description=None, metadata={"k": "v"}
    )
    assert answer.status_code == 202
    made = answer.json()["snapshot"]
    assert made.keys() == BARE
    assert (made["status"], made["size"], made["metadata"]) == ("creating", 3, {"k": "v"})
    assert Operation.objects.get().kind == "volume.snapshot"
    found = {}
    for version in ("3.0", "3.14", "3.41", "3.65"):
        one = send(user, "GET", f"/snapshots/{made['id']}", at=version).json()["snapshot"]
        found[version] = one.keys() - BARE - EXTENDED
    assert found == {
        "3.0": set(),
        "3.14": {"group_snapshot_id"},
        "3.41": {"group_snapshot_id", "user_id"},
        "3.65": {"group_snapshot_id", "user_id", "consumes_quota"},
    }
    assert one.keys() >= EXTENDED
    (listed,) = send(user, "GET", "/snapshots").json()["snapshots"]
    (whole,) = send(user, "GET", "/snapshots/detail").json()["snapshots"]
    assert whole.keys() - listed.keys() == EXTENDED


def test_what_may_be_taken(user: User) -> None:
    context, pool = make_context(user), make_pool()
    used = make_volume(context, pool=pool)
    attach(used)
    idle, busy = make_volume(context, pool=pool), make_volume(context, pool=pool, status="error")
    poor = make_volume(context, pool=make_pool("h2", capabilities=[]))
    other = make_volume(make_context(make_member("member")), pool=pool)
    found = {
        "in use": take(user, used, at="3.65").status_code,
        "forced": take(user, used, at="3.65", force=True).status_code,
        "newer": take(user, used).status_code,
        "not forced": take(user, used, force=False).status_code,
        "idle": take(user, idle, at="3.65", force=False).status_code,
        "in error": take(user, busy).status_code,
        "unable": take(user, poor).status_code,
        "another's": take(user, other).status_code,
        "key": take(user, idle, colour="red").status_code,
        "older key": take(user, idle, at="3.52", colour="red").status_code,
        "no volume": send(user, "POST", "/snapshots", {"snapshot": {"name": "s"}}).status_code,
    }
    assert found == {
        "in use": 400, "forced": 202, "newer": 202, "not forced": 400, "idle": 202, "in error": 400,
        "unable": 400, "another's": 404, "key": 400, "older key": 202, "no volume": 400,
    }  # fmt: skip
    quotas.update(str(user.default_project_id), "volume", {"snapshots": 4})
    assert take(user, idle).status_code == 413


def test_what_may_be_deleted(user: User) -> None:
    context, pool = make_context(user), make_pool()
    volume = make_volume(context, pool=pool)
    allowed = set()
    for status in ("available", "error", "creating", "deleting", "error_deleting", "restoring"):
        row = make_snapshot(volume, status=status)
        if send(user, "DELETE", f"/snapshots/{row.id}").status_code == 202:
            allowed.add(status)
    assert allowed == {"available", "error"}
    copied = make_snapshot(volume)
    make_volume(context, snapshot_id=copied.id, status="creating")
    assert send(user, "DELETE", f"/snapshots/{copied.id}").status_code == 400
    operator = make_member("admin")
    stuck = make_snapshot(volume, status="error_deleting")
    act = f"/snapshots/{stuck.id}/action"
    assert send(operator, "POST", act, {"os-reset_status": {"status": "odd"}}).status_code == 400
    assert send(operator, "POST", act, {"os-dance": {}}).status_code == 400
    assert send(operator, "POST", act, {"os-reset_status": {"status": "error"}}).status_code == 202
    assert send(operator, "POST", act, {"os-force_delete": {}}).status_code == 202
    assert Snapshot.objects.get(id=stuck.id).status == "deleting"


def test_going_back(user: User) -> None:
    context, pool = make_context(user), make_pool()
    volume, other = make_volume(context, pool=pool), make_volume(context, pool=pool)
    old, new = make_snapshot(volume), make_snapshot(volume)

    def back(snapshot: Any, *, at: str = "3.70") -> int:
        body = {"revert": {"snapshot_id": str(getattr(snapshot, "id", snapshot))}}
        status: int = send(user, "POST", f"/volumes/{volume.id}/action", body, at=at).status_code
        return status

    found = {
        "older": back(old), "other's": back(make_snapshot(other)), "unknown": back(uuid.uuid4()),
        "early": back(new, at="3.39"), "newest": back(new), "again": back(new),
    }  # fmt: skip
    assert found == {
        "older": 400, "other's": 400, "unknown": 404, "early": 404, "newest": 202, "again": 400,
    }  # fmt: skip
    assert send(user, "DELETE", f"/snapshots/{new.id}").status_code == 400
    assert Volume.objects.get(id=volume.id).status == "reverting"


def test_lists_and_changes(user: User) -> None:
    volume = make_volume(make_context(user), pool=make_pool())
    rows = [make_snapshot(volume, name=name, metadata={"n": name}) for name in "bac"]
    make_snapshot(make_volume(make_context(make_member("member"))))
    queries = {
        "": "cab", "?name=a": "a", f"?volume_id={volume.id}": "cab", f"?volume_id={uuid.uuid4()}": "",
        "?metadata={'n': 'b'}": "b", "?sort=name:asc&limit=2": "ab", "?status=error": "",
        "?name~=C": "c",
    }  # fmt: skip
    found = {
        query: "".join(
            one["name"] for one in send(user, "GET", f"/snapshots{query}").json()["snapshots"]
        )
        for query in queries
    }
    assert found == queries
    assert send(user, "GET", "/snapshots?sort=name", at="3.29").status_code == 400
    path = f"/snapshots/{rows[0].id}"
    changed = send(user, "PUT", path, {"snapshot": {"name": "new", "description": "d"}})
    assert changed.json()["snapshot"]["name"] == "new"
    assert send(user, "PUT", path, {"snapshot": {}}).status_code == 400
    items = f"{path}/metadata"
    assert send(user, "POST", items, {"metadata": {"x": "y"}}).json()["metadata"] == {
        "n": "b", "x": "y",
    }  # fmt: skip
    assert send(user, "PUT", f"{items}/x", {"meta": {"x": "z"}}).json() == {"meta": {"x": "z"}}
    assert send(user, "GET", f"{items}/x").json() == {"meta": {"x": "z"}}
    assert send(user, "DELETE", f"{items}/x").status_code == 200
    assert send(user, "DELETE", f"{items}/x").status_code == 404
    assert send(user, "PUT", items, {"metadata": {}}).json() == {"metadata": {}}
