"""Schedules of backups: their rows, when they are due, and what they keep."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from cloudweb import schedules
from cloudweb.exceptions import CloudwebError, UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from volume.manager.backup import BackupManager
from volume.manager.backup_taking import BackupWish
from volume.manager.lookup import VolumeLookups
from volume.models import Backup, BackupSchedule
from volume.querysets import BackupScheduleQuerySet
from volume.states import BackupStatus

log = structlog.get_logger(__name__)


class BackupScheduleManager(VolumeLookups):
    """The schedules of the caller's project's volumes."""

    def _schedules(self) -> BackupScheduleQuerySet:
        return BackupSchedule.objects.visible_to(self.context)

    @policy("volume:backup_schedules:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[BackupSchedule]:
        """Return a page; raise UnknownMarker."""
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = self._schedules().filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(self._schedules(), listing, last=last)

    @policy("volume:backup_schedules:get")
    def find(self, schedule_id: str | uuid.UUID) -> BackupSchedule:
        """Return a schedule; raise BackupScheduleNotFound."""
        return schedules.find(self._schedules(), schedule_id)

    @policy("volume:backup_schedules:create")
    def create(self, volume_id: str, wanted: Mapping[str, Any]) -> BackupSchedule:
        """Record a schedule, due at once. Raises VolumeNotFound, TooManySchedules."""
        with transaction.atomic():
            volume = self._locked(volume_id)
            if BackupSchedule.objects.filter(volume=volume).count() >= schedules.MOST:
                raise schedules.TooManySchedules("volume")
            return BackupSchedule.objects.create(
                project_id=volume.project_id,
                user_id=self.context.user_id or "",
                volume=volume,
                **wanted,
            )

    @policy("volume:backup_schedules:update")
    def update(self, schedule_id: str, changes: Mapping[str, Any]) -> BackupSchedule:
        """Change a schedule; another interval counts from its last backup on."""
        return schedules.change(self._schedules(), schedule_id, changes)

    @policy("volume:backup_schedules:delete")
    def delete(self, schedule_id: str) -> None:
        """End a schedule; its backups stay."""
        schedules.end(self._schedules(), schedule_id)

    @periodic(every=60)
    @policy("volume:backup_schedules:run")
    def run_backup_schedules(self) -> None:
        """Take the backups that are due by their schedules."""
        schedules.run_due(BackupSchedule.objects.all(), _take)

    @periodic(every=timedelta(minutes=10))
    @policy("volume:backup_schedules:run")
    def delete_expired_backups(self) -> None:
        """Delete the backups that their schedules keep no longer."""
        for schedule in BackupSchedule.objects.iterator(chunk_size=schedules.ROUND):
            _expire(schedule)


def _take(row: BackupSchedule, moment: datetime) -> None:
    mine = Backup.objects.filter(schedule=row, status=BackupStatus.AVAILABLE)
    parents = list(mine.order_by("-data_at").values_list("parent_id", flat=True)[:1000])
    since_full = next((i + 1 for i, one in enumerate(parents) if one is None), len(parents))
    volume = VolumeLookups(row.owner).get(row.volume_id)
    newest = (
        Backup.objects.filter(
            volume_id=volume.id, project_id=row.project_id, status=BackupStatus.AVAILABLE
        )
        .select_related("lineage")
        .order_by("-data_at", "-id")
        .first()
    )
    encrypted = row.encrypted or volume.encrypted
    is_alike = newest is not None and bool(newest.lineage.encrypted_key) == encrypted
    wish = BackupWish(
        volume_id=str(volume.id),
        name=row.name_at(moment),
        incremental=is_alike and not row.wants_full(since_full) and _is_sound(row, newest),
        encrypted=encrypted,
        force=True,
        schedule=row,
    )
    BackupManager(row.owner).create(wish)


def _is_sound(row: BackupSchedule, newest: Backup | None) -> bool:
    """Tell whether the next one may go on with the last: neither did that fail, nor are its chunks known as damaged.

    Else no further one would be of use, or be taken at all, until a full one is due.
    """
    last = Backup.objects.filter(schedule=row).order_by("-created_at", "-id").first()
    if newest is None or (last is not None and last.status == BackupStatus.ERROR):
        return False
    return not Backup.objects.filter(lineage=newest.lineage).exclude(proof_fault="").exists()


def _expire(schedule: BackupSchedule) -> None:
    rows = Backup.objects.filter(schedule=schedule)
    whole = rows.filter(status=BackupStatus.AVAILABLE).values_list("id", "data_at")
    failed = rows.filter(status__in=(BackupStatus.ERROR, BackupStatus.ERROR_DELETING))
    gone = schedule.not_kept(dict(whole), dict(failed.values_list("id", "created_at")))
    manager = BackupManager(schedule.owner)
    for key in gone:
        try:
            manager.delete(str(key))
        except CloudwebError as error:  # it is being restored, or one is made of it
            log.info("kept for now", backup=str(key), error=error.message)
