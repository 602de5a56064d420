"""The suite draws the OpenAPI schema once, and anew after any change of the product."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tests.builders.openapi import of_sources, once


def test_one_draws_while_the_others_wait(tmp_path: Path) -> None:
    drawn, start = [], Barrier(4)

    def draw() -> bytes:
        drawn.append(1)
        return b"%d" % len(drawn)

    def ask(_: int) -> bytes:
        start.wait()
        return once(tmp_path, "first", draw)

    with ThreadPoolExecutor(4) as askers:
        assert list(askers.map(ask, range(4))) == [b"1"] * 4
    assert once(tmp_path, "second", draw) == b"2"
    assert [path.name for path in tmp_path.glob("*.json")] == ["second.json"]


def test_a_draw_that_failed_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise OSError

    with pytest.raises(OSError):
        once(tmp_path, "first", fail)
    assert once(tmp_path, "first", lambda: b"whole") == b"whole"


def test_any_change_of_the_product_draws_anew(tmp_path: Path) -> None:
    (tmp_path / "app" / "api").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    view, test = tmp_path / "app" / "api" / "view.py", tmp_path / "tests" / "test_view.py"
    view.write_text("a")
    test.write_text("a")
    first = of_sources(tmp_path)
    test.write_text("b")
    assert of_sources(tmp_path) == first
    view.write_text("b")
    changed = of_sources(tmp_path)
    view.rename(view.with_name("views.py"))
    assert len({first, changed, of_sources(tmp_path)}) == 3
