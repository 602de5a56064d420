"""Backups of databases on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool, Name, Text
from cloudweb.api.shown import Form, Of
from cloudweb.times import seconds
from databases.api.serializers.instances import Ref
from databases.models import Backup


class DatabaseBackupCreate(Body):
    """``backup`` of POST /backups."""

    name: Name
    instance: Ref
    description: Text | None = None
    parent_id: Ref | None = None
    incremental: LooseBool = False
    storage_driver: Text | None = None
    swift_container: Text | None = None


class DatabaseBackupProofAsk(Body):
    """``backup_proof`` of POST /backup_proofs; without ``restore`` what the store has is compared alone."""

    backup: Ref
    restore: LooseBool = True


class BackupDatastore(Answer):
    """What it is of."""

    type: str
    version: str
    version_id: str


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _gib(size: int) -> float:
    """Two decimals, but nothing only where there is nothing."""
    return max(round(size / (1 << 30), 2), 0.01) if size else 0.0


def _datastore(row: Backup) -> dict[str, Any]:
    version = row.version
    return {
        "type": version.datastore.name,
        "version": version.name,
        "version_id": str(version.id),
    }


def _when(value: datetime | None) -> str | None:
    return None if value is None else seconds(value)


class DatabaseBackupShown(Answer):
    """A backup; ``size`` is GiB. How far it is proven is this cloud's own."""

    id: Annotated[str, Form(str)]
    name: str
    description: str
    locationRef: Annotated[str, Of("location")]  # noqa: N815 - the wire's word
    instance_id: Annotated[str, Form(str)]
    created: Annotated[str, Of("created_at"), Form(seconds)]
    updated: Annotated[str, Of("updated_at"), Form(seconds)]
    size: Annotated[float, Of(lambda row: _gib(row.size))]
    status: str
    parent_id: Annotated[str | None, Form(_text)]
    project_id: str
    storage_driver: Annotated[str, Of(lambda _row: "cloud")]
    datastore: Annotated[BackupDatastore, Of(_datastore)]
    digests_proven_at: Annotated[str | None, Form(_when)]
    restore_proven_at: Annotated[str | None, Form(_when)]
    proof_fault: Annotated[str | None, Of(lambda row: row.proof_fault or None)]
    proof_note: Annotated[str | None, Of(lambda row: row.proof_note or None)]
