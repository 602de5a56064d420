"""Python's own readers of addresses take a zone with anything in it; ours stand in one module."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
READERS = re.compile(r"\bip_(?:address|network|interface)\(")
#: Migrations stay as they were; an operator's own list is read strictly (a slip is an error).
ALLOWED = {"cloudweb/addresses.py", "image/download/addresses.py"}


def test_addresses_are_read_by_cloudweb_addresses_alone() -> None:
    apps = [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"]
    assert len(apps) > 5
    found = {
        str(file.relative_to(ROOT))
        for app in apps
        for file in app.rglob("*.py")
        if "migrations" not in file.parts and READERS.search(file.read_text())
    }
    assert found == ALLOWED
