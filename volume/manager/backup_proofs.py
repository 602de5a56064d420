"""Proofs: backups are restored to nobody, round by round, so that it is known that they can be."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from cloudweb.proofs import prove_due
from operations.holding import ResourceBusy
from volume import conf
from volume.exceptions import InvalidBackup
from volume.manager.backup_lookup import BackupLookups, check_available
from volume.models import Backup
from volume.operations import ProveBackup
from volume.states import BackupStatus


class BackupProofs(BackupLookups):
    """Starts proofs."""

    @policy("volume:backups:prove")
    def prove(self, backup_id: str | uuid.UUID) -> Backup:
        """Start proving a backup now. Raises InvalidBackup."""
        with transaction.atomic():
            backup = self._locked_backup(backup_id)
            check_available(backup)
            Backup.objects.filter(id=backup.id).update(proof_tried_at=now())
            try:
                ProveBackup.start(self.context, resource_id=str(backup.id))
            except ResourceBusy as error:
                raise InvalidBackup("It is being proven already.") from error
        return self.find(backup.id)

    @periodic(every=timedelta(hours=1))
    @policy("volume:backups:prove_some")
    def prove_backups(self) -> None:
        """Restore some backups to nobody and compare: first those that nobody ever proved."""
        prove_due(
            Backup.objects.filter(status=BackupStatus.AVAILABLE),
            lambda context, key: BackupProofs(context).prove(key),
            tried="proof_tried_at",
            again_after=timedelta(days=conf.BACKUP_PROVEN_DAYS),
            most=conf.BACKUP_PROOFS,
        )
