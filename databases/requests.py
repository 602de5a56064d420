"""What is asked for when databases are made: read once from a body or a form, passed whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDatabase:
    """A database in an instance; "" is what the datastore's own default is."""

    name: str
    character_set: str = ""
    collate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user with the databases it may use."""

    name: str
    password: str = field(repr=False)
    host: str = "%"
    databases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRequest:
    """An instance; ``volume_size`` is GiB. A replica takes what it does not say from its source.

    ``copy_of`` with a ``moment``: it begins with what that instance held then.
    """

    name: str
    flavor_id: str | None = None
    volume_size: int | None = None
    volume_type: str | None = None
    datastore: str | None = None
    version: str | None = None
    version_number: str | None = None
    network_id: str | None = None
    subnet_id: str | None = None
    address: str | None = None
    zone: str | None = None
    locality: str = ""
    databases: Sequence[NewDatabase] = ()
    users: Sequence[NewUser] = ()
    configuration_id: str | None = None
    backup_id: str | None = None
    copy_of: str | None = None
    moment: datetime | None = None
    replica_of: str | None = None
    replica_count: int = 1
    is_public: bool = False
    allowed_cidrs: tuple[str, ...] = ()
    require_tls: bool = False
