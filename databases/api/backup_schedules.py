"""/backup_schedules: when a database is backed up by itself, and what is kept; this cloud's own."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.page_links import links_after
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from databases.api.instances import asked
from databases.api.serializers import backup_schedules as wire
from databases.manager import DatabaseBackupScheduleManager
from databases.models import DatabaseBackupSchedule

NOUN = "backup_schedule"
SHOWN = within(NOUN, wire.DatabaseScheduleShown)


class DatabaseBackupScheduleViewSet(ServiceViewSet):
    """List, make, show, change, end."""

    manager: ClassVar[type[DatabaseBackupScheduleManager]] = DatabaseBackupScheduleManager

    @extend_schema(
        operation_id="database_backup_schedules_list",
        parameters=parameters("limit", "marker"),
        responses={
            200: listing("backup_schedules", wire.DatabaseScheduleShown, links=list[Link] | None)
        },
    )
    def list(self, request: Request) -> Response:
        """List the project's."""
        page = self.manager(self.context).list(asked(request))
        rows = self.shown_all(wire.DatabaseScheduleShown, page.rows)
        return Response(
            {"backup_schedules": rows, **links_after(request, "backup_schedules", page, "id")}
        )

    @extend_schema(operation_id="database_backup_schedules_get", responses={200: SHOWN})
    def retrieve(self, request: Request, schedule_id: str) -> Response:
        """Show one."""
        return self._one(self.manager(self.context).find(schedule_id))

    @extend_schema(
        operation_id="database_backup_schedules_create",
        request=within(NOUN, wire.DatabaseScheduleCreate),
        responses={200: SHOWN},
    )
    def create(self, request: Request) -> Response:
        """Make one, due at once."""
        wanted = self.validated(wire.DatabaseScheduleCreate, self.body(NOUN)).model_dump()
        instance_id = wanted.pop("instance")
        return self._one(self.manager(self.context).create(instance_id, wanted))

    @extend_schema(
        operation_id="database_backup_schedules_update",
        request=within(NOUN, wire.DatabaseScheduleUpdate),
        responses={200: SHOWN},
    )
    def update(self, request: Request, schedule_id: str) -> Response:
        """Change what the body names, keep the rest."""
        said = self.validated(wire.DatabaseScheduleUpdate, self.body(NOUN)).said()
        return self._one(self.manager(self.context).update(schedule_id, said))

    @extend_schema(operation_id="database_backup_schedules_delete", responses={202: None})
    def destroy(self, request: Request, schedule_id: str) -> Response:
        """End one; its backups stay."""
        self.manager(self.context).delete(schedule_id)
        return empty(202)

    def _one(self, row: DatabaseBackupSchedule) -> Response:
        return Response({NOUN: self.shown(wire.DatabaseScheduleShown, row)})
