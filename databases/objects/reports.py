"""What a guest says of itself, and what it shows of its logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from pydantic import Field

from cloudweb.objects import Data, Part, VersionedObject
from databases.objects.backups import UploadedPart, UploadTarget
from databases.objects.downgrades import without

#: How the datastore is, in its agent's words; ``databases/states.py`` turns them into Trove's.
GuestStatus = Literal[
    "NEW", "BUILDING", "ACTIVE", "HEALTHY", "SHUTDOWN", "FAILED", "RESTART_REQUIRED"
]


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
