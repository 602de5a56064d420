"""Instances: listed, and all that can be done to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudweb.exceptions import UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.policy import policy
from databases.exceptions import RootNeverEnabled
from databases.manager.actions import InstanceActions
from databases.manager.failovers import InstanceFailovers
from databases.manager.replicas import InstanceReplicas
from databases.models import DatabaseInstance, GuestAgent
from databases.objects import Metrics
from databases.operations import CreateDatabase
from databases.querysets import DatabaseInstanceQuerySet
from operations.history import Entry, operations_of


class DatabaseInstanceManager(InstanceActions, InstanceReplicas, InstanceFailovers):
    """Instances of the caller's project."""

    @policy("database:instances:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[DatabaseInstance]:
        """Return a page of the project's own, the oldest first; raise UnknownMarker."""
        return self._page(DatabaseInstance.objects.of_project(self.context), listing)

    @policy("database:instances:list_all_projects")
    def list_all(self, listing: Listing = EVERYTHING) -> Page[DatabaseInstance]:
        """Return a page of those of all projects; raise UnknownMarker."""
        return self._page(DatabaseInstance.objects.all(), listing)

    @policy("database:instances:list_all_projects")
    def get_managed(self, instance_id: str) -> DatabaseInstance:
        """Return an instance for operators; raise DatabaseInstanceNotFound."""
        return self.get(instance_id)

    @policy("database:instances:list_all_projects")
    def root_history(self, instance_id: str) -> DatabaseInstance:
        """Return an instance that root was let into; raise RootNeverEnabled."""
        found = self.get(instance_id)
        if found.root_enabled_at is None:
            raise RootNeverEnabled(found.id)
        return found

    @policy("database:instances:list")
    def names(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the names of those of these instances that the caller can see."""
        keys = [key for one in instance_ids if (key := as_uuid(one))]
        found = self._rows().filter(id__in=keys).values_list("id", "name")
        return {str(key): name for key, name in found}

    @policy("database:instances:get")
    def history(self, instance_id: str) -> Sequence[Entry]:
        """Return what was done to an instance, newest first; raise DatabaseInstanceNotFound."""
        return operations_of(CreateDatabase.resource_type, str(self.get(instance_id).id))

    @policy("database:instances:get")
    def metrics(self, instance_id: str) -> Metrics:
        """Return the figures that an instance's guest told last; raise DatabaseInstanceNotFound."""
        agent = GuestAgent.objects.filter(instance=self.get(instance_id)).first()
        told = agent.report.get("metrics", {}) if agent else {}
        return Metrics(**{name: told[name] for name in Metrics.model_fields if name in told})

    @policy("database:instances:list")
    def check_reader(self) -> None:
        """Raise PolicyNotAuthorized for who may not list."""

    def _page(self, rows: DatabaseInstanceQuerySet, listing: Listing) -> Page[DatabaseInstance]:
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = rows.filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows.complete(), listing, last=last)
