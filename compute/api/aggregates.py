"""Host aggregates."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing
from cloudweb.api.views import ServiceViewSet
from compute.manager.aggregates import AggregateManager


class AggregateShown(Answer):
    """A group of hosts."""

    id: int
    name: str
    availability_zone: str | None
    hosts: list[str]
    metadata: dict[str, str]
    created_at: str
    updated_at: str | None
    deleted: bool
    deleted_at: str | None


class AggregateViewSet(ServiceViewSet):
    """List."""

    manager: ClassVar[type[AggregateManager]] = AggregateManager

    @extend_schema(responses={200: listing("aggregates", AggregateShown)})
    def list(self, request: Request) -> Response:
        """Return all aggregates."""
        return Response({"aggregates": list(self.manager(self.context).list())})
