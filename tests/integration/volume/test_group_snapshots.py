"""Snapshots of groups, and groups that are made of others: over REST, with a host that does it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from identity import quotas
from tests.builders.compute import make_context
from tests.builders.volume_types import volume_client
from tests.builders.volumes import attach, make_pool
from tests.drills.volumes import World, lab
from volume.manager import GroupManager, SnapshotManager
from volume.models import Group, GroupSnapshot, GroupType, Message, Snapshot, Volume, VolumeType
from volume.quota_names import SERVICE
from volume.states import Consistency

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Shop(NamedTuple):
    """A cloud of one host, with a group of volumes that hold their names, and a member at the API."""

    world: World
    group: Group

    def send(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        project = how.get("project", self.world.context.scoped_project_id)
        client = volume_client(
            how.get("role", "member"), how.get("version", "3.70"), project_id=project
        )
        return client.send(method, path, body)

    def settle(self) -> None:
        self.world.cloud.settle()

    def fill(self, *names: str) -> list[str]:
        """Make volumes in the group."""
        ids = [self.world.create(group_id=str(self.group.id), name=name) for name in names]
        self.settle()
        for key, name in zip(ids, names, strict=True):
            self.world.drivers["h1"].write(key, name)
        return ids

    def take(self, **said: Any) -> Any:
        body = {"group_snapshot": {"group_id": str(self.group.id), **said}}
        return self.send("POST", "/group_snapshots", body)

    def copy(self, **said: Any) -> Any:
        return self.send("POST", "/groups/action", {"create-from-src": said})


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with lab(tmp_path, hosts=1) as world:
        kind = GroupType.objects.create(name="kept together")
        types = [VolumeType.objects.get().name]
        group = GroupManager(world.context).create(group_type=str(kind.id), volume_types=types)
        yield Shop(world, group)


def test_a_group_is_snapshotted_copied_and_let_go(shop: Shop) -> None:
    shop.fill("one", "two")
    answer = shop.take(name="s", description="d")
    assert answer.status_code == 202, answer.content
    made = answer.json()["group_snapshot"]
    kind = str(shop.group.group_type_id)
    assert made == {"id": made["id"], "name": "s", "group_type_id": kind}
    path = f"/group_snapshots/{made['id']}"
    statuses = [shop.send("GET", path).json()["group_snapshot"]["status"]]
    shop.settle()
    shown = shop.send("GET", path).json()["group_snapshot"]
    assert [*statuses, shown["status"]] == ["creating", "available"]
    assert shown == {
        "id": made["id"], "name": "s", "description": "d", "status": "available",
        "group_id": str(shop.group.id), "group_type_id": kind,
        "created_at": shown["created_at"], "project_id": shop.group.project_id,
    }  # fmt: skip
    assert "project_id" not in shop.send("GET", path, version="3.57").json()["group_snapshot"]
    inside = shop.send("GET", "/snapshots/detail").json()["snapshots"]
    assert {one["group_snapshot_id"] for one in inside} == {made["id"]}
    assert {*Snapshot.objects.values_list("consistency", flat=True)} == {Consistency.ONE_MOMENT}
    refused = {
        "a snapshot alone": shop.send("DELETE", f"/snapshots/{inside[0]['id']}"),
        "the group": shop.send(
            "POST", f"/groups/{shop.group.id}/action", {"delete": {"delete-volumes": True}}
        ),
        "of both": shop.copy(group_snapshot_id=made["id"], source_group_id=str(shop.group.id)),
        "of nothing": shop.copy(),
        "unknown": shop.copy(group_snapshot_id=str(uuid.uuid4())),
        "unknown group": shop.copy(source_group_id="x"),
    }
    assert {why: one.status_code for why, one in refused.items()} == dict.fromkeys(refused, 400)
    for said in ({"group_snapshot_id": made["id"]}, {"source_group_id": str(shop.group.id)}):
        answer = shop.copy(name="c", **said)
        assert answer.status_code == 202, answer.content
        copied = f"/groups/{answer.json()['group']['id']}?list_volume=true"
        before = shop.send("GET", copied).json()["group"]
        shop.settle()
        after = shop.send("GET", copied).json()["group"]
        assert (before["status"], after["status"]) == ("creating", "available")
        assert {after[key] for key in ("group_snapshot_id", "source_group_id")} == {
            *said.values(), None,
        }  # fmt: skip
        rows = Volume.objects.filter(group=after["id"]).order_by("created_at")
        held = [shop.world.drivers["h1"].read(str(row.id)) for row in rows]
        assert sorted(held) == ["one", "two"]
        assert sorted(after["volumes"]) == sorted(str(row.id) for row in rows)
    assert shop.send("DELETE", path).status_code == 202
    assert shop.send("DELETE", path).status_code == 400
    shop.settle()
    assert shop.send("GET", path).status_code == 404
    assert not Snapshot.objects.exists()
    there = [state.snapshots for state in shop.world.drivers["h1"].list()]
    assert there == [()] * 6


def test_what_stands_in_the_way_and_what_no_version_or_stranger_sees(shop: Shop) -> None:
    assert shop.take().status_code == 400  # it is empty
    ids = shop.fill("one", "two")
    quotas.update(shop.group.project_id, SERVICE, {"snapshots": 1})
    assert shop.take().status_code == 413
    quotas.update(shop.group.project_id, SERVICE, {"snapshots": 10})
    Volume.objects.filter(id=ids[0]).update(status="extending")
    assert shop.take().status_code == 400
    Volume.objects.filter(id=ids[0]).update(status="available")
    Group.objects.update(status="error")
    assert shop.take().status_code == 400
    Group.objects.update(status="available")
    assert not Snapshot.objects.exists()
    assert not GroupSnapshot.objects.exists()
    body = {"group_snapshot": {"group_id": str(shop.group.id)}}
    assert shop.send("POST", "/group_snapshots", body, project="other").status_code == 404
    assert shop.send("GET", "/group_snapshots", version="3.13").status_code == 404
    made = [shop.take(name=name).json()["group_snapshot"]["id"] for name in ("a", "b")]
    shop.settle()
    path = f"/group_snapshots/{made[0]}"
    assert shop.send("GET", path, project="other").status_code == 404
    pages = {
        "": ["b", "a"],
        "?name=a": ["a"],
        f"?group_id={shop.group.id}&limit=1": ["b"],
        f"?marker={made[1]}": ["a"],
        "?sort=created_at:asc": ["a", "b"],
        "?status=error": [],
    }
    found = {
        query: [one["name"] for one in shop.send("GET", f"/group_snapshots/detail{query}").json()["group_snapshots"]]
        for query in pages
    }  # fmt: skip
    assert found == pages
    everybody = shop.send("GET", "/group_snapshots?all_tenants=1", role="admin", project="other")
    assert len(everybody.json()["group_snapshots"]) == 2
    assert shop.send("GET", "/group_snapshots", project="other").json()["group_snapshots"] == []
    reset = {"reset_status": {"status": "error"}}
    codes = {
        "member": shop.send("POST", f"{path}/action", reset),
        "too old": shop.send("POST", f"{path}/action", reset, role="admin", version="3.18"),
        "odd": shop.send(
            "POST", f"{path}/action", {"reset_status": {"status": "odd"}}, role="admin"
        ),
        "admin": shop.send("POST", f"{path}/action", reset, role="admin"),
        "of one in error": shop.copy(group_snapshot_id=made[0]),
    }
    assert {why: one.status_code for why, one in codes.items()} == {
        "member": 403, "too old": 400, "odd": 400, "admin": 202, "of one in error": 400,
    }  # fmt: skip


def test_a_group_that_cannot_be_copied_whole_is_not_copied(shop: Shop) -> None:
    shop.fill("one", "two")
    quotas.update(shop.group.project_id, SERVICE, {"volumes": 3})
    assert shop.copy(source_group_id=str(shop.group.id)).status_code == 413
    assert (Group.objects.count(), Volume.objects.count()) == (1, 2)
    quotas.update(shop.group.project_id, SERVICE, {"volumes": 10, "groups": 1})
    assert shop.copy(source_group_id=str(shop.group.id)).status_code == 413
    quotas.update(shop.group.project_id, SERVICE, {"groups": 10})
    shop.world.drivers["h1"].faults.fail("create", transient=False)
    made = shop.copy(source_group_id=str(shop.group.id)).json()["group"]["id"]
    shop.settle()
    assert Group.objects.get(id=made).status == "error"
    statuses = Volume.objects.filter(group=made).values_list("status", flat=True)
    assert sorted(statuses) == ["available", "error"]


def test_a_type_that_demands_one_moment_gets_it_or_no_snapshot(shop: Shop) -> None:
    GroupType.objects.update(group_specs={"consistent_group_snapshot_enabled": "<is> True"})
    ids = shop.fill("one", "two")
    other = make_pool("h2", backend="ceph", capabilities=["snapshots"])
    Volume.objects.filter(id=ids[0]).update(pool=other)
    held = attach(Volume.objects.get(id=ids[1]))  # by a server that nobody can pause
    assert shop.take().status_code == 400
    GroupType.objects.update(group_specs={})
    held.delete()
    assert shop.take().status_code == 202
    Snapshot.objects.all().delete()


def test_volumes_without_a_group_are_snapshotted_together(shop: Shop) -> None:
    ids = [shop.world.create(name=name) for name in ("one", "two")]
    shop.settle()
    attach(Volume.objects.get(id=ids[0]))
    manager = SnapshotManager(shop.world.context)
    manager.create_together(ids, name="of a server")
    shop.settle()
    rows = Snapshot.objects.all()
    assert {(row.status, row.name, row.consistency) for row in rows} == {
        ("available", "of a server", Consistency.ONE_MOMENT)
    }
    for row in rows:
        manager.delete(row.id)
    shop.settle()
    assert not Snapshot.objects.exists()
    strange = SnapshotManager(make_context(project_id="other"))
    with pytest.raises(Exception, match="could not be found"):
        strange.create_together(ids)


def test_snapshots_that_fail_are_in_error_and_nothing_is_left(shop: Shop) -> None:
    shop.fill("one", "two")
    shop.world.drivers["h1"].faults.fail("snapshot_together", transient=False, message="no room")
    made = shop.take().json()["group_snapshot"]["id"]
    shop.settle()
    assert GroupSnapshot.objects.get().status == "error"
    assert {*Snapshot.objects.values_list("status", flat=True)} == {"error"}
    assert [one.snapshots for one in shop.world.drivers["h1"].list()] == [(), ()]
    assert "no room" in Message.objects.get().text
    assert shop.send("DELETE", f"/group_snapshots/{made}").status_code == 202
    shop.settle()
    assert not GroupSnapshot.objects.exists()
