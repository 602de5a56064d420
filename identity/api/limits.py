"""/limits."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from identity.api.resource import SeveralViewSet
from identity.api.serializers.limits import LIMIT, LimitModel
from identity.manager import LimitManager


class LimitViewSet(SeveralViewSet):
    """Limits of projects and domains."""

    manager = LimitManager
    resource = LIMIT

    @extend_schema(
        operation_id="identity_limits_model", responses={200: within("model", LimitModel)}
    )
    def model(self, request: Request) -> Response:
        """Return how limits of nested projects relate."""
        return Response({"model": LimitManager(self.context).model()})
