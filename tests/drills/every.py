"""Every drill of every module here; a saga that has none fails a contract test."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from operations.testing import Drill

MODULES = sorted(
    path.stem
    for path in Path(__file__).parent.glob("[a-z]*.py")
    if path.stem not in ("every", "test_drills")
)
DRILLS: tuple[Drill[Any], ...] = tuple(
    drill for name in MODULES for drill in import_module(f"tests.drills.{name}").DRILLS
)
