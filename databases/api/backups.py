"""Backups: what a database held at one moment."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.fields import parse_bool
from cloudweb.api.page_links import links_after
from cloudweb.api.queries import FLAG, parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.listing import Page
from databases.api.instances import asked
from databases.api.serializers import backups as wire
from databases.manager import DatabaseBackupManager, DatabaseBackupProofManager
from databases.models import Backup

SHOWN = within("backup", wire.DatabaseBackupShown)
LIST = listing("backups", wire.DatabaseBackupShown, links=list[Link] | None)
PAGING = parameters("limit", "marker")


class DatabaseBackupViewSet(ServiceViewSet):
    """List, take, show, remove."""

    manager: ClassVar[type[DatabaseBackupManager]] = DatabaseBackupManager

    @extend_schema(
        operation_id="database_backups_list",
        parameters=parameters("limit", "marker", all_projects=FLAG),
        responses={200: LIST},
    )
    def list(self, request: Request) -> Response:
        """List the project's; those of all, for operators who ask for them."""
        manager = self.manager(self.context)
        everything = parse_bool(request.query_params.get("all_projects"), field="all_projects")
        read = manager.list_all if everything else manager.list
        return self._page(read(asked(request)))

    @extend_schema(
        operation_id="database_instance_backups_list", parameters=PAGING, responses={200: LIST}
    )
    def list_of_instance(self, request: Request, instance_id: str) -> Response:
        """List those of an instance."""
        return self._page(self.manager(self.context).of_instance(instance_id, asked(request)))

    @extend_schema(operation_id="database_backups_get", responses={200: SHOWN})
    def retrieve(self, request: Request, backup_id: str) -> Response:
        """Show one."""
        return self._one(self.manager(self.context).find(backup_id))

    @extend_schema(
        operation_id="database_backups_create",
        request=within("backup", wire.DatabaseBackupCreate),
        responses={202: SHOWN},
    )
    def create(self, request: Request) -> Response:
        """Take one."""
        said = self.validated(wire.DatabaseBackupCreate, self.body("backup"))
        row = self.manager(self.context).create(
            name=said.name,
            instance_id=said.instance,
            description=said.description or "",
            parent_id=said.parent_id,
            incremental=said.incremental,
            container=said.swift_container or "",
        )
        return self._one(row, status=202)

    @extend_schema(operation_id="database_backups_delete", responses={202: None})
    def destroy(self, request: Request, backup_id: str) -> Response:
        """Remove one."""
        self.manager(self.context).delete(backup_id)
        return empty(202)

    def _one(self, row: Backup, *, status: int = 200) -> Response:
        return Response({"backup": self.shown(wire.DatabaseBackupShown, row)}, status=status)

    def _page(self, page: Page[Backup]) -> Response:
        rows = self.shown_all(wire.DatabaseBackupShown, page.rows)
        links = links_after(self.request, "backups", page, "id")
        return Response({"backups": rows, **links})


class DatabaseBackupProofViewSet(ServiceViewSet):
    """Look now whether a backup can be restored: this cloud's own."""

    manager: ClassVar[type[DatabaseBackupProofManager]] = DatabaseBackupProofManager

    @extend_schema(
        operation_id="database_backup_proofs_create",
        request=within("backup_proof", wire.DatabaseBackupProofAsk),
        responses={202: SHOWN},
    )
    def create(self, request: Request) -> Response:
        """Start a proof."""
        said = self.validated(wire.DatabaseBackupProofAsk, self.body("backup_proof"))
        row = self.manager(self.context).prove(said.backup, restore=said.restore)
        return Response({"backup": self.shown(wire.DatabaseBackupShown, row)}, status=202)
