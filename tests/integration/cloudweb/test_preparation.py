"""Preparation: the copy before migrations, and what the banner says."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cloudweb.preparation import migrations
from cloudweb.preparation.banner import Login, banner


@pytest.fixture
def database(tmp_path: Path, settings: object) -> Path:
    """A database file with one row, in place of the cloud's."""
    path = tmp_path / "cloudweb.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE kept (word TEXT)")
        connection.execute("INSERT INTO kept VALUES ('here')")
    settings.VAR = tmp_path  # type: ignore[attr-defined]
    return path


def test_the_copy_holds_what_was_committed_and_only_the_newest_stay(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "sqlite_file", lambda: database)
    writer = sqlite3.connect(database)
    writer.execute("INSERT INTO kept VALUES ('not committed')")
    copies = [migrations.copy_sqlite() for _ in range(7)]
    writer.close()
    kept = sorted((database.parent / "backups").iterdir())
    assert kept == sorted(copies)[-migrations.KEPT_COPIES :]
    with sqlite3.connect(kept[-1]) as copy:
        assert copy.execute("SELECT word FROM kept").fetchall() == [("here",)]
    assert kept[-1].stat().st_mode & 0o777 == 0o600


def test_the_banner_says_address_log_in_and_command(
    tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN", "0.0.0.0:9000")
    monkeypatch.setenv("DRIVERS", "fake")
    settings.VAR, settings.PUBLIC_URL = tmp_path, ""  # type: ignore[attr-defined]
    text = banner([Login("cloudweb", "demo", "s3cret"), Login("cloudweb-admin", "admin", "other")])
    for words in ("http://127.0.0.1:9000/", "demo   s3cret", "admin  other", "in memory"):
        assert words in text
    assert f"OS_CLIENT_CONFIG_FILE={tmp_path}/clouds.yaml" in text
    assert "openstack --os-cloud cloudweb server list" in text
    settings.PUBLIC_URL = "https://cloud.example/"  # type: ignore[attr-defined]
    assert "https://cloud.example/admin/" in banner([Login("cloudweb", "demo", "s")])
