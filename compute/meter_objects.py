"""What a host tells of what its guests, and it itself, used."""

from __future__ import annotations

from typing import ClassVar, Literal

from cloudweb.objects import Part, VersionedObject

Span = Literal["hour", "day"]


class Sample(Part):
    """The means of the time before ``at`` (Unix): a share of all processors, KiB, and bytes a second."""

    at: float
    cpu: float
    memory: int
    read: float
    written: float
    received: float
    sent: float


class MetersRequest(VersionedObject):
    """Ask for what a guest, or the host of this name, used in the last hour or day."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    span: Span = "hour"


class GuestMeters(VersionedObject):
    """What a guest, or a host, used, oldest first; ``memory`` is what it has (KiB)."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    memory: int = 0
    samples: tuple[Sample, ...] = ()
