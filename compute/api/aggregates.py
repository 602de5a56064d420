"""Host aggregates."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet
from compute.manager.aggregates import AggregateManager


class AggregateViewSet(ServiceViewSet):
    """List."""

    manager: ClassVar[type[AggregateManager]] = AggregateManager

    @extend_schema(responses={200: dict})
    def list(self, request: Request) -> Response:
        """Return all aggregates."""
        return Response({"aggregates": list(self.manager(self.context).list())})
