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
from databases.manager.backup_strategies import check_container, container_of
from databases.manager.lookup import InstanceLookups
from databases.models import Backup, DatabaseBackupSchedule
from databases.operations import BackUpDatabase, DeleteDatabaseBackup
from databases.querysets import DatabaseBackupQuerySet
from databases.states import SETTLED, WHOLE, BackupStatus, Task


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
        container: str = "",
        schedule: DatabaseBackupSchedule | None = None,
    ) -> Backup:
        """Start backing up an instance; ``incremental``: what is new since its newest backup.

        Raises InstanceNotAvailable, BackupNotFound, BackupBusy for a parent that is not whole, or of
        another instance, QuotaExceeded.
        """
        if container:
            check_container(container)
        with transaction.atomic():
            found = self._take(instance_id, Task.BACKUP)
            mine = Backup.objects.filter(instance_id=found.id, version=found.version)
            whole = mine.filter(status__in=WHOLE)
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
                schedule=schedule,
                container=container or container_of(found),
                version=found.version,
                volume_size=found.volume_size,
                ram=found.ram,
            )
            BackUpDatabase.start(
                self.context, resource_id=str(found.id), args={"backup": str(made.id)}
            )
        return self.find(str(made.id))

    @policy("database:backups:delete")
    def delete(self, backup_id: str) -> None:
        """Start removing a backup and, as Trove does, all that add to it.

        Raises BackupBusy while one of them is being taken, or goes already.
        """
        found = self.find(backup_id)
        with transaction.atomic():
            rows = [locked(Backup.objects.filter(id=found.id)).get()]
            for one in rows:  # grows: the newest come last
                rows += locked(one.children.order_by("created_at"))
            for one in rows:
                if one.status not in (*SETTLED, BackupStatus.DELETE_FAILED):
                    raise BackupBusy(one.id, f"is {one.status}")
            keys = [str(one.id) for one in rows]
            Backup.objects.filter(id__in=keys).update(status=BackupStatus.DELETING)
            DeleteDatabaseBackup.start(
                self.context,
                resource_id=keys[0],
                args={"backup": keys[0], "backups": keys[::-1]},
                preempt=True,  # of a proof, which nobody needs then
            )

    def _listed(self, rows: DatabaseBackupQuerySet, listing: Listing) -> Page[Backup]:
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = rows.filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows.select_related("version__datastore"), listing, last=last)
