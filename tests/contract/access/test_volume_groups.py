"""Group types and groups of volumes by everybody."""

from __future__ import annotations

from typing import Any

from identity.models import User
from tests.builders.access import (
    EVERY_TOKEN,
    OPERATORS,
    PROJECT_MEMBERS,
    PROJECT_READERS,
    Line,
    access_test,
    shared_world,
)
from tests.builders.compute import make_context
from tests.builders.volume_types import make_volume_type
from tests.builders.volumes import make_pool, make_snapshot, make_volume
from volume.manager import GroupManager
from volume.models import GroupSnapshot, GroupType
from volume.states import GroupSnapshotStatus

V3 = "/volume/v3"
KIND = f"{V3}/group_types/{{kind_id}}"
TAKEN = f"{V3}/group_snapshots/{{taken_id}}"
GROUP = f"{V3}/groups/{{group_id}}"
NEWEST = {"OpenStack-API-Version": "volume 3.70"}
#: Whose project it is not finds nothing.
NOT_THERE = {"other": 404}
#: Who has no project makes no group.
MAKERS = (PROJECT_MEMBERS | {"other"}) - {"system_admin"}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of a group of the owner's project and of group types, one of them free."""
    context = make_context(project_id=str(owner.default_project_id))
    kind = GroupType.objects.create(name="g", group_specs={"k": "v"})
    volume_type = make_volume_type("t")
    made = GroupManager(context).create(group_type=str(kind.id), volume_types=["t"])
    pool = make_pool()
    inside = make_volume(context, volume_type=volume_type, group=made, pool=pool)
    taken = GroupSnapshot.objects.create(
        group=made, project_id=made.project_id, status=GroupSnapshotStatus.AVAILABLE
    )
    make_snapshot(inside, group_snapshot=taken)
    empty = GroupManager(context).create(group_type=str(kind.id), volume_types=["t"])
    return {
        "kind_id": str(kind.id),
        "free_id": str(GroupType.objects.create(name="f").id),
        "group_id": str(made.id),
        "empty_id": str(empty.id),
        "taken_id": str(taken.id),
        "type_id": str(volume_type.id),
    }


def line(method: str, path: str, *how: Any, **more: Any) -> Line:
    """Return a line at the newest version."""
    return Line(method, path, *how, headers=NEWEST, **more)


LINES = [
    line("GET", f"{V3}/group_types", EVERY_TOKEN),
    line("POST", f"{V3}/group_types", OPERATORS, 202, body={"group_type": {"name": "n"}}),
    line("GET", KIND, EVERY_TOKEN),
    line("PUT", KIND, OPERATORS, body={"group_type": {"name": "n"}}),
    line("DELETE", f"{V3}/group_types/{{free_id}}", OPERATORS, 202),
    line("GET", f"{KIND}/group_specs", OPERATORS),
    line("POST", f"{KIND}/group_specs", OPERATORS, 202, body={"group_specs": {"a": "b"}}),
    line("GET", f"{KIND}/group_specs/k", OPERATORS),
    line("PUT", f"{KIND}/group_specs/k", OPERATORS, body={"k": "w"}),
    line("DELETE", f"{KIND}/group_specs/k", OPERATORS, 202),
    line("GET", f"{V3}/groups", PROJECT_READERS | {"other"}),
    line("GET", f"{V3}/groups/detail", PROJECT_READERS | {"other"}),
    line(
        "POST",
        f"{V3}/groups",
        MAKERS,
        202,
        body={"group": {"group_type": "{kind_id}", "volume_types": ["{type_id}"]}},
    ),
    line("GET", GROUP, PROJECT_READERS, others=NOT_THERE),
    line("PUT", GROUP, PROJECT_MEMBERS, 202, NOT_THERE, body={"group": {"name": "n"}}),
    line(
        "POST",
        f"{V3}/groups/{{empty_id}}/action",
        PROJECT_MEMBERS,
        202,
        NOT_THERE,
        body={"delete": {}},
    ),
    line(
        "POST",
        f"{V3}/groups/action",
        PROJECT_MEMBERS - {"system_admin"},
        202,
        {"other": 400},
        body={"create-from-src": {"group_snapshot_id": "{taken_id}"}},
    ),
    line("GET", f"{V3}/group_snapshots", PROJECT_READERS | {"other"}),
    line("GET", f"{V3}/group_snapshots/detail", PROJECT_READERS | {"other"}),
    line(
        "POST",
        f"{V3}/group_snapshots",
        PROJECT_MEMBERS,
        202,
        NOT_THERE,
        body={"group_snapshot": {"group_id": "{group_id}"}},
    ),
    line("GET", TAKEN, PROJECT_READERS, others=NOT_THERE),
    line("DELETE", TAKEN, PROJECT_MEMBERS, 202, NOT_THERE),
    line("POST", f"{TAKEN}/action", OPERATORS, 202, body={"reset_status": {"status": "error"}}),
]
world = shared_world(build)
test_access = access_test(LINES)
