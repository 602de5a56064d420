"""What a datastore can do; ``databases/guest/methods.py`` makes the ordered methods of it.

Every method is idempotent: what is there already is made to be as told. Names come from tenants: each
driver quotes them, and refuses those it keeps for itself.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from databases.guest import commands, files
from databases.guest.failures import GuestFailure, NotFound, Refused
from databases.guest.place import Place

Row = dict[str, Any]
LOG_LIMIT = 64 * 1024**2


class Datastore(ABC):
    """One datastore in one place."""

    name: str
    #: Names that the datastore and its agent have for themselves.
    reserved_databases: frozenset[str]
    reserved_users: frozenset[str]
    longest_name: int
    #: So many parts of a version name the release, within which data stay as they are.
    release_parts: int

    def __init__(self, place: Place) -> None:
        self.place = place

    # Life

    @abstractmethod
    def exact_version(self) -> str:
        """Return the version of the installed program."""

    @abstractmethod
    def is_initialised(self) -> bool:
        """Tell whether there are data."""

    @abstractmethod
    def initialise(self) -> None:
        """Make an empty set of data, from the image's template where there is one."""

    @abstractmethod
    def is_up(self) -> bool:
        """Tell whether it answers."""

    @abstractmethod
    def start(self) -> None:
        """Serve; return when it answers."""

    @abstractmethod
    def first_start(self) -> None:
        """Take away what is open by default."""

    @abstractmethod
    def stop(self) -> None:
        """End it in good order."""

    @abstractmethod
    def secure(self) -> None:
        """Let certificate and ``require_tls`` of the place count; who is connected stays so."""

    # Settings

    @abstractmethod
    def check(self, parameters: Mapping[str, str]) -> None:
        """Raise Refused, naming the first setting that it does not take."""

    @abstractmethod
    def write_settings(self, parameters: Mapping[str, str]) -> None:
        """Write all settings that are not defaults."""

    @abstractmethod
    def apply_settings(self, names: Iterable[str]) -> tuple[str, ...]:
        """Let what needs no restart count; return those of the names that wait for one."""

    # Databases and users

    @abstractmethod
    def databases(self) -> list[Row]:
        """Return name, character_set and collate of each, ordered by name."""

    @abstractmethod
    def make_database(self, name: str, character_set: str, collate: str) -> None:
        """Make a database be there."""

    @abstractmethod
    def drop_database(self, name: str) -> None:
        """Make it absent, whoever is connected."""

    @abstractmethod
    def users(self) -> list[Row]:
        """Return name, host and databases of each, ordered by name."""

    @abstractmethod
    def make_user(self, name: str, host: str, password: str) -> None:
        """Make a user be there with this password."""

    @abstractmethod
    def change_user(self, row: Row, *, name: str, host: str, password: str) -> None:
        """Rename a user (``row`` is one of ``users``) and, unless "", set the password."""

    @abstractmethod
    def drop_user(self, row: Row) -> None:
        """Make a user absent; what it made stays in its databases."""

    @abstractmethod
    def grant(self, name: str, host: str, database: str) -> None:
        """Let a user do everything in a database."""

    @abstractmethod
    def revoke(self, name: str, host: str, database: str) -> None:
        """Let it do so no more."""

    @abstractmethod
    def open_root(self, password: str) -> None:
        """Let root in from outside by this password."""

    @abstractmethod
    def shut_root(self) -> None:
        """Let root in no more."""

    @abstractmethod
    def root_is_open(self) -> bool:
        """Tell whether root may come in from outside."""

    # Looks

    @abstractmethod
    def figures(self) -> Row:
        """Return connections, connections_limit, data_size."""

    @abstractmethod
    def process(self) -> int:
        """Return the datastore's process id; 0 where there is none."""

    @abstractmethod
    def logs(self) -> Mapping[str, Path]:
        """Return logs by the name that tenants know."""

    # The same for all

    def trim_logs(self) -> None:
        """Begin a log anew that has grown too large: whoever writes it appends."""
        for path in self.logs().values():
            if path.exists() and path.stat().st_size > LOG_LIMIT:
                os.truncate(path, 0)

    def database_name(self, name: str) -> str:
        """Return a name that may be a tenant's database; raise Refused."""
        return self._name(name, "database", self.reserved_databases)

    def user_name(self, name: str) -> str:
        """Return a name that may be a tenant's user; raise Refused."""
        return self._name(name, "user", self.reserved_users)

    def user(self, name: str, host: str) -> Row:
        """Return one of ``users``; raise NotFound."""
        for row in self.users():
            if row["name"] == name and row["host"] in (host, ""):
                return row
        raise NotFound(f"There is no user {name}.")

    def require_database(self, name: str) -> str:
        """Return the name of a database that is there; raise NotFound."""
        if all(row["name"] != name for row in self.databases()):
            raise NotFound(f"There is no database {name}.")
        return name

    def tail(self, name: str, lines: int) -> Row:
        """Return size and last lines of a log; raise NotFound."""
        path = self.logs().get(name)
        if path is None or not path.exists():
            raise NotFound(f"There is no log {name}.")
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - 512 * lines))
            found = file.read().decode("utf-8", "replace").splitlines()[-lines:]
        while found and len("\n".join(found).encode()) > 48_000:
            del found[0]
        return {"size": size, "text": "".join(f"{line}\n" for line in found)}

    def _name(self, name: str, kind: str, reserved: frozenset[str]) -> str:
        if not name or len(name.encode()) > self.longest_name:
            raise Refused(f"The name of a {kind} has 1 to {self.longest_name} bytes.")
        if not name.isprintable() or name != name.strip() or "\\" in name or "/" in name:
            raise Refused(f"The name of a {kind} holds characters that it may not.")
        if name.lower() in reserved:
            raise Refused(f"The name {name} is reserved.")
        return name

    def adopt(self) -> None:
        """Make data its own that are there: another image may give its user another number."""
        data, owner = self.place.data, self.place.owner
        was = data.stat()
        if owner is None or (was.st_uid, was.st_gid) == owner:
            return
        beside = sorted(data.parent.glob(f"{data.name}.*"))
        commands.run(
            "chown", "-hR", f"--from={was.st_uid}", f"{owner[0]}:{owner[1]}", *map(str, beside), str(data),
            timeout=600,
        )  # fmt: skip

    def _directory(self, path: Path) -> None:
        """Make a directory be there that is the datastore's alone."""
        path.mkdir(parents=True, mode=0o700, exist_ok=True)
        if self.place.owner is not None:
            os.chown(path, *self.place.owner)

    def _log(self) -> Path:
        """Return the log that it writes by itself, made its own."""
        path = self.logs()[self.name]
        path.touch(mode=0o640)
        if self.place.owner is not None:
            os.chown(path, *self.place.owner)
        return path

    def _show_certificate(self) -> Mapping[str, Path]:
        """Return key and certificate where the datastore reads them; nothing where there are none."""
        if self.place.tls is None:
            return {}
        found = {name: self.place.run / f"{name}.pem" for name in ("key", "certificate")}
        for name, path in found.items():
            text = (self.place.tls / f"{name}.pem").read_bytes()
            files.write(path, text, owner=self.place.owner)
        return found

    def _write(self, path: Path, text: str) -> None:
        files.write(path, text.encode(), mode=0o640, owner=self.place.owner)


def digest(text: str) -> str:
    """Return a short name for something long."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_pid(path: Path, program: str) -> int:
    """Return the process whose number is in the first line of a file, if it is this program; 0 otherwise."""
    try:
        number = int(path.read_text().split()[0])
        name, _, rest = Path(f"/proc/{number}/stat").read_text().partition("(")[2].rpartition(")")
    except (OSError, ValueError, IndexError):
        return 0
    return number if name == program and rest.split()[0] != "Z" else 0


def is_failure(error: BaseException, *words: str) -> bool:
    """Tell whether a failure's detail holds one of the words."""
    return isinstance(error, GuestFailure) and any(word in error.detail for word in words)
