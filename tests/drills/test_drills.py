"""Every drill of every saga."""

from __future__ import annotations

import os
import ssl
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from operations.testing import Drill
from tests.drills.every import DRILLS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def _no_cost_of_what_no_case_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who dies in a drill is a process: what it wrote stays, synced or not.

    As in production the connection stays open; the machine's certificates are read once.
    """
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    monkeypatch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
    connection.close()


@pytest.mark.parametrize("drill", DRILLS, ids=str)
def test_drill(drill: Drill[Any], tmp_path: Path) -> None:
    assert drill.run(tmp_path) > 0
