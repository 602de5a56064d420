"""PostgreSQL's log (WAL), kept by a slot of its own until it was sent: a tenth of the volume at most."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from databases.guest.drivers.logging import LoggingDatastore, LogGone, LogPiece, LogPlace
from databases.guest.drivers.postgresql import _literal
from databases.guest.drivers.postgresql_copies import SEGMENT, CopyingPostgreSql
from databases.guest.transfers import PACK

SLOT = "cloudweb_log"
KEPT = f"slot_name = '{SLOT}' AND wal_status <> 'lost'"
#: Of 16 MiB each: so many are sent at once.
MOST = 8


class LoggingPostgreSql(CopyingPostgreSql, LoggingDatastore):
    """PostgreSQL with its log."""

    def begin_log(self) -> LogPlace:
        """Make the slot be there, from here on."""
        self.end_log()
        self._sql(f"SELECT pg_create_physical_replication_slot('{SLOT}', true)")
        position = self._value("SELECT pg_switch_wal()")
        return LogPlace(position, self._history())

    def kept_log(self, position: str) -> LogPlace | None:
        """Return it where the slot is there; a segment of another timeline would not be found later."""
        if not position or not self._value(
            f"SELECT slot_name FROM pg_replication_slots WHERE {KEPT}"
        ):
            return None
        return LogPlace(position, self._history())

    def end_log(self) -> None:
        """Drop the slot."""
        self._sql(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
            f"WHERE slot_name = '{SLOT}'"
        )

    @contextlib.contextmanager
    def log_piece(self, begun: LogPlace) -> Iterator[LogPiece]:
        """Give tar with the segments since; the last of them ends with a commit."""
        if self._history() != begun.history:
            raise LogGone("The data have another history now.", detail=begun.history)
        if not self._value(f"SELECT slot_name FROM pg_replication_slots WHERE {KEPT}"):
            raise LogGone("The log was not kept.", detail=begun.position)
        until = self._value(
            "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        )
        self._sql("SELECT txid_current()")  # a commit with its time, which a restore can aim at
        last = self._value("SELECT pg_walfile_name(pg_switch_wal())")
        first = self._value(f"SELECT pg_walfile_name({_literal(begun.position)}::pg_lsn + 1)")
        folder = self.place.data / "pg_wal"
        there = {path.name for path in folder.iterdir()}
        wanted = sorted(name for name in there if SEGMENT.fullmatch(name) and first <= name <= last)
        if first not in wanted:
            raise LogGone("The log was not sent in time.", detail=begun.position)
        if len(wanted) > MOST:
            wanted, until = wanted[:MOST], ""
        position = end_of(wanted[-1])
        wanted += sorted(name for name in there if name.endswith(".history"))

        def sent() -> None:
            self._sql(
                f"SELECT pg_replication_slot_advance(slot_name, {_literal(position)}) "
                f"FROM pg_replication_slots WHERE {KEPT}"
            )

        programs = (("tar", "-C", str(folder), "-cf", "-", "--", *wanted), PACK)
        yield LogPiece(programs, position, until, sent)

    def _history(self) -> str:
        return self._value("SELECT timeline_id FROM pg_control_checkpoint()")


def end_of(segment: str) -> str:
    """Return the position at which a segment of 16 MiB ends."""
    number = (int(segment[8:16], 16) << 32) + ((int(segment[16:24], 16) + 1) << 24)
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"
