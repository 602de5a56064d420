"""Every route of the audit log by everybody."""

from __future__ import annotations

from typing import Any

from audit.models import Record
from identity.models import User
from tests.builders.access import READERS_OF_ALL, Line, access_test, shared_world


def build(owner: User) -> dict[str, Any]:
    """Return a record of the owner's project."""
    record = Record.objects.create(
        project_id=owner.default_project_id, action="network:networks:create", outcome="success"
    )
    return {"record_id": record.id}


RECORDS = "/audit/v1/records"
#: Readers of the project, and who reads everything.
MEMBERS = frozenset({"reader", "member", "owner", "manager"}) | READERS_OF_ALL

LINES = [
    Line("GET", RECORDS, passes=MEMBERS | {"other"}),
    Line("GET", f"{RECORDS}?all_projects=true", passes=READERS_OF_ALL),
    Line("GET", f"{RECORDS}/{{record_id}}", passes=MEMBERS, others={"other": 404}),
]
world = shared_world(build)
test_access = access_test(LINES)
