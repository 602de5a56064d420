"""What the agent can be ordered: each method of ``databases/rpc.py`` made of what a datastore can do."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from databases.guest import files, volume, wire
from databases.guest.certificate import Certificate
from databases.guest.drivers import DRIVERS
from databases.guest.drivers.base import Row
from databases.guest.drivers.replicating import ReplicatingDatastore
from databases.guest.failures import Exists, NotThere, Refused, Unsupported
from databases.guest.place import Place
from databases.guest.transfers import Transfers
from databases.guest.version import VERSION

Places = Callable[[str, Path], Place]
PORTS = {"postgresql": 5432, "mariadb": 3306}
OWNERS = {"postgresql": "postgres", "mariadb": "mysql"}


def usual_place(datastore: str, base: Path) -> Place:
    """Return where a datastore is in a guest whose data are under ``base``."""
    return Place(
        data=base / datastore,
        run=Path("/run") / f"cloudweb-{datastore}",
        port=PORTS[datastore],
        user=OWNERS[datastore],
    )


class Methods:
    """The datastore of this guest; ``datastore.json`` says which, where, and how it was told to be."""

    def __init__(
        self,
        directory: Path,
        *,
        places: Places = usual_place,
        transfers: Transfers | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._file, self._places = directory / "datastore.json", places
        self._home, self._say = directory / "data", say
        self.transfers = transfers or Transfers()
        self.kept = files.read_json(self._file)
        self.certificate = Certificate(directory)
        self._lock = threading.Lock()
        self.held = False
        self._began = time.monotonic()

    # What is ordered

    def prepare(self, told: Row) -> Row:
        """Make the datastore be there and serve."""
        if told["datastore"] not in DRIVERS:
            raise Unsupported(f"This agent knows no {told['datastore']}.")
        base = volume.mounted(told["volume"]) if told.get("volume") else self._home
        base.mkdir(parents=True, exist_ok=True)
        self._say("the volume is mounted")
        self._keep(
            datastore=told["datastore"],
            volume=told.get("volume"),
            wanted=True,
            error="",
            require_tls=bool(told.get("require_tls")),
        )
        store = self.store()
        if told.get("keeps_data"):
            if not store.is_initialised():
                raise NotThere("The volume holds no data of this datastore.")
            store.adopt()
        elif not store.is_initialised():
            if told.get("restore"):
                self._restore(store, told["restore"])
            elif told.get("replica_of"):
                store.seed(told["replica_of"])
            else:
                store.initialise()
        self._say("the data are there")
        store.start()
        self._say("the datastore serves")
        if not store.is_following():
            store.first_start()
        waiting = self._settle(store, told.get("parameters", ()))
        if waiting:  # nobody uses it yet
            store.stop()
            store.start()
        self._keep(waiting=[], version=store.exact_version())
        if not store.is_following():  # who follows has what its source has
            self.create_databases(told)
            self.create_users(told)
            if told.get("root_password"):
                store.open_root(told["root_password"])
        return {"version": self.kept["version"], "port": store.place.port, "restart_required": []}

    def restart(self, _told: Row) -> Row:
        """Stop and serve again."""
        self.stop({})
        return self.start({})

    def stop(self, _told: Row) -> None:
        """Serve no more, until started."""
        self._keep(wanted=False)
        self.store().stop()

    def start(self, _told: Row) -> Row:
        """Serve, with its data mounted; every setting counts then."""
        self._keep(wanted=True)
        self._mount()
        self.store().start()
        self.held = False
        self._keep(waiting=[], error="")
        return {"restart_required": []}

    def create_databases(self, told: Row) -> None:
        """Make databases."""
        store = self.store()
        names = [store.database_name(str(one["name"])) for one in told["databases"]]
        for name, one in zip(names, told["databases"], strict=True):
            store.make_database(name, str(one["character_set"]), str(one["collate"]))

    def list_databases(self, told: Row) -> Row:
        """Return a page of databases."""
        rows, marker = page(self.store().databases(), told, lambda row: str(row["name"]))
        return {"databases": rows, "next_marker": marker}

    def delete_database(self, told: Row) -> None:
        """Drop a database."""
        self.store().drop_database(self.store().database_name(str(told["name"])))

    def create_users(self, told: Row) -> None:
        """Make users with their grants; a database that is not there is made."""
        store = self.store()
        for user in told["users"]:
            store.user_name(str(user["name"]))
            if not user["password"]:
                raise Refused(f"{user['name']} has no password.")
        there = {row["name"] for row in store.databases()}
        for user in told["users"]:
            store.make_user(user["name"], user["host"], user["password"])
            for base in user["databases"]:
                if base not in there:
                    store.make_database(store.database_name(base), "", "")
                    there.add(base)
                store.grant(user["name"], user["host"], base)

    def list_users(self, told: Row) -> Row:
        """Return a page of users."""
        rows, marker = page(self.store().users(), told, _user_marker)
        return {"users": [{**row, "password": ""} for row in rows], "next_marker": marker}

    def get_user(self, told: Row) -> Row:
        """Return one user, or none."""
        rows = [
            {**row, "password": ""}
            for row in self.store().users()
            if row["name"] == told["name"] and row["host"] == told["host"]
        ]
        return {"users": rows, "next_marker": ""}

    def update_user(self, told: Row) -> None:
        """Rename a user or set its password; done twice it finds the new name."""
        store = self.store()
        name = store.user_name(str(told["new_name"] or told["name"]))
        host = str(told["new_host"] or told["host"])
        rows = [row for row in store.users() if row["name"] in (told["name"], name)]
        there = {(row["name"], row["host"]): row for row in rows}
        row = there.get((told["name"], told["host"])) or there.get((name, host))
        if row is None:
            store.user(told["name"], told["host"])
            raise Exists(f"There is a user {name} already.")
        store.change_user(row, name=name, host=host, password=str(told["new_password"]))

    def delete_user(self, told: Row) -> None:
        """Drop a user."""
        store = self.store()
        for row in store.users():
            if row["name"] == told["name"] and row["host"] == told["host"]:
                store.drop_user(row)

    def list_access(self, told: Row) -> Row:
        """Return a user's databases."""
        return {"databases": self.store().user(told["name"], told["host"])["databases"]}

    def grant(self, told: Row) -> None:
        """Let a user use databases."""
        store = self.store()
        row = store.user(told["name"], told["host"])
        for base in [store.require_database(one) for one in told["databases"]]:
            store.grant(row["name"], row["host"], base)

    def revoke(self, told: Row) -> None:
        """Let a user use databases no more."""
        store = self.store()
        row = store.user(told["name"], told["host"])
        for base in told["databases"]:
            if base in row["databases"]:
                store.revoke(row["name"], row["host"], base)

    def enable_root(self, told: Row) -> None:
        """Let root in from outside."""
        self.store().open_root(str(told["password"]))

    def disable_root(self, _told: Row) -> None:
        """Let root in no more."""
        self.store().shut_root()

    def is_root_enabled(self, _told: Row) -> Row:
        """Tell whether root may come in."""
        return {"enabled": self.store().root_is_open()}

    def apply_configuration(self, told: Row) -> Row:
        """Write all settings; answer which wait for a restart."""
        waiting = self._settle(self.store(), told["parameters"])
        self._keep(waiting=list(waiting), require_tls=bool(told.get("require_tls")))
        self.store().secure()
        return {"restart_required": list(waiting)}

    def install_certificate(self, told: Row) -> None:
        """Show clients this certificate from now on."""
        self.certificate.install(told)
        if self.kept.get("version") and self.store().process():
            self.store().secure()

    def grow_filesystem(self, told: Row) -> Row:
        """Let the file system fill its volume."""
        if not self.kept.get("volume"):
            raise Unsupported("This datastore has no volume.")
        return volume.grown(self.kept["volume"], size=int(told["size"]))

    def backup(self, told: Row) -> Row:
        """Send a backup of all, or of what is new since a position."""
        store = self.store()
        since = str(told["since"]) if told["kind"] == "incremental" else ""
        if told["kind"] == "incremental" and not since:
            raise Refused("It is not known where that backup ended: a full one is needed.")
        with store.dump(since) as dump:
            found = self.transfers.send_output(
                dump.programs, told["target"], user=dump.user, spool=self.base()
            )
            dump.sent()
            return {
                **found,
                "backup_id": told["backup_id"],
                "backup_type": dump.kind,
                "position": dump.position(),
            }

    def verify(self, _told: Row) -> Row:
        """Look through all data."""
        return {"program": self.store().verify()}

    def keep_log(self, told: Row) -> Row:
        """Send the log from now on, or no longer; told again it goes on where it is."""
        store, now = self.store(), self.kept.get("log") or {}
        if not told["url"]:
            self._keep(log={})
            if store.process():
                store.end_log()
            return {"position": ""}
        if now.get("archive") != told["archive"]:
            kept, run = store.kept_log(str(told.get("position", ""))), str(told.get("run", ""))
            place = kept or store.begin_log()
            now = {"position": place.position, "history": place.history}
            now |= {"run": run if kept else secrets.token_hex(8), "number": int(told["number"])}
        self._keep(
            log={**now, **{name: told[name] for name in ("archive", "url", "every", "most")}}
        )
        return {"position": now["position"]}

    def change_log(self, was: Row, **facts: Any) -> None:
        """Write down how far the log was sent, unless another order came meanwhile."""
        with self._lock:
            log = self.kept.get("log") or {}
            if log.get("run") == was["run"]:
                self.kept = {**self.kept, "log": {**log, **facts}}
                files.write_json(self._file, self.kept)

    def enable_replication(self, told: Row) -> Row:
        """Let a replica come."""
        store = self.store()
        if told.get("slots") is not None:  # first, so that there is room for one more
            store.keep_slots([str(one) for one in told["slots"]])
        store.admit(str(told["user"]), str(told["password"]), str(told["slot"]))
        return self.point()

    def promote(self, told: Row) -> Row:
        """Take writes, unless a later failover has said otherwise."""
        self._in_epoch(told)
        if told.get("asks_first") is not None:
            self.guard(told)
        self.store().promote()
        return self.point()

    def demote(self, told: Row) -> Row:
        """Take no writes any more, unless a later failover has said otherwise."""
        self._in_epoch(told)
        self._mount()
        self.store().follow(told["source"])
        self.held = False
        return self.point()

    def guard(self, told: Row) -> None:
        """Ask first, or no more, before it serves after the guest was started."""
        self._keep(asks_first=bool(told["asks_first"]))

    def hold_back(self) -> bool:
        """Wait to be told, where it took writes and another may have taken its place since; tell whether it waits."""
        # and so it is where the volume is not to be had yet
        self.held = bool(self.kept.get("asks_first"))
        self._mount()
        store = self.store()
        self.held = self.held and not store.is_following() and not store.process()
        return self.held

    def replication_point(self, _told: Row) -> Row:
        """Return how far it is."""
        return self.point()

    def point(self) -> Row:
        """Return how far the datastore is, and whether it takes writes."""
        store = self.store()
        return {
            "position": store.position(),
            "writable": not store.is_following(),
            "timeline": store.timeline(),
        }

    def tail_log(self, told: Row) -> Row:
        """Return the end of a log."""
        found = self.store().tail(told["name"], int(told["lines"]))
        return {"name": told["name"], **found, "parts": []}

    def publish_log(self, told: Row) -> Row:
        """Send a log, or without a target return its end."""
        if not told["target"]:
            return self.tail_log(told)
        store, name = self.store(), str(told["name"])
        store.tail(name, 1)  # raises NotFound
        with store.logs()[name].open("rb") as file:
            found = self.transfers.send(file, told["target"], spool=self.base())
        return {"name": name, "size": found["size"], "text": "", "parts": found["parts"]}

    def upgrade(self, told: Row) -> Row:
        """Serve with the version that the disk brings, if it is of the release that is asked for."""
        store, wanted = self.store(), str(told["version"])
        there = store.exact_version()
        asked, brought = wanted.split("."), there.split(".")
        if asked[: store.release_parts] != brought[: store.release_parts]:
            raise Refused(f"This database's disk brings {there}: it cannot serve {wanted}.")
        self.restart({})
        self._keep(version=there)
        return {"version": there, "port": store.place.port, "restart_required": []}

    def diagnostics(self, _told: Row) -> Row:
        """Return how agent and datastore are."""
        store = self.store()
        status = process_status(store.process())
        return {
            "agent_version": VERSION,
            "datastore_version": str(self.kept.get("version", "")),
            "threads": int(status.get("Threads", "0")),
            "memory": int(status.get("VmRSS", "0").split()[0]),
            "memory_peak": int(status.get("VmHWM", "0").split()[0]),
            "uptime": time.monotonic() - self._began,
            "logs": sorted(store.logs()),
            "metrics": self.metrics(),
        }

    # What is told unasked

    def metrics(self) -> Row:
        """Return figures of the moment, as far as they are known."""
        found: Row = {}
        if self.kept.get("datastore"):
            base = self.base()
            if base.exists():
                room = os.statvfs(base)
                found["volume_total"] = room.f_blocks * room.f_frsize
                found["volume_used"] = (room.f_blocks - room.f_bfree) * room.f_frsize
            if self.store().process():
                found |= self.store().figures()
        return found

    def store(self) -> ReplicatingDatastore:
        """Return the datastore; raise NotThere before it was prepared."""
        name = self.kept.get("datastore")
        if name not in DRIVERS:
            raise NotThere("The database is not prepared yet.")
        place = self._places(name, self.base())._replace(
            tls=self.certificate.directory if self.certificate.is_there else None,
            require_tls=bool(self.kept.get("require_tls")),
        )
        return DRIVERS[name](place)

    def _mount(self) -> None:
        if self.kept.get("volume"):
            volume.mounted(self.kept["volume"])

    def base(self) -> Path:
        """Return where the data are: the volume, or a directory of the agent's."""
        told = self.kept.get("volume")
        return Path(str(told["mount_point"])) if told else self._home

    def _in_epoch(self, told: Row) -> None:
        """Write a failover's epoch down before anything is done; raise Refused for an older one."""
        epoch = int(told["epoch"])
        if epoch < int(self.kept.get("epoch", 0)):
            raise Refused("A later failover has decided who takes writes.", detail=str(epoch))
        self._keep(epoch=epoch)

    def _restore(self, store: ReplicatingDatastore, told: Row) -> None:
        """Make the data of backups; the settings it had then count until it serves."""

        def unpack(backup: Row, program: Sequence[str]) -> None:
            self.transfers.unpack(backup, program, user=store.place.user)

        store.restore(told, unpack)

    def _settle(self, store: ReplicatingDatastore, parameters: Any) -> tuple[str, ...]:
        """Write settings and let them count, or leave all as it was."""
        wanted = {str(one["name"]): str(one["value"]) for one in parameters}
        before = dict(self.kept.get("parameters", {}))
        store.check({name: value for name, value in wanted.items() if before.get(name) != value})
        store.write_settings(wanted)
        waiting = store.apply_settings({*wanted, *before, *self.kept.get("waiting", ())})
        self._keep(parameters=wanted)
        return waiting

    def _keep(self, **facts: Any) -> None:
        with self._lock:
            self.kept = {**self.kept, **facts}
            files.write_json(self._file, self.kept)


def page(rows: list[Row], told: Row, marker: Callable[[Row], str]) -> tuple[list[Row], str]:
    """Return a page of rows, and the marker of the next one."""
    after = str(told["marker"])
    if after:
        include = bool(told["include_marker"])
        rows = [row for row in rows if marker(row) > after or (include and marker(row) == after)]
    found = rows[: int(told["limit"])]
    return found, marker(found[-1]) if len(rows) > len(found) else ""


def _user_marker(row: Row) -> str:
    return str(row["name"]) if row["host"] == "%" else f"{row['name']}@{row['host']}"


def process_status(number: int) -> Mapping[str, str]:
    """Return what the kernel says of a process."""
    if not number:
        return {}
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


#: Method -> the object it takes and the one it answers, in the versions of this program.
SPEAKS: dict[str, tuple[str, str]] = {
    "guestagent.prepare": ("PrepareDatastore", "Prepared"),
    "guestagent.restart": ("NoArguments", "Applied"),
    "guestagent.stop": ("NoArguments", ""),
    "guestagent.start": ("NoArguments", "Applied"),
    "guestagent.create_databases": ("CreateDatabases", ""),
    "guestagent.list_databases": ("PageRequest", "DatabaseList"),
    "guestagent.delete_database": ("DatabaseName", ""),
    "guestagent.create_users": ("CreateUsers", ""),
    "guestagent.list_users": ("PageRequest", "UserList"),
    "guestagent.get_user": ("UserName", "UserList"),
    "guestagent.update_user": ("UserChange", ""),
    "guestagent.delete_user": ("UserName", ""),
    "guestagent.list_access": ("UserName", "AccessList"),
    "guestagent.grant": ("AccessRequest", ""),
    "guestagent.revoke": ("AccessRequest", ""),
    "guestagent.enable_root": ("RootPassword", ""),
    "guestagent.disable_root": ("NoArguments", ""),
    "guestagent.is_root_enabled": ("NoArguments", "RootState"),
    "guestagent.apply_configuration": ("Configuration", "Applied"),
    "guestagent.install_certificate": ("CertificateGiven", ""),
    "guestagent.grow_filesystem": ("VolumeSize", "FilesystemSize"),
    "guestagent.backup": ("DumpRequest", "DumpMade"),
    "guestagent.verify": ("NoArguments", "Verified"),
    "guestagent.keep_log": ("KeepLog", "LogKept"),
    "guestagent.enable_replication": ("ReplicationAccess", "ReplicationPoint"),
    "guestagent.guard": ("Guard", ""),
    "guestagent.replication_point": ("NoArguments", "ReplicationPoint"),
    "guestagent.promote": ("PromoteRequest", "ReplicationPoint"),
    "guestagent.demote": ("DemoteRequest", "ReplicationPoint"),
    "guestagent.publish_log": ("LogRequest", "LogText"),
    "guestagent.upgrade": ("UpgradeRequest", "Prepared"),
    "guestagent.tail_log": ("LogRequest", "LogText"),
    "guestagent.diagnostics": ("NoArguments", "Diagnostics"),
}
#: What changes nothing: answered at once, beside whatever is under way.
QUERIES = frozenset(
    f"guestagent.{name}"
    for name in (
        "list_databases", "list_users", "get_user", "list_access", "is_root_enabled", "tail_log", "diagnostics",
        "replication_point",
    )
)  # fmt: skip
#: What the agent would write, whom ``read_only`` does not hold back: never into what follows another.
WRITES = frozenset(
    f"guestagent.{name}"
    for name in (
        "create_databases", "delete_database", "create_users", "update_user", "delete_user", "grant", "revoke",
        "enable_root", "disable_root",
    )
)  # fmt: skip


def done(methods: Methods, letter: Row) -> Row | None:
    """Do what a letter orders; return the answer's wire form. Raises GuestFailure."""
    name = str(letter["method"])
    if name not in SPEAKS:
        raise Unsupported(f"This agent does not know {name.partition('.')[2]}.")
    takes, answers = SPEAKS[name]
    told = wire.loaded(takes, letter["payload"])
    if name in WRITES and methods.kept.get("datastore") and methods.store().is_following():
        raise Refused("A replica has what its source has.")
    answer = getattr(methods, name.partition(".")[2])(told)
    return wire.dumped(answers, answer) if answers else None
