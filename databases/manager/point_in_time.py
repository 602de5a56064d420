"""Going back to a moment: whether a database's log is kept, how far back it leads, and what of it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest, CloudwebError
from cloudweb.identifiers import as_uuid
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from databases import conf, fake_guest
from databases.dumps import logs
from databases.exceptions import DatabaseInstanceNotFound, MomentNotKept
from databases.manager.lookup import InstanceLookups
from databases.models import Backup, DatabaseInstance, LogArchive
from databases.moments import Window, joined, way_to, windows
from databases.operations import KeepDatabaseLog
from databases.states import BEING_TAKEN, WHOLE, Task

log = structlog.get_logger(__name__)
ROUND = 200


@dataclass(frozen=True, slots=True)
class PointInTime:
    """Whether the log is kept, the stretches of time that one can go back to, and its bytes."""

    instance_id: UUID
    enabled: bool
    windows: Sequence[tuple[datetime, datetime]]
    stored: int

    @property
    def earliest(self) -> datetime | None:
        """The first moment."""
        return self.windows[0][0] if self.windows else None

    @property
    def latest(self) -> datetime | None:
        """The last moment."""
        return self.windows[-1][1] if self.windows else None


class PointInTimeManager(InstanceLookups):
    """Of the caller's project's databases."""

    @policy("database:point_in_time:get")
    def of_instance(self, instance_id: str) -> PointInTime:
        """Return how far back one can go; raise DatabaseInstanceNotFound. Its backups may outlive it."""
        key = self._key(instance_id)
        archive = LogArchive.objects.filter(instance_id=key).first()
        return PointInTime(
            key,
            archive is not None and archive.enabled,
            joined(windows(key)) if archive else (),
            logs.stored(archive) if archive else 0,
        )

    @policy("database:point_in_time:get")
    def way_to(self, instance_id: str, moment: datetime) -> Window:
        """Return what leads to a moment; raise DatabaseInstanceNotFound, BadRequest, MomentNotKept."""
        if moment > now():
            raise BadRequest("That moment is still to come.")
        found = way_to(self._key(instance_id), moment)
        if found is None:
            shown = self.of_instance(instance_id)
            raise MomentNotKept(shown.earliest, shown.latest)
        return found

    @policy("database:point_in_time:update")
    def keep(self, instance_id: str, *, enabled: bool) -> PointInTime:
        """Have the log kept, or no longer; told again nothing is done.

        Raises DatabaseInstanceNotFound, InstanceNotAvailable, BadRequest for a datastore without one.
        """
        found = self.get(instance_id)
        if enabled and found.version.manager != "postgresql":
            raise BadRequest("Only PostgreSQL goes back to moments between backups.")
        if enabled and found.replica_of_id is not None:
            raise BadRequest("The log is kept of the source, not of its replicas.")
        with transaction.atomic():
            archive, _ = LogArchive.objects.get_or_create(
                instance_id=found.id,
                defaults={"project_id": found.project_id, "volume_size": found.volume_size},
            )
            if archive.enabled != enabled:
                self._take(instance_id, Task.CONFIGURING)
                LogArchive.objects.filter(id=archive.id).update(volume_size=found.volume_size)
                args = {"enabled": enabled, "before": archive.enabled}
                KeepDatabaseLog.start(self.context, resource_id=str(found.id), args=args)
        return self.of_instance(instance_id)

    def _key(self, instance_id: str) -> UUID:
        """Return the id of an instance that the caller can see, or could while it was there."""
        key = as_uuid(instance_id)
        if key and self._rows().filter(id=key).exists():
            return key
        mine = LogArchive.objects.filter(instance_id=key) if key else LogArchive.objects.none()
        if not self.context.is_admin:
            mine = mine.filter(project_id=self.context.project_id or "")
        if key is None or not mine.exists():
            raise DatabaseInstanceNotFound(instance_id)
        return key

    @periodic(every=timedelta(minutes=5))
    @policy("database:point_in_time:run")
    def look_after_logs(self) -> None:
        """Delete what no backup of a database needs of its log, and what is more than is kept."""
        for archive in LogArchive.objects.iterator(chunk_size=ROUND):
            try:
                _look_after(archive)
            except CloudwebError as error:
                log.warning("a log stays for now", archive=str(archive.id), error=error.message)


def _look_after(archive: LogArchive) -> None:
    if archive.enabled and not DatabaseInstance.objects.filter(id=archive.instance_id).exists():
        LogArchive.objects.filter(id=archive.id).update(enabled=False)
    elif archive.enabled and conf.GUESTS == "fake":
        fake_guest.send_log(archive)
    rows = Backup.objects.filter(instance_id=archive.instance_id)
    begins = rows.filter(status__in=(*WHOLE, *BEING_TAKEN)).order_by("created_at")
    oldest = begins.values_list("created_at", flat=True).first() or now()
    size, count = logs.stored(archive), archive.pieces.count()
    for piece in archive.pieces.order_by("number"):
        fits = size <= logs.room(archive) and count <= logs.MOST_PIECES
        if piece.created_at >= oldest and fits:
            break
        logs.forget(piece)
        size, count = size - piece.size, count - 1
    gone = LogArchive.objects.filter(id=archive.id, enabled=False, pieces=None).first()
    if gone is not None and not rows.exists():
        logs.forget_all(gone)
