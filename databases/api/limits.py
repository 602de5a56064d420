"""Limits of the project, and quotas of any for operators."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.views import ServiceViewSet
from databases.api.serializers import limits as wire
from databases.manager import LimitsManager


class LimitsViewSet(ServiceViewSet):
    """What the token's project may have."""

    manager: ClassVar[type[LimitsManager]] = LimitsManager

    @extend_schema(
        operation_id="database_limits", responses={200: listing("limits", wire.LimitShown)}
    )
    def list(self, request: Request) -> Response:
        """Show the limits."""
        found = self.manager(self.context).own()
        absolute = {f"max_{name}": limit for name, limit in found.items()}
        return Response({"limits": [{"verb": "ABSOLUTE", **absolute}]})


class QuotaViewSet(ServiceViewSet):
    """Quotas of a project."""

    manager: ClassVar[type[LimitsManager]] = LimitsManager

    @extend_schema(
        operation_id="database_quotas_get", responses={200: listing("quotas", wire.QuotaShown)}
    )
    def retrieve(self, request: Request, project_id: str) -> Response:
        """Show limits and use."""
        found = self.manager(self.context).get(project_id)
        return Response({"quotas": [{**one._asdict(), "reserved": 0} for one in found]})

    @extend_schema(
        operation_id="database_quotas_update",
        request=within("quotas", wire.QuotaChanges),
        responses={200: within("quotas", dict[str, int])},
    )
    def update(self, request: Request, project_id: str) -> Response:
        """Set some of the limits."""
        changes = self.validated(wire.QuotaChanges, self.body("quotas")).said()
        return Response({"quotas": self.manager(self.context).update(project_id, changes)})
