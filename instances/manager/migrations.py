"""Migrations, as operators look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.identifiers import as_uuid
from cloudweb.listing import Page, paginate
from cloudweb.manager import Manager
from cloudweb.policy import policy
from cloudweb.times import end_of_second
from instances.manager.instance import InstanceManager
from instances.migration_states import MigrationType
from instances.models import Migration

#: What a list is narrowed by: the query's word -> the column.
FILTERS: Mapping[str, str] = {
    "status": "status",
    "migration_type": "migration_type",
    "source_compute": "source_host",
    "user_id": "user_id",
    "project_id": "project_id",
}


class Span(NamedTuple):
    """When migrations changed last; all of the second of ``before`` counts."""

    since: datetime | None = None
    before: datetime | None = None


#: Whenever they changed.
ALWAYS = Span()


class MigrationManager(Manager):
    """The migrations of all projects' servers."""

    @policy("compute:migrations:list")
    def list(
        self,
        wanted: Mapping[str, str],
        *,
        span: Span = ALWAYS,
        limit: int,
        marker: str | None = None,
    ) -> Page[Migration]:
        """Return a page, newest first; ``wanted`` by the words of FILTERS, ``host`` and ``instance_uuid``."""
        rows = Migration.objects.order_by("-created_at", "-id")
        rows = rows.filter(**{FILTERS[key]: said for key, said in wanted.items() if key in FILTERS})
        if "host" in wanted:
            rows = rows.filter(source_host=wanted["host"]) | rows.filter(dest_host=wanted["host"])
        if "instance_uuid" in wanted:
            key = as_uuid(wanted["instance_uuid"])
            rows = rows.filter(instance_id=key) if key else rows.none()
        if span.since is not None:
            rows = rows.filter(updated_at__gte=span.since)
        if span.before is not None:
            rows = rows.filter(updated_at__lte=end_of_second(span.before))
        last = None
        if marker is not None:
            key = as_uuid(marker)
            last = Migration.objects.filter(uuid=key).first() if key else None
            if last is None:
                raise BadRequest(f"Marker {marker[:64]} could not be found.")
        return paginate(rows, limit=limit, marker=last, order=("-created_at", "-id"))

    @policy("compute:migrations:of_server")
    def live_of(self, instance_id: str) -> Sequence[Migration]:
        """Return the live migrations of a server that are under way; raise InstanceNotFound."""
        server = InstanceManager(self.context).get(instance_id)
        rows = Migration.objects.live().filter(instance_id=server.id)
        return [*rows.filter(migration_type=MigrationType.LIVE)]

    @policy("compute:migrations:of_server")
    def last_live(self, instance_id: str) -> Migration | None:
        """Return a server's newest live migration, under way or over; raise InstanceNotFound."""
        server = InstanceManager(self.context).get(instance_id)
        rows = Migration.objects.filter(instance_id=server.id, migration_type=MigrationType.LIVE)
        return rows.order_by("-created_at", "-id").first()

    @policy("compute:migrations:of_server")
    def live(self, instance_id: str, migration_id: str) -> Migration:
        """Return one of them; raise NotFound."""
        for one in self.live_of(instance_id):
            if str(one.pk) == migration_id:
                return one
        raise NotFound(
            f"Migration {migration_id[:64]} for server {instance_id} could not be found."
        )
