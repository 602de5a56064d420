"""Prove a backup: restore it into a scratch file, read that back, and compare."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from cloudweb.database.clock import now
from cloudweb.files import make_directory
from cloudweb.stores.room import check_room
from operations.jobs import Running
from operations.saga import Failure, Job, Run, Saga, Step
from volume import conf
from volume.backup_transfers import manifest_of, repository_of, sealer_of
from volume.backups.exceptions import BackupDamaged, BackupUnreadable
from volume.backups.proving import check_sample
from volume.backups.restoring import check_restored, restore
from volume.backups.scratch import ScratchFile
from volume.models import Backup
from volume.operations.backup_rows import backup_of, write_backup


def prove(run: Run) -> Job:
    """Restore the whole backup, or blocks of one that is too large for that."""
    backup = backup_of(run)
    return Job(lambda running: _prove(running, backup), deadline=timedelta(hours=6))


def _prove(running: Running, backup: Backup) -> Mapping[str, Any]:
    try:
        return {"blocks": _compare(running, backup), "fault": ""}
    except (BackupDamaged, BackupUnreadable) as error:
        return {"blocks": 0, "fault": error.message, "detail": error.detail}


def _compare(running: Running, backup: Backup) -> int:
    manifest, repository = manifest_of(backup), repository_of(backup.lineage)
    sealer, size = sealer_of(manifest, backup.lineage), manifest.header.size

    def on_block(done: int, of: int = 2 * size) -> None:
        running.check()
        running.report(done * 100 // max(1, of))

    stored = sum(place is not None for place in manifest.table) * manifest.header.block_size
    if stored > conf.BACKUP_PROOF_SIZE:
        count = max(1, conf.BACKUP_PROOF_SIZE // manifest.header.block_size)
        return check_sample(manifest, repository, sealer, count=count, on_block=running.check)
    directory = make_directory(Path(settings.VAR) / "backup-scratch")
    check_room(directory, stored)
    with ScratchFile(directory / secrets.token_hex(8), size) as scratch:
        restore(manifest, repository, scratch, sealer, on_block=on_block)
        check_restored(manifest, scratch, sealer, on_block=lambda done: on_block(size + done))
    return len(manifest.table)


class ProveBackup(Saga):
    """Restore a backup to nobody, to know that it can be."""

    kind = "volume.prove_backup"
    resource_type = "backup"
    deadline = timedelta(hours=8)
    steps = (Step("prove", prove),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """Write down when it was proven, or why it was not."""
        result = run.results["prove"]
        if result["fault"]:
            write_backup(run, proof_fault=result["fault"], fault_detail=result.get("detail", ""))
        else:
            write_backup(run, proven_at=now(), proof_fault="")

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The store was away, or there was no room: that says nothing about the backup."""
