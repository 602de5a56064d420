"""Migrations of servers (contract 3.4)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.pagination import next_link, parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions import ALWAYS
from cloudweb.microversions.compute import since
from cloudweb.times import parse_moment
from instances.api.filters import check_span
from instances.api.serializers import migrations as wire
from instances.api.serializers.moving import MigrationAction
from instances.manager import InstanceManager
from instances.manager.migrations import MigrationManager, Span

#: Where a migration that has not begun can be called off.
WAITING_TOO = since(65)
WORDS = ("host", "status", "instance_uuid", "migration_type", "source_compute")
QUERY = {
    **dict.fromkeys((*WORDS, "hidden"), ALWAYS),
    "limit": wire.PAGED,
    "marker": wire.PAGED,
    "changes-since": wire.PAGED,
    "changes-before": since(66),
    "user_id": since(80),
    "project_id": since(80),
}


class MigrationViewSet(ServiceViewSet):
    """Which servers got another size or host, and how far each is."""

    manager = MigrationManager

    @extend_schema(
        parameters=parameters(versions=QUERY),
        responses={200: listing("migrations", wire.MigrationShown)},
    )
    def list(self, request: Request) -> Response:
        """List migrations, newest first."""
        query = self.query(QUERY, strict=wire.PAGED)
        begin, end = (
            parse_moment(said, field=key) if (said := query.get(key)) is not None else None
            for key in ("changes-since", "changes-before")
        )
        check_span(begin, end)
        found = self.manager(self.context).list(
            {key: query[key] for key in (*WORDS, "user_id", "project_id") if key in query},
            span=Span(begin, end),
            limit=parse_limit(query.get("limit")),
            marker=query.get("marker"),
        )
        body = {"migrations": self.shown_all(wire.MigrationShown, found.rows)}
        if found.more and found.rows and self.version in wire.PAGED:
            href = next_link(request._request, marker=str(found.rows[-1].uuid))
            body["migrations_links"] = [{"rel": "next", "href": href}]
        return Response(body)

    @since(23)
    @extend_schema(responses={200: listing("migrations", wire.LiveMigrationShown)})
    def list_of_server(self, request: Request, server_id: str) -> Response:
        """List a server's live migrations that are under way."""
        found = self.manager(self.context).live_of(server_id)
        return Response({"migrations": self.shown_all(wire.LiveMigrationShown, found)})

    @since(23)
    @extend_schema(responses={200: within("migration", wire.LiveMigrationShown)})
    def retrieve_of_server(self, request: Request, server_id: str, migration_id: str) -> Response:
        """Show one of them."""
        one = self.manager(self.context).live(server_id, migration_id)
        return Response({"migration": self.shown(wire.LiveMigrationShown, one)})

    @since(24)
    @extend_schema(responses={202: None})
    def destroy_of_server(self, request: Request, server_id: str, migration_id: str) -> Response:
        """Call one off; from 2.65 on also one that has not begun."""
        InstanceManager(self.context).abort_migration(
            server_id, migration_id, waiting_too=self.version in WAITING_TOO
        )
        return empty(202)

    @since(22)
    @extend_schema(request=MigrationAction, responses={202: None})
    def act_on(self, request: Request, server_id: str, migration_id: str) -> Response:
        """Force one to an end: its server is held still until it is over."""
        self.validated(MigrationAction)
        InstanceManager(self.context).force_complete(server_id, migration_id)
        return empty(202)
