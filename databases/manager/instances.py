"""Instances: listed, shown, made, removed."""

from __future__ import annotations

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.exceptions import UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.policy import policy
from databases.exceptions import InstanceNotAvailable
from databases.manager.building import InstanceBuilding
from databases.models import DatabaseInstance
from databases.operations import DeleteDatabase
from databases.querysets import DatabaseInstanceQuerySet
from databases.states import Task


class DatabaseInstanceManager(InstanceBuilding):
    """Instances of the caller's project."""

    @policy("database:instances:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[DatabaseInstance]:
        """Return a page of the project's own, the oldest first; raise UnknownMarker."""
        return self._page(DatabaseInstance.objects.of_project(self.context), listing)

    @policy("database:instances:list_all_projects")
    def list_all(self, listing: Listing = EVERYTHING) -> Page[DatabaseInstance]:
        """Return a page of those of all projects; raise UnknownMarker."""
        return self._page(DatabaseInstance.objects.all(), listing)

    @policy("database:instances:update")
    def rename(self, instance_id: str, *, name: str) -> None:
        """Give an instance another name."""
        found = self.get(instance_id)
        DatabaseInstance.objects.filter(id=found.id).update(name=name, updated_at=now())

    @policy("database:instances:delete")
    def delete(self, instance_id: str) -> None:
        """Start deleting an instance that is at rest or failed; raise InstanceNotAvailable for others."""
        found = self.get(instance_id)
        with transaction.atomic():
            rows = DatabaseInstance.objects.filter(id=found.id)
            begun = rows.deletable().update(task=Task.SHUTDOWN, updated_at=now())
            if not begun:
                raise InstanceNotAvailable(found.id, found.status)
            DeleteDatabase.start(self.context, resource_id=str(found.id), preempt=True)

    def _page(self, rows: DatabaseInstanceQuerySet, listing: Listing) -> Page[DatabaseInstance]:
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = rows.filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows.complete(), listing, last=last)
