"""What a host is told about guests of whose disks images are made."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from cloudweb.objects import VersionedObject


class GuestSnapshotRequest(VersionedObject):
    """Copy the disk a guest boots from as it is at one moment, as a whole QCOW2 disk; it runs on.

    ``snapshot`` names the copy. With ``freeze`` the agent in a guest that runs holds the file systems
    still around that moment, for ``seconds`` at most; with ``must_freeze`` there is no copy otherwise.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    snapshot: str
    freeze: bool = False
    must_freeze: bool = False
    seconds: int = Field(30, ge=1, le=600)


class GuestSnapshotTaken(VersionedObject):
    """A copy that is there, ``size`` bytes of a file; ``frozen``: nothing was being written at its moment.

    ``off``: nothing could be. ``reason`` is a sentence for the tenant where a guest was not held still.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    size: int = Field(ge=0)
    frozen: bool = False
    off: bool = False
    reason: str = ""


class GuestSnapshotUpload(VersionedObject):
    """Bring a copy to where ``url`` is signed for."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    snapshot: str
    url: str = Field(repr=False)


class GuestSnapshotRef(VersionedObject):
    """Names a copy of a guest's disk."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    name: str
    snapshot: str
