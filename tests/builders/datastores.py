"""Real datastores of this machine: how small they are made, and how their tenants come to them."""

from __future__ import annotations

import os
from typing import Any

from cloudweb.objects import VersionedObject
from cloudweb.process import run
from databases.guest.drivers.postgresql_copies import CopyingPostgreSql
from databases.guest.place import Place

PROGRAMS = {"postgresql": "psql", "mariadb": "mariadbd"}
SMALL = {
    "postgresql": {"shared_buffers": "16MB", "fsync": "off", "max_wal_size": "64MB"},
    "mariadb": {
        "innodb-buffer-pool-size": "8M",
        "innodb-flush-method": "nosync",
        "performance-schema": "OFF",
    },
}


class Tenant:
    """A client of a datastore, as tenants are: by address, name and password."""

    def __init__(self, place: Place, datastore: str) -> None:
        self.place, self.datastore = place, datastore

    def says(self, statement: str, *, user: str, password: str, database: str) -> str:
        """Return what the statement printed; raise CommandFailed."""
        if self.datastore == "postgresql":
            words = [
                str(CopyingPostgreSql(self.place).programs / "psql"),
                "-X",
                "-A",
                "-t",
                "-q",
                "-h",
                "127.0.0.1",
                "-p",
                str(self.place.port),
            ]
            words += ["-U", user, "-d", database, "-v", "ON_ERROR_STOP=1", "-c", statement]
        else:
            words = [
                "mariadb",
                "--no-defaults",
                "-N",
                "-h",
                "127.0.0.1",
                "-P",
                str(self.place.port),
            ]
            words += ["-u", user, f"--password={password}", database, "-e", statement]
        found = run(*words, env={**os.environ, "PGPASSWORD": password}, check=False)
        if found.returncode:
            raise PermissionError(found.stderr.decode())
        return found.stdout.decode().strip()


def data(payload: VersionedObject) -> dict[str, Any]:
    """Return a payload as the agent reads it."""
    found: dict[str, Any] = payload.dump()["data"]
    return found
