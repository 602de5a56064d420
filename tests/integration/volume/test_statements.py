"""What a volume costs: statements of each request, and of the work behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.drills.volumes import World, lab

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
#: Statements of each, by the database; a claim of PostgreSQL's is two more. Less is better: note it here.
COSTS = {
    "sqlite": {
        "create": 15, "made": 29, "show": 2, "extend": 14, "grown": 31, "delete": 16, "gone": 44,
    },
    "postgresql": {
        "create": 15, "made": 33, "show": 2, "extend": 14, "grown": 33, "delete": 16, "gone": 46,
    },
}  # fmt: skip


def counted(work: Any) -> tuple[int, Any]:
    with CaptureQueriesContext(connection) as queries:
        result = work()
    return len(queries), result


def test_what_a_volume_costs(tmp_path: Path) -> None:
    with lab(tmp_path / "cloud", hosts=1) as made:
        _live(made)  # what is looked up once for the process
        assert _live(made) == COSTS[connection.vendor]


def _live(made: World) -> dict[str, int]:
    found: dict[str, int] = {}

    def note(word: str, work: Any) -> Any:
        found[word], result = counted(work)
        return result

    volume = note("create", lambda: made.create(size=1))
    note("made", made.cloud.settle)
    note("show", lambda: made.volumes.get(volume))
    note("extend", lambda: made.volumes.extend(volume, size=2))
    note("grown", made.cloud.settle)
    note("delete", lambda: made.volumes.delete(volume))
    note("gone", made.cloud.settle)
    return found
