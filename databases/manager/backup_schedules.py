"""Schedules of backups of databases: their rows, when they are due, and what they keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from cloudweb import schedules
from cloudweb.database.locks import locked
from cloudweb.exceptions import CloudwebError, UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from databases.exceptions import InstanceNotAvailable
from databases.manager.backups import DatabaseBackupManager
from databases.manager.lookup import InstanceLookups
from databases.models import Backup, DatabaseBackupSchedule, DatabaseInstance
from databases.querysets import DatabaseBackupScheduleQuerySet
from databases.states import WHOLE, BackupStatus

log = structlog.get_logger(__name__)


class DatabaseBackupScheduleManager(InstanceLookups):
    """The schedules of the caller's project's databases."""

    def _schedules(self) -> DatabaseBackupScheduleQuerySet:
        return DatabaseBackupSchedule.objects.visible_to(self.context)

    @policy("database:backup_schedules:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[DatabaseBackupSchedule]:
        """Return a page of the project's own; raise UnknownMarker."""
        rows, last = DatabaseBackupSchedule.objects.of_project(self.context), None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = rows.filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows, listing, last=last)

    @policy("database:backup_schedules:list")
    def of_instance(self, instance_id: str) -> Sequence[DatabaseBackupSchedule]:
        """Return those of an instance, the oldest first; raise DatabaseInstanceNotFound."""
        rows = DatabaseBackupSchedule.objects.filter(instance=self.get(instance_id))
        return [*rows.order_by("created_at", "id")]

    @policy("database:backup_schedules:get")
    def find(self, schedule_id: object) -> DatabaseBackupSchedule:
        """Return a schedule; raise BackupScheduleNotFound."""
        return schedules.find(self._schedules(), schedule_id)

    @policy("database:backup_schedules:create")
    def create(self, instance_id: str, wanted: Mapping[str, Any]) -> DatabaseBackupSchedule:
        """Record a schedule, due at once. Raises DatabaseInstanceNotFound, TooManySchedules."""
        with transaction.atomic():
            found = self.get(instance_id)
            locked(DatabaseInstance.objects.filter(id=found.id)).get()
            if found.backup_schedules.count() >= schedules.MOST:
                raise schedules.TooManySchedules("database")
            return DatabaseBackupSchedule.objects.create(
                project_id=found.project_id,
                user_id=self.context.user_id or "",
                instance=found,
                **wanted,
            )

    @policy("database:backup_schedules:update")
    def update(self, schedule_id: object, changes: Mapping[str, Any]) -> DatabaseBackupSchedule:
        """Change a schedule; another interval counts from its last backup on."""
        return schedules.change(self._schedules(), schedule_id, changes)

    @policy("database:backup_schedules:delete")
    def delete(self, schedule_id: object) -> None:
        """End a schedule; its backups stay."""
        schedules.end(self._schedules(), schedule_id)

    @periodic(every=60)
    @policy("database:backup_schedules:run")
    def run_backup_schedules(self) -> None:
        """Take the backups of databases that are due by their schedules."""
        schedules.run_due(DatabaseBackupSchedule.objects.all(), _take)

    @periodic(every=timedelta(minutes=10))
    @policy("database:backup_schedules:run")
    def delete_expired_backups(self) -> None:
        """Delete the backups of databases that their schedules keep no longer."""
        for schedule in DatabaseBackupSchedule.objects.iterator(chunk_size=schedules.ROUND):
            _expire(schedule)


def _take(row: DatabaseBackupSchedule, moment: datetime) -> None:
    mine = Backup.objects.filter(schedule=row).order_by("-created_at")
    last, newest = mine.first(), mine.filter(status__in=WHOLE).first()
    if newest is not None and newest.instance_id != row.instance_id:
        newest = None  # of the source before this one
    chain = [] if newest is None else newest.chain
    # what the last one should have added to, may be what it cannot be added to any more
    failed = last is not None and last.status == BackupStatus.FAILED
    is_other = newest is not None and newest.version_id != row.instance.version_id
    is_damaged = any(one.proof_fault for one in chain)
    is_full = failed or is_other or is_damaged or row.wants_full(len(chain))
    try:
        DatabaseBackupManager(row.owner).create(
            name=row.name_at(moment),
            instance_id=str(row.instance_id),
            parent_id=None if is_full or newest is None else str(newest.id),
            schedule=row,
        )
    except InstanceNotAvailable as error:
        raise schedules.NotNow(error.message) from error


def _expire(schedule: DatabaseBackupSchedule) -> None:
    rows = Backup.objects.filter(schedule=schedule)
    whole = dict(rows.filter(status__in=WHOLE).values_list("id", "created_at"))
    failed = rows.filter(status__in=(BackupStatus.FAILED, BackupStatus.DELETE_FAILED))
    gone = schedule.not_kept(whole, dict(failed.values_list("id", "created_at")))
    manager = DatabaseBackupManager(schedule.owner)
    for key in _needed_by_none(schedule, gone):
        try:
            manager.delete(str(key))
        except CloudwebError as error:  # it is being made a database of, or goes already
            log.info("kept for now", backup=str(key), error=error.message)


def _needed_by_none(schedule: DatabaseBackupSchedule, gone: set[UUID]) -> list[UUID]:
    """Return those that may go: none that one which stays adds to; of a chain that goes, the first alone."""
    of = Backup.objects.filter(schedule=schedule).values("instance_id")
    rows = Backup.objects.filter(instance_id__in=of)
    parents = dict(rows.values_list("id", "parent_id"))
    for key in parents.keys() - gone:
        at: UUID | None = parents[key]
        while at is not None:
            gone.discard(at)
            at = parents.get(at)
    return [key for key in gone if parents.get(key) not in gone]
