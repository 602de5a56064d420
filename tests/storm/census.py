"""What a cloud without servers may still have: nothing of theirs, in rows, on the host, in the kernel."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from tests.host.cloud.census import leftovers

#: What must be empty once every server is gone, as the database has it.
ROWS = {
    "servers": "SELECT id || ' ' || vm_state FROM instances_instance WHERE vm_state != 'deleted'",
    "operations": "SELECT id || ' ' || kind || ' ' || state || ' ' || error_code || ' ' || error_detail"
    " FROM operations_operation WHERE state NOT IN ('DONE', 'UNDONE')",
    "holds": "SELECT resource_type || ' ' || resource_id FROM operations_hold",
    "debts": "SELECT host || ' ' || scope || ' ' || method FROM operations_debt WHERE paid_at IS NULL",
    "claims": "SELECT id FROM compute_claim",
    "ports": "SELECT id FROM network_port WHERE device_owner LIKE 'compute:%'",
}


def left(var: Path, *, real: bool, prefix: str = "cw") -> list[str]:
    """Return all that is left, by name."""
    found = []
    with contextlib.closing(
        sqlite3.connect(f"file:{var}/cloudweb.sqlite3?mode=ro", uri=True)
    ) as rows:
        for what, query in ROWS.items():
            found += [f"{what}: {row[0]}" for row in rows.execute(query)]
    for home in sorted((var / "hosts").iterdir()):
        if real:
            found += leftovers(home, prefix=prefix)
        else:
            found += _fake(home)
    return found


def never_tried_twice(var: Path) -> list[str]:
    """Return the steps of creates that ran more than once: in quiet weather none should."""
    query = (
        "SELECT s.name || ' of ' || o.resource_id || ': ' || s.attempt || ' times'"
        " FROM operations_step s JOIN operations_operation o ON o.id = s.operation_id"
        " WHERE o.kind = 'server.create' AND s.attempt > 1"
    )
    with contextlib.closing(
        sqlite3.connect(f"file:{var}/cloudweb.sqlite3?mode=ro", uri=True)
    ) as rows:
        return [row[0] for row in rows.execute(query)]


def _fake(home: Path) -> list[str]:
    guests = sorted((home / "compute" / "fake_guests").glob("*.json"))
    found = [f"guest {guest.stem}" for guest in guests]
    return found + [f"file {path}" for path in sorted((home / "network" / "wirings").glob("*"))]
