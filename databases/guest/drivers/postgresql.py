"""PostgreSQL: its programs, its files, and SQL through psql.

A database belongs to a role of its own that nobody logs in as (``db:<name>``). Who is granted the database
is a member of that role and acts as it there, so what one user makes the others may use.

The agent comes in as ``cloudweb_admin`` through the socket, as nobody else can (``pg_ident.conf``). Root is
the role ``postgres``, which is there only while it is enabled.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import shlex
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from databases.guest import commands
from databases.guest.commands import CommandFailed
from databases.guest.drivers.base import Datastore, Row, is_failure, read_pid
from databases.guest.failures import Exists, GuestFailure, NotThere, Refused
from databases.guest.sessions import SESSIONS, Session, alone

ADMIN, ROOT, OWNER = "cloudweb_admin", "postgres", "db:"
HBA = """\
local all {admin} peer map=agent
local replication {admin} peer map=agent
local all all scram-sha-256
host all,replication {admin} all reject
{host} all,replication all all scram-sha-256
"""
#: What is the place's, not the tenant's: on the command line, so no file and no SQL overrules it.
FIXED = frozenset(
    {"listen_addresses", "port", "unix_socket_directories", "unix_socket_permissions", "data_directory",
     "hba_file", "ident_file", "config_file", "external_pid_file", "logging_collector", "log_directory",
     "log_filename", "log_destination", "ssl", "ssl_cert_file", "ssl_key_file", "ssl_ca_file",
     "ssl_ciphers", "ssl_crl_dir", "ssl_crl_file", "ssl_dh_params_file", "ssl_ecdh_curve",
     "ssl_max_protocol_version", "ssl_min_protocol_version", "ssl_passphrase_command_supports_reload",
     "ssl_prefer_server_ciphers",
     "shared_preload_libraries", "session_preload_libraries", "local_preload_libraries",
     "dynamic_library_path", "archive_command", "archive_library", "restore_command", "jit",
     "allow_system_table_mods", "archive_cleanup_command", "recovery_end_command", "ssl_passphrase_command",
     "primary_conninfo", "primary_slot_name", "krb_server_keyfile", "event_source", "wal_level",
     "max_wal_senders", "max_replication_slots", "max_slot_wal_keep_size", "hot_standby", "archive_mode",
     "recovery_target", "recovery_target_time", "recovery_target_name", "recovery_target_lsn",
     "recovery_target_xid", "recovery_target_timeline", "recovery_target_action", "full_page_writes"}
)  # fmt: skip
ROUNDS = 4096


class PostgreSql(Datastore):
    """PostgreSQL of whichever version the guest's disk brings; the newest where there are several."""

    name = "postgresql"
    reserved_databases = frozenset({"postgres", "template0", "template1", "all", "replication"})
    reserved_users = frozenset(
        {ADMIN, ROOT, "replicator", "public", "none", "current_user", "session_user"}
    )
    release_parts = 1
    longest_name = 60  # of 63, for a database's role has three characters more

    @property
    def programs(self) -> Path:
        """Return where the programs are; raise NotThere."""
        found = sorted(
            Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])
        )
        if not found:
            raise NotThere("PostgreSQL is not installed in this guest.")
        return found[-1].parent

    def exact_version(self) -> str:
        """Return what the program says of itself: 15.20."""
        return commands.run(str(self.programs / "postgres"), "--version").split()[2]

    # Life

    def is_initialised(self) -> bool:
        """Tell whether there is a cluster."""
        return (self.place.data / "cloudweb.conf").exists()

    def initialise(self) -> None:
        """Make a cluster; what an initdb that was cut off left behind is made anew."""
        data = self.place.data
        if data.exists() and any(data.iterdir()) and not (data / "global" / "pg_control").exists():
            commands.run("rm", "-rf", "--", *(str(one) for one in data.iterdir()))
        if not (data / "global" / "pg_control").exists():
            self._directory(data)
            self._run(
                "initdb", "-D", str(data), "-U", ADMIN, "-E", "UTF8", "--locale=C.UTF-8", "-k",
                "--auth-local=peer", "--auth-host=scram-sha-256", "--no-instructions", "--no-sync", timeout=300,
            )  # fmt: skip
            os.sync()  # once, instead of file by file
        main = data / "postgresql.conf"
        if "cloudweb.conf" not in main.read_text():
            self._write(main, main.read_text() + "include 'cloudweb.conf'\n")
        self.write_settings({})

    def is_up(self) -> bool:
        """Tell whether it takes connections."""
        try:
            self._sql("SELECT 1")
        except GuestFailure:
            return False
        return True

    def start(self) -> None:
        """Serve; raise GuestFailure with the log's end."""
        if self.is_up():
            return
        self._directory(self.place.run)
        log = self._log()
        self._write_tls()
        whom = self.place.user or commands.run("id", "-un").strip()
        self._write(self.place.data / "pg_ident.conf", f"agent {whom} {ADMIN}\n")
        options = shlex.join(
            word for name, value in self._fixed().items() for word in ("-c", f"{name}={value}")
        )
        until = time.monotonic() + 20
        while True:
            try:
                self._run(
                    "pg_ctl", "-D", str(self.place.data), "-l", str(log),
                    "-w", "-t", "240", "-o", options, "start", timeout=300,
                )  # fmt: skip
            except CommandFailed as error:
                with contextlib.suppress(GuestFailure):
                    error.detail += "\n" + self.tail("postgresql", 20)["text"]
                # the last processes of one that was killed
                lingers = (
                    is_failure(error, "shared memory block", "already exists")
                    and not self.process()
                )
                if not lingers or time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                return

    def secure(self) -> None:
        """Have it read them again."""
        self._write_tls()
        self._sql("SELECT pg_reload_conf()")

    def _write_tls(self) -> None:
        """Write who may come how, and what they are shown; a file of its own, for any cluster has it or not."""
        host = "hostssl" if self.place.require_tls else "host"
        self._write(self.place.data / "pg_hba.conf", HBA.format(admin=ADMIN, host=host))
        shown = self._show_certificate()
        text = "ssl = off\n"
        if shown:
            text = f"ssl = on\nssl_key_file = {_literal(str(shown['key']))}\n"
            text += f"ssl_cert_file = {_literal(str(shown['certificate']))}\n"
        self._write(self.place.data / "cloudweb-tls.conf", text)
        main = self.place.data / "postgresql.conf"
        if "cloudweb-tls.conf" not in (said := main.read_text()):
            self._write(main, f"{said}include 'cloudweb-tls.conf'\n")

    def first_start(self) -> None:
        """Shut the database that is everybody's by default."""
        self._sql("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")

    def stop(self) -> None:
        """End it: clients are cut off, nothing is lost."""
        if self.process():
            self._run("pg_ctl", "-D", str(self.place.data), "-m", "fast", "-w", "-t", "240", "stop",
                      timeout=300)  # fmt: skip

    def _fixed(self) -> dict[str, str]:
        return {
            "listen_addresses": self.place.address,
            "port": str(self.place.port),
            "unix_socket_directories": str(self.place.run),
            "hba_file": str(self.place.data / "pg_hba.conf"),
            "ident_file": str(self.place.data / "pg_ident.conf"),
            "password_encryption": "scram-sha-256",
            "jit": "off",
            **self.place.fixed,
        }

    # Settings

    def check(self, parameters: Mapping[str, str]) -> None:
        """Ask the server for the names, and its program for the values; nothing is applied."""
        for name, value in parameters.items():
            if not value.isprintable():
                raise Refused(f"{name} cannot be {value!r}.")
            if name.lower() in FIXED or name not in self._contexts(parameters):
                raise Refused(f"{name} is no setting that can be changed.")
            try:
                self._would_be(name, value)
            except CommandFailed as error:
                raise Refused(f"{name} cannot be {value!r}.", detail=error.detail) from error

    def write_settings(self, parameters: Mapping[str, str]) -> None:
        """Replace the file that the main one includes."""
        lines = [f"{name} = {_literal(value)}\n" for name, value in sorted(parameters.items())]
        self._write(self.place.data / "cloudweb.conf", "".join(lines))

    def apply_settings(self, names: Iterable[str]) -> tuple[str, ...]:
        """Reload; a setting of the postmaster waits where it would now be another."""
        wanted = sorted(names)
        self._sql("SELECT pg_reload_conf()")
        contexts = self._contexts(wanted)
        now = {row["name"]: row["setting"] for row in self._rows(
            f"SELECT name, setting FROM pg_settings WHERE name IN ({_list(wanted)})"
        )} if wanted else {}  # fmt: skip
        return tuple(
            name
            for name in wanted
            if contexts.get(name) == "postmaster" and self._would_be(name) != now[name]
        )

    def _contexts(self, names: Iterable[str]) -> dict[str, str]:
        wanted = _list(names)
        if not wanted:
            return {}
        rows = self._rows(
            "SELECT name, context FROM pg_settings WHERE context <> 'internal' "
            f"AND name IN ({wanted})"
        )
        return {row["name"]: row["context"] for row in rows}

    def _would_be(self, name: str, value: str | None = None) -> str:
        """Return what a setting would be after a restart, with this value or with what is written."""
        given = () if value is None else ("-c", f"{name}={value}")
        return self._run("postgres", "-D", str(self.place.data), *given, "-C", name).strip()

    # Databases and users

    def databases(self) -> list[Row]:
        """Return those of tenants."""
        return self._rows(
            "SELECT datname AS name, pg_encoding_to_char(encoding) AS character_set, datcollate AS collate "
            "FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY datname"
        )

    def make_database(self, name: str, character_set: str, collate: str) -> None:
        """Make a database, its role, and shut it for all others."""
        owner = _name(OWNER + name)
        self._ensure_role(OWNER + name, "NOLOGIN")
        if all(row["name"] != name for row in self.databases()):
            options = f" ENCODING {_literal(character_set)}" if character_set else ""
            options += f" LOCALE {_literal(collate)}" if collate else ""
            options += " TEMPLATE template0" if options else ""
            try:
                self._sql(f"CREATE DATABASE {_name(name)} OWNER {owner}{options}")
            except CommandFailed as error:
                if is_failure(error, "encoding", "locale"):
                    raise Refused(
                        f"{name} cannot have this character set or collation.", detail=error.detail
                    ) from error
                raise
        self._sql(
            f"REVOKE ALL ON DATABASE {_name(name)} FROM PUBLIC",
            f"GRANT ALL ON DATABASE {_name(name)} TO {owner}",
        )
        self._sql(f"ALTER SCHEMA public OWNER TO {owner}", database=name)

    def drop_database(self, name: str) -> None:
        """Drop it with its role and whoever is connected."""
        self._sql(f"DROP DATABASE IF EXISTS {_name(name)} WITH (FORCE)")
        self._sql(f"DROP ROLE IF EXISTS {_name(OWNER + name)}")

    def users(self) -> list[Row]:
        """Return who may log in, apart from ours, with the databases whose role they are in."""
        return self._rows(
            "SELECT r.rolname AS name, '%' AS host, COALESCE((SELECT json_agg(substr(o.rolname, 4) "
            "ORDER BY o.rolname) FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.roleid "
            f"WHERE m.member = r.oid AND o.rolname LIKE '{OWNER}%'), '[]') AS databases "
            f"FROM pg_roles r WHERE r.rolcanlogin AND r.rolname NOT IN ('{ADMIN}', '{ROOT}') "
            "ORDER BY r.rolname"
        )

    def make_user(self, name: str, host: str, password: str) -> None:
        """Make a role that logs in; PostgreSQL knows no hosts of users."""
        self._ensure_role(name, f"LOGIN PASSWORD {_literal(scram(password))}")

    def change_user(self, row: Row, *, name: str, host: str, password: str) -> None:
        """Rename, and set the password."""
        if name != row["name"]:
            if any(other["name"] == name for other in self.users()):
                raise Exists(f"There is a user {name} already.")
            self._sql(f"ALTER ROLE {_name(row['name'])} RENAME TO {_name(name)}")
        if password:
            self._sql(f"ALTER ROLE {_name(name)} PASSWORD {_literal(scram(password))}")

    def drop_user(self, row: Row) -> None:
        """Drop the role; what it has of its own in any database becomes that database's."""
        for base in self.databases():
            owner = _name(OWNER + base["name"])
            self._sql(
                f"REASSIGN OWNED BY {_name(row['name'])} TO {owner}",
                f"DROP OWNED BY {_name(row['name'])}",
                database=base["name"],
            )
        self._sql(f"DROP ROLE IF EXISTS {_name(row['name'])}")

    def grant(self, name: str, host: str, database: str) -> None:
        """Make the user a member of the database's role, as whom it acts there."""
        role = _name(OWNER + database)
        self._sql(
            f"GRANT {role} TO {_name(name)}",
            f"ALTER ROLE {_name(name)} IN DATABASE {_name(database)} "
            f"SET role = {_literal(OWNER + database)}",
        )

    def revoke(self, name: str, host: str, database: str) -> None:
        """End the membership, and what connections live by it."""
        self._sql(
            f"REVOKE {_name(OWNER + database)} FROM {_name(name)}",
            f"ALTER ROLE {_name(name)} IN DATABASE {_name(database)} RESET role",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE usename = {_literal(name)} AND datname = {_literal(database)}",
        )

    def open_root(self, password: str) -> None:
        """Make postgres a superuser who logs in."""
        self._ensure_role(ROOT, f"SUPERUSER LOGIN PASSWORD {_literal(scram(password))}")

    def shut_root(self) -> None:
        """Let postgres log in no more; what it owns stays."""
        if self.root_is_open():
            self._sql(
                f"ALTER ROLE {ROOT} NOLOGIN PASSWORD NULL",
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROOT}'",
            )

    def root_is_open(self) -> bool:
        """Tell whether postgres may log in."""
        return bool(
            self._rows(f"SELECT 1 AS one FROM pg_roles WHERE rolname = '{ROOT}' AND rolcanlogin")
        )

    def _ensure_role(self, name: str, options: str) -> None:
        there = self._rows(f"SELECT 1 AS one FROM pg_roles WHERE rolname = {_literal(name)}")
        self._sql(f"{'ALTER' if there else 'CREATE'} ROLE {_name(name)} WITH {options}")

    # Looks

    def figures(self) -> Row:
        """Return the figures of the moment."""
        return self._rows(
            "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
            f"AND usename <> '{ADMIN}') AS connections, "
            "current_setting('max_connections')::int AS connections_limit, "
            "(SELECT sum(pg_database_size(oid)) FROM pg_database)::bigint AS data_size"
        )[0]

    def process(self) -> int:
        """Return the postmaster's number."""
        return read_pid(self.place.data / "postmaster.pid", "postgres")

    def logs(self) -> Mapping[str, Path]:
        """Return its only log."""
        return {"postgresql": self.place.data.with_name(f"{self.place.data.name}.log")}

    # Speaking to it

    def _run(self, program: str, *words: str, timeout: float = 60) -> str:
        return commands.run(
            str(self.programs / program), *words, user=self.place.user, timeout=timeout
        )

    def _sql(self, *statements: str, database: str = "postgres") -> str:
        """Run statements, each in a transaction of its own; raise NotThere, CommandFailed."""

        def begin() -> Session:
            return Session(
                (
                    str(self.programs / "psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-",
                ),
                mark=lambda word: f"\\echo {word}",
                user=self.place.user,
                environment={
                    "PGHOST": str(self.place.run), "PGPORT": str(self.place.port), "PGUSER": ADMIN,
                    "PGDATABASE": database, "PGCONNECT_TIMEOUT": "20",
                    "PGOPTIONS": "-c standard_conforming_strings=on -c log_min_error_statement=panic "
                    "-c log_statement=none -c log_min_duration_statement=-1 -c client_min_messages=error",
                },
            )  # fmt: skip

        given = "".join(f"{one};\n" for one in statements)
        try:
            if database != "postgres":  # it would stand in the way of whoever drops that
                return alone(begin(), given)
            return SESSIONS.ask(
                str(self.place.run), given, begin=begin, is_cut_off=lambda error: error.status == 2
            )
        except CommandFailed as error:
            if error.status == 2:
                raise NotThere("The datastore does not answer.", detail=error.detail) from error
            raise

    def _rows(self, query: str) -> list[Row]:
        said = self._sql(f"SELECT coalesce(json_agg(one), '[]') FROM ({query}) one").strip()
        found: list[dict[str, Any]] = json.loads(said)
        return found


def scram(password: str, *, salt: bytes | None = None) -> str:
    """Return what PostgreSQL keeps of a password (RFC 7677), so that it never sees the password itself."""
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    one, two, three = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${ROUNDS}:{one}${two}:{three}"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _list(names: Iterable[str]) -> str:
    return ", ".join(_literal(name) for name in names)
