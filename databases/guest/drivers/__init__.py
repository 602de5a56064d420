"""Datastore drivers: what a method of ``databases/rpc.py`` is in PostgreSQL and in MariaDB."""

from __future__ import annotations

from databases.guest.drivers.base import Datastore
from databases.guest.drivers.mariadb import MariaDb
from databases.guest.drivers.postgresql import PostgreSql

DRIVERS: dict[str, type[Datastore]] = {"postgresql": PostgreSql, "mariadb": MariaDb}
