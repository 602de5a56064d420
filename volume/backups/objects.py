"""What a host is told about backups, and what it fetches from the API for one. Sizes are in bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pydantic import Field

from cloudweb.objects import Data, VersionedObject, unless_used
from volume.objects import SnapshotRef, VolumeRef


class BackupPoint(VersionedObject):
    """Names what a backup is taken of: a volume as it was when this was first held, or a snapshot."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    source: VolumeRef | SnapshotRef

    @property
    def volume(self) -> VolumeRef:
        """The volume."""
        return self.source.volume if isinstance(self.source, SnapshotRef) else self.source


class BackupRequest(VersionedObject):
    """Take a backup; ``url`` is signed for this one transfer (``BackupTerms`` and where chunks go).

    ``passphrase`` opens a volume that is encrypted.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: unless_used("passphrase", "")}
    SECRETS: ClassVar[tuple[str, ...]] = ("passphrase",)

    point: BackupPoint
    url: str
    signature: str
    passphrase: str = Field("", repr=False)


class BackupTaken(VersionedObject):
    """What a host did: bytes read, bytes in new chunks, bytes as stored."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    read: int = Field(ge=0)
    changed: int = Field(ge=0)
    stored: int = Field(ge=0)


class RestoreRequest(VersionedObject):
    """Make a volume that nobody uses hold what a backup does; ``url`` and ``passphrase`` as in ``BackupRequest``."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[dict[int, Callable[[Data], Data]]] = {1: unless_used("passphrase", "")}
    SECRETS: ClassVar[tuple[str, ...]] = ("passphrase",)

    volume: VolumeRef
    backup_id: str
    url: str
    signature: str
    passphrase: str = Field("", repr=False)


class BackupTerms(VersionedObject):
    """How blocks become chunks; a host fetches it over HTTP, so that no key goes by the broker.

    ``key`` is base64, None for chunks that are not encrypted. ``parent`` says that there is one, whose
    manifest can be fetched. ``size`` is the volume's at most.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    lineage: str
    volume_id: str
    created_at: str
    block_size: int
    size: int
    compression: str = "zstd"
    key: str | None = None
    parent: bool = False
