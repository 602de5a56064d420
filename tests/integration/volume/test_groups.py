"""Group types and groups over REST: who offers and sees them, what fits in, how they end."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from identity import quotas
from tests.builders.compute import make_context
from tests.builders.volume_types import make_volume_type, volume_client
from tests.builders.volumes import make_pool, make_snapshot, make_volume
from volume.models import Group, GroupSnapshot, GroupType, Volume
from volume.quota_names import SERVICE
from volume.states import VolumeStatus

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
MINE = "mine"


def send(method: str, path: str, body: Any = None, *, role: str = "member", **how: Any) -> Any:
    version, project = how.get("version", "3.70"), how.get("project", MINE)
    return volume_client(role, version, project_id=project).send(method, path, body)


def make_group_type(name: str = "kept together", **facts: Any) -> GroupType:
    return GroupType.objects.create(name=name, **facts)


def make_group(**said: Any) -> dict[str, Any]:
    kind = GroupType.objects.first() or make_group_type()
    wanted = {"group_type": str(kind.id), "volume_types": [make_volume_type().name], **said}
    answer = send("POST", "/groups", {"group": wanted})
    assert answer.status_code == 202, answer.content
    found: dict[str, Any] = answer.json()["group"]
    return found


def volume(group: dict[str, Any], project: str = MINE, **facts: Any) -> Volume:
    kind = Group.objects.get(id=group["id"]).volume_types.get()
    made = {"volume_type": kind, **facts}
    return make_volume(make_context(project_id=project), **made)


def put(group: dict[str, Any], **said: Any) -> Any:
    return send("PUT", f"/groups/{group['id']}", {"group": said})


def test_group_types_are_offered_by_operators() -> None:
    body = {"group_type": {"name": "together", "description": "d", "group_specs": {"a": 1}}}
    made = send("POST", "/group_types", body, role="admin")
    assert made.status_code == 202, made.content
    row = made.json()["group_type"]
    assert row == {
        "id": row["id"], "name": "together", "description": "d", "is_public": True,
        "group_specs": {"a": "1"},
    }  # fmt: skip
    assert send("POST", "/group_types", body, role="admin").status_code == 409
    shown = send("GET", f"/group_types/{row['id']}").json()["group_type"]
    assert "group_specs" not in shown
    hidden = make_group_type("hidden", is_public=False)
    assert [one["name"] for one in send("GET", "/group_types").json()["group_types"]] == [
        "together"
    ]
    assert send("GET", f"/group_types/{hidden.id}").status_code == 404
    assert send("GET", "/group_types/default").status_code == 404
    assert send("GET", "/group_types", version="3.10").status_code == 404
    path = f"/group_types/{row['id']}"
    renamed = {"group_type": {"name": "apart"}}
    assert send("PUT", path, renamed, role="admin").json()["group_type"]["name"] == "apart"
    assert send("PUT", path, {"group_type": {}}, role="admin").status_code == 400
    assert send("PUT", path, {"group_type": {"name": "hidden"}}, role="admin").status_code == 409
    specs = f"{path}/group_specs"
    assert send("POST", specs, {"group_specs": {"b": "c"}}, role="admin").status_code == 202
    assert send("PUT", f"{specs}/b", {"b": "d"}, role="admin").json() == {"b": "d"}
    assert send("GET", f"{specs}/b", role="admin").json() == {"b": "d"}
    assert send("GET", specs, role="admin").json() == {"group_specs": {"a": "1", "b": "d"}}
    gone = [send("DELETE", f"{specs}/b", role="admin").status_code for _ in range(2)]
    assert gone == [202, 404]
    make_group(group_type=row["id"])
    assert send("DELETE", path, role="admin").status_code == 400
    Group.objects.all().delete()
    assert send("DELETE", path, role="admin").status_code == 202


def test_a_group_as_its_project_sees_it() -> None:
    made = make_group(name="db", description="d", availability_zone="nova")
    path = f"/groups/{made['id']}"
    row = Group.objects.get()
    shown = send("GET", path).json()["group"]
    assert shown == {
        "id": made["id"],
        "name": "db",
        "description": "d",
        "status": "available",
        "availability_zone": "nova",
        "created_at": shown["created_at"],
        "group_type": str(row.group_type_id),
        "volume_types": [str(row.volume_types.get().id)],
        "group_snapshot_id": None,
        "source_group_id": None,
        "project_id": MINE,
    }
    assert "project_id" not in send("GET", path, version="3.57").json()["group"]
    assert send("GET", path, version="3.12").status_code == 404
    assert send("GET", path, project="other").status_code == 404
    assert send("GET", "/groups").json() == {"groups": [{"id": made["id"], "name": "db"}]}
    assert send("GET", "/groups/detail").json() == {"groups": [shown]}
    assert send("GET", "/groups?name=x").json() == {"groups": []}
    everybodys = send("GET", "/groups?all_tenants=1", role="admin", project="other").json()
    assert len(everybodys["groups"]) == 1
    assert send("GET", "/groups", role="admin", project="other").json() == {"groups": []}


def test_what_a_group_is_made_of() -> None:
    kind, types = str(make_group_type().id), [make_volume_type().name]
    quotas.update(MINE, SERVICE, {"groups": 1})
    wrong: dict[str, Any] = {
        "no type": {"volume_types": types},
        "unknown type": {"group_type": str(uuid.uuid4()), "volume_types": types},
        "no volume types": {"group_type": kind},
        "empty volume types": {"group_type": kind, "volume_types": []},
        "unknown volume type": {"group_type": kind, "volume_types": ["none"]},
        "private volume type": {
            "group_type": kind, "volume_types": [make_volume_type(projects=("x",)).name],
        },
        "unknown field": {"group_type": kind, "volume_types": types, "colour": "red"},
    }  # fmt: skip
    found = {why: send("POST", "/groups", {"group": one}).status_code for why, one in wrong.items()}
    assert found == dict.fromkeys(wrong, 400)
    make_group()
    body = {"group": {"group_type": kind, "volume_types": types}}
    assert send("POST", "/groups", body).status_code == 413


def test_volumes_are_put_in_and_taken_out() -> None:
    group, other = make_group(name="a"), make_group(name="b")
    one, two = volume(group), volume(group)
    assert put(group, add_volumes=f"{one.id},{two.id}", name="db").status_code == 202
    path = f"/groups/{group['id']}?list_volume=true"
    shown = send("GET", path).json()["group"]
    assert (shown["name"], sorted(shown["volumes"])) == ("db", sorted([str(one.id), str(two.id)]))
    assert "volumes" not in send("GET", path, version="3.24").json()["group"]
    assert send("GET", f"/volumes/{one.id}").json()["volume"]["group_id"] == group["id"]
    listed = send("GET", f"/volumes?group_id={group['id']}").json()["volumes"]
    assert len(listed) == 2
    refused = {
        "nothing": put(group),
        "in another group": put(other, add_volumes=str(one.id)),
        "of another type": put(group, add_volumes=str(volume(other).id)),
        "not ready": put(group, add_volumes=str(volume(group, status="creating").id)),
        "somebody else's": put(group, add_volumes=str(volume(group, "other").id)),
        "unknown": put(group, add_volumes="nonsense"),
        "not in it": put(other, remove_volumes=str(one.id)),
    }
    assert {why: it.status_code for why, it in refused.items()} == dict.fromkeys(refused, 400)
    assert put(group, remove_volumes=str(one.id)).status_code == 202
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.group_id, str(two.group_id)) == (None, group["id"])


def test_what_is_in_a_group_stays_until_it_is_taken_out() -> None:
    group = make_group()
    row = volume(group)
    put(group, add_volumes=str(row.id))
    assert send("DELETE", f"/volumes/{row.id}").status_code == 400
    offer = {"transfer": {"volume_id": str(row.id)}}
    assert send("POST", "/volume-transfers", offer).status_code == 400
    put(group, remove_volumes=str(row.id))
    taken = GroupSnapshot.objects.create(group_id=group["id"], project_id=MINE)
    kept = make_snapshot(row, group_snapshot=taken)
    assert send("POST", "/volume-transfers", offer).status_code == 400  # its group's would go along
    kept.delete()
    assert send("POST", "/volume-transfers", offer).status_code == 202


def test_a_volume_is_made_in_a_group() -> None:
    make_pool()
    group = make_group()
    kind = Group.objects.get().volume_types.get().name
    wanted = {"size": 1, "volume_type": kind, "group_id": group["id"]}
    made = send("POST", "/volumes", {"volume": wanted})
    assert made.status_code == 202, made.content
    assert str(Volume.objects.get().group_id) == group["id"]
    wrong: dict[str, Any] = {
        "of another type": {**wanted, "volume_type": make_volume_type().name},
        "no group": {**wanted, "group_id": str(uuid.uuid4())},
    }
    found = {
        why: send("POST", "/volumes", {"volume": one}).status_code for why, one in wrong.items()
    }
    assert found == dict.fromkeys(wrong, 400)


def test_groups_end() -> None:
    group = make_group()
    row = volume(group)
    put(group, add_volumes=str(row.id))
    path = f"/groups/{group['id']}/action"
    assert send("POST", path, {"delete": {}}).status_code == 400
    Volume.objects.update(status=VolumeStatus.IN_USE)
    assert send("POST", path, {"delete": {"delete-volumes": True}}).status_code == 400
    row.refresh_from_db()
    assert str(row.group_id) == group["id"]
    Volume.objects.update(status=VolumeStatus.AVAILABLE)
    gone = send("POST", path, {"delete": {"delete-volumes": True}})
    assert (gone.status_code, gone.content) == (202, b"")
    row.refresh_from_db()
    assert row.status == VolumeStatus.DELETING
    assert not Group.objects.exists()
    assert send("POST", path, {"delete": {}}).status_code == 404


def test_operators_say_what_a_group_is() -> None:
    group = make_group()
    path = f"/groups/{group['id']}/action"
    reset = {"reset_status": {"status": "error"}}
    assert send("POST", path, reset).status_code == 403
    assert send("POST", path, reset, role="admin", version="3.19").status_code == 400
    assert send("POST", path, reset, role="admin").status_code == 202
    assert Group.objects.get().status == "error"
    odd = {"reset_status": {"status": "odd"}}
    assert send("POST", path, odd, role="admin").status_code == 400
    for body in ({}, {"x": {}}, {"delete": {}, **reset}, {"delete": None}):
        assert send("POST", path, body, role="admin").status_code == 400
