"""Proofs: backups are looked through, and some restored to nobody, so that it is known that they can be."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from cloudweb.proofs import prove_due
from databases import conf
from databases.exceptions import BackupBusy
from databases.manager.backups import DatabaseBackupManager
from databases.manager.parts_project import ensure_parts_project
from databases.models import Backup, DatabaseInstance, PartsProject
from databases.operations import DeleteDatabase, ProveDatabaseBackup
from databases.states import WHOLE, OperatingStatus
from operations.holding import ResourceBusy


class DatabaseBackupProofManager(Manager):
    """Starts proofs."""

    @policy("database:backups:prove")
    def prove(self, backup_id: str, *, restore: bool = True) -> Backup:
        """Start to compare what the store has of a backup and, with ``restore``, to restore it on trial.

        Of a project one is restored at a time. Raises BackupNotFound, BackupBusy.
        """
        backups = DatabaseBackupManager(self.context)
        found = backups.find(backup_id)
        parts = ensure_parts_project(found.project_id) if restore else ""
        with transaction.atomic():
            found = locked(Backup.objects.filter(id=found.id)).first() or backups.find(backup_id)
            if found.status not in WHOLE:
                raise BackupBusy(found.id, f"is {found.status}")
            tried: dict[str, Any] = {"proof_tried_at": now()}
            args = {}
            if restore:
                tried["restore_tried_at"] = now()
                args["scratch"] = str(_scratch(found, parts, self.context).id)
            try:
                ProveDatabaseBackup.start(self.context, resource_id=str(found.id), args=args)
            except ResourceBusy as error:
                raise BackupBusy(found.id, "is being proven already") from error
            Backup.objects.filter(id=found.id).update(**tried)
        return backups.find(backup_id)

    @periodic(every=timedelta(hours=1))
    @policy("database:backups:prove_some")
    def check_backups(self) -> None:
        """Compare what the store has of some backups of databases: first those that nobody looked at."""
        _prove_due("proof_tried_at", conf.BACKUP_CHECKS, restore=False)

    @periodic(every=timedelta(days=1))
    @policy("database:backups:prove_some")
    def prove_backups(self) -> None:
        """Restore some backups of databases on trial: first those that nobody ever restored."""
        _prove_due("restore_tried_at", conf.BACKUP_PROOFS, restore=True)

    @periodic(every=timedelta(hours=1))
    @policy("database:backups:prove_some")
    def delete_left_trials(self) -> None:
        """Delete databases of trials that no operation is at work on: of an older copy of the rows, say."""
        for key in DatabaseInstance.objects.filter(is_scratch=True).values_list("id", flat=True):
            try:
                with transaction.atomic():
                    DeleteDatabase.start(self.context, resource_id=str(key))
            except ResourceBusy:  # it is on trial
                continue


def _prove_due(tried: str, most: int, *, restore: bool) -> None:
    prove_due(
        Backup.objects.filter(status__in=WHOLE),
        lambda context, key: DatabaseBackupProofManager(context).prove(str(key), restore=restore),
        tried=tried,
        again_after=timedelta(days=conf.BACKUP_PROVEN_DAYS),
        most=most,
    )


def _scratch(backup: Backup, parts: str, context: RequestContext) -> DatabaseInstance:
    """Record what a backup is restored to on trial; it has no size yet. Raises BackupBusy."""
    locked(PartsProject.objects.filter(parts_project_id=parts)).get()  # one at a time
    if DatabaseInstance.objects.filter(project_id=parts, is_scratch=True).exists():
        raise BackupBusy(backup.id, "waits: one of the project is restored on trial already")
    return DatabaseInstance.objects.create(
        id=uuid.uuid4(),
        project_id=parts,
        parts_project_id=parts,
        user_id=context.user_id or "",
        name=f"trial-of-{backup.id}",
        version=backup.version,
        volume_size=backup.volume_size,
        restored_from=backup.id,
        operating_status=OperatingStatus.NEW,
        is_scratch=True,
    )
