"""The database that a measured cloud has: SQLite in its directory, or a PostgreSQL of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.infrastructure import private_postgresql

KINDS = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Database:
    """``settings`` of the cloud; the process that serves it, where there is one; where it is on a socket."""

    settings: Mapping[str, str] = field(default_factory=dict)
    pid: int | None = None
    home: Path | None = None

    def ask(self, var: Path, statement: str) -> int:
        """Return a number from the database of a cloud, without asking the cloud."""
        return int(self.rows(var, statement)[0][0] or 0)

    def rows(self, var: Path, statement: str) -> list[Any]:
        """Return what a statement finds there."""
        with contextlib.closing(self._connect(var)) as connection:
            return list(connection.execute(statement).fetchall())

    def _connect(self, var: Path) -> Any:
        if self.home is None:
            import sqlite3

            address = f"file:{var / 'cloudweb.sqlite3'}?mode=ro"
            return sqlite3.connect(address, uri=True, timeout=60)
        import psycopg

        return psycopg.connect(host=str(self.home), dbname="cloudweb", autocommit=True)


@contextlib.contextmanager
def database(kind: str) -> Iterator[Database]:
    """Run what a cloud on a kind of database needs."""
    if kind == "sqlite":
        yield Database()
        return
    with private_postgresql() as url:
        home = Path(url.removeprefix("postgres://")).parent
        pid = int((home / "data" / "postmaster.pid").read_text().split()[0])
        yield Database({"DATABASE_URL": url}, pid, home)
