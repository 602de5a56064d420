"""Generated pages say what the code says."""

from __future__ import annotations

import sys

import pytest

from cloudweb import process
from tests.infrastructure import ROOT


@pytest.mark.parametrize("page", ["where_is.py", "states.py"])
def test_page_is_current(page: str) -> None:
    done = process.run(sys.executable, str(ROOT / "docs" / page), "--check", check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr.decode()
