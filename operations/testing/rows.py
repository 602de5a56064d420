"""What the tables held at one moment, and the way back: the cheap beginning of every case of a drill."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.db import connection, transaction

Table = list[tuple[Any, ...]]


class Rows:
    """All rows of all tables; restoring them leaves no trace of what was done since."""

    def __init__(self) -> None:
        with transaction.atomic():
            self._tables = {name: _read(name) for name in connection.introspection.table_names()}

    def restore(self) -> None:
        """Put every table that differs back to what it held."""
        with transaction.atomic(), connection.cursor() as cursor:
            for name, rows in self._tables.items():
                if _read(name) == rows:
                    continue
                table = connection.ops.quote_name(name)
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables
                if rows:
                    places = ", ".join(["%s"] * len(rows[0]))
                    cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608

    def changed(self) -> list[str]:
        """Return the names of the tables that hold something else now."""
        return [name for name, rows in self._tables.items() if _read(name) != rows]


def _read(name: str) -> Table:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")  # noqa: S608
        rows: Table = cursor.fetchall()
        return rows


class Disk:
    """A directory as it was, and the way back."""

    def __init__(self, directory: Path, aside: Path) -> None:
        self._directory, self._aside = directory, aside
        shutil.copytree(directory, aside, symlinks=True)

    def restore(self) -> None:
        """Put the directory back to what it held."""
        shutil.rmtree(self._directory)
        shutil.copytree(self._aside, self._directory, symlinks=True)
