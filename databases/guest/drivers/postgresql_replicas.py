"""PostgreSQL's replicas: streaming, by a slot of the source's. An old source comes back by pg_rewind.

The password is in a file beside the data, so no backup holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from databases.guest.commands import CommandFailed
from databases.guest.drivers.base import Row
from databases.guest.drivers.postgresql import _literal, _name, scram
from databases.guest.drivers.postgresql_logs import LoggingPostgreSql
from databases.guest.drivers.replicating import ReplicatingDatastore

#: What pg_rewind reads the source by.
_REWIND = (
    "pg_ls_dir(text, boolean, boolean)",
    "pg_stat_file(text, boolean)",
    "pg_read_binary_file(text)",
    "pg_read_binary_file(text, bigint, bigint, boolean)",
)
#: Of senders and of slots, ample and the same everywhere: a replica with fewer than its source stands still,
#: and more need a restart. A replica takes one of each, and one more sender while it is made.
SENDERS = 64


class ReplicatingPostgreSql(LoggingPostgreSql, ReplicatingDatastore):
    """PostgreSQL with its replicas."""

    def admit(self, user: str, password: str, slot: str) -> None:
        """Make the user (a replica has it from its source) and the slot."""
        if not self.is_following():
            whom = _name(user)
            self._ensure_role(user, f"LOGIN REPLICATION PASSWORD {_literal(scram(password))}")
            self._sql(
                f"GRANT CONNECT ON DATABASE postgres TO {whom}",
                *(f"GRANT EXECUTE ON FUNCTION {one} TO {whom}" for one in _REWIND),
            )
        if slot:
            self._sql(
                f"SELECT pg_create_physical_replication_slot({_literal(slot)}, true) WHERE NOT EXISTS "
                f"(SELECT FROM pg_replication_slots WHERE slot_name = {_literal(slot)})"
            )

    def keep_slots(self, slots: Sequence[str]) -> None:
        """Drop the others that replicas came by."""
        kept = ", ".join(map(_literal, ("", *slots)))
        self._sql(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
            f"WHERE starts_with(slot_name, 'replica_') AND NOT active AND slot_name NOT IN ({kept})"
        )

    def seed(self, source: Row) -> None:
        """Copy the source's data by pg_basebackup."""
        self.stop()
        self._keep_source(source)
        draft = self._begin_draft()
        slot = ("-S", str(source["slot"])) if source["slot"] else ()
        self._run(
            "pg_basebackup", "-d", self._way_to(source), "-w", "-D", str(draft), "-X", "stream",
            "-c", "fast", *slot, timeout=24 * 3600,
        )  # fmt: skip
        self._keep_draft()

    def start(self) -> None:
        """Serve, as a replica where it follows."""
        if self.is_following():
            self._write(self.place.data / "standby.signal", "")
        super().start()

    def follow(self, source: Row | None) -> None:
        """Follow; who was a source itself is brought back to where both were the same."""
        was_source = self.is_initialised() and not self.is_following()
        self._keep_source(source)
        self.stop()
        if source is not None and not self.is_initialised():
            self.seed(source)
        elif source is not None and was_source:
            settings = (self.place.data / "cloudweb.conf").read_text()
            try:
                self._run(
                    "pg_rewind", "-D", str(self.place.data), "--source-server",
                    f"{self._way_to(source)} dbname=postgres", timeout=3600,
                )  # fmt: skip
            except CommandFailed:
                self._remove(self.place.data)  # the log since then is gone: all of it anew
                self.seed(source)
            self._write(self.place.data / "cloudweb.conf", settings)
        self.start()
        # nobody follows it now, and its own backups go on elsewhere
        self._sql(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active"
        )

    def promote(self) -> None:
        """Take writes, on a timeline of its own."""
        self._following.unlink(missing_ok=True)
        if self._value("SELECT pg_is_in_recovery()") == "t":
            self._run(
                "pg_ctl", "-D", str(self.place.data), "-w", "-t", "120", "promote", timeout=180
            )
            self._sql("CHECKPOINT")  # who follows from another timeline looks for it
        self._pass_file.unlink(missing_ok=True)

    def position(self) -> str:
        """Return the place in the log (LSN)."""
        return self._value(
            "SELECT CASE WHEN pg_is_in_recovery() THEN GREATEST(pg_last_wal_receive_lsn(), "
            "pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END"
        )

    def timeline(self) -> int:
        """Return the newest timeline it has anything of."""
        found = self._value(
            "SELECT GREATEST((SELECT timeline_id FROM pg_control_checkpoint()), "
            "(SELECT min_recovery_end_timeline FROM pg_control_recovery()), "
            "(SELECT max(received_tli) FROM pg_stat_wal_receiver))"
        )
        return int(found or 0)

    def users(self) -> list[Row]:
        """Return those of tenants: who replicates is none."""
        return [row for row in super().users() if row["name"] not in self.reserved_users]

    def figures(self) -> Row:
        """Return the figures, with how far a replica is behind."""
        lag = (
            "SELECT CASE WHEN NOT pg_is_in_recovery() THEN -1 WHEN pg_last_wal_receive_lsn() = "
            "pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = "
            "'streaming') THEN 0 ELSE coalesce(extract(epoch FROM now() - "
            "pg_last_xact_replay_timestamp()), -1)::float END AS lag"
        )
        return {**super().figures(), **self._rows(lag)[0]}

    def stands_still(self) -> bool:
        """Tell whether it was started with fewer senders than its source has since."""
        if not self.is_following():
            return False
        return (
            self._value(
                f"SELECT current_setting('max_wal_senders')::int < {SENDERS} "
                "AND pg_is_in_recovery() AND pg_get_wal_replay_pause_state() = 'paused'"
            )
            == "t"
        )

    def _fixed(self) -> dict[str, str]:
        found, source = super()._fixed(), self._source
        found |= {"max_wal_senders": str(SENDERS), "max_replication_slots": str(SENDERS)}
        if source.get("address"):
            found["primary_conninfo"] = self._words(source)
            found["primary_slot_name"] = str(source["slot"])
        return found

    @property
    def _pass_file(self) -> Path:
        return self.place.data.with_name(f"{self.place.data.name}.pass")

    def _way_to(self, source: Row) -> str:
        """Return how a source is reached; the password is written into its file."""
        facts = (source["address"], source["port"], "*", source["user"], source["password"])
        line = ":".join(str(one).replace("\\", "\\\\").replace(":", "\\:") for one in facts)
        self._write(self._pass_file, f"{line}\n")
        self._pass_file.chmod(0o600)
        return self._words(source)

    def _words(self, source: Row) -> str:
        facts = {
            "host": source["address"],
            "port": source["port"],
            "user": source["user"],
            "passfile": self._pass_file,
            "connect_timeout": 20,
        }
        authority = self._authority_of(source)
        if authority is not None:
            facts |= {"sslmode": "verify-full", "sslrootcert": authority}
        return " ".join(f"{name}='{value}'" for name, value in facts.items())
