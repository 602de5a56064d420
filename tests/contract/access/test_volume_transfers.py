"""Transfers of volumes by everybody, under both paths."""

from __future__ import annotations

from typing import Any

from identity.models import User
from tests.builders.access import (
    PROJECT_MEMBERS,
    PROJECT_READERS,
    Line,
    access_test,
    shared_world,
)
from tests.builders.compute import make_context
from tests.builders.volumes import make_volume
from volume.manager import TransferManager

NEWEST = {"OpenStack-API-Version": "volume 3.70"}
#: Whose project it is not finds nothing.
NOT_THERE = {"other": 404}
#: Who has no project has none to take a volume into.
TAKERS = (PROJECT_MEMBERS | {"other"}) - {"system_admin"}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of a volume, and of a transfer of another one with its key."""
    context = make_context(project_id=str(owner.default_project_id))
    offered = TransferManager(context).create(volume_id=str(make_volume(context).id))
    return {
        "transfer_id": str(offered.transfer.id),
        "key": offered.key,
        "volume_id": str(make_volume(context).id),
    }


def lines(root: str) -> list[Line]:
    """Return what is asked under one of the two paths."""
    one = f"{root}/{{transfer_id}}"
    created = {"transfer": {"volume_id": "{volume_id}"}}
    found: list[Line] = [
        Line("GET", root, PROJECT_READERS | {"other"}, headers=NEWEST),
        Line("GET", f"{root}/detail", PROJECT_READERS | {"other"}, headers=NEWEST),
        Line("POST", root, PROJECT_MEMBERS, 202, NOT_THERE, body=created, headers=NEWEST),
        Line("GET", one, PROJECT_READERS, others=NOT_THERE, headers=NEWEST),
        Line("DELETE", one, PROJECT_MEMBERS, 202, NOT_THERE, headers=NEWEST),
        Line(
            "POST",
            f"{one}/accept",
            TAKERS,
            202,
            body={"accept": {"auth_key": "{key}"}},
            headers=NEWEST,
        ),
    ]
    return found


LINES = [*lines("/volume/v3/volume-transfers"), *lines("/volume/v3/os-volume-transfer")]
world = shared_world(build)
test_access = access_test(LINES)
