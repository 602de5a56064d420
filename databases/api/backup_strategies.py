"""/backup_strategies: in which container backups of a project, or of one instance, are stored."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from databases.api.serializers import backup_strategies as wire
from databases.manager import BackupStrategyManager

NOUN = "backup_strategy"
WHOSE = ("instance_id", "project_id")


class BackupStrategyViewSet(ServiceViewSet):
    """List, say, take back."""

    manager: ClassVar[type[BackupStrategyManager]] = BackupStrategyManager

    @extend_schema(
        operation_id="backup_strategies_list",
        parameters=parameters(*WHOSE),
        responses={200: listing("backup_strategies", wire.BackupStrategyShown)},
    )
    def list(self, request: Request) -> Response:
        """List the project's; those of another, for operators."""
        rows = self.manager(self.context).list(**self._whose())
        return Response({"backup_strategies": self.shown_all(wire.BackupStrategyShown, rows)})

    @extend_schema(
        operation_id="backup_strategies_create",
        request=within(NOUN, wire.BackupStrategyCreate),
        responses={200: within(NOUN, wire.BackupStrategyShown)},
    )
    def create(self, request: Request) -> Response:
        """Say where the next ones are stored."""
        said = self.validated(wire.BackupStrategyCreate, self.body(NOUN))
        row = self.manager(self.context).create(
            container=said.swift_container, instance_id=said.instance_id
        )
        return Response({NOUN: self.shown(wire.BackupStrategyShown, row)})

    @extend_schema(
        operation_id="backup_strategies_delete",
        parameters=parameters(*WHOSE),
        responses={202: None},
    )
    def destroy(self, request: Request) -> Response:
        """Have the next ones stored where all are."""
        self.manager(self.context).delete(**self._whose())
        return empty(202)

    def _whose(self) -> dict[str, Any]:
        return {name: self.request.query_params.get(name) or None for name in WHOSE}
