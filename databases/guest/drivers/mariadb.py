"""MariaDB: its programs, its option file, and SQL through its client.

The agent comes in as ``root@localhost`` through the socket, as nobody else can (plugin ``unix_socket``).
Root from outside is ``root@%``, which is there only while it is enabled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from databases.guest import commands
from databases.guest.commands import CommandFailed
from databases.guest.drivers.base import Datastore, Row, is_failure, read_pid
from databases.guest.failures import Exists, GuestFailure, NotThere, Refused
from databases.guest.sessions import SESSIONS, Session

ROOT = "root"
SYSTEM_USERS = ("root", "mysql", "mariadb.sys", "os_admin", "PUBLIC")
#: What is the place's, not the tenant's: on the command line.
FIXED = frozenset(
    {"datadir", "socket", "port", "bind_address", "pid_file", "log_error", "user", "plugin_dir", "plugin_load",
     "plugin_load_add", "init_file", "init_connect", "skip_networking", "skip_grant_tables", "secure_file_priv",
     "tmpdir", "slave_load_tmpdir", "ssl_ca", "ssl_cert", "ssl_key", "ssl_capath", "ssl_crl", "ssl_crlpath",
     "ssl_cipher", "tls_version", "require_secure_transport", "general_log_file",
     "slow_query_log_file", "log_bin_index", "basedir", "character_sets_dir", "lc_messages_dir",
     "innodb_data_home_dir", "innodb_log_group_home_dir", "innodb_undo_directory", "innodb_tmpdir", "core_file",
     "chroot", "server_id", "gtid_domain_id", "local_infile", "log_bin", "read_only",
     "log_slave_updates", "gtid_strict_mode", "gtid_slave_pos", "gtid_binlog_state",
     "relay_log", "relay_log_index", "wsrep_provider", "wsrep_notify_cmd"}
)  # fmt: skip
_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, "
    "LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER"
)
_NOT_THERE = ("ERROR 2002", "ERROR 2006", "ERROR 2013", "ERROR 1927", "ERROR 1053", "ERROR 4031",
               "Can't connect")  # fmt: skip
_SIZES = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class MariaDb(Datastore):
    """MariaDB as Debian brings it."""

    name = "mariadb"
    reserved_databases = frozenset({"mysql", "information_schema", "performance_schema", "sys"})
    reserved_users = frozenset({"root", "mysql", "mariadb.sys", "os_admin", "replicator", "public"})
    release_parts = 2
    longest_name = 64

    def exact_version(self) -> str:
        """Return what the program says of itself: 10.11.19."""
        said = commands.run("mariadbd", "--no-defaults", "--version")
        found = re.search(r"Ver (\d+\.\d+\.\d+)", said)
        if found is None:
            raise NotThere("MariaDB does not say its version.", detail=said)
        return found[1]

    # Life

    def is_initialised(self) -> bool:
        """Tell whether there are system tables."""
        return self._options.exists()

    def initialise(self) -> None:
        """Make the system tables; what an attempt that was cut off left behind is made anew."""
        data = self.place.data
        if data.exists():
            commands.run("rm", "-rf", "--", str(data))
        template = self.place.templates / self.name
        if template.exists():
            commands.run("cp", "-a", "--sparse=never", "--", str(template), str(data), timeout=300)
        else:
            self._make_system_tables()
        self.write_settings({})

    def _make_system_tables(self) -> None:
        data = self.place.data
        self._directory(data)
        whom = commands.run("id", "-un").strip()
        commands.run(
            "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={whom}", "--skip-test-db", "--skip-name-resolve",
            "--innodb-log-file-size=32M",
            f"--tmpdir={data}",  # each server that starts clears the temporary tables of all out of theirs
            user=self.place.user, timeout=300,
        )  # fmt: skip

    def is_up(self) -> bool:
        """Tell whether it takes connections."""
        try:
            self._sql("DO 1")
        except GuestFailure:
            return False
        return True

    def start(self) -> None:
        """Serve; raise GuestFailure with the log's end."""
        if self.is_up():
            return
        self._directory(self.place.run)
        self._show_certificate()
        fixed = [f"--{name}={value}" for name, value in self._fixed().items()]
        process = commands.start(
            "mariadbd", f"--defaults-file={self._options}", *fixed,
            user=self.place.user, log=self._log(),
        )  # fmt: skip
        until = time.monotonic() + 240
        while not self.is_up():
            if process.poll() is not None or time.monotonic() > until:
                detail = ""
                with contextlib.suppress(GuestFailure):
                    detail = self.tail("mariadb", 20)["text"]
                raise GuestFailure("The datastore does not start.", detail=detail)
            time.sleep(0.1)

    def secure(self) -> None:
        """Have it read them again; one that was started without a certificate shows one after a restart."""
        if self._show_certificate() and self._sql("SELECT @@have_ssl").strip() == "YES":
            self._sql("FLUSH SSL")
        required = "ON" if self.place.require_tls else "OFF"
        self._sql(f"SET GLOBAL require_secure_transport = {required}")

    def first_start(self) -> None:
        """Nothing is open by default: no test database, no anonymous user."""

    def stop(self) -> None:
        """End it: clients are cut off, nothing is lost."""
        number = self.process()
        if not number:
            return
        self._client("mariadb-admin", "shutdown", timeout=240)
        until = time.monotonic() + 240
        while read_pid(self._pid_file, "mariadbd") and time.monotonic() < until:
            time.sleep(0.1)

    @property
    def _options(self) -> Path:
        return self.place.data / "cloudweb.cnf"

    @property
    def _pid_file(self) -> Path:
        return self.place.data / "mariadb.pid"

    def _fixed(self) -> dict[str, str]:
        return {
            "datadir": str(self.place.data),
            "socket": str(self.place.run / "mysqld.sock"),
            "pid-file": str(self._pid_file),
            "port": str(self.place.port),
            "bind-address": self.place.address,
            "skip-name-resolve": "ON",
            "local-infile": "OFF",
            "require-secure-transport": "ON" if self.place.require_tls else "OFF",
            **self._tls_options(),
            **self.place.fixed,
        }

    def _tls_options(self) -> dict[str, str]:
        if self.place.tls is None:
            return {}
        run = self.place.run
        return {"ssl-key": f"{run}/key.pem", "ssl-cert": f"{run}/certificate.pem"}

    # Settings

    def check(self, parameters: Mapping[str, str]) -> None:
        """Ask the server for names and limits, and its program for the values; nothing is applied.

        The program clamps what is out of range without a word, so the limits are checked here.
        """
        known = self._variables(parameters)
        for name, value in parameters.items():
            row = known.get(name.lower().replace("-", "_"))
            if row is None or row["name"] in FIXED or not value.isprintable():
                raise Refused(f"{name} is no setting that can be changed.")
            if not _fits(row, value):
                raise Refused(f"{name} cannot be {value!r}.")
            try:
                commands.run("mariadbd", "--no-defaults", f"--{name}={value}", "--verbose", "--help",
                             user=self.place.user)  # fmt: skip
            except CommandFailed as error:
                raise Refused(f"{name} cannot be {value!r}.", detail=error.detail) from error

    def write_settings(self, parameters: Mapping[str, str]) -> None:
        """Replace the option file."""
        lines = [f"{name} = {_option(value)}\n" for name, value in sorted(parameters.items())]
        self._write(self._options, "[mariadbd]\n" + "".join(lines))

    def apply_settings(self, names: Iterable[str]) -> tuple[str, ...]:
        """Set what can be set; the others wait. What is no longer written gets its default."""
        written = self._written()
        waiting = []
        for name, row in self._variables(names).items():
            value = written.get(name)
            if row["read_only"]:
                if value is None or not _same(row, value):
                    waiting.append(name)
            else:
                given = "DEFAULT" if value is None else _value(row, value)
                try:
                    self._sql(f"SET GLOBAL `{name}` = {given}")
                except CommandFailed:
                    waiting.append(name)
        return tuple(sorted(waiting))

    def _written(self) -> dict[str, str]:
        found = {}
        for line in self._options.read_text().splitlines():
            name, equals, value = line.partition(" = ")
            if equals:
                found[name.lower().replace("-", "_")] = json.loads(value)
        return found

    def _variables(self, names: Iterable[str]) -> dict[str, Row]:
        wanted = ", ".join(_literal(name.lower().replace("-", "_")) for name in names)
        if not wanted:
            return {}
        rows = self._rows(
            "SELECT JSON_OBJECT('name', LOWER(VARIABLE_NAME), 'type', VARIABLE_TYPE, 'value', GLOBAL_VALUE, "
            "'least', NUMERIC_MIN_VALUE, 'most', NUMERIC_MAX_VALUE, 'enum', ENUM_VALUE_LIST, "
            "'read_only', READ_ONLY = 'YES') FROM information_schema.SYSTEM_VARIABLES "
            f"WHERE VARIABLE_SCOPE <> 'SESSION ONLY' AND LOWER(VARIABLE_NAME) IN ({wanted})"
        )
        return {row["name"]: row for row in rows}

    # Databases and users

    def databases(self) -> list[Row]:
        """Return those of tenants."""
        hidden = ", ".join(_literal(name) for name in sorted(self.reserved_databases))
        return self._rows(
            "SELECT JSON_OBJECT('name', SCHEMA_NAME, 'character_set', DEFAULT_CHARACTER_SET_NAME, "
            "'collate', DEFAULT_COLLATION_NAME) FROM information_schema.SCHEMATA "
            f"WHERE SCHEMA_NAME NOT IN ({hidden}) ORDER BY SCHEMA_NAME"
        )

    def make_database(self, name: str, character_set: str, collate: str) -> None:
        """Make a database."""
        options = f" CHARACTER SET {_literal(character_set)}" if character_set else ""
        options += f" COLLATE {_literal(collate)}" if collate else ""
        try:
            self._sql(f"CREATE DATABASE IF NOT EXISTS {_name(name)}{options}")
        except CommandFailed as error:
            if is_failure(error, "ERROR 1115", "ERROR 1273", "ERROR 1253"):
                raise Refused(
                    f"{name} cannot have this character set or collation.", detail=error.detail
                ) from error
            raise

    def drop_database(self, name: str) -> None:
        """Drop it, and what was granted on it."""
        for row in self.users():
            if name in row["databases"]:
                self.revoke(row["name"], row["host"], name)
        self._sql(f"DROP DATABASE IF EXISTS {_name(name)}")

    def users(self) -> list[Row]:
        """Return users apart from ours, with the databases granted to them."""
        hidden = ", ".join(_literal(name) for name in SYSTEM_USERS)
        granted: dict[tuple[str, str], list[str]] = {}
        for row in self._rows(
            "SELECT JSON_OBJECT('name', User, 'host', Host, 'base', Db) FROM mysql.db ORDER BY Db"
        ):
            granted.setdefault((row["name"], row["host"]), []).append(_unescaped(row["base"]))
        rows = self._rows(
            "SELECT JSON_OBJECT('name', User, 'host', Host) FROM mysql.global_priv "
            f"WHERE User NOT IN ({hidden}) AND JSON_VALUE(Priv, '$.is_role') IS NULL AND User <> '' "
            "ORDER BY User, Host"
        )
        return [{**row, "databases": granted.get((row["name"], row["host"]), [])} for row in rows]

    def make_user(self, name: str, host: str, password: str) -> None:
        """Make a user with this password."""
        whom, known = _account(name, host), _known_by(password)
        self._sql(f"CREATE USER IF NOT EXISTS {whom} {known}", f"ALTER USER {whom} {known}")

    def change_user(self, row: Row, *, name: str, host: str, password: str) -> None:
        """Rename, and set the password."""
        if (name, host) != (row["name"], row["host"]):
            if any((other["name"], other["host"]) == (name, host) for other in self.users()):
                raise Exists(f"There is a user {name} already.")
            self._sql(f"RENAME USER {_account(row['name'], row['host'])} TO {_account(name, host)}")
        if password:
            self._sql(f"ALTER USER {_account(name, host)} {_known_by(password)}")

    def drop_user(self, row: Row) -> None:
        """Drop the user and end its connections."""
        self._sql(f"DROP USER IF EXISTS {_account(row['name'], row['host'])}")
        self._cut_off(row["name"], "")

    def grant(self, name: str, host: str, database: str) -> None:
        """Grant everything in the database, and no means to grant it further."""
        self._sql(f"GRANT {_PRIVILEGES} ON {_pattern(database)}.* TO {_account(name, host)}")

    def revoke(self, name: str, host: str, database: str) -> None:
        """Revoke it, and end connections that use it."""
        with contextlib.suppress(CommandFailed):  # nothing was granted
            self._sql(f"REVOKE ALL ON {_pattern(database)}.* FROM {_account(name, host)}")
        self._cut_off(name, database)

    def open_root(self, password: str) -> None:
        """Make root from outside, who may do everything but write to a replica."""
        whom, known = _account(ROOT, "%"), _known_by(password)
        self._sql(
            f"CREATE USER IF NOT EXISTS {whom} {known}",
            f"ALTER USER {whom} {known}",
            f"GRANT ALL PRIVILEGES ON *.* TO {whom} WITH GRANT OPTION",
        )
        self._let_root_write_where_others_do()

    def _let_root_write_where_others_do(self) -> None:
        """Take from root what overrules ``read_only``; from 10.11 on SUPER does not."""
        self._sql(f"REVOKE READ_ONLY ADMIN ON *.* FROM {_account(ROOT, '%')}")

    def shut_root(self) -> None:
        """Drop root from outside."""
        self._sql(f"DROP USER IF EXISTS {_account(ROOT, '%')}")

    def root_is_open(self) -> bool:
        """Tell whether there is a root from outside."""
        return bool(
            self._rows(
                "SELECT JSON_OBJECT('one', 1) FROM mysql.global_priv WHERE User = 'root' AND Host = '%'"
            )
        )

    def _cut_off(self, name: str, database: str) -> None:
        rows = self._rows(
            "SELECT JSON_OBJECT('id', ID) FROM information_schema.PROCESSLIST "
            f"WHERE USER = {_literal(name)}"
            + (f" AND DB = {_literal(database)}" if database else "")
        )
        for row in rows:
            with contextlib.suppress(CommandFailed):  # it has ended by itself
                self._sql(f"KILL CONNECTION {int(row['id'])}")

    # Looks

    def figures(self) -> Row:
        """Return the figures of the moment."""
        return self._rows(
            "SELECT JSON_OBJECT('connections', (SELECT COUNT(*) FROM information_schema.PROCESSLIST "
            "WHERE USER NOT IN ('system user', 'event_scheduler') AND NOT (USER = 'root' AND "
            "HOST = 'localhost')), 'connections_limit', @@max_connections, "
            "'data_size', (SELECT CAST(COALESCE(SUM(FILE_SIZE), 0) AS INT) "
            "FROM information_schema.INNODB_SYS_TABLESPACES))"
        )[0]

    def process(self) -> int:
        """Return the server's number."""
        return read_pid(self._pid_file, "mariadbd")

    def logs(self) -> Mapping[str, Path]:
        """Return its only log."""
        return {"mariadb": self.place.data.with_name(f"{self.place.data.name}.log")}

    # Speaking to it

    def _client(self, program: str, *words: str, timeout: float = 120) -> str:
        try:
            return commands.run(*self._words(program), *words, timeout=timeout)
        except CommandFailed as error:
            if _is_cut_off(error):
                raise NotThere("The datastore does not answer.", detail=error.detail) from error
            raise

    def _words(self, program: str) -> tuple[str, ...]:
        socket = self.place.run / "mysqld.sock"
        return program, "--no-defaults", f"--socket={socket}", "--default-character-set=utf8mb4"

    def _sql(self, *statements: str) -> str:
        """Run statements one after the other; raise NotThere, CommandFailed."""
        words = (
            *self._words("mariadb"),
            "-N",
            "--raw",
            "--batch",
            "--unbuffered",
            "--skip-reconnect",
        )
        text = "SET sql_mode='NO_BACKSLASH_ESCAPES'; SET SESSION sql_log_off=1;\n"
        text += "".join(f"{one};\n" for one in statements)
        try:
            return SESSIONS.ask(
                str(self.place.run), text,
                begin=lambda: Session(words, mark=lambda word: f"SELECT '{word}';"),
                is_cut_off=_is_cut_off,
            )  # fmt: skip
        except CommandFailed as error:
            if _is_cut_off(error):
                raise NotThere("The datastore does not answer.", detail=error.detail) from error
            raise

    def _rows(self, query: str) -> list[Row]:
        rows: list[dict[str, Any]] = [json.loads(line) for line in self._sql(query).splitlines()]
        return rows


def _is_cut_off(error: CommandFailed) -> bool:
    return is_failure(error, *_NOT_THERE)


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _pattern(name: str) -> str:
    """Return a database as GRANT takes it, where _ and % would match any."""
    return _name(name.replace("_", "\\_").replace("%", "\\%"))


def _unescaped(pattern: str) -> str:
    return pattern.replace("\\_", "_").replace("\\%", "%")


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _account(name: str, host: str) -> str:
    return f"{_literal(name)}@{_literal(host or '%')}"


def _known_by(password: str) -> str:
    """Return the clause by which the server never sees the password itself."""
    twice = hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest()  # noqa: S324  # the protocol's own
    return f"IDENTIFIED VIA mysql_native_password USING '*{twice.upper()}'"


def _option(value: str) -> str:
    """Return a value of an option file, quoted: a line break or # cannot end it."""
    return json.dumps(value, ensure_ascii=False)


def _number(value: str) -> float | None:
    text = value.strip().lower()
    factor = _SIZES.get(text[-1:], 1)
    try:
        return float(text[:-1] if factor > 1 else text) * factor
    except ValueError:
        return None


def _is_number(row: Row) -> bool:
    return "INT" in str(row["type"]) or row["type"] == "DOUBLE"


def _fits(row: Row, value: str) -> bool:
    if _is_number(row):
        number = _number(value)
        least, most = _number(str(row["least"])), _number(str(row["most"]))
        return (
            number is not None
            and (least is None or number >= least)
            and (most is None or number <= most)
        )
    if row["type"] == "BOOLEAN":
        return value.upper() in ("ON", "OFF", "1", "0", "TRUE", "FALSE")
    return True


def _same(row: Row, value: str) -> bool:
    if _is_number(row):
        return _number(value) == _number(str(row["value"]))
    words = {"1": "ON", "TRUE": "ON", "0": "OFF", "FALSE": "OFF"}
    said, now = value.upper(), str(row["value"]).upper()
    return words.get(said, said) == words.get(now, now)


def _value(row: Row, value: str) -> str:
    number = _number(value) if _is_number(row) else None
    if number is None:
        return _literal(value)
    return repr(number) if row["type"] == "DOUBLE" else str(int(number))
