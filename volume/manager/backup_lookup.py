"""Backups as the caller sees them: one, a page, all that count."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db.models import Q

from cloudweb import policy as policies
from cloudweb.database.locks import locked
from cloudweb.exceptions import UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, narrowed, page_of
from cloudweb.policy import policy
from operations.history import Entry, operations_of
from volume.exceptions import BackupNotFound, InvalidBackup
from volume.manager.lookup import VolumeLookups
from volume.models import Backup
from volume.querysets import BackupQuerySet
from volume.states import BackupStatus


class BackupLookups(VolumeLookups):
    """All raise BackupNotFound for what the caller does not see."""

    def _backups(self) -> BackupQuerySet:
        return Backup.objects.visible_to(self.context)

    @policy("volume:backups:get")
    def find(self, backup_id: str | uuid.UUID) -> Backup:
        """Return a backup with all that is shown of it."""
        key = as_uuid(str(backup_id))
        found = self._backups().complete().filter(id=key).first() if key else None
        if found is None:
            raise BackupNotFound(backup_id)
        return found

    @policy("volume:backups:get")
    def backup_history(self, backup_id: str | uuid.UUID) -> Sequence[Entry]:
        """Return what was done with a backup, newest first."""
        return operations_of("backup", str(self.find(backup_id).id))

    def _locked_backup(self, backup_id: str | uuid.UUID) -> Backup:
        key = as_uuid(str(backup_id))
        found = locked(self._backups().filter(id=key)).first() if key else None
        if found is None:
            raise BackupNotFound(backup_id)
        return found

    @policy("volume:backups:list")
    def list_backups(
        self, listing: Listing = EVERYTHING, *, all_projects: bool = False, offset: int = 0
    ) -> Page[Backup]:
        """Return a page, with all that is shown; raise UnknownMarker."""
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = self._backups().filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        rows = self._asked_backups(all_projects=all_projects).complete()
        if not offset:
            return page_of(rows, listing, last=last)
        limit = None if listing.limit is None else listing.limit + offset
        wanted = Listing(
            where=listing.where,
            through=Q(),
            order=listing.order,
            limit=limit,
            marker=listing.marker,
        )
        page = page_of(rows, wanted, last=last)
        return Page(page.rows[offset:], page.more)

    @policy("volume:backups:list")
    def count_backups(self, listing: Listing = EVERYTHING, *, all_projects: bool = False) -> int:
        """Return how many there are on all pages."""
        return narrowed(self._asked_backups(all_projects=all_projects), listing).count()

    def _asked_backups(self, *, all_projects: bool) -> BackupQuerySet:
        if all_projects:
            policies.check(self.context, "volume:backups:list_all_projects")
            return Backup.objects.all()
        return Backup.objects.filter(project_id=self.context.project_id or "")


def check_available(backup: Backup) -> None:
    """Raise InvalidBackup unless the backup can be restored now."""
    if backup.status != BackupStatus.AVAILABLE:
        raise InvalidBackup(f"Backup status must be available, but it is {backup.status}.")
