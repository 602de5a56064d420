"""What a host may do by a signed URL: bring the chunks of one backup that is taken, or fetch those of one restored.

The signature is good for one transfer: it names the backup, what for, and the ticket that was drawn
for it, and ends with the transfer. Neither a store's credentials nor the database is near a host.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner

from cloudweb.conf import listen_url
from cloudweb.encryption import decrypt
from cloudweb.exceptions import BadRequest, Forbidden
from cloudweb.stores.configured import store
from volume.backups.exceptions import BackupDamaged
from volume.backups.framing import unframed
from volume.backups.manifest import Manifest, largest
from volume.backups.objects import BackupTerms
from volume.backups.repository import FOLDER, Repository
from volume.backups.sealing import Sealer
from volume.backups.taking import Wanted
from volume.exceptions import BackupDataNotFound
from volume.models import Backup, BackupLineage
from volume.resolution import GIB
from volume.states import BackupStatus

#: Longer than any transfer may take (seconds).
LIFETIME = 24 * 3600

Purpose = Literal["take", "restore"]
_DURING: Mapping[Purpose, str] = {
    "take": BackupStatus.CREATING,
    "restore": BackupStatus.RESTORING,
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where a host goes, and what it shows there."""

    url: str
    signature: str


def fresh_ticket() -> str:
    """Draw what a row keeps for one transfer."""
    return secrets.token_hex(16)


def ticket_for(backup: Backup, purpose: Purpose) -> Ticket:
    """Return the URL of the transfer that the row's ticket was drawn for."""
    base = settings.PUBLIC_URL or listen_url()
    said = _said(backup, purpose)
    signature = _signer().sign(said).removeprefix(f"{said}:")
    return Ticket(f"{base.rstrip('/')}/volume/signed/backups/{backup.id}", signature)


def opened(backup_id: uuid.UUID, signature: str, *purposes: Purpose) -> Transfer:
    """Return the transfer that a signature is for, if it is one of these; raise Forbidden."""
    rows = Backup.objects.select_related("lineage").exclude(ticket="")
    found = rows.filter(id=backup_id).first()
    purpose = next((one for one in purposes if found and found.status == _DURING[one]), None)
    if found is None or purpose is None:
        raise Forbidden("There is no such transfer (any more).")
    try:
        _signer().unsign(f"{_said(found, purpose)}:{signature}", max_age=LIFETIME)
    except BadSignature as error:
        raise Forbidden("The signature is wrong or has expired.", detail=str(error)) from error
    return Transfer(found)


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="volume.backups", sep=":")


def _said(backup: Backup, purpose: Purpose) -> str:
    return f"{purpose}/{backup.id}/{backup.ticket}"


def repository_of(lineage: BackupLineage) -> Repository:
    """Return where a lineage's chunks are; raise UnknownStore."""
    return Repository(store(lineage.store).inside(FOLDER), str(lineage.id))


def key_of(lineage: BackupLineage) -> bytes | None:
    """Return the key of a lineage's chunks, None for those that are not encrypted."""
    return base64.b64decode(decrypt(lineage.encrypted_key)) if lineage.encrypted_key else None


def sealer_of(manifest: Manifest, lineage: BackupLineage) -> Sealer:
    """Return what opens a backup's chunks."""
    return Sealer(compression=manifest.header.compression, key=key_of(lineage))


def manifest_of(backup: Backup) -> Manifest:
    """Return a whole backup's manifest. Raises BackupDamaged, StoreUnavailable."""
    return repository_of(backup.lineage).read_manifest(
        str(backup.id), size=backup.size * GIB, sha256=backup.sha256
    )


def parent_of(backup: Backup) -> Backup | None:
    """Return the backup that one is incremental to."""
    if backup.parent_id is None:
        return None
    found: Backup | None = (
        Backup.objects.select_related("lineage").filter(id=backup.parent_id).first()
    )
    if found is None:
        raise BackupDamaged("The backup before this one is gone.", detail=str(backup.parent_id))
    return found


def wanted_of(backup: Backup) -> Wanted:
    """Return what a backup that is taken shall be."""
    parent = parent_of(backup)
    return Wanted(
        id=str(backup.id),
        lineage=str(backup.lineage_id),
        volume_id=str(backup.volume_id),
        created_at=backup.created_at.isoformat(),
        block_size=backup.lineage.block_size,
        parent=None if parent is None else manifest_of(parent),
    )


class Transfer:
    """One transfer, as its host sees it."""

    def __init__(self, backup: Backup) -> None:
        self._backup = backup
        self._repository = repository_of(backup.lineage)

    def terms(self) -> BackupTerms:
        """Return how blocks become chunks."""
        backup, key = self._backup, key_of(self._backup.lineage)
        return BackupTerms(
            id=str(backup.id),
            lineage=str(backup.lineage_id),
            volume_id=str(backup.volume_id),
            created_at=backup.created_at.isoformat(),
            block_size=backup.lineage.block_size,
            size=backup.size * GIB,
            key=None if key is None else base64.b64encode(key).decode(),
            parent=backup.parent_id is not None,
        )

    def parent(self) -> bytes:
        """Return the manifest of the backup before. Raises BackupDataNotFound."""
        try:
            parent = parent_of(self._backup)
            if parent is None:
                raise BackupDataNotFound
            return self._manifest(parent)
        except BackupDamaged as error:
            raise BackupDataNotFound(error.message, detail=error.detail) from error

    def known(self) -> bytes:
        """Return the digests of the chunks that are there, one after the other."""
        return b"".join(self._repository.digests(str(self._backup.id)))

    def put(self, read: Callable[[int], bytes]) -> None:
        """Store the chunks of a body. Raises BadRequest, StoreFull, StoreUnavailable."""
        try:
            for chunk in unframed(read, block_size=self._backup.lineage.block_size):
                self._repository.put(str(self._backup.id), [chunk])
        except BackupDamaged as error:
            raise BadRequest(error.message, detail=error.detail) from error

    @property
    def longest_manifest(self) -> int:
        """How many bytes its manifest has at most."""
        return largest(self._backup.size * GIB, self._backup.lineage.block_size)

    def put_manifest(self, data: bytes) -> None:
        """Keep what the host says it took, until it is checked."""
        self._repository.put_draft(str(self._backup.id), data)

    def manifest(self) -> bytes:
        """Return the manifest of the backup that is restored. Raises BackupDataNotFound."""
        try:
            return self._manifest(self._backup)
        except BackupDamaged as error:
            raise BackupDataNotFound(error.message, detail=error.detail) from error

    def _manifest(self, backup: Backup) -> bytes:
        return self._repository.manifest_bytes(
            str(backup.id), size=backup.size * GIB, sha256=backup.sha256
        )

    def chunk(self, origin: str, digest: str) -> bytes:
        """Return a chunk. Raises BackupDataNotFound."""
        try:
            return self._repository.get(
                origin, bytes.fromhex(digest), limit=self._backup.lineage.block_size
            )
        except (BackupDamaged, ValueError) as error:
            raise BackupDataNotFound(detail=str(error)) from error
