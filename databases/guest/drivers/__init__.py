"""Datastore drivers: what a method of ``databases/rpc.py`` is in PostgreSQL and in MariaDB."""

from __future__ import annotations

from databases.guest.drivers.copying import CopyingDatastore
from databases.guest.drivers.mariadb_copies import CopyingMariaDb
from databases.guest.drivers.postgresql_copies import CopyingPostgreSql

DRIVERS: dict[str, type[CopyingDatastore]] = {
    "postgresql": CopyingPostgreSql,
    "mariadb": CopyingMariaDb,
}
