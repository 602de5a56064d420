"""PostgreSQL's backups: a base backup, and the log (WAL) since one.

The log is kept for the next incremental backup by a replication slot, but never more than a tenth of the
volume: where it is gone, a full backup is asked for. A restore replays the log and stops at a point in time.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from databases.guest.commands import CommandFailed
from databases.guest.drivers.base import Row
from databases.guest.drivers.copying import CopyingDatastore, Dump, Unpack
from databases.guest.drivers.postgresql import ADMIN, PostgreSql, _literal
from databases.guest.failures import Damaged, GuestFailure, Refused
from databases.guest.transfers import PACK

SLOT = "cloudweb_backup"
SEGMENT = re.compile(r"[0-9A-F]{24}")
_A_DAY = 24 * 3600
#: What a log says of a restore that cannot reach its moment.
_TOO_LATE = "recovery ended before configured recovery target"
_TOO_EARLY = "before consistent recovery point"


class CopyingPostgreSql(PostgreSql, CopyingDatastore):
    """PostgreSQL with its backups."""

    @contextlib.contextmanager
    def dump(self, since: str) -> Iterator[Dump]:
        """Give pg_basebackup, or tar with the log since a position."""
        if since:
            yield self._log_since(since)
            return
        self._ensure_slot()
        position = self._value("SELECT pg_current_wal_lsn()")
        programs = (
            (
                str(self.programs / "pg_basebackup"), "-h", str(self.place.run), "-p", str(self.place.port),
                "-U", ADMIN, "-w", "-D", "-", "-Ft", "-X", "fetch", "-c", "fast",
            ),
            PACK,
        )  # fmt: skip

        def sent() -> None:
            self._sql(f"SELECT pg_replication_slot_advance('{SLOT}', {_literal(position)})")

        yield Dump(programs, self.place.user, "pg_basebackup", lambda: position, sent)

    def _log_since(self, since: str) -> Dump:
        self._sql("SELECT txid_current()")  # a commit with its time, which a restore can aim at
        switched = self._value("SELECT pg_switch_wal()")
        first = self._value(f"SELECT pg_walfile_name({_literal(since)}::pg_lsn + 1)")[8:]
        last = self._value(f"SELECT pg_walfile_name({_literal(switched)})")[8:]
        folder = self.place.data / "pg_wal"
        there = {path.name for path in folder.iterdir()}
        wanted = sorted(
            name for name in there if SEGMENT.fullmatch(name) and first <= name[8:] <= last
        )
        if first not in {name[8:] for name in wanted}:
            raise Refused(
                "The log since that backup is gone: a full backup is needed.", detail=since
            )
        wanted += sorted(name for name in there if name.endswith(".history"))
        programs = (("tar", "-C", str(folder), "-cf", "-", "--", *wanted), PACK)

        def sent() -> None:  # the next one may begin at the same backup, if this one is not kept
            self._sql(f"SELECT pg_replication_slot_advance('{SLOT}', {_literal(since)})")

        return Dump(programs, self.place.user, "wal", lambda: switched, sent)

    def _ensure_slot(self) -> None:
        lost = f"slot_name = '{SLOT}' AND wal_status = 'lost'"
        self._sql(
            f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE {lost}",
            f"SELECT pg_create_physical_replication_slot('{SLOT}', true) WHERE NOT EXISTS "
            f"(SELECT FROM pg_replication_slots WHERE slot_name = '{SLOT}')",
        )

    def restore(self, told: Row, unpack: Unpack) -> None:
        """Unpack the base and the logs after it; the first start replays them."""
        draft = self._begin_draft()
        logs = draft / "cloudweb-log"
        base, *later = told["chain"]
        unpack(base, ("tar", "-C", str(draft), "-xf", "-"))
        self._directory(logs)
        for one in (*later, *told["log"]):
            unpack(one, ("tar", "-C", str(logs), "-xf", "-"))
        self._check_data_version(draft)
        (draft / "standby.signal").unlink(missing_ok=True)
        # names of time zones are not known yet when the server reads its words
        until = re.sub(r"[Zz]$", "+00:00", str(told["until"]))
        self._write(draft / "cloudweb-until", until)
        self._write(draft / "recovery.signal", "")
        self._keep_draft()

    def verify(self) -> str:
        """Have pg_amcheck look at each page and index; where that is not there, read all rows."""
        words = ("-h", str(self.place.run), "-p", str(self.place.port), "-U", ADMIN, "-w")
        whole = "SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'"
        program, more = "pg_dumpall", ["-f", os.devnull, "--no-sync"]
        if (self.programs / "pg_amcheck").exists() and self._value(whole) == "1":
            program, more = "pg_amcheck", ["--all", "--install-missing"]
        try:
            self._run(program, *words, *more, timeout=_A_DAY)
        except CommandFailed as error:
            if error.status < 0:
                raise
            raise Damaged("What was restored is damaged.", detail=error.detail) from error
        return program

    def _check_data_version(self, data: Path) -> None:
        major = (data / "PG_VERSION").read_text().strip()
        if self.programs.parent.name != major:
            raise Refused(f"The backup is of PostgreSQL {major}, which this guest does not have.")

    def start(self) -> None:
        """Serve, and where it is made from a backup only once the log is replayed; raise Refused."""
        data, log = self.place.data, self.logs()["postgresql"]
        begun = log.stat().st_size if log.exists() else 0
        try:
            try:
                super().start()
            except GuestFailure:  # a long replay is waited for below
                if not ((data / "cloudweb-until").exists() and self.process()):
                    raise
            while (data / "cloudweb-until").exists() and self._is_recovering():
                time.sleep(0.2)
        except GuestFailure as error:
            said = ""
            if log.exists():
                with log.open("rb") as file:
                    file.seek(begun)
                    said = file.read(1_000_000).decode("utf-8", "replace")
            if _TOO_LATE in said or _TOO_EARLY in said:
                raise Refused(
                    "The backup does not hold that moment.", detail=said[-1500:]
                ) from error
            raise
        if (data / "cloudweb-until").exists():
            self._remove(data / "cloudweb-log")
            (data / "cloudweb-until").unlink()

    def _is_recovering(self) -> bool:
        """Tell whether the log is still being replayed; raise GuestFailure where it ended in between."""
        if not self.process():
            raise GuestFailure("The datastore does not start.")
        return not self.is_up() or self._value("SELECT pg_is_in_recovery()") == "t"

    def _fixed(self) -> dict[str, str]:
        data = self.place.data
        room = os.statvfs(data)
        keep = max(256, room.f_blocks * room.f_frsize // 10 // 2**20)
        found = super()._fixed() | {"wal_level": "replica", "max_slot_wal_keep_size": f"{keep}MB"}
        if (data / "recovery.signal").exists():
            found["restore_command"] = f'cp "{data}/cloudweb-log/%f" "%p"'
            found["recovery_target_action"] = "promote"
            if until := (data / "cloudweb-until").read_text():
                found["recovery_target_time"] = until
        return found

    def _value(self, query: str) -> str:
        return self._sql(query).strip()
