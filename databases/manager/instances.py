"""Instances: listed, and all that can be done to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cloudweb.exceptions import UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.policy import policy
from databases.defaults import DEFAULTS, Value
from databases.exceptions import RootNeverEnabled
from databases.mailbox.certificates import authority_of
from databases.mailbox.reports import last_report
from databases.manager.actions import InstanceActions
from databases.manager.failovers import InstanceFailovers
from databases.manager.operating import InstanceOperating
from databases.manager.replicas import InstanceReplicas
from databases.models import DatabaseInstance
from databases.objects import Metrics
from databases.operations import CreateDatabase
from databases.querysets import DatabaseInstanceQuerySet
from operations.history import Entry, operations_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a guest said last: figures, and until when its datastore's certificate counts."""

    metrics: Metrics
    tls_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How clients know an instance: ``until`` its certificate counts, and who signed it (PEM)."""

    until: datetime | None
    required: bool
    authority: str

    @property
    def enabled(self) -> bool:
        """Whether it has a certificate."""
        return self.until is not None


class DatabaseInstanceManager(
    InstanceActions, InstanceReplicas, InstanceFailovers, InstanceOperating
):
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
    def told(self, instance_id: str) -> Told:
        """Return what an instance's guest told last; raise DatabaseInstanceNotFound."""
        return self._told(self.get(instance_id))

    @policy("database:instances:get")
    def tls(self, instance_id: str) -> Tls:
        """Return how an instance's clients know it; raise DatabaseInstanceNotFound."""
        found = self.get(instance_id)
        return Tls(
            until=self._told(found).tls_until,
            required=found.require_tls,
            authority=authority_of(found.project_id).certificate_pem,
        )

    @policy("database:instances:get")
    def defaults(self, instance_id: str) -> Mapping[str, Value]:
        """Return what its datastore has where no configuration speaks; raise DatabaseInstanceNotFound."""
        return DEFAULTS.get(self.get(instance_id).version.manager, {})

    @policy("database:instances:list")
    def check_reader(self) -> None:
        """Raise PolicyNotAuthorized for who may not list."""

    def _told(self, instance: DatabaseInstance) -> Told:
        report = last_report(instance)
        said, until = report.get("metrics", {}), report.get("tls_until")
        return Told(
            metrics=Metrics(**{name: said[name] for name in Metrics.model_fields if name in said}),
            tls_until=datetime.fromtimestamp(until, UTC) if until else None,
        )

    def _page(self, rows: DatabaseInstanceQuerySet, listing: Listing) -> Page[DatabaseInstance]:
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = rows.filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows.complete(), listing, last=last)
