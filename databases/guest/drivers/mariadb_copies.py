"""MariaDB's backups: mariabackup, of all or of the pages that are newer than a position (LSN).

A position names the set of data, too: the same number says nothing about another set.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from databases.guest import commands, files
from databases.guest.drivers.base import Row
from databases.guest.drivers.copying import CopyingDatastore, Dump, Unpack
from databases.guest.drivers.mariadb import MariaDb
from databases.guest.failures import Damaged, GuestFailure, Refused
from databases.guest.transfers import PACK


class CopyingMariaDb(MariaDb, CopyingDatastore):
    """MariaDB with its backups."""

    @contextlib.contextmanager
    def dump(self, since: str) -> Iterator[Dump]:
        """Give mariabackup."""
        lsn, _, whose = since.partition("@")
        if since and not (whose == self._data_id() and lsn.isdigit()):
            raise Refused(
                "That backup is of other data than these: a full one is needed.", detail=since
            )
        with tempfile.TemporaryDirectory(dir=self.place.data.parent, prefix=".backup") as name:
            said = Path(name) / "xtrabackup_checkpoints"
            tool = [
                "mariabackup", "--no-defaults", "--backup", "--stream=xbstream", "--user=root",
                f"--socket={self.place.run / 'mysqld.sock'}", f"--datadir={self.place.data}",
                f"--target-dir={name}", f"--extra-lsndir={name}",
            ]  # fmt: skip
            if since:
                tool.append(f"--incremental-lsn={lsn}")

            def position() -> str:
                found = re.search(r"^to_lsn = (\d+)$", said.read_text(), re.MULTILINE)
                if found is None:
                    raise GuestFailure("The backup does not say its position.")
                return f"{found[1]}@{self._data_id()}"

            yield Dump((tool, PACK), "", "mariabackup", position)

    def restore(self, told: Row, unpack: Unpack) -> None:
        """Unpack the full backup and those that add to it, and bring each to one moment."""
        if told["until"] or told["log"]:
            raise Refused("MariaDB is restored to the moment of a backup alone.")
        draft = self._begin_draft()
        added = draft.with_name(f"{draft.name}.added")
        for number, one in enumerate(told["chain"]):
            words = ["mariabackup", "--no-defaults", "--prepare", f"--target-dir={draft}"]
            place = draft
            if number:
                place = added
                self._remove(added)
                self._directory(added)
                words.append(f"--incremental-dir={added}")
            unpack(one, ("mbstream", "-x", "-C", str(place)))
            commands.run(*words, user=self.place.user, timeout=24 * 3600)
        self._remove(added)
        self._keep_draft()
        self._data_id()
        self.write_settings({})

    def verify(self) -> str:
        """Have the server check every table and its indexes; what it says of a damaged one is on its output."""
        said = self._client(
            "mariadb-check", "--all-databases", "--check", "--silent", timeout=24 * 3600
        )
        lines = [line for line in said.splitlines() if line.lower().startswith("error")]
        if lines:
            raise Damaged("What was restored is damaged.", detail=said)
        return "mariadb-check"

    def _data_id(self) -> str:
        """Return the name of this set of data, which no backup holds."""
        path = self.place.data / "cloudweb.id"
        if not path.exists():
            files.write(path, secrets.token_hex(16).encode(), mode=0o640, owner=self.place.owner)
        return path.read_text().strip()
