"""Backups of databases: taken, listed, removed."""

from __future__ import annotations

from django.db import transaction

from cloudweb.database.locks import locked
from cloudweb.exceptions import UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.policy import policy
from databases import quota
from databases.exceptions import BackupBusy, BackupNotFound
from databases.manager.lookup import InstanceLookups
from databases.models import Backup
from databases.operations import BackUpDatabase, DeleteDatabaseBackup
from databases.querysets import DatabaseBackupQuerySet
from databases.states import SETTLED, BackupStatus, Task


class DatabaseBackupManager(InstanceLookups):
    """Backups of the caller's project."""

    @policy("database:backups:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[Backup]:
        """Return a page of the project's own; raise UnknownMarker."""
        return self._listed(Backup.objects.of_project(self.context), listing)

    @policy("database:backups:list_all_projects")
    def list_all(self, listing: Listing = EVERYTHING) -> Page[Backup]:
        """Return a page of those of all projects; raise UnknownMarker."""
        return self._listed(Backup.objects.all(), listing)

    @policy("database:backups:list")
    def of_instance(self, instance_id: str, listing: Listing = EVERYTHING) -> Page[Backup]:
        """Return a page of the backups of an instance; raise DatabaseInstanceNotFound, UnknownMarker."""
        return self._listed(Backup.objects.filter(instance_id=self.get(instance_id).id), listing)

    @policy("database:backups:get")
    def find(self, backup_id: str) -> Backup:
        """Return a backup; raise BackupNotFound."""
        key = as_uuid(backup_id)
        rows = Backup.objects.visible_to(self.context).select_related("version__datastore")
        found = rows.filter(id=key).first() if key else None
        if found is None:
            raise BackupNotFound(backup_id)
        return found

    @policy("database:backups:create")
    def create(
        self,
        *,
        name: str,
        instance_id: str,
        description: str = "",
        parent_id: str | None = None,
        incremental: bool = False,
    ) -> Backup:
        """Start backing up an instance; ``incremental``: what is new since its newest backup.

        Raises InstanceNotAvailable, BackupNotFound, BackupBusy for a parent that is not whole, or of
        another instance, QuotaExceeded.
        """
        with transaction.atomic():
            found = self._take(instance_id, Task.BACKUP)
            mine = Backup.objects.filter(instance_id=found.id, version=found.version)
            whole = mine.filter(status=BackupStatus.COMPLETED)
            parent = None
            if parent_id is not None:
                parent = self.find(parent_id)
                if not whole.filter(id=parent.id).exists():
                    raise BackupBusy(parent.id, "is not a whole backup of this instance")
            elif incremental:
                parent = whole.order_by("-created_at").first()
            quota.reserve(found.project_id, backups=1)
            made = Backup.objects.create(
                project_id=found.project_id,
                name=name,
                description=description,
                instance_id=found.id,
                parent=parent,
                version=found.version,
                volume_size=found.volume_size,
            )
            BackUpDatabase.start(
                self.context, resource_id=str(found.id), args={"backup": str(made.id)}
            )
        return self.find(str(made.id))

    @policy("database:backups:delete")
    def delete(self, backup_id: str) -> None:
        """Start removing a backup; raise BackupBusy while it is being taken, or others add to it."""
        found = self.find(backup_id)
        with transaction.atomic():
            row = locked(Backup.objects.filter(id=found.id)).get()
            if row.status not in (*SETTLED, BackupStatus.DELETE_FAILED):
                raise BackupBusy(row.id, f"is {row.status}")
            if row.children.exists():
                raise BackupBusy(row.id, "has incremental ones after it")
            DeleteDatabaseBackup.start(
                self.context, resource_id=str(row.id), args={"backup": str(row.id)}
            )

    def _listed(self, rows: DatabaseBackupQuerySet, listing: Listing) -> Page[Backup]:
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = rows.filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows.select_related("version__datastore"), listing, last=last)
