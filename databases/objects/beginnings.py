"""What a datastore is to begin with: from nothing, from a backup, or as a replica."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from pydantic import Field

from cloudweb.objects import Data, Part, VersionedObject, unless_used
from databases.objects.backups import RestorePoint
from databases.objects.contents import Database, Parameter, User
from databases.objects.downgrades import without_authority
from databases.objects.replication import ReplicaSource

Datastore = Literal["postgresql", "mariadb"]


class DataVolume(Part):
    """The disk that the data is on: the guest finds it by its serial and formats it if it is empty."""

    serial: str
    mount_point: str = "/data"


class TlsFiles(Part):
    """Key and certificate, as version 1.0 of ``PrepareDatastore`` had them."""

    certificate: str
    key: str = Field(repr=False)
    authority: str


def _of_before_tls(data: Data) -> Data:
    return without_authority("replica_of")(unless_used("require_tls", False)(data))


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


class VolumeSize(VersionedObject):
    """How large the data's volume is now, in bytes."""

    VERSION: ClassVar[str] = "1.0"

    size: int


class FilesystemSize(VersionedObject):
    """The data's file system, in bytes."""

    VERSION: ClassVar[str] = "1.0"

    total: int
    used: int


class UpgradeRequest(VersionedObject):
    """Serve the data with this version of the datastore, which the guest's disk brings."""

    VERSION: ClassVar[str] = "1.0"

    version: str
