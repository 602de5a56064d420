"""Static files are collected when one has changed, by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage

from cloudweb.preparation import static_files
from cloudweb.static_files import HashedFiles


@pytest.fixture
def source(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A directory with one file, the only one there is."""
    (tmp_path / "source").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "source" / "one.css").write_text("p { color: red }\n" * 100)
    settings.STATICFILES_DIRS = [tmp_path / "source"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "root"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "cloudweb.static_files.HashedFiles"},
    }
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]
    yield tmp_path / "source"
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]


def test_what_changed_is_collected_and_nothing_else(source: Path, settings: Any) -> None:
    root = settings.STATIC_ROOT
    assert static_files.collect()
    assert not static_files.collect()
    [first] = {path.name for path in root.glob("one.????????????.css")}
    assert (root / f"{first}.gz").exists()
    (source / "one.css").write_text("p { color: blue }\n" * 100)
    assert static_files.collect()
    assert first not in {path.name for path in root.iterdir()}
    assert HashedFiles().url("one.css").startswith("/static/one.")


def test_without_a_collection_names_are_plain(source: Path) -> None:
    assert HashedFiles().url("one.css") == "/static/one.css"
    assert HashedFiles().url("none.css") == "/static/none.css"
    assert StaticFilesStorage().url("one.css") == "/static/one.css"
