"""Every drill of every saga."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from operations.testing import Drill
from tests.drills.every import DRILLS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who dies in a drill is a process: what it wrote stays, synced or not."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.mark.parametrize("drill", DRILLS, ids=str)
def test_drill(drill: Drill[Any], tmp_path: Path) -> None:
    assert drill.run(tmp_path) > 0
