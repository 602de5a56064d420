"""What is in a datastore: databases, users, what these may use, and root; and its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pydantic import Field

from cloudweb.objects import Data, Part, VersionedObject, unless_used


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
