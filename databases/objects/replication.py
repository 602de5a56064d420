"""Who follows whom, how far each is, and who takes writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pydantic import Field

from cloudweb.objects import Data, Part, VersionedObject
from databases.objects.downgrades import without, without_authority


class ReplicaSource(Part):
    """Whom a replica follows; with an ``authority`` (PEM) over TLS, and nobody whom that did not sign."""

    address: str
    port: int
    user: str
    password: str = Field(repr=False)
    slot: str = ""
    position: str = ""
    authority: str = ""


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
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: without_authority("source")}

    epoch: int
    source: ReplicaSource | None = None
