"""What the control plane tells hosts about guests that become larger, smaller, or another host's."""

from __future__ import annotations

from typing import ClassVar, Literal

from cloudweb.objects import Part, VersionedObject
from compute.objects import DiskSource


class OfferRequest(VersionedObject):
    """Let one other host read these disks of a guest that is off; ``disks`` are their names."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    disks: tuple[str, ...]
    to_host: str


class OfferedDisk(Part):
    """A disk that another host may read, raw; ``size`` in bytes."""

    name: str
    size: int
    source: DiskSource


class DiskOffer(VersionedObject):
    """Where the disks of a guest can be read until the offer is withdrawn."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    disks: tuple[OfferedDisk, ...] = ()


class ReceiveRequest(VersionedObject):
    """Copy the disks of a guest from another host, which goes on having them."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    disks: tuple[OfferedDisk, ...] = ()


class DiskChoice(VersionedObject):
    """Which disks a guest has that stays on its host: those of before its resize, or copies of them.

    ``disks`` are their names. Both are kept until one of them is chosen to ``forget`` the other.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    disks: tuple[str, ...]
    use: Literal["old", "new"]
    forget: bool = False
