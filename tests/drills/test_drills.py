"""Every drill of every saga."""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from operations.testing import Drill
from tests.drills.every import DRILLS

pytestmark = pytest.mark.django_db(transaction=True)
MEMORY, ROOM = Path("/dev/shm"), 1 << 29


@pytest.fixture(autouse=True)
def _no_cost_of_what_no_case_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who dies in a drill is a process: what it wrote stays, synced or not.

    As in production the connection stays open; the machine's certificates are read once.
    """
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    monkeypatch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
    connection.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is room: every case renames and removes dozens of small files."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="cw-drill-", dir=MEMORY) as made:
        yield Path(made)


def _time(drill: Drill[Any]) -> pytest.MarkDecorator:
    """Each step has its cases; the drill with the most of them begins first."""
    return pytest.mark.timeout(1200 + 100 * len(drill.only or drill.saga.steps))


@pytest.mark.parametrize(
    "drill", [pytest.param(drill, id=str(drill), marks=_time(drill)) for drill in DRILLS]
)
def test_drill(drill: Drill[Any], place: Path) -> None:
    assert drill.run(place) > 0
