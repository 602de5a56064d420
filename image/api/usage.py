"""/v2/info/usage: how much of its quota a project uses."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, within
from cloudweb.api.views import ServiceViewSet
from image.manager.usage import ImageUsageManager


class UsageShown(Answer):
    """How much of a resource is used."""

    usage: int
    limit: int


class ImageUsageViewSet(ServiceViewSet):
    """Usage."""

    manager = ImageUsageManager

    @extend_schema(
        operation_id="image_usage_get", responses={200: within("usage", dict[str, UsageShown])}
    )
    def retrieve(self, request: Request) -> Response:
        """Return usage and limits by resource."""
        found = ImageUsageManager(self.context).get()
        usage = {name: {"usage": one.used, "limit": one.limit} for name, one in found.items()}
        return Response({"usage": usage})
