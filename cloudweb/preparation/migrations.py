"""Migrations, with a copy of the SQLite file first."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

KEPT_COPIES = 5


def migrate(*, say: Callable[[str], object]) -> None:
    """Bring the tables up to the code; do nothing when they are."""
    file = sqlite_file()
    if file is not None:
        file.touch(mode=0o600)  # an existing one keeps its mode
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not pending:
        return
    if executor.loader.applied_migrations:
        copy = copy_sqlite()
        say(f"Migrating the database{f'; a copy of it is {copy}' if copy else ''}")
    else:
        say("Creating the database")
    call_command("migrate", interactive=False, verbosity=0)


def sqlite_file() -> Path | None:
    """Return the path of the database; None when it is not SQLite's."""
    config = settings.DATABASES["default"]
    return Path(str(config["NAME"])) if "sqlite" in str(config["ENGINE"]) else None


def copy_sqlite() -> Path | None:
    """Copy the database file, consistent also while others write; None when it is no file."""
    source = sqlite_file()
    if source is None or not source.exists():
        return None
    directory = settings.VAR / "backups"
    directory.mkdir(mode=0o700, exist_ok=True)
    target = directory / f"{source.stem}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite3"
    target.touch(mode=0o600)
    with (
        contextlib.closing(sqlite3.connect(source)) as here,
        contextlib.closing(sqlite3.connect(target)) as there,
    ):
        here.backup(there)
    for old in sorted(directory.glob(f"{source.stem}-*.sqlite3"))[:-KEPT_COPIES]:
        old.unlink()
    return target
