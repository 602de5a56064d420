"""Records of backups: all that is needed to take one up again when the database is lost."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from cryptography.fernet import InvalidToken
from django.db import transaction
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cloudweb.encryption import decrypt
from cloudweb.exceptions import InvalidInput
from cloudweb.policy import policy
from cloudweb.stores.configured import store
from volume import quota
from volume.backups.manifest import MAX_BLOCK, MIN_BLOCK
from volume.exceptions import InvalidBackup
from volume.manager.backup_lookup import BackupLookups, check_available
from volume.models import Backup, BackupLineage
from volume.operations import ImportBackup

#: What a record's ``backup_service`` is here.
SERVICE = "cloudweb.backups"
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BackupRecord(BaseModel):
    """What ``backup_url`` holds, as base64 of JSON. The key in it opens with this cloud's secrets alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    id: Id
    lineage: Id
    store: str
    block_size: int = Field(ge=MIN_BLOCK, le=MAX_BLOCK)
    encrypted_key: str = ""
    name: str | None = Field(default=None, max_length=255)
    description: str | None = Field(default=None, max_length=255)
    volume_id: Id
    snapshot_id: Id | None = None
    parent_id: Id | None = None
    size: int = Field(ge=1, le=2**24)
    zone: str = Field(default="", max_length=255)
    metadata: dict[str, str] = Field(default_factory=dict)
    volume_facts: dict[str, Any] = Field(default_factory=dict)
    volume_type_id: Id | None = None
    sha256: Digest
    content: Digest
    changed_bytes: int = Field(default=0, ge=0, le=2**62)
    stored_bytes: int = Field(default=0, ge=0, le=2**62)
    created_at: AwareDatetime
    data_at: AwareDatetime


class BackupRecords(BackupLookups):
    """Exports records, and imports them."""

    @policy("volume:backups:export_record")
    def export_record(self, backup_id: str) -> tuple[str, str]:
        """Return a backup's record: service and URL."""
        backup = self.find(backup_id)
        check_available(backup)
        record = BackupRecord(
            id=str(backup.id),
            lineage=str(backup.lineage_id),
            store=backup.lineage.store,
            block_size=backup.lineage.block_size,
            encrypted_key=backup.lineage.encrypted_key,
            volume_id=str(backup.volume_id),
            snapshot_id=None if backup.snapshot_id is None else str(backup.snapshot_id),
            parent_id=None if backup.parent_id is None else str(backup.parent_id),
            volume_type_id=None if backup.volume_type_id is None else str(backup.volume_type_id),
            **{name: getattr(backup, name) for name in _COLUMNS},
        )
        return SERVICE, base64.b64encode(record.model_dump_json().encode()).decode()

    @policy("volume:backups:import_record")
    def import_record(self, *, service: str, url: str) -> Backup:
        """Record a backup of the caller's project, and start looking for it in its store.

        Raises InvalidInput for what is no record, InvalidBackup for one that is here already.
        """
        if service != SERVICE:
            raise InvalidInput(
                field="backup_service", value=service[:80], reason=f"It must be {SERVICE}."
            )
        record = _parsed(url)
        store(record.store)
        project = self.context.scoped_project_id
        with transaction.atomic():
            if Backup.objects.filter(id=record.id).exists():
                raise InvalidBackup(f"Backup {record.id} is here already.")
            quota.reserve(project, backups=1, backup_gigabytes=record.size)
            backup = Backup.objects.create(
                id=record.id,
                project_id=project,
                user_id=self.context.user_id or "",
                lineage=_lineage(record),
                volume_id=record.volume_id,
                snapshot_id=record.snapshot_id,
                parent_id=record.parent_id,
                volume_type_id=record.volume_type_id,
                **{name: getattr(record, name) for name in _COLUMNS},
            )
            ImportBackup.start(self.context, resource_id=str(backup.id))
        return backup


_COLUMNS = (
    "name",
    "description",
    "size",
    "zone",
    "metadata",
    "volume_facts",
    "sha256",
    "content",
    "changed_bytes",
    "stored_bytes",
    "created_at",
    "data_at",
)


def _parsed(url: str) -> BackupRecord:
    try:
        return BackupRecord.model_validate_json(base64.b64decode(url, validate=True))
    except (binascii.Error, ValueError, ValidationError) as error:
        raise InvalidInput(
            field="backup_url", value=url[:40], reason="It is no record of a backup."
        ) from error


def _lineage(record: BackupRecord) -> BackupLineage:
    if record.encrypted_key:
        try:
            decrypt(record.encrypted_key)
        except InvalidToken as error:
            raise InvalidBackup(
                "The record's key was encrypted with secrets that this cloud does not have."
            ) from error
    lineage, made = BackupLineage.objects.get_or_create(
        id=record.lineage,
        defaults={
            "store": record.store,
            "block_size": record.block_size,
            "encrypted_key": record.encrypted_key,
        },
    )
    if not made and (lineage.store, lineage.block_size) != (record.store, record.block_size):
        raise InvalidBackup("The record contradicts other backups that share chunks with it.")
    return lineage
