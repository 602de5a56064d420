"""What the tables held at one moment, and the way back: the cheap beginning of every case of a drill."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from django.db import connection, transaction

Table = list[tuple[Any, ...]]


class Rows:
    """All rows of all tables; restoring them leaves no trace of what was done since."""

    def __init__(self) -> None:
        with transaction.atomic():
            self._names = tuple(connection.introspection.table_names())
            self._tables = {name: _read(name) for name in self._held()}

    def restore(self) -> None:
        """Put every table that differs back to what it held."""
        with transaction.atomic(), connection.cursor() as cursor:
            for name in self._held() | self._tables.keys():
                rows = self._tables.get(name, [])
                if _read(name) == rows:
                    continue
                table = connection.ops.quote_name(name)
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables
                if rows:
                    places = ", ".join(["%s"] * len(rows[0]))
                    cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608

    def changed(self) -> list[str]:
        """Return the names of the tables that hold something else now."""
        names = self._held() | self._tables.keys()
        return [name for name in names if _read(name) != self._tables.get(name, [])]

    def _held(self) -> set[str]:
        """Return the tables that are not empty, by one statement: most are."""
        quoted = ((name, connection.ops.quote_name(name)) for name in self._names)
        one = "SELECT '{}' WHERE EXISTS (SELECT 1 FROM {})"
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(one.format(*names) for names in quoted))
            return {name for (name,) in cursor.fetchall()}


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
        """Put whatever differs back to what it was."""
        _restore(self._directory, self._aside)


def _restore(here: Path, kept: Path) -> None:
    found = {entry.name: entry for entry in os.scandir(here)}
    wanted = {entry.name: entry for entry in os.scandir(kept)}
    for name, entry in found.items():
        if name not in wanted or _kind(entry) != _kind(wanted[name]):
            _remove(entry)
    for name, entry in wanted.items():
        old, new = kept / name, here / name
        is_there = os.path.lexists(new)
        if entry.is_dir(follow_symlinks=False):
            if is_there:
                _restore(new, old)
            else:
                shutil.copytree(old, new, symlinks=True)
        elif not is_there or not _is_same(new, old):
            new.unlink(missing_ok=True)
            shutil.copy2(old, new, follow_symlinks=False)


def _kind(entry: os.DirEntry[str]) -> tuple[int, str]:
    """Return what no content makes another of: type and rights, and where a link leads."""
    link = str(Path(entry).readlink()) if entry.is_symlink() else ""
    return entry.stat(follow_symlinks=False).st_mode, link


def _is_same(here: Path, kept: Path) -> bool:
    """Compare what is in two files; their times are too coarse for what is written at once."""
    return here.is_symlink() or here.read_bytes() == kept.read_bytes()


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        Path(entry.path).unlink()
