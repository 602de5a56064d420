"""MariaDB's replicas: by GTID, begun with a dump of the source. An old source that has more is made anew.

The log that replicas read (binlog) is written from the first of them on: it costs room, and a restart.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from databases.guest import files
from databases.guest.commands import Pipe
from databases.guest.drivers.base import Row
from databases.guest.drivers.mariadb import _account, _known_by, _literal
from databases.guest.drivers.mariadb_copies import CopyingMariaDb
from databases.guest.drivers.replicating import ReplicatingDatastore
from databases.guest.failures import GuestFailure

_RIGHTS = (
    "REPLICATION SLAVE, SELECT, SHOW VIEW, SHOW DATABASES, TRIGGER, EVENT, RELOAD, LOCK TABLES, PROCESS, "
    "BINLOG MONITOR, SLAVE MONITOR"
)
#: What a source says to one that has what it never had, or wants what it has no longer.
_DIVERGED = frozenset({"1236", "1950"})


class ReplicatingMariaDb(CopyingMariaDb, ReplicatingDatastore):
    """MariaDB with its replicas."""

    def is_initialised(self) -> bool:
        """Tell whether all data are there."""
        return super().is_initialised() and not self._unfinished.exists()

    def admit(self, user: str, password: str, slot: str) -> None:
        """Write the log that replicas read, and make the user (a replica has it from its source)."""
        if not self._logging.exists():
            files.write(self._logging, b"")
            self.stop()
            self.start()
        if not self.is_following():
            whom, known = _account(user, "%"), _known_by(password)
            self._sql(
                f"CREATE USER IF NOT EXISTS {whom} {known}",
                # else the tenant's max_user_connections would count for all replicas together
                f"ALTER USER {whom} {known} WITH MAX_USER_CONNECTIONS 100",
                f"GRANT {_RIGHTS} ON *.* TO {whom}",
            )
            if self.root_is_open():  # an agent of before let it in
                self._let_root_write_where_others_do()

    def seed(self, source: Row) -> None:
        """Load a dump of all that the source has, users too; then follow it."""
        self.stop()
        self._remove(self.place.data)
        self.initialise()
        files.write(self._unfinished, b"", owner=self.place.owner)
        files.write(self._logging, b"")
        self._keep_source(source)
        self.start()
        authority = self._authority_of(source)
        secured = f"ssl-ca = {authority}\nssl-verify-server-cert\n" if authority else ""
        with tempfile.NamedTemporaryFile("w", prefix="source") as way:
            way.write(f"[client]\npassword = '{source['password']}'\n{secured}")
            way.flush()
            dump = (
                "mariadb-dump", f"--defaults-file={way.name}", f"--host={source['address']}",
                f"--port={source['port']}", f"--user={source['user']}", "--all-databases",
                "--single-transaction", "--master-data=1", "--gtid", "--routines", "--events",
                "--flush-privileges", "--default-character-set=utf8mb4",
            )  # fmt: skip
            load = (
                "mariadb", "--no-defaults", f"--socket={self.place.run / 'mysqld.sock'}",
                "--default-character-set=utf8mb4", "--init-command=SET SESSION sql_log_bin = 0",
            )  # fmt: skip
            with Pipe(dump, load, ends=True) as pipe:
                pipe.end()
        self._listen_to(source, "slave_pos")
        self._unfinished.unlink()

    def follow(self, source: Row | None) -> None:
        """Follow; what has more than its source is made anew from it."""
        pointer = "slave_pos" if self.is_following() else "current_pos"
        if source is not None and not self.is_initialised():
            self.seed(source)
            return
        self._keep_source(source)
        self.stop()
        self.start()  # nobody writes from here on
        self._sql("STOP SLAVE")
        if source is None:
            self._sql("RESET SLAVE ALL")
            return
        self._listen_to(source, pointer)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            said = self._said()
            if {said["Last_IO_Errno"], said["Last_SQL_Errno"]} & _DIVERGED:
                self.seed(source)
                return
            if said["Slave_IO_Running"] == said["Slave_SQL_Running"] == "Yes":
                return
            time.sleep(0.2)

    def promote(self) -> None:
        """Take writes, once what was received is done."""
        said = self._said()
        if said:
            self._sql("STOP SLAVE IO_THREAD")
            received = _literal(self._said()["Gtid_IO_Pos"])
            if self._sql(f"SELECT MASTER_GTID_WAIT({received}, 100)").strip() != "0":
                raise GuestFailure("The replica has not done all that it received.")
            self._sql("STOP SLAVE", "RESET SLAVE ALL")
        self._following.unlink(missing_ok=True)
        self._sql("SET GLOBAL read_only = 0")

    def position(self) -> str:
        """Return the GTID up to which it has everything."""
        said = self._said() if self.is_following() else {}
        return said["Gtid_IO_Pos"] if said else self._sql("SELECT @@gtid_current_pos").strip()

    def users(self) -> list[Row]:
        """Return those of tenants: who replicates is none."""
        return [row for row in super().users() if row["name"] not in self.reserved_users]

    def figures(self) -> Row:
        """Return the figures, with how far a replica is behind."""
        said = self._said() if self.is_following() else {}
        behind = said.get("Seconds_Behind_Master", "")
        return {**super().figures(), "lag": float(behind) if behind.isdigit() else -1}

    def _listen_to(self, source: Row, pointer: str) -> None:
        authority = self._authority_of(source)
        secured = f"MASTER_SSL = {int(authority is not None)}, MASTER_SSL_CA = {_literal(str(authority or ''))}, "
        secured += f"MASTER_SSL_VERIFY_SERVER_CERT = {int(authority is not None)}, "
        self._sql(
            "CHANGE MASTER TO "
            f"MASTER_HOST = {_literal(str(source['address']))}, MASTER_PORT = {int(source['port'])}, "
            f"MASTER_USER = {_literal(str(source['user']))}, "
            f"MASTER_PASSWORD = {_literal(str(source['password']))}, "
            f"{secured}MASTER_CONNECT_RETRY = 5, MASTER_USE_GTID = {pointer}",
            "START SLAVE",
        )

    def _said(self) -> dict[str, str]:
        """Return what a replica says of itself; nothing of one that follows nobody."""
        lines = self._client("mariadb", "-E", "-e", "SHOW SLAVE STATUS").splitlines()
        return {
            name.strip(): value.strip() for name, _, value in (one.partition(":") for one in lines)
        }

    def _fixed(self) -> dict[str, str]:
        found = super()._fixed()
        if self._logging.exists():
            found |= {
                "server-id": str(int(self._data_id()[:8], 16) or 1),
                "log-bin": "binlog",
                "relay-log": "relay",
                "log-slave-updates": "ON",
                "gtid-strict-mode": "ON",
                "binlog-format": "ROW",
                "binlog-expire-logs-seconds": str(2 * 24 * 3600),
            }
        return found | ({"read-only": "ON"} if self.is_following() else {})

    @property
    def _logging(self) -> Path:
        return self.place.data.with_name(f"{self.place.data.name}.binlog")

    @property
    def _unfinished(self) -> Path:
        return self.place.data / "cloudweb-unfinished"
