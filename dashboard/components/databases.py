"""What pages show of databases, and what forms about them offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from cloudweb.context import RequestContext
from cloudweb.exceptions import NotFound
from cloudweb.listing import Listing
from dashboard.components.launch import FlavorCard, NetworkCard, network_cards
from dashboard.components.status import Badge
from dashboard.components.usage import Bar, bars
from dashboard.components.volumes import Space
from databases import conf
from databases.manager import (
    ConfigurationManager,
    DatabaseBackupManager,
    DatabaseFlavorManager,
    DatastoreManager,
    LimitsManager,
)
from databases.states import SETTLED, WHOLE, BackupStatus, OperatingStatus, Task
from network.manager import NetworkManager

if TYPE_CHECKING:
    from compute.models import Flavor
    from databases.models import (
        Backup,
        Configuration,
        ConfigurationParameter,
        DatabaseInstance,
        DatastoreVersion,
    )

Choices = Sequence[tuple[str, str]]
#: So many are offered to choose among.
OFFERED = 200
#: resource of the quota -> its name on the page, its unit, its icon.
SHOWN = {
    "instances": ("Databases", "", "database"),
    "volumes": ("Disk space", "GiB", "cylinder"),
    "ram": ("Memory", "MiB", "device-sd-card"),
    "backups": ("Backups", "", "folder"),
}
#: The same among bars of servers and volumes.
AMONG_OTHERS = {
    "instances": ("Databases", "", "database"),
    "volumes": ("Disk space of databases", "GiB", "cylinder"),
    "backups": ("Database backups", "", "folder"),
}
_NAMES = {"postgresql": "PostgreSQL", "mariadb": "MariaDB", "mysql": "MySQL"}
PORTS = {"postgresql": 5432, "mariadb": 3306}
#: What is being done, as a badge says it.
_TASKS = {
    Task.BUILD: "Building",
    Task.REBOOT: "Restarting",
    Task.RESIZE: "Resizing",
    Task.UPGRADE: "Upgrading",
    Task.PROMOTE: "Taking over",
    Task.EJECT: "Being replaced",
    Task.DETACH: "Detaching",
    Task.LOGGING: "Collecting logs",
    Task.CONFIGURING: "Taking settings",
    Task.BACKUP: "Backing up",
    Task.SHUTDOWN: "Deleting",
}
_RUNNING = Badge("Running", "success", "player-play", "It serves.")
_AT_REST = {
    OperatingStatus.FAILED: Badge("Not serving", "danger", "alert-triangle", "Its guest says so."),
    OperatingStatus.SHUTDOWN: Badge("Stopped", "neutral", "player-stop", "It was switched off."),
    OperatingStatus.UNKNOWN: Badge(
        "Unknown", "warning", "alert-circle", "Its guest has said nothing of late."
    ),
    OperatingStatus.NEW: Badge("Starting", "info", "clock", "Its guest has not spoken yet."),
    OperatingStatus.BUILDING: Badge("Starting", "info", "clock", "Its guest sets it up."),
}
_BACKUPS = {
    BackupStatus.COMPLETED: Badge("Ready", "success", "check", "A database can begin with it."),
    BackupStatus.RESTORED: Badge("Ready", "success", "check", "A database began with it."),
    BackupStatus.FAILED: Badge("Failed", "danger", "alert-triangle"),
    BackupStatus.DELETE_FAILED: Badge("Not deleted", "danger", "alert-triangle"),
}


def database_badge(database: DatabaseInstance) -> Badge:
    """Return what a database is, or what is being done to it."""
    if database.task and (database.fault_at is None or database.task == Task.SHUTDOWN):
        tone = "warning" if database.task == Task.SHUTDOWN else "info"
        return Badge(_TASKS[Task(database.task)], tone, "loader-2", busy=True)
    if database.fault_at is not None:
        return Badge("Error", "danger", "alert-triangle")
    if database.restart_required:
        hint = "Some of its settings count from the next restart on."
        return Badge("Restart due", "warning", "refresh-alert", hint)
    return _AT_REST.get(OperatingStatus(database.operating_status), _RUNNING)


def backup_badge(backup: Backup) -> Badge:
    """Return what a backup is, or what is being done to it."""
    if backup.status == BackupStatus.DELETING:
        return Badge("Deleting", "warning", "loader-2", busy=True)
    going = Badge("Being taken", "info", "loader-2", busy=True)
    return _BACKUPS.get(BackupStatus(backup.status), going)


def proof_badge(backup: Backup) -> Badge | None:
    """Return how far it is proven that a backup can be restored; None where nobody looked yet."""
    if backup.proof_fault:
        return Badge("Cannot be restored", "danger", "alert-triangle", backup.proof_fault)
    if backup.restore_proven_at is not None:
        hint = "It was restored on trial, and its datastore looked through all of it."
        return Badge("Proven", "success", "circle-check", hint)
    if backup.digests_proven_at is not None:
        hint = "All of it is in the store and was read. It was not restored on trial yet."
        return Badge("Digests right", "info", "check", hint)
    return None


def is_busy(database: DatabaseInstance) -> bool:
    """Tell whether something is being done to it."""
    return database_badge(database).busy


def why_not(database: DatabaseInstance) -> str:
    """Return why nothing can begin on it now; "" where it can."""
    if is_busy(database):
        return f"Not now: {database_badge(database).text.lower()} goes on."
    return "It failed: all that is left is to delete it." if database.fault_at else ""


def why_not_delete(database: DatabaseInstance) -> str:
    """Return why it cannot be deleted now; "" where it can."""
    if database.replicas.all():
        return "It stays while replicas follow it: delete or detach them first."
    return "" if database.fault_at and database.task != Task.SHUTDOWN else why_not(database)


def why_not_eject(database: DatabaseInstance) -> str:
    """Return why none of its replicas can take over without asking it; "" where one can."""
    if not database.fault_at and is_busy(database):
        return why_not(database)
    return "It serves: promote a replica instead." if database.serves else ""


def may_restore(backup: Backup) -> bool:
    """Tell whether a database can begin with it."""
    return backup.status in WHOLE


def may_forget(backup: Backup) -> bool:
    """Tell whether it can be deleted, so far as its status says."""
    return backup.status in (*SETTLED, BackupStatus.DELETE_FAILED)


def kind_of(version: DatastoreVersion) -> str:
    """Return a datastore and its version, as their makers write them."""
    name = version.datastore.name
    return f"{_NAMES.get(name, name)} {version.name}"


#: What clients know a database by is called when it is fetched.
AUTHORITY_FILE = "authority.pem"
PROVED = f"sslmode=verify-full&sslrootcert={AUTHORITY_FILE}"


class Connection(NamedTuple):
    """How clients connect: the address in one string, and the command of the datastore's own client.

    ``whole_set`` finds whichever of a source and its replicas takes writes, with libpq's words.
    """

    host: str
    port: int
    url: str
    command: str
    tool: str
    whole_set: str = ""


def connection_of(
    database: DatabaseInstance, *, user: str = "USER", name: str = "DATABASE", tls: bool = False
) -> Connection | None:
    """Return how a user connects to a database in an instance; None while that has no address.

    With ``tls`` the client looks whether it is the right one, by the file ``authority.pem``.
    """
    if not database.addresses:
        return None
    host, manager = database.addresses[0], database.version.manager
    port = PORTS[manager]
    scheme = "postgresql" if manager == "postgresql" else "mysql"
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{quote(user)}@{shown}:{port}/{quote(name)}"
    if manager == "postgresql":
        command = f"psql -h {host} -p {port} -U {user} -d {name}"
        if tls:
            url += f"?{PROVED}"
            command = f'psql "{url}"'
        hosts = [one.addresses[0] for one in (database, *database.replicas.all()) if one.addresses]
        places = ",".join(f"[{one}]:{port}" if ":" in one else f"{one}:{port}" for one in hosts)
        words = f"{scheme}://{quote(user)}@{places}/{quote(name)}?target_session_attrs=read-write"
        words += f"&{PROVED}" if tls else ""
        return Connection(host, port, url, command, "psql", words if len(hosts) > 1 else "")
    command = f"mysql -h {host} -P {port} -u {user} -p {name}"
    if tls:
        url += f"?ssl-mode=VERIFY_IDENTITY&ssl-ca={AUTHORITY_FILE}"
        command += f" --ssl-ca={AUTHORITY_FILE} --ssl-verify-server-cert"
    return Connection(host, port, url, command, "mysql")


def database_bars(context: RequestContext) -> Sequence[Bar]:
    """Return how much of the quota is used."""
    return bars(LimitsManager(context).use(), SHOWN)


def bars_among_others(context: RequestContext) -> Sequence[Bar]:
    """Return the bars of the overview; none for a project that has neither database nor backup."""
    usage = LimitsManager(context).use()
    return bars(usage, AMONG_OTHERS) if any(usage.used.values()) else ()


def space_of(usage: Sequence[Bar], *, own: int = 0) -> Space:
    """Return the room that the quota leaves, seen by a database whose volume has ``own`` GiB."""
    [bar] = [one for one in usage if one.name == "volumes"]
    return Space(used=bar.used, limit=bar.limit, largest=conf.MAX_VOLUME, own=own)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the launch page offers."""

    versions: Sequence[tuple[str, str]]
    flavors: Sequence[FlavorCard]
    networks: Sequence[NetworkCard]
    backups: Sequence[Backup]
    configurations: Sequence[Configuration]
    bars: Sequence[Bar]

    @property
    def space(self) -> Space:
        """Return the room that the quota leaves."""
        return space_of(self.bars)


def versions_of(context: RequestContext) -> Choices:
    """Return the datastore versions that new databases can be of, each datastore's default first."""
    found = []
    for datastore in DatastoreManager(context).list():
        default = datastore.default_version_id
        for one in sorted(datastore.versions.all(), key=lambda row: row.id != default):
            if one.active:
                name = _NAMES.get(datastore.name, datastore.name)
                found.append((str(one.id), f"{name} {one.name}"))
    return found


def flavor_cards(context: RequestContext, usage: Sequence[Bar]) -> Sequence[FlavorCard]:
    """Return the sizes, each with what of the quota it would exceed."""
    [left] = [bar.left for bar in usage if bar.name == "ram"]
    rows = sorted(DatabaseFlavorManager(context).list(), key=lambda one: (one.ram, one.vcpus))
    return [
        FlavorCard(
            one.id, one.name, one.vcpus, one.ram, one.disk,
            ["memory"] if left is not None and one.ram > left else [],
        )
        for one in rows
    ]  # fmt: skip


def offer_of(context: RequestContext) -> Offer:
    """Return all that there is to choose from."""
    usage = database_bars(context)
    newest = Listing(order=("-created_at", "-id"), limit=OFFERED)
    backups = DatabaseBackupManager(context).list(newest).rows
    return Offer(
        versions=versions_of(context),
        flavors=flavor_cards(context, usage),
        networks=network_cards(NetworkManager(context).usable_by_servers()),
        backups=[one for one in backups if may_restore(one)],
        configurations=ConfigurationManager(context).list(Listing(limit=OFFERED)).rows,
        bars=usage,
    )


def flavor_of(context: RequestContext, flavor_id: str) -> Flavor | None:
    """Return the size; None where it is offered no longer."""
    try:
        return DatabaseFlavorManager(context).get(flavor_id)
    except NotFound:
        return None


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter, what it may be in words, and what a configuration says of it."""

    row: ConfigurationParameter
    value: str

    @property
    def bounds(self) -> str:
        """Return what it may be."""
        row = self.row
        if row.choices:
            return ", ".join(map(str, row.choices))
        if row.kind == "boolean":
            return "on or off"
        if row.lowest is not None and row.highest is not None:
            return f"{row.lowest:,} to {row.highest:,}"
        return "a text" if row.kind == "string" else "a number"


def settings_of(
    context: RequestContext, version: DatastoreVersion, configuration: Configuration | None
) -> Sequence[Setting]:
    """Return every parameter of a version with its value in a configuration, "" for the default."""
    values = configuration.values if configuration else {}
    rows = DatastoreManager(context).parameters(version)
    return [Setting(row, written(values.get(row.name))) for row in rows]


def written(value: object) -> str:
    """Return a setting as it is typed."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else str(value)
