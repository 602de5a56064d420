"""Datastore drivers: what a method of ``databases/rpc.py`` is in PostgreSQL and in MariaDB."""

from __future__ import annotations

from databases.guest.drivers.mariadb_replicas import ReplicatingMariaDb
from databases.guest.drivers.postgresql_replicas import ReplicatingPostgreSql
from databases.guest.drivers.replicating import ReplicatingDatastore

DRIVERS: dict[str, type[ReplicatingDatastore]] = {
    "postgresql": ReplicatingPostgreSql,
    "mariadb": ReplicatingMariaDb,
}
