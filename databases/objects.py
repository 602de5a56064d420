"""What the control plane tells the agent inside a database's guest, and what that tells about itself.

The guest's program (``databases/guest/``) carries nothing but the standard library and reads the same
JSON without these classes; ``tests/contract/test_guest_speaks_the_objects.py`` holds both to one shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from pydantic import Field

from cloudweb.messages import Message
from cloudweb.objects import Data, Part, VersionedObject, WireForm, unless_used

Datastore = Literal["postgresql", "mariadb"]
#: How the datastore is, in its agent's words; ``databases/states.py`` turns them into Trove's.
GuestStatus = Literal[
    "NEW", "BUILDING", "ACTIVE", "HEALTHY", "SHUTDOWN", "FAILED", "RESTART_REQUIRED"
]


def without(*fields: str) -> Callable[[Data], Data]:
    """Return a downgrade that leaves out what an older agent does not know, and does well without."""
    return lambda data: {name: value for name, value in data.items() if name not in fields}


class NoArguments(VersionedObject):
    """What a method takes that needs to be told nothing."""

    VERSION: ClassVar[str] = "1.0"


class Parameter(Part):
    """A setting of the datastore; the value as its configuration file would say it."""

    name: str
    value: str


class Database(Part):
    """A database; "" leaves what the datastore's own default is."""

    name: str
    character_set: str = ""
    collate: str = ""


class User(Part):
    """A user with the databases it may use; ``host`` counts in MariaDB alone."""

    name: str
    host: str = "%"
    password: str = Field("", repr=False)
    databases: tuple[str, ...] = ()


class DataVolume(Part):
    """The disk that the data is on: the guest finds it by its serial and formats it if it is empty."""

    serial: str
    mount_point: str = "/data"


class TlsFiles(Part):
    """Key and certificate, as version 1.0 of ``PrepareDatastore`` had them."""

    certificate: str
    key: str = Field(repr=False)
    authority: str


class Piece(Part):
    """A part of a backup: where it is read, by a URL that is good for this alone."""

    url: str = Field(repr=False)
    size: int


class BackupPart(Part):
    """One backup of a chain, the full one first. ``position`` is the datastore's own (LSN, GTID)."""

    id: str
    kind: Literal["full", "incremental"] = "full"
    checksum: str  # sha256 of the stream
    position: str = ""
    pieces: tuple[Piece, ...]


class RestorePoint(Part):
    """What a new instance begins with; ``until`` (RFC 3339) for a point in time."""

    chain: tuple[BackupPart, ...]
    log: tuple[BackupPart, ...] = ()
    until: str = ""


class ReplicaSource(Part):
    """Whom a replica follows; with an ``authority`` (PEM) over TLS, and nobody whom that did not sign."""

    address: str
    port: int
    user: str
    password: str = Field(repr=False)
    slot: str = ""
    position: str = ""
    authority: str = ""


def _without_authority(field: str) -> Callable[[Data], Data]:
    """Return a downgrade for who knows no TLS: its replica comes as it always did."""

    def downgrade(data: Data) -> Data:
        source = data.get(field)
        if source is None:
            return data
        return {**data, field: {key: said for key, said in source.items() if key != "authority"}}

    return downgrade


def _of_before_tls(data: Data) -> Data:
    return _without_authority("replica_of")(unless_used("require_tls", False)(data))


class PrepareDatastore(VersionedObject):
    """Make the datastore be there and serve, with its data on the volume; done twice it is as done once.

    ``require_tls``: from outside it takes connections over TLS alone. ``keeps_data``: they are on the volume,
    and none are made.
    """

    VERSION: ClassVar[str] = "1.2"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        1: _of_before_tls,
        2: unless_used("keeps_data", False),
    }

    datastore: Datastore
    version: str
    volume: DataVolume | None = None  # None: on the guest's own disk
    parameters: tuple[Parameter, ...] = ()
    databases: tuple[Database, ...] = ()
    users: tuple[User, ...] = ()
    root_password: str = Field("", repr=False)  # "": root stays shut
    tls: TlsFiles | None = None  # never said: the guest makes its own key
    restore: RestorePoint | None = None
    replica_of: ReplicaSource | None = None
    require_tls: bool = False
    keeps_data: bool = False


class CertificateGiven(VersionedObject):
    """What the datastore shows its clients, in PEM, for the key that the guest made and keeps.

    ``until`` (Unix time) it counts; the guest asks for another in time.
    """

    VERSION: ClassVar[str] = "1.0"

    certificate: str
    authority: str
    until: float


class Prepared(VersionedObject):
    """The datastore serves."""

    VERSION: ClassVar[str] = "1.0"

    version: str  # the exact one, as the datastore says it
    port: int
    restart_required: tuple[str, ...] = ()


class PageRequest(VersionedObject):
    """A page of a list that is ordered by name: so many after the marker."""

    VERSION: ClassVar[str] = "1.0"

    limit: int = Field(default=20, ge=1, le=1000)
    marker: str = ""
    include_marker: bool = False


class CreateDatabases(VersionedObject):
    """Databases to be made; one that is there already stays as it is."""

    VERSION: ClassVar[str] = "1.0"

    databases: tuple[Database, ...]


class DatabaseList(VersionedObject):
    """A page of databases; ``next_marker`` is "" at the end."""

    VERSION: ClassVar[str] = "1.0"

    databases: tuple[Database, ...]
    next_marker: str = ""


class DatabaseName(VersionedObject):
    """Which database."""

    VERSION: ClassVar[str] = "1.0"

    name: str


class CreateUsers(VersionedObject):
    """Users to be made, with their passwords and grants."""

    VERSION: ClassVar[str] = "1.0"

    users: tuple[User, ...]


class UserList(VersionedObject):
    """A page of users without passwords; the marker is ``name`` or ``name@host``."""

    VERSION: ClassVar[str] = "1.0"

    users: tuple[User, ...]
    next_marker: str = ""


class UserName(VersionedObject):
    """Which user."""

    VERSION: ClassVar[str] = "1.0"

    name: str
    host: str = "%"


class UserChange(VersionedObject):
    """What shall be otherwise about a user; None and "" leave it."""

    VERSION: ClassVar[str] = "1.0"

    name: str
    host: str = "%"
    new_name: str | None = None
    new_host: str | None = None
    new_password: str = Field("", repr=False)


class AccessRequest(VersionedObject):
    """Databases that a user may use, or may use no longer."""

    VERSION: ClassVar[str] = "1.0"

    name: str
    host: str = "%"
    databases: tuple[str, ...]


class AccessList(VersionedObject):
    """The databases a user may use."""

    VERSION: ClassVar[str] = "1.0"

    databases: tuple[str, ...]


class RootPassword(VersionedObject):
    """Let root (PostgreSQL: postgres) in from outside by this password."""

    VERSION: ClassVar[str] = "1.0"

    password: str = Field(repr=False)


class RootState(VersionedObject):
    """Whether root may come in from outside."""

    VERSION: ClassVar[str] = "1.0"

    enabled: bool


class Configuration(VersionedObject):
    """All settings that shall differ from the datastore's defaults: a level; what is left out falls back."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: unless_used("require_tls", False)}

    parameters: tuple[Parameter, ...] = ()
    require_tls: bool = False


class Applied(VersionedObject):
    """Settings are written; the named ones count after a restart."""

    VERSION: ClassVar[str] = "1.0"

    restart_required: tuple[str, ...] = ()


class VolumeSize(VersionedObject):
    """How large the data's volume is now, in bytes."""

    VERSION: ClassVar[str] = "1.0"

    size: int


class FilesystemSize(VersionedObject):
    """The data's file system, in bytes."""

    VERSION: ClassVar[str] = "1.0"

    total: int
    used: int


class UploadTarget(Part):
    """Where something is written part by part: each URL is good for writing this part alone."""

    urls: tuple[str, ...] = Field(repr=False)
    part_size: int


class UploadedPart(Part):
    """A part that the store has taken."""

    number: int
    etag: str
    size: int


class DumpRequest(VersionedObject):
    """Stream a backup by the datastore's own tool; the last part goes only after the tool ended well."""

    VERSION: ClassVar[str] = "1.0"

    backup_id: str
    kind: Literal["full", "incremental"] = "full"
    since: str = ""  # the position an incremental one begins at
    target: UploadTarget


class DumpMade(VersionedObject):
    """What a backup came to; ``update_backup`` takes it, too."""

    VERSION: ClassVar[str] = "1.0"

    backup_id: str
    size: int
    checksum: str  # sha256 of the stream
    backup_type: str  # the tool: pg_basebackup, mariabackup, wal, binlog
    position: str = ""
    parts: tuple[UploadedPart, ...] = ()


class KeepLog(VersionedObject):
    """Send the log (WAL) every so many seconds, to ``url`` with a piece's number in it; "": no longer.

    ``number`` is the first piece's; a piece has ``most`` bytes at most. ``position`` is where the piece before
    it ended, of ``run``: a guest that is new goes on there where the log that follows is still kept.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: without("run", "position")}

    archive: str
    url: str = Field("", repr=False)
    number: int = 1
    every: int = 300
    most: int = 0
    run: str = ""
    position: str = ""


class LogKept(VersionedObject):
    """The log is sent from this position on; "" where it is not sent any more."""

    VERSION: ClassVar[str] = "1.0"

    position: str


class LogSent(VersionedObject):
    """A piece of a log that the store has taken; ``run`` differs where it does not follow the piece before.

    It holds all between two positions, and a commit after ``until`` (RFC 3339), which is "" where more waited.
    """

    VERSION: ClassVar[str] = "1.0"

    archive: str
    run: str
    number: int
    receipt: str
    since: str
    position: str
    until: str


class Verified(VersionedObject):
    """All data were looked through, by which program."""

    VERSION: ClassVar[str] = "1.0"

    program: str


class LogRequest(VersionedObject):
    """Upload the end of a log, or (without a target) answer its last lines."""

    VERSION: ClassVar[str] = "1.0"

    name: str
    lines: int = Field(default=50, ge=1, le=500)
    target: UploadTarget | None = None


class LogText(VersionedObject):
    """The last lines of a log, and how large it is in all."""

    VERSION: ClassVar[str] = "1.0"

    name: str
    size: int
    text: str = ""
    parts: tuple[UploadedPart, ...] = ()


class Metrics(Part):
    """Figures of the moment; -1 is not known. ``lag`` in seconds, of a replica; sizes in bytes."""

    connections: int = -1
    connections_limit: int = -1
    data_size: int = -1
    volume_total: int = -1
    volume_used: int = -1
    lag: float = -1


class Diagnostics(VersionedObject):
    """How the agent and the datastore are; memory in KiB."""

    VERSION: ClassVar[str] = "1.0"

    agent_version: str
    datastore_version: str
    threads: int = 0
    memory: int = 0
    memory_peak: int = 0
    uptime: float = 0
    logs: tuple[str, ...] = ()
    metrics: Metrics = Metrics()


class ReplicationAccess(VersionedObject):
    """Whom replicas come as, and the slot (PostgreSQL) that keeps for one of them what it has not read.

    ``slots`` are those of all its replicas: what others kept is let go. None says nothing of them.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: without("slots")}

    user: str
    password: str = Field(repr=False)
    slot: str = ""
    slots: tuple[str, ...] | None = None


class PromoteRequest(VersionedObject):
    """Take writes from now on; ``epoch`` is that of the failover, above any before."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: without("asks_first")}

    epoch: int
    asks_first: bool | None = None  # as ``Guard`` says it from here on


class Guard(VersionedObject):
    """Whether one that takes writes asks first, after each start of its guest, before it serves again."""

    VERSION: ClassVar[str] = "1.0"

    asks_first: bool


class ReplicationPoint(VersionedObject):
    """How far the datastore is in its own words, and whether it takes writes.

    ``timeline`` (PostgreSQL) rises with each promotion: of two that differ in it the position alone says nothing.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: without("timeline")}

    position: str
    writable: bool
    timeline: int = 0


class DemoteRequest(VersionedObject):
    """Take no writes any more; follow ``source`` if there is one."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: _without_authority("source")}

    epoch: int
    source: ReplicaSource | None = None


class UpgradeRequest(VersionedObject):
    """Serve the data with this version of the datastore, which the guest's disk brings."""

    VERSION: ClassVar[str] = "1.0"

    version: str


class Said(Part):
    """A method and the version of what it takes, as this agent knows it."""

    method: str
    version: str


class GuestReport(VersionedObject):
    """What an agent says of itself with every poll. Nothing of it is believed about anybody else.

    ``certificate_request`` (PEM) is for a key that it made, while it wants a certificate; ``tls_until`` (Unix
    time) that of its datastore counts, 0 where there is none.
    """

    VERSION: ClassVar[str] = "1.2"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {
        1: without("held"),
        2: without("certificate_request", "tls_until"),
    }

    agent_version: str
    boot_id: str
    speaks: tuple[Said, ...] = ()
    datastore: str = ""
    datastore_version: str = ""
    status: GuestStatus = "NEW"
    error: str = ""
    restart_required: tuple[str, ...] = ()
    role: Literal["", "primary", "replica"] = ""
    position: str = ""
    under_way: tuple[str, ...] = ()  # letters it has and has not answered
    metrics: Metrics = Metrics()
    held: bool = False  # it took writes, and serves again only when it is told to
    certificate_request: str = ""
    tls_until: float = 0


class Enrolment(VersionedObject):
    """A new agent's first words: the token of its user data, which counts for one ``nonce`` alone."""

    VERSION: ClassVar[str] = "1.0"

    token: str = Field(repr=False)
    nonce: str = Field(repr=False)
    report: WireForm


class Enrolled(VersionedObject):
    """Who an agent is, and by which key (hex) it is believed until when (Unix time)."""

    VERSION: ClassVar[str] = "1.0"
    SECRETS: ClassVar[tuple[str, ...]] = ("key",)

    instance: str
    key: str = Field(repr=False)
    valid_until: float
    orders_key: str  # the control plane's public key, in PEM
    poll: float = 25.0


class GuestError(Part):
    """Why a method failed: a code for programs, a sentence for tenants, the rest for operators."""

    code: str
    public: str
    detail: str = ""


class GuestResult(VersionedObject):
    """What came of a letter: ``answer`` is the wire form of the method's answer, None where it failed."""

    VERSION: ClassVar[str] = "1.0"

    letter: str
    outcome: Literal["DONE", "FAILED", "STALE"]
    answer: WireForm | None = None
    error: GuestError | None = None
    report: WireForm


class AgentHint(Part):
    """The program that the control plane has for its guests."""

    version: str
    sha256: str


class GuestEnvelope(Message):
    """What a guest says, under its key: ``kind`` is mailbox, result, heartbeat or renew.

    ``number`` rises from word to word; polls and all others have a row of numbers each.
    """

    VERSION: ClassVar[str] = "1.0"

    instance: str
    kind: str
    number: int
    body: WireForm
    mac: str


class GuestAnswer(VersionedObject):
    """What a guest's word is answered: a letter if there is one, and which program it should run."""

    VERSION: ClassVar[str] = "1.0"

    letter: WireForm | None = None
    agent: AgentHint | None = None


class LetterMessage(Message):
    """An order in a guest's mailbox, signed for ``guestagent.<instance>`` when it is fetched.

    ``number`` rises within a mailbox. One with ``op`` "" is a question: answered at once, not recorded.
    An order whose ``epoch`` is below the highest the guest has seen is answered STALE.
    """

    VERSION: ClassVar[str] = "1.0"

    letter: str
    number: int
    op: str
    epoch: int
    method: str
    payload: WireForm
