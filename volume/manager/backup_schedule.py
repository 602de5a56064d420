"""Schedules of backups: their rows, when they are due, and what they keep."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import CloudwebError, UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from volume.backups.retention import Retention, kept
from volume.exceptions import BackupScheduleNotFound, TooManySchedules
from volume.manager.backup import BackupManager
from volume.manager.backup_taking import BackupWish
from volume.manager.lookup import VolumeLookups
from volume.models import Backup, BackupSchedule, Volume
from volume.querysets import BackupScheduleQuerySet
from volume.states import BackupStatus

log = structlog.get_logger(__name__)
#: Of one volume.
MOST = 10
#: So many are looked after in one round.
ROUND = 200


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
        key = as_uuid(str(schedule_id))
        found = self._schedules().filter(id=key).first() if key else None
        if found is None:
            raise BackupScheduleNotFound(schedule_id)
        return found

    @policy("volume:backup_schedules:create")
    def create(self, volume_id: str, wanted: Mapping[str, Any]) -> BackupSchedule:
        """Record a schedule, due at once. Raises VolumeNotFound, TooManySchedules."""
        with transaction.atomic():
            volume = self._locked(volume_id)
            if BackupSchedule.objects.filter(volume=volume).count() >= MOST:
                raise TooManySchedules(MOST)
            return BackupSchedule.objects.create(
                project_id=volume.project_id,
                user_id=self.context.user_id or "",
                volume=volume,
                **wanted,
            )

    @policy("volume:backup_schedules:update")
    def update(self, schedule_id: str, changes: Mapping[str, Any]) -> BackupSchedule:
        """Change a schedule; another interval counts from its last backup on."""
        with transaction.atomic():
            row = self._locked_schedule(schedule_id)
            for name, value in changes.items():
                setattr(row, name, value)
            if "interval" in changes and row.last_at is not None:
                row.next_at = row.last_at + timedelta(hours=row.interval)
            row.updated_at = now()
            row.save()
        return row

    @policy("volume:backup_schedules:delete")
    def delete(self, schedule_id: str) -> None:
        """End a schedule; its backups stay."""
        with transaction.atomic():
            self._locked_schedule(schedule_id).delete()

    def _locked_schedule(self, schedule_id: str) -> BackupSchedule:
        key = as_uuid(schedule_id)
        found = locked(self._schedules().filter(id=key)).first() if key else None
        if found is None:
            raise BackupScheduleNotFound(schedule_id)
        return found

    @periodic(every=60)
    @policy("volume:backup_schedules:run")
    def run_backup_schedules(self) -> None:
        """Take the backups that are due by their schedules."""
        due = BackupSchedule.objects.filter(enabled=True, next_at__lte=now()).order_by("next_at")
        for key in due.values_list("id", flat=True)[:ROUND]:
            _run(key)

    @periodic(every=timedelta(minutes=10))
    @policy("volume:backup_schedules:run")
    def delete_expired_backups(self) -> None:
        """Delete the backups that their schedules keep no longer."""
        for schedule in BackupSchedule.objects.iterator(chunk_size=ROUND):
            _expire(schedule)


def _run(key: uuid.UUID) -> None:
    """Take one schedule's backup, once however many look; whatever is wrong waits for its next time."""
    with transaction.atomic():
        row = locked(BackupSchedule.objects.filter(id=key)).first()
        moment = now()
        if row is None or not row.enabled or row.next_at > moment:
            return
        every = timedelta(hours=row.interval)
        row.next_at += every * (1 + (moment - row.next_at) // every)
        row.save(update_fields=["next_at"])
    try:
        BackupManager(_owner(row)).create(_wish(row, moment.strftime("%Y-%m-%d %H:%M")))
    except CloudwebError as error:
        log.warning("a schedule could not back up", schedule=str(key), error=error.message)
        BackupSchedule.objects.filter(id=key).update(last_error=error.message)
    else:
        BackupSchedule.objects.filter(id=key).update(last_at=moment, last_error="")


def _wish(row: BackupSchedule, when: str) -> BackupWish:
    mine = Backup.objects.filter(schedule=row, status=BackupStatus.AVAILABLE)
    since_full = list(mine.order_by("-data_at").values_list("parent_id", flat=True)[:1000])
    before = next((i for i, parent in enumerate(since_full) if parent is None), len(since_full))
    volume = Volume.objects.get(id=row.volume_id)
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
    is_due = bool(row.full_every) and before + 1 >= row.full_every
    return BackupWish(
        volume_id=str(volume.id),
        name=f"{row.name} {when}"[:255],
        incremental=bool(since_full) and is_alike and not is_due,
        encrypted=encrypted,
        force=True,
        schedule=row,
    )


def _expire(schedule: BackupSchedule) -> None:
    rules = Retention(
        last=schedule.keep_last,
        daily=schedule.keep_daily,
        weekly=schedule.keep_weekly,
        monthly=schedule.keep_monthly,
    )
    rows = Backup.objects.filter(schedule=schedule)
    whole = dict(rows.filter(status=BackupStatus.AVAILABLE).values_list("id", "data_at"))
    gone = whole.keys() - kept(whole, rules)
    if whole:  # one that failed says so until there is a newer one
        failed = rows.filter(
            status__in=(BackupStatus.ERROR, BackupStatus.ERROR_DELETING),
            created_at__lt=max(whole.values()),
        )
        gone |= {*failed.values_list("id", flat=True)}
    manager = BackupManager(_owner(schedule))
    for key in gone:
        try:
            manager.delete(str(key))
        except CloudwebError as error:  # it is being restored, or one is made of it
            log.info("kept for now", backup=str(key), error=error.message)


def _owner(schedule: BackupSchedule) -> RequestContext:
    """Return the context of a schedule: its project's, with a member's rights."""
    return RequestContext(
        user_id=schedule.user_id or None,
        project_id=schedule.project_id,
        roles=frozenset({"member", "reader"}),
    )
