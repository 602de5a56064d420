"""Every route of volumes by everybody."""

from __future__ import annotations

from typing import Any

from cloudweb.context import RequestContext
from identity.models import User
from tests.builders.access import (
    OPERATORS,
    PROJECT_MEMBERS,
    PROJECT_READERS,
    Line,
    access_test,
    shared_world,
)
from tests.builders.identity import make_context
from tests.builders.images import RAW, make_image
from tests.builders.volumes import (
    attach,
    make_pool,
    make_snapshot,
    make_volume,
    make_volume_type,
    reached,
)
from volume.manager import AttachmentManager

V3 = "/volume/v3"
VOLUME = f"{V3}/volumes/{{volume_id}}"
SNAPSHOT = f"{V3}/snapshots/{{snapshot_id}}"
ATTACHMENT = f"{V3}/attachments/{{attachment_id}}"
NEWEST = {"OpenStack-API-Version": "volume 3.70"}
ITEMS = {"metadata": {"a": "b"}}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of volumes: one that rests, one that is in error."""
    make_volume_type()
    context = make_context(owner)
    facts = {"pool": make_pool(), "metadata": {"k": "v"}, "image_metadata": {"a": "b"}}
    held, idle = (make_volume(context, pool=facts["pool"]) for _ in range(2))
    mine = attach(held, by_server=False, status="attaching")
    return {
        "volume_id": str(make_volume(context, **facts).id),
        "snapshot_id": str(make_snapshot(idle, metadata={"k": "v"}).id),
        "idle_id": str(idle.id),
        "image_id": str(make_image(context=context, data=RAW).id),
        "attachment_id": str(mine.id),
        "pool_name": make_pool("h2").full_name,
        "other_type": str(make_volume_type("other").id),
        "connected_id": str(connected(context).id),
        "broken_id": str(make_volume(context, status="error_deleting").id),
    }


def connected(context: Any) -> Any:
    """Return a volume that a host has by an action."""
    volume = make_volume(context, pool=make_pool("h3", protocol="ceph"))
    row = attach(volume, by_server=False, status="attaching", host="h2")
    AttachmentManager(RequestContext.system()).exported(row.id, reached(row))
    return volume


def read(path: str) -> Line:
    """Return the line of one thing of the project: for others it does not exist."""
    return Line("GET", path, PROJECT_READERS, others={"other": 404}, headers=NEWEST)


def write(method: str, path: str, body: Any = None, *, status: int = 202) -> Line:
    """Return the line of a change of it."""
    return Line(
        method,
        path,
        PROJECT_MEMBERS,
        status=status,
        others={"other": 404},
        body=body,
        headers=NEWEST,
    )


def act(action: str, value: Any = None, *, status: int = 202) -> Line:
    """Return the line of an action of a project's own volumes."""
    return write("POST", f"{VOLUME}/action", {action: value}, status=status)


def operate(action: str, value: Any = None, *, volume: str = VOLUME) -> Line:
    """Return the line of an action that is for operators."""
    return Line("POST", f"{volume}/action", OPERATORS, status=202, body={action: value})


def listed(path: str) -> Line:
    """Return the line of a list: each sees his own."""
    return Line("GET", V3 + path, PROJECT_READERS | {"other"}, headers=NEWEST)


LINES = [
    listed("/volumes"),
    listed("/volumes/detail"),
    listed("/volumes/summary"),
    Line(
        "POST",
        f"{V3}/volumes",
        PROJECT_MEMBERS - {"system_admin"} | {"other"},
        status=202,
        body={"volume": {"size": 1}},
    ),
    read(VOLUME),
    write("PUT", VOLUME, {"volume": {"name": "new"}}, status=200),
    write("DELETE", VOLUME),
    Line(
        "DELETE",
        f"{V3}/volumes/{{broken_id}}?force=true",
        OPERATORS,
        status=202,
        headers=NEWEST,
    ),
    read(f"{VOLUME}/metadata"),
    write("POST", f"{VOLUME}/metadata", ITEMS, status=200),
    write("PUT", f"{VOLUME}/metadata", ITEMS, status=200),
    read(f"{VOLUME}/metadata/k"),
    write("PUT", f"{VOLUME}/metadata/k", {"meta": {"k": "w"}}, status=200),
    write("DELETE", f"{VOLUME}/metadata/k", status=200),
    listed("/snapshots"),
    listed("/snapshots/detail"),
    write("POST", f"{V3}/snapshots", {"snapshot": {"volume_id": "{volume_id}"}}),
    read(SNAPSHOT),
    write("PUT", SNAPSHOT, {"snapshot": {"name": "new"}}, status=200),
    write("DELETE", SNAPSHOT),
    read(f"{SNAPSHOT}/metadata"),
    write("POST", f"{SNAPSHOT}/metadata", ITEMS, status=200),
    write("PUT", f"{SNAPSHOT}/metadata", ITEMS, status=200),
    read(f"{SNAPSHOT}/metadata/k"),
    write("PUT", f"{SNAPSHOT}/metadata/k", {"meta": {"k": "w"}}, status=200),
    write("DELETE", f"{SNAPSHOT}/metadata/k", status=200),
    Line(
        "POST",
        f"{SNAPSHOT}/action",
        OPERATORS,
        status=202,
        body={"os-reset_status": {"status": "error"}},
    ),
    Line("POST", f"{SNAPSHOT}/action", OPERATORS, status=202, body={"os-force_delete": {}}),
    Line("POST", f"{SNAPSHOT}/action", OPERATORS, status=202, body={"os-unmanage": None}),
    write(
        "POST",
        f"{V3}/volumes/{{idle_id}}/action",
        {"revert": {"snapshot_id": "{snapshot_id}"}},
    ),
    act("os-reimage", {"image_id": "{image_id}"}),
    listed("/attachments"),
    listed("/attachments/detail"),
    write("POST", f"{V3}/attachments", {"attachment": {"volume_uuid": "{idle_id}"}}, status=200),
    read(ATTACHMENT),
    write("PUT", ATTACHMENT, {"attachment": {"connector": {"host": "h2"}}}, status=200),
    write("POST", f"{ATTACHMENT}/action", {"os-complete": {}}, status=204),
    write("DELETE", ATTACHMENT, status=200),
    act("os-extend", {"new_size": 2}),
    Line(
        "POST",
        f"{V3}/volumes/{{idle_id}}/action",
        PROJECT_MEMBERS - {"system_admin"},
        status=202,
        others={"other": 404},
        body={"os-volume_upload_image": {"image_name": "i"}},
        headers=NEWEST,
    ),
    act("os-set_bootable", {"bootable": True}, status=200),
    act("os-update_readonly_flag", {"readonly": True}),
    act("os-set_image_metadata", ITEMS, status=200),
    act("os-unset_image_metadata", {"key": "a"}, status=200),
    act("os-retype", {"new_type": "{other_type}", "migration_policy": "never"}),
    operate("os-migrate_volume", {"host": "{pool_name}"}),
    operate("os-unmanage"),
    *(
        Line(
            "POST",
            f"{V3}/volumes/{{connected_id}}/action",
            OPERATORS | {"service"},
            status=status,
            body={action: {"connector": {"host": "h2"}}},
        )
        for action, status in (
            ("os-initialize_connection", 200),
            ("os-terminate_connection", 202),
        )
    ),
    operate("os-reset_status", {"status": "error"}),
    operate("os-force_detach"),
    Line(
        "POST",
        f"{V3}/volumes/{{idle_id}}/action",
        OPERATORS,
        body={"os-migrate_volume_completion": {"new_volume": "{idle_id}"}},
    ),
    operate("os-force_delete", volume=f"{V3}/volumes/{{broken_id}}"),
]
world = shared_world(build)
test_access = access_test(LINES)
