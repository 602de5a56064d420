"""Quotas, limits, messages, services and pools of volumes by everybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cloudweb.database.clock import now
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
from tests.builders.identity import make_context
from tests.builders.volumes import make_pool, make_volume
from volume.models import Message

V3 = "/volume/v3"
QUOTA = f"{V3}/os-quota-sets/{{project_id}}"
CLASS = f"{V3}/os-quota-class-sets/default"
MESSAGE = f"{V3}/messages/{{message_id}}"
NEWEST = {"OpenStack-API-Version": "volume 3.70"}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of a message of the owner's project, and of a host with a pool."""
    make_pool("h1")
    message = Message.objects.create(
        project_id=str(owner.default_project_id),
        resource_type="VOLUME",
        event_id="VOLUME_VOLUME_001_001",
        text="t",
        expires_at=now() + timedelta(days=1),
    )
    away = make_pool("h2", capabilities=[])
    volume = make_volume(make_context(owner), pool=away)
    return {
        "message_id": str(message.id),
        "host": "h1@file",
        "away": "h2@file",
        "volume_id": str(volume.id),
    }


#: Whose project it is not finds no message; who has no project may not even look.
NOT_THERE = {"other": 404}
#: Nobody's project has no limits.
WITHOUT_PROJECT = {
    *("domain_admin", "domain_reader", "domain_manager", "other_domain"),
    *("system_reader", "system_admin"),
}
#: The back end has nothing that can be managed.
UNABLE = 400


def manageable(volumes: str, snapshots: str) -> list[Line]:
    """Return the lines of what could be managed under one of its two paths."""
    what: dict[str, Any] = {"host": "{away}", "ref": {"source-name": "x"}}
    of_volume = {"volume_id": "{volume_id}", "ref": {"source-name": "x"}}
    why = "the back end cannot; tests/functional/volume/test_managing_api.py has one that can"
    how: dict[str, Any] = {"headers": NEWEST, "status": UNABLE, "unfinished": why}
    return [
        Line("GET", f"{V3}/{volumes}?host={{away}}", OPERATORS, **how),
        Line("GET", f"{V3}/{volumes}/detail?host={{away}}", OPERATORS, **how),
        Line("POST", f"{V3}/{volumes}", OPERATORS, body={"volume": what}, **how),
        Line("GET", f"{V3}/{snapshots}?host={{away}}", OPERATORS, **how),
        Line("GET", f"{V3}/{snapshots}/detail?host={{away}}", OPERATORS, **how),
        Line("POST", f"{V3}/{snapshots}", OPERATORS, body={"snapshot": of_volume}, **how),
    ]


LINES = [
    Line("GET", f"{V3}/limits", EVERY_TOKEN - WITHOUT_PROJECT),
    Line("GET", QUOTA, PROJECT_READERS),
    Line("GET", f"{QUOTA}/defaults", PROJECT_READERS),
    Line("PUT", QUOTA, OPERATORS, body={"quota_set": {"volumes": 1}}),
    Line("DELETE", QUOTA, OPERATORS),
    Line("GET", CLASS, OPERATORS),
    Line("PUT", CLASS, OPERATORS, body={"quota_class_set": {"volumes": 1}}),
    Line("GET", f"{V3}/messages", PROJECT_READERS | {"other"}, headers=NEWEST),
    Line("GET", MESSAGE, PROJECT_READERS, headers=NEWEST, others=NOT_THERE),
    Line("DELETE", MESSAGE, PROJECT_MEMBERS, status=204, headers=NEWEST, others=NOT_THERE),
    Line("GET", f"{V3}/os-availability-zone", EVERY_TOKEN),
    Line("GET", f"{V3}/extensions", EVERY_TOKEN),
    Line("GET", f"{V3}/resource_filters", EVERY_TOKEN, headers=NEWEST),
    Line("GET", f"{V3}/os-services", OPERATORS),
    Line("PUT", f"{V3}/os-services/disable", OPERATORS, body={"host": "{host}"}),
    Line("GET", f"{V3}/os-hosts", OPERATORS),
    Line("GET", f"{V3}/os-hosts/{{host}}", OPERATORS),
    Line("GET", f"{V3}/capabilities/{{host}}", OPERATORS),
    Line("GET", f"{V3}/scheduler-stats/get_pools", OPERATORS),
    *manageable("os-volume-manage", "os-snapshot-manage"),
    *manageable("manageable_volumes", "manageable_snapshots"),
]
world = shared_world(build)
test_access = access_test(LINES)
