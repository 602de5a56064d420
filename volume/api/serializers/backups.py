"""Backups on the wire (contract 5.1)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel

from cloudweb.api.answers import Answer, Link
from cloudweb.api.fields import Body, LooseBool, Text
from cloudweb.api.links import resource_links
from cloudweb.api.shown import Always, Form, Of, Scene, Seen
from cloudweb.microversions.volume import since
from cloudweb.times import micros
from volume.api.serializers.volumes import Id, Items, TolerantBody
from volume.models import Backup


class BackupCreate(TolerantBody):
    """``backup`` of POST /backups; ``encrypted`` is this cloud's own."""

    volume_id: Id
    snapshot_id: Id | None = None
    container: Text | None = None
    name: Text | None = None
    description: Text | None = None
    incremental: LooseBool = False
    force: LooseBool = False
    metadata: Annotated[Items, since(43)] = Field(default_factory=dict)
    availability_zone: Annotated[Text | None, since(51)] = None
    encrypted: LooseBool = False


class BackupUpdate(Body):
    """``backup`` of PUT /backups/{id}."""

    name: Text | None = None
    description: Text | None = None
    metadata: Annotated[Items, since(43)] = Field(default_factory=dict)


class BackupRestore(Body):
    """``restore`` of POST /backups/{id}/restore: over a volume, or into a new one with this name."""

    volume_id: Id | None = None
    name: Text | None = None


class BackupRecordBody(Body):
    """``backup-record`` of POST /backups/import_record."""

    backup_service: Annotated[str, Field(min_length=1, max_length=255)]
    backup_url: Annotated[str, Field(min_length=1, max_length=65_536)]


class BackupRecordShown(Answer):
    """All that is needed to take a backup up again."""

    backup_service: str
    backup_url: str


class ResetBackupStatus(Body):
    """The value of ``os-reset_status``."""

    status: Literal["available", "error"]


class ForceDeleteBackup(Body):
    """The value of ``os-force_delete``; null is one, too."""


#: Action -> what its key holds.
BODIES: dict[str, type[Body]] = {
    "os-reset_status": ResetBackupStatus,
    "os-force_delete": ForceDeleteBackup,
}


class BackupAction(RootModel[dict[str, Any]]):
    """The body of POST /backups/{id}/action: exactly one key, with what belongs to it."""


def _links(row: Backup, scene: Scene) -> list[dict[str, str]]:
    return resource_links(scene.request, f"backups/{row.id}")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


class BackupBrief(Answer):
    """A backup as GET /backups lists it."""

    id: Annotated[str, Form(str)]
    name: Annotated[str | None, Of("name")]
    links: Annotated[list[Link], Seen(_links)]


class BackupShown(BackupBrief):
    """A backup with everything. None depends on another: a manifest names all chunks that it needs."""

    description: str | None
    status: str
    size: int
    object_count: Annotated[int, Of("chunks")]
    volume_id: Annotated[str, Form(str)]
    snapshot_id: Annotated[str | None, Form(_text)]
    container: Annotated[str, Of("lineage.store")]
    availability_zone: Annotated[str | None, Of(lambda row: row.zone or None)]
    fail_reason: Annotated[str | None, Of(lambda row: row.fail_reason or None)]
    is_incremental: bool
    has_dependent_backups: Annotated[bool, Always(False)]
    created_at: Annotated[str, Form(micros)]
    updated_at: Annotated[str | None, Form(micros)]
    data_timestamp: Annotated[str, Of(lambda row: micros(row.data_at))]
    project_id: Annotated[str, Of("project_id"), since(18)] = Field(
        alias="os-backup-project-attr:project_id"
    )
    metadata: Annotated[dict[str, str], since(43)]
    user_id: Annotated[str, since(56)]
    encryption_key_id: Annotated[None, Always(None), since(64)]


class RestoreShown(Answer):
    """Which volume a backup is restored to."""

    backup_id: str
    volume_id: str
    volume_name: str | None


class BackupProofShown(Answer):
    """When a backup was last restored and compared, or why that failed; sizes in bytes."""

    backup_id: Annotated[str, Of(lambda row: str(row.id))]
    name: str | None
    volume_id: Annotated[str, Form(str)]
    status: str
    encrypted: Annotated[bool, Of(lambda row: bool(row.lineage.encrypted_key))]
    changed_bytes: int
    stored_bytes: int
    proven_at: Annotated[str | None, Form(micros)]
    tried_at: Annotated[str | None, Of(lambda row: micros(row.proof_tried_at))]
    fault: Annotated[str | None, Of(lambda row: row.proof_fault or None)]


class BackupProofAsk(Body):
    """``backup_proof`` of POST /backup-proofs."""

    backup_id: Id
