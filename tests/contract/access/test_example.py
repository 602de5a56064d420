"""Who may do what with the example's shelves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identity.models import User
from tests.builders.access import (
    PROJECT_MEMBERS,
    PROJECT_READERS,
    Line,
    access_test,
    shared_world,
)
from tests.example.models import Shelf
from tests.example.states import READY

SHELVES = "/database/v1.0/shelves"
SHELF = f"{SHELVES}/{{shelf}}"
NEW = {"shelf": {"name": "oak"}}


def build(owner: User) -> Mapping[str, Any]:
    """Put up one shelf of the owner's project."""
    shelf = Shelf.objects.create(project_id=owner.default_project_id, name="ash", status=READY)
    return {"shelf": shelf.pk}


world = shared_world(build)
LINES = (
    Line("GET", SHELVES, PROJECT_READERS | {"other"}),
    Line("GET", SHELF, PROJECT_READERS, others={"other": 404}),
    # who has no project has nowhere to put it
    Line("POST", SHELVES, PROJECT_MEMBERS - {"system_admin"} | {"other"}, 201, body=NEW),
    Line("PUT", SHELF, PROJECT_MEMBERS, others={"other": 404}, body=NEW),
    Line("DELETE", SHELF, PROJECT_MEMBERS, 204, others={"other": 404}),
)
test_access = access_test(LINES)
